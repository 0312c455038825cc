//! Models of the depot and the magazines. Here a magazine holds two blocks and moves one.

use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::depot::{Block, Depot, DepotRef};
use super::local::Local;
use crate::sync::LeakCheck;

/// What blocks are here: loom reports one that two have at once, that is seen without having been handed on, or that
/// is never freed.
struct Value {
    user: UnsafeCell<usize>,
    _leak: LeakCheck,
}

const BYTES: usize = 64;

/// A pool of such blocks, of `classes` sizes.
struct Pool {
    depot: DepotRef,
    /// How many blocks there are.
    existing: Arc<AtomicUsize>,
}

impl Pool {
    fn new(classes: usize, bytes_max: usize) -> Self {
        let existing = Arc::new(AtomicUsize::new(0));
        let count = existing.clone();
        let dispose = move |block: Block, _| {
            count.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: made from a box, and given up by the depot.
            let value = unsafe { Box::from_raw(block.0.cast::<Value>().as_ptr()) };
            value.user.with_mut(|_| ());
        };
        let sizes = (0..classes).map(|class| BYTES << class);
        Pool { depot: DepotRef::new(sizes, bytes_max, Box::new(dispose)), existing }
    }

    /// Another handle; the model says which is the last.
    fn handle(&self) -> Self {
        Pool { depot: self.depot.clone(), existing: self.existing.clone() }
    }

    /// What the last handle does.
    fn close(self) {
        Depot::close(&self.depot);
    }

    fn make(&self, class: usize) -> Option<Block> {
        let count = || {
            let before = self.existing.fetch_add(1, Ordering::Relaxed);
            assert!((before + 1) * BYTES <= self.depot.bytes_max(), "beyond the budget");
            let value = Value { user: UnsafeCell::new(0), _leak: LeakCheck::new() };
            NonNull::from(Box::leak(Box::new(value))).cast()
        };
        Depot::make(&self.depot, class, count)
    }
}

/// A thread's magazines, which it gives up with its end.
struct Magazines(NonNull<Local>);

impl Magazines {
    fn enter(pool: &Pool) -> Self {
        Magazines(Local::enter(&pool.depot).expect("the pool is open"))
    }

    fn depot(&self) -> NonNull<Depot> {
        // SAFETY: entered, and not yet left.
        unsafe { self.0.as_ref() }.depot()
    }

    fn get(&self, pool: &Pool, class: usize) -> Option<Block> {
        // SAFETY: entered, and not yet left.
        let local = unsafe { self.0.as_ref() };
        local.get(class).or_else(|| {
            let made = pool.make(class)?;
            local.count_get(class);
            Some(made)
        })
    }

    fn put(&self, depot: &DepotRef, class: usize, block: Block) {
        // SAFETY: as above.
        let surplus = unsafe { self.0.as_ref() }.put(class, block);
        Depot::dispose(depot, class, surplus);
    }
}

impl Drop for Magazines {
    fn drop(&mut self) {
        // SAFETY: by the thread that entered it, and it is not used again.
        unsafe { Local::leave(self.0) };
    }
}

/// Writes to a block, as its only user.
fn write(block: Block) {
    // SAFETY: whoever has a block has its value.
    let value = unsafe { block.0.cast::<Value>().as_ref() };
    // SAFETY: as above: loom reports it if not.
    value.user.with_mut(|user| unsafe { *user += 1 });
}

/// Gets `len` blocks and puts them back.
fn round(pool: &Pool, magazines: &Magazines, len: usize) {
    let blocks: Vec<_> = (0..len).filter_map(|_| magazines.get(pool, 0)).collect();
    for block in blocks {
        write(block);
        magazines.put(&pool.depot, 0, block);
    }
}

fn join<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().expect("it does not panic")
}

/// Two threads get and put more than their magazines hold: no block is had by two, none is lost.
#[test]
fn loom_a_block_is_one_threads_at_a_time() {
    loom::model(|| {
        let pool = Pool::new(1, 100 * BYTES);
        let other = pool.handle();
        let other = thread::spawn(move || round(&other, &Magazines::enter(&other), 3));
        let magazines = Magazines::enter(&pool);
        round(&pool, &magazines, 3);
        join(other);
        drop(magazines);
        let counts = pool.depot.counts()[0];
        assert_eq!((counts.gets, counts.puts), (6, 6));
        assert_eq!(pool.depot.held() as u64, (counts.made - counts.disposed) * BYTES as u64);
        pool.close();
    });
}

/// A block goes to another thread, which puts it back, and comes again through the depot with what was written.
#[test]
fn loom_a_block_that_comes_back_through_the_depot_shows_what_was_written() {
    loom::model(|| {
        let pool = Pool::new(1, BYTES);
        let other = pool.handle();
        let magazines = Magazines::enter(&pool);
        let block = magazines.get(&pool, 0).expect("the first is within the budget");
        let other = thread::spawn(move || {
            write(block);
            let surplus = other.depot.give(0, [block].into_iter());
            Depot::dispose(&other.depot, 0, surplus);
        });
        // The budget is spent: it gets that block, or none.
        if let Some(again) = magazines.get(&pool, 0) {
            write(again);
            // SAFETY: it is this thread's.
            let value = unsafe { again.0.cast::<Value>().as_ref() };
            // SAFETY: as above.
            assert!(value.user.with(|user| unsafe { *user }) >= 1);
            magazines.put(&pool.depot, 0, again);
        }
        join(other);
        drop(magazines);
        pool.close();
    });
}

/// A thread puts blocks back while the pool closes: none stays behind, and the depot goes last, once.
#[test]
fn loom_what_is_put_beside_a_close_is_freed() {
    loom::model(|| {
        let pool = Pool::new(1, 100 * BYTES);
        let magazines = Magazines::enter(&pool);
        let blocks: Vec<_> = (0..3).filter_map(|_| magazines.get(&pool, 0)).collect();
        let closer = thread::spawn(move || pool.close());
        for block in blocks {
            write(block);
            // SAFETY: the block's own reference, which goes with it.
            let depot = std::mem::ManuallyDrop::new(unsafe { DepotRef::from_raw(magazines.depot()) });
            magazines.put(&depot, 0, block);
        }
        drop(magazines);
        join(closer);
    });
}

/// The last block of a closed pool is put back by a thread without magazines, while the last handle goes.
#[test]
fn loom_the_depot_is_freed_once_after_its_last_use() {
    loom::model(|| {
        let pool = Pool::new(1, 100 * BYTES);
        let block = pool.make(0).expect("within the budget");
        let depot = pool.depot.as_ptr();
        let user = thread::spawn(move || {
            write(block);
            // SAFETY: the block's own reference, which goes with it.
            let own = std::mem::ManuallyDrop::new(unsafe { DepotRef::from_raw(depot) });
            let depot = DepotRef::clone(&own);
            let surplus = depot.give(0, [block].into_iter());
            Depot::dispose(&depot, 0, surplus);
        });
        pool.close();
        join(user);
    });
}

/// Threads that need blocks of two classes within the budget of one: what is idle makes room, and nothing is made beyond.
#[test]
fn loom_the_budget_holds_while_idle_blocks_make_room() {
    loom::model(|| {
        let pool = Pool::new(2, 2 * BYTES);
        // Two idle blocks of the first class, which are all of the budget.
        let blocks = [pool.make(0), pool.make(0)].into_iter().flatten();
        let kept = pool.depot.give(0, blocks.collect::<Vec<_>>().into_iter());
        assert!(kept.is_empty());
        let other = pool.handle();
        let other = thread::spawn(move || round(&other, &Magazines::enter(&other), 1));
        let magazines = Magazines::enter(&pool);
        if let Some(large) = magazines.get(&pool, 1) {
            assert!(pool.depot.held() <= 2 * BYTES);
            magazines.put(&pool.depot, 1, large);
        }
        join(other);
        drop(magazines);
        assert!(pool.depot.held() <= 2 * BYTES);
        pool.close();
    });
}

/// A thread ends while another reads the counts: what it counted is counted once.
#[test]
fn loom_the_counts_of_a_thread_that_ends_are_counted_once() {
    loom::model(|| {
        let pool = Pool::new(1, 100 * BYTES);
        let magazines = Magazines::enter(&pool);
        round(&pool, &magazines, 1);
        let reader = pool.handle();
        let reader = thread::spawn(move || {
            let counts = reader.depot.counts()[0];
            assert_eq!((counts.gets, counts.puts, counts.made, counts.disposed), (1, 1, 1, 0));
        });
        drop(magazines);
        join(reader);
        pool.close();
    });
}

/// A clear beside puts: what it asked for goes with the put that sees it, once, at the latest with the first one after
/// it; and the magazine holds blocks again after that.
#[test]
fn loom_a_magazine_that_was_cleared_goes_on() {
    loom::model(|| {
        let pool = Pool::new(1, 100 * BYTES);
        let magazines = Magazines::enter(&pool);
        round(&pool, &magazines, 1);
        let other = pool.handle();
        let other = thread::spawn(move || Depot::clear(&other.depot));
        round(&pool, &magazines, 1);
        join(other);
        let made_and_disposed = || {
            let counts = pool.depot.counts()[0];
            (counts.made, counts.disposed)
        };
        round(&pool, &magazines, 1);
        assert_eq!(made_and_disposed().1, 1, "what was asked for is gone");
        for _ in 0..2 {
            round(&pool, &magazines, 1);
            assert_eq!(made_and_disposed(), (2, 1), "it holds a block again, and hands it out");
        }
        drop(magazines);
        pool.close();
    });
}
