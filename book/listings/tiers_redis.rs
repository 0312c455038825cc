//! The Redis tier.

use std::time::Duration;

use ostraca::cache::{Lifetime, RedisStore, RedisUrlError, TieredCache, from_fn};

fn cluster() -> Result<RedisStore, RedisUrlError> {
    // ANCHOR: cluster
    let cluster = RedisStore::builder(["redis://10.0.0.1:7000", "redis://10.0.0.2:7000"])?.cluster().start();
    // ANCHOR_END: cluster
    Ok(cluster)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Nobody listens there: this program shows what is then.
    let url = "redis://127.0.0.1:1";
    // ANCHOR: store
    let redis = RedisStore::builder([url])?.prefix("shop").start();
    // ANCHOR_END: store

    // ANCHOR: cache
    let hour = Duration::from_secs(3_600);
    let prices = TieredCache::builder("prices")
        .memory(10_000, Lifetime::fresh(hour))
        .tier(&redis, Lifetime::fresh(24 * hour))
        .build(from_fn(|product: u64| async move { Ok::<_, std::io::Error>(product * 100) }));
    // ANCHOR_END: cache

    // ANCHOR: down
    assert!(!redis.is_connected());
    assert_eq!(prices.get(&7).await?, Some(700));
    // ANCHOR_END: down
    drop(cluster()?);
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
