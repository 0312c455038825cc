//! Reads of what is there.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use ostraca::cache::{KeyedCache, Lifetime, TieredCache, from_fn};
use ostraca::prelude::*;
use tokio::runtime::Builder;

use crate::work::Figures;

/// Keys, all of which are there.
const KEYS: u64 = 1_000;
const CAPACITY: usize = 10_000;
const LONG: Duration = Duration::from_secs(100_000);

/// Reads by `threads` at once, each in an order of its own; the time of one by all together.
fn read(ops: u64, threads: u64, read: impl Fn(u64) + Sync) -> Figures {
    let each = ops / threads;
    let together = Barrier::new(threads as usize);
    let took = thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|thread| {
                let (read, together) = (&read, &together);
                scope.spawn(move || {
                    let keys = order(thread + 1);
                    let mut keys = keys.iter().cycle();
                    let mut reads = |count| keys.by_ref().take(count as usize).for_each(|key| read(*key));
                    reads(each / 10);
                    together.wait();
                    let began = Instant::now();
                    reads(each);
                    began.elapsed()
                })
            })
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).max().unwrap()
    });
    Figures::each(took, each * threads)
}

/// Keys in an order drawn by xorshift.
fn order(seed: u64) -> Vec<u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let draw = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % KEYS
    };
    (0..4_096).map(draw).collect()
}

pub(super) fn quick_cache(ops: u64, threads: u64) -> Figures {
    let cache = quick_cache::sync::Cache::new(CAPACITY);
    (0..KEYS).for_each(|key| cache.insert(key, key + 1));
    read(ops, threads, |key| assert_eq!(black_box(cache.get(&key)), Some(key + 1)))
}

pub(super) fn moka(ops: u64, threads: u64) -> Figures {
    let cache = moka::sync::Cache::new(CAPACITY as u64);
    (0..KEYS).for_each(|key| cache.insert(key, key + 1));
    read(ops, threads, |key| assert_eq!(black_box(cache.get(&key)), Some(key + 1)))
}

pub(super) fn keyed(ops: u64, threads: u64) -> Figures {
    let (cache, now) = (KeyedCache::new(CAPACITY, LONG), Instant::now());
    (0..KEYS).for_each(|key| cache.insert(key, key + 1, now));
    read(ops, threads, |key| assert_eq!(black_box(cache.get(&key, LONG, now)), Some(key + 1)))
}

pub(super) fn tiered(ops: u64, threads: u64) -> Figures {
    let runtime = Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let source = from_fn(|key: u64| async move { Ok::<_, std::io::Error>(key + 1) });
    let cache = TieredCache::builder("bench").memory(CAPACITY, Lifetime::fresh(LONG)).build(source);
    for key in 0..KEYS {
        runtime.block_on(async { cache.get(&key).await.unwrap() });
    }
    read(ops, threads, |key| {
        let value = cache.get(&key).now_or_never().expect("it is there");
        assert_eq!(black_box(value.unwrap()), Some(key + 1));
    })
}

struct Pages;

#[actor]
impl Pages {
    #[start]
    fn start() -> Self {
        Pages
    }

    #[cached(ttl = "24h", capacity = 10_000)]
    fn page(&self, #[key] key: u64) -> u64 {
        key + 1
    }
}

pub(super) fn accessor(ops: u64, threads: u64) -> Figures {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pages = runtime.block_on(async {
        let system = System::start().unwrap();
        let pages = system.spawn::<Pages>(()).await.unwrap();
        for key in 0..KEYS {
            pages.page(key).await.unwrap();
        }
        pages
    });
    read(ops, threads, |key| {
        let value = pages.page(&key).now_or_never().expect("it is there");
        assert_eq!(black_box(value.unwrap()), key + 1);
    })
}
