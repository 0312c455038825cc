//! One search a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ostraca::cache::{LoadError, Loaded, Source};
use tokio::task::JoinSet;

use crate::support::{LONG, Prices, after, builder, millis, seconds, settle};

#[tokio::test(start_paused = true)]
async fn ten_thousand_concurrent_misses_make_one_load() {
    let source = Prices::of([(7, 70)]);
    source.takes(millis(5));
    let cache = builder().memory(100, LONG).build(source.clone());
    let mut readers = JoinSet::new();
    for _ in 0..10_000 {
        let cache = cache.clone();
        readers.spawn(async move { cache.get(&7).await.unwrap() });
    }
    while let Some(read) = readers.join_next().await {
        assert_eq!(read.unwrap(), Some(70));
    }
    let stats = cache.stats();
    assert_eq!((source.loads(), stats.loads), (1, 1));
    assert_eq!((stats.misses, stats.coalesced), (10_000, 9_999));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misses_on_two_threads_make_one_load() {
    let source = Prices::of([(7, 70)]);
    source.takes(millis(5));
    let cache = builder().memory(100, LONG).build(source.clone());
    let mut readers = JoinSet::new();
    for _ in 0..10_000 {
        let cache = cache.clone();
        readers.spawn(async move { cache.get(&7).await.unwrap() });
    }
    while let Some(read) = readers.join_next().await {
        assert_eq!(read.unwrap(), Some(70));
    }
    assert_eq!(source.loads(), 1, "{:?}", cache.stats());
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_is_cancelled_the_next_leads() {
    let source = Prices::of([(7, 70)]);
    source.takes(seconds(1));
    let cache = builder().memory(100, LONG).build(source.clone());
    let reader = |cache: ostraca::cache::TieredCache<u64, u64>| async move { cache.get(&7).await.unwrap() };
    let leader = tokio::spawn(reader(cache.clone()));
    settle().await;
    let waiting: Vec<_> = (0..100).map(|_| tokio::spawn(reader(cache.clone()))).collect();
    settle().await;
    assert_eq!(source.loads(), 1);
    leader.abort();
    for waiter in waiting {
        assert_eq!(waiter.await.unwrap(), Some(70));
    }
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_the_only_reader_is_cancelled_the_next_one_finds_the_key_free() {
    let source = Prices::of([(7, 70)]);
    source.takes(seconds(1));
    let cache = builder().memory(100, LONG).build(source.clone());
    assert!(tokio::time::timeout(millis(10), cache.get(&7)).await.is_err());
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
}

/// A source whose first loads panic.
#[derive(Clone)]
struct Panicking {
    panics: u64,
    loads: Arc<AtomicU64>,
}

impl Panicking {
    fn first(panics: u64) -> Self {
        Panicking { panics, loads: Arc::default() }
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }
}

impl Source<u64, u64> for Panicking {
    type Error = std::io::Error;

    async fn load(&self, key: u64) -> Result<Loaded<u64>, std::io::Error> {
        let number = self.loads.fetch_add(1, Ordering::Relaxed);
        after(millis(5)).await;
        assert!(number >= self.panics, "as told");
        Ok(Loaded::new(10 * key))
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_panics_the_next_leads() {
    let source = Panicking::first(1);
    let cache = builder().memory(100, LONG).build(source.clone());
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get(&7).await })
        })
        .collect();
    let mut panicked = 0;
    for reader in readers {
        match reader.await.unwrap() {
            Ok(value) => assert_eq!(value, Some(70)),
            Err(error) => {
                assert!(matches!(error, LoadError::Panicked), "{error}");
                panicked += 1;
            }
        }
    }
    assert_eq!((panicked, source.loads()), (1, 2), "only who led it is told");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_always_panics_is_an_error_for_everybody_after_three_loads() {
    let source = Panicking::first(u64::MAX);
    let cache = builder().memory(100, LONG).build(source.clone());
    let readers: Vec<_> = (0..1_000)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get(&7).await })
        })
        .collect();
    for reader in readers {
        assert!(matches!(reader.await.unwrap(), Err(LoadError::Panicked)));
    }
    assert_eq!(source.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_too_long_is_an_error_for_everybody() {
    let source = Prices::of([(7, 70)]);
    source.takes(seconds(60));
    let cache = builder().memory(100, LONG).load_within(seconds(2)).build(source.clone());
    let began = tokio::time::Instant::now();
    let readers: Vec<_> = (0..1_000)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get(&7).await })
        })
        .collect();
    for reader in readers {
        assert!(matches!(reader.await.unwrap(), Err(LoadError::TimedOut)));
    }
    assert_eq!((began.elapsed(), source.loads()), (seconds(2), 1));
}
