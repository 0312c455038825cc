//! Reading without asking: views, keyed reads, and how fresh they are.

use std::time::Duration;

use ostraca::prelude::*;

// ANCHOR: actor
struct Prices {
    cents: u32,
}

#[actor]
impl Prices {
    #[start]
    fn start() -> Self {
        Prices { cents: 100 }
    }

    /// How many cents a piece costs.
    #[cached]
    fn base(&self) -> u32 {
        self.cents
    }

    /// What a product costs.
    #[cached(ttl = "5s", stale = "60s")]
    fn price(&self, #[key] product: u32) -> u32 {
        self.cents + product
    }
    // ANCHOR_END: actor

    // ANCHOR: writes
    #[handler(invalidates(price))]
    fn set(&mut self, #[key] _product: u32, cents: u32) {
        self.cents = cents;
    }

    #[handler(updates(price))]
    fn raise(&mut self, #[key] _product: u32, by: u32) {
        self.cents += by;
    }
}
// ANCHOR_END: writes

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    // ANCHOR: reads
    let prices = system.spawn::<Prices>(()).await?;
    assert_eq!(prices.base(), Some(100)); // a pointer load: no await
    assert_eq!(prices.price(7).await?, 107); // asks once
    assert_eq!(prices.price(7).await?, 107); // asks nobody
    // ANCHOR_END: reads

    // ANCHOR: own
    prices.set(7, 200).await?;
    assert_eq!(prices.price(7).await?, 207);
    prices.raise(7, 50).await?;
    assert_eq!(prices.price(7).await?, 257); // asks nobody
    // ANCHOR_END: own

    // ANCHOR: fresh
    let read = prices.price(7).versioned().await?;
    prices.price(7).max_stale(Duration::from_millis(50)).await?; // at most so old
    prices.price(7).after(read.stamp).await?; // this state or a newer one
    prices.price(7).latest().await?; // asks the owner
    // ANCHOR_END: fresh
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
