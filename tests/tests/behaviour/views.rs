//! Reading without asking.

use std::time::Duration;

use ostraca::prelude::*;

struct Prices {
    cents: u32,
    reads: u32,
}

#[actor]
impl Prices {
    #[start]
    fn start() -> Self {
        Prices { cents: 100, reads: 0 }
    }

    #[handler]
    fn set(&mut self, cents: u32) {
        self.cents = cents;
    }

    #[handler(invalidates(price))]
    fn set_for(&mut self, #[key] _product: u32, cents: u32) {
        self.cents = cents;
    }

    #[handler]
    fn fail(&mut self) {
        panic!("as asked");
    }

    #[handler]
    fn reads(&self) -> u32 {
        self.reads
    }

    #[cached]
    fn current(&self) -> u32 {
        self.cents
    }

    #[cached(ttl = "10s", capacity = 100)]
    fn price(&self, #[key] product: u32) -> u32 {
        self.cents + product
    }
}

async fn prices(system: &System) -> ActorRef<Prices> {
    system.spawn::<Prices>(()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_view_is_published_at_the_start_and_before_the_answer() {
    let system = System::start().unwrap();
    let prices = prices(&system).await;
    assert_eq!(prices.current(), Some(100));
    prices.set(200).await.unwrap();
    assert_eq!(prices.current(), Some(200), "whoever has the answer reads what it did");
}

#[tokio::test(start_paused = true)]
async fn a_keyed_read_comes_from_the_cache_until_its_lifetime_is_over() {
    let system = System::start().unwrap();
    let prices = prices(&system).await;
    assert_eq!(prices.price(7).await, Ok(107));
    prices.set(200).await.unwrap();
    assert_eq!(prices.price(7).await, Ok(107), "still cached");
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(
        prices.price(&7).max_stale(Duration::from_millis(1)).await,
        Ok(207),
        "too old for this reader"
    );
    prices.set(300).await.unwrap();
    assert_eq!(prices.price(7).latest().await, Ok(307));
    prices.set(400).await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(prices.price(7).await, Ok(407));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_invalidates_is_seen_by_whoever_has_its_answer() {
    let system = System::start().unwrap();
    let prices = prices(&system).await;
    assert_eq!(prices.price(7).await, Ok(107));
    assert_eq!(prices.price(8).await, Ok(108));
    prices.set_for(7, 500).await.unwrap();
    assert_eq!(prices.price(7).await, Ok(507));
    assert_eq!(prices.price(8).await, Ok(108), "only its own key");
}

#[tokio::test(start_paused = true)]
async fn nothing_older_than_a_restart_is_served() {
    let system = System::start().unwrap();
    let prices = prices(&system).await;
    prices.set(500).await.unwrap();
    assert_eq!(prices.price(7).await, Ok(507));
    assert!(prices.fail().await.is_err());
    assert_eq!(prices.reads().await, Ok(0), "restarted");
    assert_eq!(prices.current(), Some(100));
    assert_eq!(prices.price(7).await, Ok(107));
}
