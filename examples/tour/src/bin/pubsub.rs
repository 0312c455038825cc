//! One message to many actors that the sender does not know; one that is too slow loses its oldest, and knows it.
//!
//! ```text
//! 2 subscribers are told
//! the window shows 250
//! the ledger has 1 price
//! of 20 more the slow window lost 8
//! ```

use std::sync::Arc;

use ostraca::prelude::*;
use ostraca::{Lag, Topic};

#[derive(Clone, Message)]
struct PriceChanged {
    cents: i64,
    /// Dear to clone, so that all copies share it.
    reason: Arc<str>,
}

/// Shows the newest price. Its mailbox is small, to see what becomes of it.
struct Window {
    cents: i64,
}

#[actor(mailbox(len_max = 2))]
impl Window {
    /// Subscribes itself, at every start: an actor is subscribed once, however often it does.
    #[start]
    fn start(ctx: &mut Context<Self>, prices: Topic<PriceChanged>) -> Self {
        prices.subscribe(&ctx.me(), Lag::DropOldest { len_max: 10 });
        Window { cents: 0 }
    }

    #[handler]
    fn price(&mut self, #[message] price: PriceChanged) {
        self.cents = price.cents;
    }

    #[handler]
    fn shown(&self) -> i64 {
        self.cents
    }
}

/// Keeps every price, and may miss none: it would rather lose its subscription, and hear of it.
struct Ledger {
    reasons: Vec<Arc<str>>,
}

#[actor]
impl Ledger {
    #[start]
    fn start(ctx: &mut Context<Self>, prices: Topic<PriceChanged>) -> Self {
        prices.subscribe(&ctx.me(), Lag::Disconnect { len_max: 1_000 });
        Ledger { reasons: Vec::new() }
    }

    #[handler]
    fn keep(&mut self, #[message] price: PriceChanged) {
        self.reasons.push(price.reason);
    }

    #[handler]
    fn len(&self) -> usize {
        self.reasons.len()
    }
}

// One thread, so that nobody handles anything while the twenty are published.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let prices = Topic::new("prices");
    let window = system.spawn::<Window>(prices.clone()).await?;
    let ledger = system.spawn::<Ledger>(prices.clone()).await?;

    let told = prices.publish(PriceChanged { cents: 250, reason: "sale".into() });
    println!("{told} subscribers are told");
    println!("the window shows {}", window.shown().await?);
    println!("the ledger has {} price", ledger.len().await?);

    for cents in 0..20 {
        prices.publish(PriceChanged { cents, reason: "auction".into() });
    }
    // Two are in its mailbox, ten beside it.
    println!("of 20 more the slow window lost {}", prices.subscriptions()[0].dropped);
    system.stop().await;
    Ok(())
}
