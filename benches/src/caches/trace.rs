//! The trace web07 through each cache.

use std::time::{Duration, Instant};

use foyer_memory::{Cache, CacheBuilder, EvictionConfig, LfuConfig, S3FifoConfig};
use ostraca::cache::KeyedCache;

use crate::work::Figures;

/// Where the trace is.
const FILE: &str = "OSTRACA_WEB07";

/// The requests of the trace, through a cache that is filled at each miss; the share of misses.
fn misses(mut is_hit: impl FnMut(u32) -> bool) -> Figures {
    let path = std::env::var_os(FILE).unwrap_or_else(|| panic!("{FILE} names no file: the trace web07"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (keys, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty() && !keys.is_empty(), "{}: not 32-bit keys", path.display());
    let misses = keys.iter().filter(|key| !is_hit(u32::from_be_bytes(**key))).count();
    Figures(vec![100.0 * misses as f64 / keys.len() as f64])
}

pub(super) fn ostraca(capacity: u64) -> Figures {
    let ttl = Duration::from_secs(100_000);
    let (cache, now) = (KeyedCache::new(capacity as usize, ttl), Instant::now());
    misses(|key| {
        let is_hit = cache.get(&key, ttl, now).is_some();
        if !is_hit {
            cache.insert(key, key, now);
        }
        is_hit
    })
}

pub(super) fn quick_cache(capacity: u64) -> Figures {
    let cache = quick_cache::sync::Cache::new(capacity as usize);
    misses(|key| {
        let is_hit = cache.get(&key).is_some();
        if !is_hit {
            cache.insert(key, key);
        }
        is_hit
    })
}

pub(super) fn moka(capacity: u64) -> Figures {
    let cache = moka::sync::Cache::new(capacity);
    misses(|key| {
        let is_hit = cache.get(&key).is_some();
        if !is_hit {
            cache.insert(key, key);
            // What would be done a moment later: the trace has no moments.
            cache.run_pending_tasks();
        }
        is_hit
    })
}

fn foyer(capacity: u64, eviction: impl Into<EvictionConfig>) -> Figures {
    // One shard: in more of them a cache this small would evict unevenly.
    let cache: Cache<u32, u32> =
        CacheBuilder::new(capacity as usize).with_shards(1).with_eviction_config(eviction).build();
    misses(|key| {
        let is_hit = cache.get(&key).is_some();
        if !is_hit {
            cache.insert(key, key);
        }
        is_hit
    })
}

pub(super) fn foyer_s3fifo(capacity: u64) -> Figures {
    foyer(capacity, S3FifoConfig::default())
}

pub(super) fn foyer_lfu(capacity: u64) -> Figures {
    foyer(capacity, LfuConfig::default())
}
