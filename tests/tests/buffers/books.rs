//! The budget and the counts.

use std::sync::mpsc;
use std::thread;

use ostraca::buf::{BufferPool, BufferPoolSettings, TryGetError};

use super::class;

fn pool_of(bytes_max: usize) -> BufferPool {
    BufferPool::new(BufferPoolSettings::default().bytes_max(bytes_max))
}

#[test]
fn every_get_is_a_hit_or_a_miss() {
    let pool = BufferPool::default();
    let first = pool.get(1_000);
    let second = pool.get(600);
    drop(first);
    let third = pool.get(1_024);
    let numbers = class(&pool, 1_024);
    assert_eq!((numbers.hits, numbers.misses), (1, 2));
    assert_eq!((numbers.live, numbers.idle, numbers.live_bytes()), (2, 0, 2_048));
    assert_eq!(numbers.utilisation(), Some(1.0));
    drop((second, third));
    let stats = pool.stats();
    assert_eq!((stats.held_bytes, stats.live_bytes()), (2_048, 0));
    assert_eq!((stats.utilisation(), stats.hit_ratio()), (Some(0.0), Some(1.0 / 3.0)));
    assert_eq!(BufferPool::default().stats().utilisation(), None);
}

#[test]
fn the_budget_holds_and_what_is_beyond_it_goes_back_to_the_allocator() {
    let pool = pool_of(10_000);
    let held: Vec<_> = (0..4).map(|_| pool.get(4_000)).collect();
    assert_eq!(held.iter().filter(|buf| buf.is_pooled()).count(), 2);
    let spent = pool.try_get(4_000).unwrap_err();
    assert_eq!(spent, TryGetError::Spent { bytes: 4_096, bytes_max: 10_000 });
    let stats = pool.stats();
    assert_eq!((stats.held_bytes, stats.unpooled, stats.unpooled_live_bytes), (8_192, 2, 8_000));
    drop(held);
    let stats = pool.stats();
    assert_eq!((stats.held_bytes, stats.unpooled_live, stats.unpooled_live_bytes), (8_192, 0, 0));
    let large = pool.try_get(BufferPool::LEN_MAX + 1).unwrap_err();
    assert_eq!(large.to_string(), "1048577 bytes are more than the 1048576 of the largest class");
}

#[test]
fn idle_buffers_of_other_classes_make_room() {
    let pool = pool_of(1 << 20);
    // More than a magazine holds, so that some lie in the depot.
    drop((0..1_000).map(|_| pool.get(1_024)).collect::<Vec<_>>());
    let large = pool.get(512 << 10);
    assert!(large.is_pooled());
    let stats = pool.stats();
    assert!(stats.held_bytes <= stats.bytes_max, "{stats:?}");
    assert_eq!(class(&pool, 1_024).freed, 488);
}

#[test]
fn a_trim_keeps_what_was_needed_since_the_last_one() {
    let pool = BufferPool::default();
    let burst = || drop((0..1_000).map(|_| pool.get(1_024)).collect::<Vec<_>>());
    burst();
    assert_eq!(pool.trim(), 0, "all were needed");
    burst();
    assert_eq!(pool.trim(), 0, "and again");
    drop((0..100).map(|_| pool.get(1_024)).collect::<Vec<_>>());
    let freed = pool.trim();
    assert!((800 << 10..1_000 << 10).contains(&freed), "{freed}");
    assert_eq!(pool.stats().held_bytes, (1_000 << 10) - freed);
    pool.clear();
    // One that comes back takes the magazine's along.
    drop(pool.get(1_024));
    let stats = pool.stats();
    assert_eq!((stats.held_bytes, stats.live_bytes()), (0, 0));
    burst();
    assert_eq!(class(&pool, 1_024).idle, 1_000, "then all goes on");
}

#[test]
fn a_class_that_is_used_less_than_before_shrinks_by_itself() {
    let pool = BufferPool::default();
    drop((0..10_000).map(|_| pool.get(1_024)).collect::<Vec<_>>());
    assert_eq!(pool.stats().held_bytes, 10_000 << 10);
    for _ in 0..5_000 {
        drop((0..100).map(|_| pool.get(1_024)).collect::<Vec<_>>());
    }
    assert!(pool.stats().held_bytes <= 200 << 10, "{:?}", pool.stats());
}

#[test]
fn a_thread_that_ends_leaves_its_buffers_and_its_counts() {
    let pool = BufferPool::default();
    let work = || (0..10).for_each(|_| drop(pool.get(2_000)));
    thread::scope(|scope| scope.spawn(work).join().unwrap());
    let numbers = class(&pool, 2_048);
    assert_eq!((numbers.hits, numbers.misses, numbers.idle), (9, 1, 1));
    work();
    assert_eq!((class(&pool, 2_048).hits, class(&pool, 2_048).misses), (19, 1));
}

#[test]
fn a_buffer_that_is_dropped_while_its_thread_ends_comes_back() {
    use std::cell::RefCell;

    use ostraca::buf::PooledBuf;

    thread_local! {
        static KEPT: RefCell<Vec<PooledBuf>> = const { RefCell::new(Vec::new()) };
    }
    let pool = BufferPool::default();
    let threads = pool.clone();
    thread::spawn(move || {
        // Before the pool's own record of the thread, so that it is dropped after that; and one of each order.
        KEPT.with(|_| ());
        KEPT.with_borrow_mut(|kept| kept.extend([threads.get(100), threads.get(100)]));
    })
    .join()
    .unwrap();
    let numbers = class(&pool, 128);
    assert_eq!((numbers.live, numbers.idle, numbers.misses), (0, 2, 2));
}

#[test]
fn counts_are_exact_where_producers_and_consumers_differ() {
    const EACH: u64 = 20_000;
    let pool = BufferPool::default();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (tx, rx) = mpsc::sync_channel(100);
            let pool = &pool;
            scope.spawn(move || {
                (0..EACH).for_each(|n| tx.send(pool.copied(&n.to_le_bytes())).unwrap());
            });
            scope.spawn(move || {
                for (n, buf) in rx.into_iter().enumerate() {
                    assert_eq!(buf, (n as u64).to_le_bytes());
                }
            });
        }
    });
    let numbers = class(&pool, 64);
    assert_eq!(numbers.hits + numbers.misses, 2 * EACH);
    assert_eq!(numbers.live, 0);
    assert_eq!(numbers.idle + numbers.freed, numbers.misses);
    assert_eq!(pool.stats().held_bytes as u64, numbers.idle * 64);
}

#[test]
fn a_clear_empties_the_magazines_of_pools_that_are_gone() {
    // Buffers of one pool in this thread's magazine, and its last handle goes elsewhere.
    let pool = BufferPool::default();
    let handle = pool.clone();
    drop(pool.get(100));
    drop(pool);
    thread::spawn(move || drop(handle)).join().unwrap();
    // The thread's next pool sweeps; AddressSanitizer's leak check sees it if it does not.
    drop(BufferPool::default().get(100));
}
