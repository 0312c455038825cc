//! Keyed accessors of actors, through tiers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ostraca::cache::{Lifetime, MapStore};
use ostraca::prelude::*;

use crate::support::{Mode, Shaky, after, millis, seconds, settle};

#[derive(Clone, Default)]
struct Asked(Arc<AtomicU32>);

struct Prices {
    cents: u32,
    asked: Asked,
}

#[actor(restart(max = 10, within = "10s", backoff = "1ms..2ms"))]
impl Prices {
    #[start]
    fn start(asked: Asked) -> Self {
        Prices { cents: 100, asked }
    }

    #[handler(invalidates(price, page))]
    fn set(&mut self, #[key] _product: u32, cents: u32) {
        self.cents = cents;
    }

    #[handler(updates(price))]
    fn raise(&mut self, #[key] _product: u32, by: u32) -> u32 {
        self.cents += by;
        self.cents
    }

    #[handler]
    fn set_unsaid(&mut self, cents: u32) {
        self.cents = cents;
    }

    #[handler]
    fn fail(&mut self) {
        panic!("as asked");
    }

    #[cached(ttl = "10s", tiers, stale = "20s", capacity = 100)]
    fn price(&self, #[key] product: u32) -> u32 {
        self.asked.0.fetch_add(1, Ordering::Relaxed);
        self.cents + product
    }

    #[cached(ttl = "60s", tiers(near), negative = "2s")]
    fn page(&self, #[key] product: u32) -> Option<String> {
        self.asked.0.fetch_add(1, Ordering::Relaxed);
        (product < self.cents).then(|| format!("page {product}"))
    }
}

async fn prices(stores: &[Shaky]) -> (System, ActorRef<Prices>, Asked) {
    let lifetime = Lifetime::fresh(seconds(60));
    let builder =
        stores.iter().fold(System::builder(), |builder, store| builder.tier(store.clone(), lifetime));
    let system = builder.start().unwrap();
    let asked = Asked::default();
    let prices = system.spawn::<Prices>(asked.clone()).await.unwrap();
    (system, prices, asked)
}

fn asked(asked: &Asked) -> u32 {
    asked.0.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_value_is_read_from_the_memory_then_a_tier_then_the_owner() {
    let near = Shaky::new("near");
    let (_system, first, of_first) = prices(std::slice::from_ref(&near)).await;
    assert_eq!((first.price(7).await, first.price(&7).await), (Ok(107), Ok(107)));
    assert_eq!(asked(&of_first), 1);
    settle().await;
    let (_system, second, of_second) = prices(std::slice::from_ref(&near)).await;
    assert_eq!(
        (second.price(7).await, asked(&of_second)),
        (Ok(107), 0),
        "another process's owner asks nobody"
    );
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_ask_the_owner_once() {
    let (_system, prices, of) = prices(&[Shaky::new("near")]).await;
    let readers: Vec<_> = (0..1_000)
        .map(|_| {
            let prices = prices.clone();
            tokio::spawn(async move { prices.price(7).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), Ok(107));
    }
    assert_eq!(asked(&of), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_a_writes_answer_reads_the_write_through_every_tier() {
    let near = Shaky::new("near");
    let (_system, prices, _) = prices(std::slice::from_ref(&near)).await;
    for round in 0..20 {
        assert_eq!(prices.price(7).await, Ok(107 + round));
        assert_eq!(prices.page(7).await, Ok(Some("page 7".into())));
        near.is(if round % 2 == 0 { Mode::Up } else { Mode::Down });
        prices.set(7, 101 + round).await.unwrap();
        assert_eq!(prices.price(7).await, Ok(108 + round));
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_puts_the_new_value_in_and_nobody_asks() {
    let near = Shaky::new("near");
    let (_system, prices, of) = prices(std::slice::from_ref(&near)).await;
    assert_eq!(prices.price(7).await, Ok(107));
    assert_eq!(prices.raise(7, 50).await, Ok(150));
    let before = asked(&of);
    assert_eq!((prices.price(7).await, asked(&of)), (Ok(157), before));
}

#[tokio::test(start_paused = true)]
async fn a_reader_says_how_fresh() {
    let (_system, prices, _) = prices(&[Shaky::new("near")]).await;
    let first = prices.price(7).versioned().await.unwrap();
    after(seconds(5)).await;
    prices.set_unsaid(200).await.unwrap();
    assert_eq!(prices.price(7).await, Ok(107), "within its lifetime");
    assert_eq!(prices.price(7).after(first.stamp).await, Ok(107));
    assert_eq!(prices.price(7).max_stale(seconds(4)).await, Ok(207));
    prices.set_unsaid(300).await.unwrap();
    assert_eq!(prices.price(7).latest().await, Ok(307));
    let latest = prices.price(7).versioned().await.unwrap();
    assert!(latest.stamp > first.stamp && latest.value == Some(307));
    prices.set_unsaid(400).await.unwrap();
    after(seconds(15)).await;
    assert_eq!(prices.price(7).await, Ok(307), "stale while the owner is asked");
    after(millis(1)).await;
    assert_eq!(prices.price(7).await, Ok(307), "the tier's copy is fresh for a minute");
    assert_eq!(prices.price(7).max_stale(seconds(1)).await, Ok(407));
}

#[tokio::test(start_paused = true)]
async fn that_there_is_none_is_kept_for_as_long_as_told() {
    let (_system, prices, of) = prices(&[Shaky::new("near")]).await;
    assert_eq!((prices.page(500).await, prices.page(500).await), (Ok(None), Ok(None)));
    assert_eq!(asked(&of), 1);
    prices.set_unsaid(501).await.unwrap();
    after(seconds(2)).await;
    assert_eq!(prices.page(500).await, Ok(Some("page 500".into())));
    prices.set_unsaid(1).await.unwrap();
    after(seconds(10)).await;
    assert_eq!(prices.page(500).await, Ok(Some("page 500".into())), "that there is one lives longer");
}

#[tokio::test(start_paused = true)]
async fn nothing_older_than_a_restart_is_served() {
    let (_system, prices, _) = prices(&[Shaky::new("near")]).await;
    prices.set(7, 500).await.unwrap();
    let before = prices.price(7).versioned().await.unwrap();
    assert_eq!(before.value, Some(507));
    settle().await;
    assert!(prices.fail().await.is_err());
    prices.set_unsaid(100).await.unwrap();
    assert_eq!(prices.price(7).await, Ok(107), "its state is gone, and the tier's copy with it");
    let restarted = prices.price(7).versioned().await.unwrap();
    assert_eq!(restarted.stamp.epoch, before.stamp.epoch + 1);
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_is_down_is_not_noticed_by_readers() {
    let near = Shaky::new("near");
    near.is(Mode::Hangs);
    let (_system, prices, _) = prices(std::slice::from_ref(&near)).await;
    let began = tokio::time::Instant::now();
    for product in 0..100 {
        assert_eq!(prices.price(product).await, Ok(100 + product));
    }
    assert!(began.elapsed() <= millis(400), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_accessor_that_names_a_tier_which_is_not_there_fails_the_start() {
    let store = MapStore::new();
    let system = System::builder().tier(store, Lifetime::fresh(seconds(60))).start().unwrap();
    let said = system.spawn::<Prices>(Asked::default()).await.unwrap_err().to_string();
    assert!(said.contains("`Prices.page` names the tier `near`, which the system has not"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_to_a_tier_arrives_before_the_system_has_stopped() {
    let near = Shaky::new("near");
    let (system, first, _) = prices(std::slice::from_ref(&near)).await;
    assert_eq!(first.price(7).await, Ok(107));
    settle().await;
    near.is(Mode::Down);
    first.raise(7, 50).await.unwrap();
    drop(first);
    let stopping = tokio::spawn(async move { system.stop().await });
    settle().await;
    near.is(Mode::Up);
    assert!(stopping.await.unwrap().is_clean());
    let (_system, second, of_second) = prices(std::slice::from_ref(&near)).await;
    assert_eq!((second.price(7).await, asked(&of_second)), (Ok(157), 0));
}

#[tokio::test(start_paused = true)]
async fn the_monitor_shows_every_tier() {
    let (system, prices, _) = prices(&[Shaky::new("near")]).await;
    prices.price(7).await.unwrap();
    prices.price(7).await.unwrap();
    settle().await;
    let snapshot = system.monitor().latest().await;
    let caches = &snapshot.of_type("Prices").unwrap().caches;
    let price = caches.iter().find(|cache| cache.name == "price").unwrap();
    assert_eq!((price.stats.hits, price.stats.misses, price.stats.fills), (1, 1, 1));
    let tiered = price.tiered.as_ref().unwrap();
    let names: Vec<&str> = tiered.tiers.iter().map(|tier| &*tier.name).collect();
    assert_eq!(names, ["memory", "near"]);
    assert_eq!((tiered.tiers[1].misses, tiered.tiers[1].puts), (1, 1));
}
