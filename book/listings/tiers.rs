//! Tiers behind a memory: an actor's accessor over a disk, and a cache alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::cache::{Disk, Lifetime, Loaded, Source, Stamp, TieredCache, Writes};
use ostraca::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

struct Catalog;

// ANCHOR: accessor
#[actor]
impl Catalog {
    #[start]
    fn start() -> Self {
        Catalog
    }

    /// The page of a product, or none: that there is none is known for five seconds.
    #[cached(ttl = "5s", tiers, stale = "30s", negative = "5s", capacity = 10_000)]
    fn page(&self, #[key] product: u64) -> Option<String> {
        (product < 1_000).then(|| format!("page {product}"))
    }
}
// ANCHOR_END: accessor

// ANCHOR: source
/// The shop's prices, in a database.
#[derive(Clone, Default)]
struct Prices(Arc<Mutex<HashMap<u64, u64>>>);

impl Source<u64, u64> for Prices {
    type Error = std::io::Error;

    async fn load(&self, product: u64) -> Result<Loaded<u64>, std::io::Error> {
        let price = self.0.lock().expect("not poisoned").get(&product).copied();
        Ok(Loaded::from(price).tag("prices"))
    }

    async fn store(&self, product: u64, price: Option<u64>) -> Result<Option<Stamp>, std::io::Error> {
        let mut prices = self.0.lock().expect("not poisoned");
        match price {
            Some(price) => prices.insert(product, price),
            None => prices.remove(&product),
        };
        Ok(None)
    }
}
// ANCHOR_END: source

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    // ANCHOR: system
    let disk = Disk::open(folder.path().join("pages.redb"), 256 << 20)?;
    let lifetime = Lifetime::fresh(MINUTE).on_error(10 * MINUTE);
    let system = System::builder().tier(disk.clone(), lifetime).start()?;
    let catalog = system.spawn::<Catalog>(()).await?;
    assert_eq!(catalog.page(7).await?.as_deref(), Some("page 7"));
    system.stop().await; // what is on its way to the disk arrives first
    // ANCHOR_END: system

    // ANCHOR: alone
    let database = Prices::default();
    let prices = TieredCache::builder("prices")
        .memory(10_000, Lifetime::fresh(Duration::from_secs(5)).stale(MINUTE))
        .tier(&disk, Lifetime::fresh(10 * MINUTE).on_error(60 * MINUTE))
        .negative(Duration::from_secs(5))
        .jitter(0.1)
        .writes(Writes::Behind { keys_max: 1_000 })
        .build(database.clone());
    prices.put(&7, 250).await?;
    assert_eq!(prices.get(&7).await?, Some(250));
    prices.drain().await;
    assert_eq!(database.0.lock().expect("not poisoned")[&7], 250);
    // ANCHOR_END: alone

    // ANCHOR: removal
    database.0.lock().expect("not poisoned").insert(7, 300);
    prices.invalidate(&7).await;
    assert_eq!(prices.get(&7).await?, Some(300));
    prices.remove_tag("prices").await;
    prices.clear().await;
    // ANCHOR_END: removal

    // ANCHOR: statistics
    let stats = prices.stats();
    println!("{} loads, {:?} of reads asked nobody", stats.loads, stats.hit_ratio());
    for tier in &stats.tiers {
        println!("{}: {} hits, {} misses, up: {}", tier.name, tier.hits, tier.misses, tier.is_up);
    }
    // ANCHOR_END: statistics
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
