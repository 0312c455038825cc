//! The queue's blocks: linked, found by their tickets, and kept for another time.
//!
//! ```text
//!   first        newest                 spare
//!     v             v                     v
//!   [ 0 .. ] ──> [ .. ] ──> [ .. ]      [ .. ]
//! ```
//!
//! `first` is written once, `newest` only moves to later blocks, always by an exchange. Who may follow a pointer and
//! for how long is proved in the doc of [`mpsc`](super::mpsc).

use std::ptr;

use super::block::{BLOCK_LEN, Block};
use crate::sync::atomic::{AtomicPtr, Ordering};

pub(super) struct Chain<T> {
    /// Where producers begin to look: the newest block, or a little before it; null before the first message.
    newest: AtomicPtr<Block<T>>,
    /// The first block ever, where the consumer begins. Not to be followed once it was left.
    first: AtomicPtr<Block<T>>,
    /// A block that nobody can reach.
    spare: AtomicPtr<Block<T>>,
}

/// Where a ticket's slot was found.
pub(super) struct Found<T> {
    pub(super) block: *mut Block<T>,
    /// The block that the search began at, when it is time that others begin at `block`.
    pub(super) outdated: Option<*mut Block<T>>,
}

impl<T> Chain<T> {
    pub(super) fn new() -> Self {
        Chain {
            newest: AtomicPtr::new(ptr::null_mut()),
            first: AtomicPtr::new(ptr::null_mut()),
            spare: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The first block, if there is one yet.
    pub(super) fn first(&self) -> *mut Block<T> {
        // ORDERING: Acquire; pairs with the Release in `make_first`: sees the block's fields.
        self.first.load(Ordering::Acquire)
    }

    /// Finds the block that holds `ticket`, and makes the blocks up to it.
    ///
    /// # Safety
    ///
    /// The ticket is the caller's, and not stamped yet.
    pub(super) unsafe fn find(&self, ticket: u64) -> Found<T> {
        let hint = self.newest();
        let mut block = hint;
        // SAFETY: alive by rule 3.
        while unsafe { &*block }.start() > ticket {
            // Overtaken by a whole block between the ticket and here.
            // SAFETY: as above.
            block = unsafe { &*block }.prev();
        }
        let mut hops = 0;
        // SAFETY: as above.
        while !unsafe { &*block }.holds(ticket) {
            // SAFETY: as above.
            block = self.next_of(unsafe { &*block });
            hops += 1;
        }
        // tokio's rule: about one producer a block moves the others on.
        // SAFETY: as above.
        let is_outdated = hops > unsafe { &*block }.offset(ticket);
        Found { block, outdated: is_outdated.then_some(hint) }
    }

    /// Lets producers begin at `to` where they began at `from`, which is before it. False when they have already
    /// begun later; then everything up to that move is seen.
    pub(super) fn move_on(&self, from: *mut Block<T>, to: *mut Block<T>) -> bool {
        // ORDERING: Release; whoever begins at `to` sees its fields. Acquire on failure: the ticket of whoever moved it
        // on is then before the horizon that is read next, so that `from` waits for its last user. (Loom cannot show
        // a read-modify-write that comes too early in the tail's order; that `newest` is past `from` is coherence.)
        self.newest.compare_exchange(from, to, Ordering::Release, Ordering::Acquire).is_ok()
    }

    fn newest(&self) -> *mut Block<T> {
        // ORDERING: Acquire; pairs with the Release below and in `move_on`: sees the block's fields.
        let newest = self.newest.load(Ordering::Acquire);
        if !newest.is_null() {
            return newest;
        }
        let first = self.make_first();
        // ORDERING: Release; passes the first block's fields on. Acquire on failure; as above.
        let set = self.newest.compare_exchange(ptr::null_mut(), first, Ordering::Release, Ordering::Acquire);
        set.map_or_else(|newer| newer, |_| first)
    }

    fn make_first(&self) -> *mut Block<T> {
        let made = Block::allocate(0, ptr::null_mut());
        // ORDERING: Release; publishes the block. Acquire on failure; sees the fields of the one that won.
        match self.first.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Acquire) {
            Ok(_) => made,
            Err(won) => {
                // SAFETY: nobody has seen it.
                drop(unsafe { Box::from_raw(made) });
                won
            }
        }
    }

    /// The block after `block`, linked now if need be.
    pub(super) fn next_of(&self, block: &Block<T>) -> *mut Block<T> {
        // ORDERING: Acquire; pairs with the Release below: sees the block's fields.
        let next = block.next.load(Ordering::Acquire);
        if !next.is_null() {
            return next;
        }
        let made = self.take_spare(block.start() + BLOCK_LEN as u64, ptr::from_ref(block).cast_mut());
        // ORDERING: Release; publishes the block. Acquire on failure; sees the fields of the one that won.
        match block.next.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Acquire) {
            Ok(_) => made,
            Err(won) => {
                // SAFETY: it was not linked, so nobody has seen it.
                unsafe { self.give_back(made) };
                won
            }
        }
    }

    fn take_spare(&self, start: u64, prev: *mut Block<T>) -> *mut Block<T> {
        // ORDERING: Acquire; pairs with the Release in `give_back`: its last users are done.
        let spare = self.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if spare.is_null() {
            return Block::allocate(start, prev);
        }
        // SAFETY: the swap made it this thread's alone.
        unsafe { &mut *spare }.reuse(start, prev);
        spare
    }

    /// Keeps a block as the spare, or frees it when there is one already.
    ///
    /// # Safety
    ///
    /// Nobody else can reach the block, and what its last users did happens before the call.
    pub(super) unsafe fn give_back(&self, block: *mut Block<T>) {
        // It forgets where it stood. That is a write: loom reports a producer that still looks at it.
        // SAFETY: the caller's alone.
        unsafe { &mut *block }.reuse(u64::MAX, ptr::null_mut());
        // ORDERING: Release; pairs with the Acquire in `take_spare`.
        let kept = self.spare.compare_exchange(ptr::null_mut(), block, Ordering::Release, Ordering::Relaxed);
        if kept.is_err() {
            // SAFETY: the caller's alone.
            drop(unsafe { Box::from_raw(block) });
        }
    }

    /// Frees the blocks from `from` on, or, before anything was read, all; and the spare.
    ///
    /// # Safety
    ///
    /// The caller has the queue to itself, and does not touch those blocks again.
    pub(super) unsafe fn free(&self, from: *mut Block<T>) {
        // ORDERING: Relaxed, all; alone.
        let first = self.first.load(Ordering::Relaxed);
        let mut next = if from.is_null() { first } else { from };
        while !next.is_null() {
            // SAFETY: each linked block is reached once.
            let block = unsafe { Box::from_raw(next) };
            next = block.next.load(Ordering::Relaxed);
        }
        let spare = self.spare.swap(ptr::null_mut(), Ordering::Relaxed);
        if !spare.is_null() {
            // SAFETY: a spare is not linked.
            drop(unsafe { Box::from_raw(spare) });
        }
    }
}
