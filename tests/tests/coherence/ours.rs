//! A process with our cache: memory, then the Redis tier, then the truth.

use std::time::Duration;

use ostraca::cache::{Lifetime, Loaded, RedisStore, Source, Stamp, TieredCache};
use redis::RedisError;

use super::truth::{Truth, Versioned};
use super::worker::Cache;

pub(crate) struct Ours {
    cache: TieredCache<u64, u64>,
    // Its connections live as long as it.
    _store: RedisStore,
}

struct Database(Truth);

impl Source<u64, u64> for Database {
    type Error = RedisError;

    async fn load(&self, key: u64) -> Result<Loaded<u64>, RedisError> {
        let (value, version) = self.0.read(key).await?;
        Ok(Loaded::new(value).version(version))
    }

    async fn store(&self, key: u64, value: Option<u64>) -> Result<Option<Stamp>, RedisError> {
        let version = self.0.write(key, value.expect("nothing is deleted")).await?;
        Ok(Some(Stamp::new(0, version)))
    }
}

impl Ours {
    pub(crate) async fn start() -> Self {
        let url = std::env::var("COHERENCE_CACHE").unwrap();
        let store = RedisStore::builder([url]).unwrap().timeout(Duration::from_millis(500)).start();
        // So long that no lifetime hides what is stale.
        let hour = Lifetime::fresh(Duration::from_secs(3_600));
        let cache = TieredCache::builder("coherence")
            .memory(10_000, hour)
            .tier(&store, hour)
            .build(Database(Truth::connect().await));
        store.connected().await;
        Ours { cache, _store: store }
    }
}

impl Cache for Ours {
    async fn read(&self, key: u64) -> Result<Versioned, String> {
        let read = self.cache.get(&key).versioned().await.map_err(|error| error.to_string())?;
        Ok((read.value.ok_or("no value")?, read.stamp.version))
    }

    async fn write(&self, key: u64, value: u64) -> Result<u64, String> {
        self.cache.put(&key, value).await.map(|stamp| stamp.version).map_err(|error| error.to_string())
    }

    fn memory_hits(&self) -> u64 {
        self.cache.stats().tiers[0].hits
    }
}
