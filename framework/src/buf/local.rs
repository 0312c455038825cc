//! A thread's magazines: the blocks that it takes and gives back without asking anybody.
//!
//! ```text
//!   magazine of a class:   [ b0 b1 b2 b3 .. | .. b62 b63 ]      get: the last       put: behind the last
//!                            └─ moved ─┘                        full: the oldest half goes to the depot
//!                                                               empty: a half comes from it
//! ```
//!
//! **Cost.** Plain loads and stores. One in `moved` operations at most takes the depot's lock.
//!
//! **Bad at.** What is in a magazine is that thread's: a thread that does nothing any more keeps it until it ends.
//!
//! **Source.** J. Bonwick and J. Adams, "Magazines and Vmem: Extending the Slab Allocator to Many CPUs and Arbitrary
//! Resources", USENIX 2001; here with one stack whose half moves in place of two magazines that change places, which
//! has the same slack.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::depot::{Block, Depot, DepotRef, MAGAZINE_LEN};
use crate::stats::Counter;
use crate::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The most classes a pool has.
pub(super) const CLASSES_MAX: usize = 15;

/// The magazines of one thread for one pool. Others read its counts and ask for its blocks, under the depot's lock.
pub(super) struct Local {
    depot: DepotRef,
    /// Made when they are first needed.
    magazines: [AtomicPtr<Magazine>; CLASSES_MAX],
}

#[repr(align(64))]
struct Magazine {
    len: Cell<u32>,
    /// How many it may hold: [`MAGAZINE_LEN`] or less, and 0 from when its blocks were asked for until it has seen so.
    limit: AtomicU32,
    moved: u32,
    len_max: u32,
    gets: Counter,
    puts: Counter,
    blocks: [Cell<*mut u8>; MAGAZINE_LEN],
}

impl Local {
    /// None when the depot is closed.
    pub(super) fn enter(depot: &DepotRef) -> Option<NonNull<Local>> {
        let magazines = std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        let local = NonNull::from(Box::leak(Box::new(Local { depot: depot.clone(), magazines })));
        if depot.enter(local) {
            return Some(local);
        }
        // SAFETY: it came from a box, and is in no list.
        drop(unsafe { Box::from_raw(local.as_ptr()) });
        None
    }

    /// Gives everything up to the depot, and frees it.
    ///
    /// # Safety
    ///
    /// It came from [`enter`](Self::enter), on this thread, and is not used again.
    pub(super) unsafe fn leave(local: NonNull<Local>) {
        // SAFETY: the caller's word.
        let this = unsafe { local.as_ref() };
        let depot = this.depot.clone();
        depot.leave(this);
        for class in 0..CLASSES_MAX {
            let Some(magazine) = this.magazine(class) else { continue };
            let surplus = depot.give(class, magazine.take_oldest(magazine.len.get()));
            Depot::dispose(&depot, class, surplus);
        }
        // SAFETY: it came from a box, and is in no list any more.
        drop(unsafe { Box::from_raw(local.as_ptr()) });
    }

    #[cfg(ostraca_loom)]
    pub(super) fn depot(&self) -> NonNull<Depot> {
        self.depot.as_ptr()
    }

    pub(super) fn is_of(&self, depot: &DepotRef) -> bool {
        self.depot.as_ptr() == depot.as_ptr()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.depot.with_threads_locked(|is_closed| is_closed)
    }

    /// A block of the magazine.
    #[inline(always)]
    pub(super) fn try_get(&self, class: usize) -> Option<Block> {
        self.magazine(class).filter(|magazine| magazine.len.get() > 0).map(Magazine::pop)
    }

    /// A block that was used before, from the depot if need be.
    pub(super) fn get(&self, class: usize) -> Option<Block> {
        self.try_get(class).or_else(|| self.refill(class))
    }

    /// Counts a block that was made, as [`get`](Self::get) had none.
    pub(super) fn count_get(&self, class: usize) {
        self.magazine_or_new(class).gets.add(1);
    }

    /// Takes a block into the magazine, if there is room.
    #[inline(always)]
    pub(super) fn try_put(&self, class: usize, block: Block) -> bool {
        // ORDERING: Relaxed; a wish, which may be seen later.
        let has_room = |magazine: &&Magazine| magazine.len.get() < magazine.limit.load(Ordering::Relaxed);
        self.magazine(class).filter(has_room).map(|magazine| magazine.push(block)).is_some()
    }

    /// Takes a block back. Those that come out the caller disposes of, when it has left the Local alone.
    #[must_use]
    pub(super) fn put(&self, class: usize, block: Block) -> Vec<Block> {
        if self.try_put(class, block) { Vec::new() } else { self.spill(class, block) }
    }

    fn refill(&self, class: usize) -> Option<Block> {
        let magazine = self.magazine_or_new(class);
        let taken = self.depot.take(class, magazine.moved as usize, |block| magazine.keep(block));
        (taken > 0).then(|| magazine.pop())
    }

    fn spill(&self, class: usize, block: Block) -> Vec<Block> {
        let magazine = self.magazine_or_new(class);
        // ORDERING: Relaxed; a wish. It is granted under the lock.
        if magazine.limit.load(Ordering::Relaxed) == 0 {
            self.depot.with_threads_locked(|is_closed| {
                if !is_closed {
                    // ORDERING: Relaxed; under the lock, as all that write it.
                    magazine.limit.store(magazine.len_max, Ordering::Relaxed);
                }
            });
            magazine.puts.add(1);
            magazine.take_oldest(magazine.len.get()).chain(Some(block)).collect()
        } else {
            let full = magazine.len.get() == magazine.len_max;
            let oldest = if full { magazine.moved } else { 0 };
            let surplus = self.depot.give(class, magazine.take_oldest(oldest));
            magazine.push(block);
            surplus
        }
    }

    /// Asks for its blocks: the next put of each class disposes of them. Under the depot's lock.
    pub(super) fn give_up(&self) {
        for class in 0..CLASSES_MAX {
            if let Some(magazine) = self.magazine(class) {
                // ORDERING: Relaxed; under the lock, as all that write it. Its thread sees it sometime.
                magazine.limit.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Gets and puts of a class.
    pub(super) fn counts(&self, class: usize) -> (u64, u64) {
        self.magazine(class).map_or((0, 0), |magazine| {
            let puts = magazine.puts.value();
            (magazine.gets.value(), puts)
        })
    }

    #[inline(always)]
    fn magazine(&self, class: usize) -> Option<&Magazine> {
        // ORDERING: Relaxed; its thread made it, and others look under the lock under which it was made.
        let magazine = NonNull::new(self.magazines[class].load(Ordering::Relaxed))?;
        // SAFETY: made from a box that is this Local's, and freed with it.
        Some(unsafe { magazine.as_ref() })
    }

    fn magazine_or_new(&self, class: usize) -> &Magazine {
        if let Some(magazine) = self.magazine(class) {
            return magazine;
        }
        let (moved, len_max) = self.depot.magazine(class);
        let made = self.depot.with_threads_locked(|is_closed| {
            let made = Box::into_raw(Box::new(Magazine::new(moved, len_max, is_closed)));
            // ORDERING: Relaxed; under the lock, under which others look.
            self.magazines[class].store(made, Ordering::Relaxed);
            made
        });
        // SAFETY: as in `magazine`.
        unsafe { &*made }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        for magazine in &self.magazines {
            // ORDERING: Relaxed; alone.
            let magazine = magazine.load(Ordering::Relaxed);
            if !magazine.is_null() {
                // SAFETY: it came from a box, and is this Local's.
                drop(unsafe { Box::from_raw(magazine) });
            }
        }
    }
}

impl Magazine {
    fn new(moved: usize, len_max: usize, is_closed: bool) -> Self {
        let len_max = u32::try_from(len_max).expect("a magazine is short");
        Magazine {
            len: Cell::new(0),
            limit: AtomicU32::new(if is_closed { 0 } else { len_max }),
            moved: u32::try_from(moved).expect("it is at most the magazine's length"),
            len_max,
            gets: Counter::default(),
            puts: Counter::default(),
            blocks: [const { Cell::new(ptr::null_mut()) }; MAGAZINE_LEN],
        }
    }

    #[inline(always)]
    fn pop(&self) -> Block {
        let len = self.len.get() - 1;
        self.len.set(len);
        self.gets.add(1);
        Block(NonNull::new(self.blocks[len as usize].get()).expect("below its length a magazine has blocks"))
    }

    #[inline(always)]
    fn push(&self, block: Block) {
        self.puts.add(1);
        self.keep(block);
    }

    #[inline(always)]
    fn keep(&self, block: Block) {
        let len = self.len.get();
        self.blocks[len as usize].set(block.0.as_ptr());
        self.len.set(len + 1);
    }

    /// Takes the oldest out; what is left moves down.
    fn take_oldest(&self, taken: u32) -> impl ExactSizeIterator<Item = Block> {
        let len = self.len.get();
        let mut out = [ptr::null_mut(); MAGAZINE_LEN];
        let (old, rest) = self.blocks[..len as usize].split_at(taken as usize);
        old.iter().zip(&mut out).for_each(|(block, out)| *out = block.get());
        rest.iter().zip(&self.blocks).for_each(|(block, place)| place.set(block.get()));
        self.len.set(len - taken);
        let block = |block: *mut u8| Block(NonNull::new(block).expect("as in `pop`"));
        out.into_iter().take(taken as usize).map(block)
    }
}
