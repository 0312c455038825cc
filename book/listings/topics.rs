//! Topics: publish and subscribe.

use std::sync::Arc;

use ostraca::prelude::*;
use ostraca::{Lag, Topic};

// ANCHOR: message
#[derive(Clone, Message)]
struct PriceChanged {
    product: u64,
    cents: i64,
    /// Shared by all copies.
    reason: Arc<str>,
}
// ANCHOR_END: message

// ANCHOR: subscriber
struct Window {
    line: String,
}

#[actor(mailbox(len_max = 2))]
impl Window {
    #[start]
    fn start(ctx: &mut Context<Self>, prices: Topic<PriceChanged>) -> Self {
        prices.subscribe(&ctx.me(), Lag::DropOldest { len_max: 10 });
        Window { line: String::new() }
    }

    #[handler]
    fn price(&mut self, #[message] price: PriceChanged) {
        self.line = format!("{}: {} ({})", price.product, price.cents, price.reason);
    }
    // ANCHOR_END: subscriber

    #[handler]
    fn line(&self) -> String {
        self.line.clone()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    // ANCHOR: publish
    let prices = Topic::new("prices");
    let window = system.spawn::<Window>(prices.clone()).await?;
    let reached = prices.publish(PriceChanged { product: 7, cents: 250, reason: "sale".into() });
    assert_eq!(reached, 1);
    assert_eq!(window.line().await?, "7: 250 (sale)");
    // ANCHOR_END: publish

    // ANCHOR: lag
    for cents in 0..20 {
        prices.publish(PriceChanged { product: 7, cents, reason: "auction".into() });
    }
    // Two are in its mailbox, ten beside it, and eight are lost.
    assert_eq!((prices.subscriptions()[0].waiting, prices.subscriptions()[0].dropped), (10, 8));
    // ANCHOR_END: lag
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
