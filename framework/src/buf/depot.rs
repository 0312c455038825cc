//! What the threads of a pool share: idle blocks by class, the byte budget, and the counts.
//!
//! ```text
//!   thread ── Local ── magazine a class ──┐  a few dozen at once, under a class's lock
//!   thread ── Local ── magazine a class ──┼──> Depot: [ 64: idle blocks ] [ 128: idle blocks ] ..   held <= bytes_max
//!                                         │
//!   who holds a reference to the depot:  the pool's handle, each Local, and each block, idle or in use
//! ```
//!
//! **Who keeps whom.** A block's reference is counted when it is made and let go of when it is disposed of: handing it
//! out and taking it back counts nothing. The idle blocks in the depot would so keep it for ever: closing disposes of
//! them, and lets nothing in any more.
//!
//! **Guarantees.** A block is in one place: a magazine, the depot, or its user's hands. The blocks that exist have no more
//! bytes than the budget. Counts are exact when nobody counts meanwhile.
//!
//! **Progress.** Short locks, one a class: who loses its core with one stalls those who need more blocks of that class.

use std::ops::Deref;
use std::ptr::NonNull;

use super::local::Local;
use crate::stats::SharedCounter;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
use crate::sync::{LeakCheck, Mutex, assert_alone};

/// How often blocks come back to a class until what was idle all the while is disposed of.
const VISITS: u32 = if cfg!(ostraca_loom) { 2 } else { 1_024 };
/// More references than this are a leak in a loop: std's limit.
const REFS_MAX: u32 = i32::MAX as u32;
/// Bytes that move between a magazine and the depot at once, and how many blocks at most.
const MOVE_BYTES: usize = 256 * 1024;
const MOVE_LEN: usize = if cfg!(ostraca_loom) { 1 } else { 32 };
/// The longest magazine: blocks come and go for a while between two moves, whichever way the last one went.
pub(super) const MAGAZINE_LEN: usize = 2 * MOVE_LEN;

/// Memory, or an object in its box. What it is only the pool's front knows, and its class's number with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block(pub(super) NonNull<u8>);

// SAFETY: the fronts demand of what they put into blocks that it may go to other threads.
unsafe impl Send for Block {}

/// Frees a block of a class, by the class's number.
pub(super) type Dispose = Box<dyn Fn(Block, usize) + Send + Sync>;

pub(super) struct Depot {
    refs: AtomicU32,
    /// Bytes of the blocks that exist.
    held: AtomicUsize,
    bytes_max: usize,
    classes: Box<[Class]>,
    threads: Mutex<Threads>,
    dispose: Dispose,
    unpooled: Unpooled,
    _leak: LeakCheck,
}

/// Counts of buffers that are of no class.
#[derive(Default)]
pub(super) struct Unpooled {
    pub(super) made: SharedCounter,
    pub(super) freed: SharedCounter,
    pub(super) bytes_made: SharedCounter,
    pub(super) bytes_freed: SharedCounter,
}

struct Class {
    bytes: usize,
    idle: Mutex<Idle>,
    made: SharedCounter,
    disposed: SharedCounter,
    /// What threads counted that have ended, or that had no magazine any more.
    gets: SharedCounter,
    puts: SharedCounter,
}

struct Idle {
    /// The one that came back last is the last.
    blocks: Vec<Block>,
    /// The fewest there were since the last trim: so many were not needed.
    low: usize,
    visits: u32,
    is_closed: bool,
}

struct Threads {
    locals: Vec<NonNull<Local>>,
    is_closed: bool,
}

// SAFETY: a Local is in the list as long as it lives, and what is read of it under the lock is atomic.
unsafe impl Send for Threads {}

/// What a class has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: usize,
    pub(super) gets: u64,
    pub(super) puts: u64,
    pub(super) made: u64,
    pub(super) disposed: u64,
}

impl Counts {
    /// Gets that got a block that was there.
    pub(super) fn hits(&self) -> u64 {
        self.gets.saturating_sub(self.made)
    }

    /// Blocks in use.
    pub(super) fn live(&self) -> u64 {
        self.gets.saturating_sub(self.puts)
    }

    /// Blocks that wait: in magazines and in the depot.
    pub(super) fn idle(&self) -> u64 {
        self.made.saturating_sub(self.disposed).saturating_sub(self.live())
    }
}

impl Depot {
    /// A new block of the class, made by `create`; None when the budget has no room for it, not even without what is idle.
    pub(super) fn make(this: &DepotRef, class: usize, create: impl FnOnce() -> NonNull<u8>) -> Option<Block> {
        let bytes = this.classes[class].bytes;
        if !this.reserve(bytes) {
            if bytes > this.bytes_max {
                return None;
            }
            Depot::evict(this, bytes);
            if !this.reserve(bytes) {
                return None;
            }
        }
        let reserved = Reserved { depot: this, bytes };
        let block = Block(create());
        std::mem::forget(reserved);
        this.classes[class].made.add(1);
        // The block's own reference.
        std::mem::forget(this.clone());
        Some(block)
    }

    /// Takes up to `len_max` idle blocks, and gives them to `to`.
    pub(super) fn take(&self, class: usize, len_max: usize, to: impl FnMut(Block)) -> usize {
        let mut idle = self.classes[class].idle.lock();
        let rest = idle.blocks.len() - len_max.min(idle.blocks.len());
        let taken = idle.blocks.len() - rest;
        idle.blocks.drain(rest..).for_each(to);
        idle.low = idle.low.min(rest);
        taken
    }

    /// Takes blocks back. Those that it does not keep come back: the caller [disposes](Self::dispose) of them.
    #[must_use]
    pub(super) fn give(&self, class: usize, blocks: impl ExactSizeIterator<Item = Block>) -> Vec<Block> {
        let mut idle = self.classes[class].idle.lock();
        if idle.is_closed {
            return blocks.collect();
        }
        idle.blocks.extend(blocks);
        idle.visits += 1;
        if idle.visits.is_multiple_of(VISITS) { idle.take_surplus() } else { Vec::new() }
    }

    /// Disposes of blocks that nobody has any more. `this` may be a reference of one of them.
    pub(super) fn dispose(this: &DepotRef, class: usize, blocks: Vec<Block>) {
        for block in blocks {
            (this.dispose)(block, class);
            // SAFETY: the block is gone.
            unsafe { Depot::count_disposed(this, Some(class)) };
        }
    }

    /// Counts a block that is gone, one of no class too, and lets go of its reference.
    ///
    /// # Safety
    ///
    /// A block whose reference was counted is gone, and each is said to be so once.
    pub(super) unsafe fn count_disposed(this: &DepotRef, class: Option<usize>) {
        if let Some(class) = class {
            this.classes[class].disposed.add(1);
            // ORDERING: Relaxed; a number, by which nobody comes to the memory that was freed.
            this.held.fetch_sub(this.classes[class].bytes, Ordering::Relaxed);
        }
        // SAFETY: the caller's word; of the last block perhaps the last reference.
        drop(unsafe { DepotRef::from_raw(this.0) });
    }

    /// Disposes of what was not needed since the last time; says how many bytes that were.
    pub(super) fn trim(this: &DepotRef) -> usize {
        Depot::dispose_of_each(this, Idle::take_surplus)
    }

    /// Disposes of what is idle; threads do so with their magazines when they next put something back.
    pub(super) fn clear(this: &DepotRef) -> usize {
        this.threads.lock().give_up();
        Depot::dispose_of_each(this, Idle::take_all)
    }

    /// As [`clear`](Self::clear), and from now on nothing is kept.
    pub(super) fn close(this: &DepotRef) {
        {
            let mut threads = this.threads.lock();
            threads.is_closed = true;
            threads.give_up();
        }
        Depot::dispose_of_each(this, |idle| {
            idle.is_closed = true;
            idle.take_all()
        });
    }

    fn dispose_of_each(this: &DepotRef, from: impl Fn(&mut Idle) -> Vec<Block>) -> usize {
        let mut bytes = 0;
        for (number, class) in this.classes.iter().enumerate() {
            let blocks = from(&mut class.idle.lock());
            bytes += blocks.len() * class.bytes;
            Depot::dispose(this, number, blocks);
        }
        bytes
    }

    /// Adds to the bytes that are held, within the budget.
    fn reserve(&self, bytes: usize) -> bool {
        // ORDERING: Relaxed; the number alone is what is agreed on.
        let within = |held: usize| held.checked_add(bytes).filter(|&sum| sum <= self.bytes_max);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }

    /// Disposes of idle blocks, the largest first, until there is room for `bytes` or nothing is idle.
    #[cold]
    fn evict(this: &DepotRef, bytes: usize) {
        let mut missing = (this.held() + bytes).saturating_sub(this.bytes_max);
        for (number, class) in this.classes.iter().enumerate().rev() {
            let blocks = class.idle.lock().take_oldest(missing.div_ceil(class.bytes));
            missing = missing.saturating_sub(blocks.len() * class.bytes);
            Depot::dispose(this, number, blocks);
            if missing == 0 {
                return;
            }
        }
    }

    /// How many blocks of a class move at once, and how many a magazine holds.
    pub(super) fn magazine(&self, class: usize) -> (usize, usize) {
        let bytes = self.classes[class].bytes;
        let moved = (MOVE_BYTES / bytes.max(1)).clamp(1, MOVE_LEN);
        (moved, if bytes > MOVE_BYTES { 1 } else { 2 * moved })
    }

    /// Enters a thread's magazines; not into a closed depot.
    pub(super) fn enter(&self, local: NonNull<Local>) -> bool {
        let mut threads = self.threads.lock();
        if !threads.is_closed {
            threads.locals.push(local);
        }
        !threads.is_closed
    }

    /// Takes a thread's magazines off the list, and over what they counted.
    pub(super) fn leave(&self, local: &Local) {
        let mut threads = self.threads.lock();
        threads.locals.retain(|other| !std::ptr::eq(other.as_ptr(), local));
        for (number, class) in self.classes.iter().enumerate() {
            let (gets, puts) = local.counts(number);
            class.gets.add(gets);
            class.puts.add(puts);
        }
    }

    /// Runs `work` while nobody gives up magazines, and says whether the depot is closed.
    pub(super) fn with_threads_locked<R>(&self, work: impl FnOnce(bool) -> R) -> R {
        let threads = self.threads.lock();
        work(threads.is_closed)
    }

    /// Counts what a thread without magazines does.
    pub(super) fn count_get(&self, class: usize) {
        self.classes[class].gets.add(1);
    }

    pub(super) fn count_put(&self, class: usize) {
        self.classes[class].puts.add(1);
    }

    pub(super) fn unpooled(&self) -> &Unpooled {
        &self.unpooled
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(super) fn held(&self) -> usize {
        // ORDERING: Relaxed; a count says nothing about other memory.
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn counts(&self) -> Vec<Counts> {
        // A thread that ends moves its counts under this lock: they are read in one of the two places.
        let threads = self.threads.lock();
        let of_class = |(number, class): (usize, &Class)| {
            // Of a pool that works, what ends is read before what begins: no number falls below zero.
            let disposed = class.disposed.value();
            let mut counts = Counts { bytes: class.bytes, disposed, ..Counts::default() };
            counts.puts = class.puts.value();
            counts.gets = class.gets.value();
            for local in &threads.locals {
                // SAFETY: in the list, so alive: it leaves under the lock.
                let (gets, puts) = unsafe { local.as_ref() }.counts(number);
                counts.gets += gets;
                counts.puts += puts;
            }
            counts.made = class.made.value();
            counts
        };
        self.classes.iter().enumerate().map(of_class).collect()
    }
}

impl Threads {
    fn give_up(&self) {
        for local in &self.locals {
            // SAFETY: in the list, so alive: it leaves under the lock.
            unsafe { local.as_ref() }.give_up();
        }
    }
}

impl Idle {
    fn take_surplus(&mut self) -> Vec<Block> {
        let surplus = self.take_oldest(self.low);
        self.low = self.blocks.len();
        surplus
    }

    fn take_oldest(&mut self, len: usize) -> Vec<Block> {
        let oldest = self.blocks.drain(..len.min(self.blocks.len())).collect();
        self.low = self.low.min(self.blocks.len());
        oldest
    }

    fn take_all(&mut self) -> Vec<Block> {
        self.low = 0;
        std::mem::take(&mut self.blocks)
    }
}

/// Bytes of the budget, until there is a block for them.
struct Reserved<'a> {
    depot: &'a Depot,
    bytes: usize,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        // ORDERING: Relaxed; as in `reserve`.
        self.depot.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A counted reference to a depot.
pub(super) struct DepotRef(NonNull<Depot>);

// SAFETY: as for `Arc`: what a depot is made of may be used and dropped by any thread.
unsafe impl Send for DepotRef {}
// SAFETY: as above.
unsafe impl Sync for DepotRef {}

impl DepotRef {
    /// A depot for blocks of these sizes.
    pub(super) fn new(classes: impl Iterator<Item = usize>, bytes_max: usize, dispose: Dispose) -> Self {
        let class = |bytes| Class {
            bytes,
            idle: Mutex::new(Idle { blocks: Vec::new(), low: 0, visits: 0, is_closed: false }),
            made: SharedCounter::default(),
            disposed: SharedCounter::default(),
            gets: SharedCounter::default(),
            puts: SharedCounter::default(),
        };
        let depot = Depot {
            refs: AtomicU32::new(1),
            held: AtomicUsize::new(0),
            bytes_max,
            classes: classes.map(class).collect(),
            threads: Mutex::new(Threads { locals: Vec::new(), is_closed: false }),
            dispose,
            unpooled: Unpooled::default(),
            _leak: LeakCheck::new(),
        };
        DepotRef(NonNull::from(Box::leak(Box::new(depot))))
    }

    /// # Safety
    ///
    /// A reference that was counted and forgotten: this is it.
    pub(super) unsafe fn from_raw(depot: NonNull<Depot>) -> Self {
        DepotRef(depot)
    }

    pub(super) fn as_ptr(&self) -> NonNull<Depot> {
        self.0
    }
}

impl Deref for DepotRef {
    type Target = Depot;

    #[inline]
    fn deref(&self) -> &Depot {
        // SAFETY: it is counted, so the depot is there.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for DepotRef {
    fn clone(&self) -> Self {
        // ORDERING: Relaxed; who clones has a reference already, and hands the new one on by other means.
        if self.refs.fetch_add(1, Ordering::Relaxed) > REFS_MAX {
            // A count that wrapped would free what is in use.
            std::process::abort();
        }
        DepotRef(self.0)
    }
}

impl Drop for DepotRef {
    fn drop(&mut self) {
        // ORDERING: Release; what was done with the depot comes before the Acquire of the last.
        if self.refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // ORDERING: Acquire; pairs with the Release of all others that went.
        fence(Ordering::Acquire);
        // SAFETY: it came from a box, and this was the last reference.
        let mut depot = unsafe { Box::from_raw(self.0.as_ptr()) };
        assert_alone(&mut depot.refs);
    }
}
