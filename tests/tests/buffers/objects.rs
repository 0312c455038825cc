//! Objects that are used again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ostraca::buf::{ObjectPool, ObjectPoolSettings, Pooled, Reset};

/// An object that is counted by the references of `counted`.
struct Thing {
    _counted: Arc<()>,
    number: u32,
    grudge: bool,
}

impl Drop for Thing {
    fn drop(&mut self) {
        assert!(!self.grudge, "planned");
    }
}

fn things(counted: &Arc<()>, len_max: usize) -> ObjectPool<Thing> {
    let (counted, made) = (counted.clone(), AtomicU32::new(0));
    let make = move || Thing {
        _counted: counted.clone(),
        number: made.fetch_add(1, Ordering::Relaxed),
        grudge: false,
    };
    let reset = |thing: &mut Thing| {
        assert!(thing.number != 13, "planned");
        if thing.number == 7 { Reset::Discard } else { Reset::Keep }
    };
    ObjectPool::with_settings(ObjectPoolSettings::default().len_max(len_max), make, reset)
}

#[test]
fn an_object_is_used_again_after_its_reset() {
    let pool = ObjectPool::new(Vec::<u32>::new, |list| {
        list.clear();
        Reset::Keep
    });
    let mut list = pool.get();
    list.extend(0..100);
    let address = list.as_ptr();
    drop(list);
    let list = pool.get();
    assert!(list.is_empty());
    assert_eq!(list.as_ptr(), address);
    let stats = pool.stats();
    assert_eq!((stats.hits, stats.misses, stats.live, stats.idle), (1, 1, 1, 0));
}

#[test]
fn what_the_hook_discards_or_panics_over_is_dropped_and_counted() {
    let counted = Arc::new(());
    let pool = things(&counted, 100);
    let mut all: Vec<Pooled<Thing>> = (0..20).map(|_| pool.get()).collect();
    let bad = all.remove(13);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(bad))).is_err(), "the panic goes on");
    drop(all);
    let stats = pool.stats();
    assert_eq!((stats.misses, stats.dropped, stats.live, stats.idle), (20, 2, 0, 18));
    drop(pool);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn what_is_beyond_the_limit_is_dropped_after_use() {
    let counted = Arc::new(());
    let pool = things(&counted, 3);
    let all: Vec<_> = (0..5).map(|_| pool.get()).collect();
    assert_eq!((pool.stats().live, pool.stats().unpooled), (3, 2));
    drop(all);
    assert_eq!((pool.stats().idle, Arc::strong_count(&counted)), (3, 5), "here, in the pool, and three");
}

#[test]
fn an_object_can_be_kept_for_good_and_outlives_the_pool() {
    let counted = Arc::new(());
    let pool = things(&counted, 1);
    let (first, second, third) = (pool.get(), pool.get(), pool.get());
    assert_eq!((Pooled::into_inner(first).number, Pooled::into_inner(second).number), (0, 1));
    assert_eq!((pool.stats().live, pool.stats().dropped), (0, 1));
    let fourth = pool.get();
    drop(pool);
    assert_eq!((third.number, fourth.number), (2, 3));
    std::thread::spawn(move || drop((third, fourth))).join().unwrap();
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn an_idle_object_whose_drop_panics_harms_nobody() {
    let counted = Arc::new(());
    let pool = things(&counted, 5);
    let mut all: Vec<_> = (0..5).map(|_| pool.get()).collect();
    all[2].grudge = true;
    drop(all);
    pool.clear();
    drop(pool.get());
    assert_eq!(pool.stats().dropped, 5);
    drop(pool);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn an_object_may_hold_what_comes_from_pools() {
    let buffers = ostraca::buf::BufferPool::default();
    let inner = buffers.clone();
    let outer = ObjectPool::new(move || inner.zeroed(1_000), |_| Reset::Keep);
    drop((0..200).map(|_| outer.get()).collect::<Vec<_>>());
    assert_eq!(buffers.stats().classes[4].live, 200);
    drop(outer);
    assert_eq!(buffers.stats().live_bytes(), 0);
}
