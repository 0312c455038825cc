//! The producers' half of the queue: the tail, and the chain of blocks as producers find their way in it.
//!
//! ```text
//!                newest                     spare
//!                   v                         v
//!   [ 0 .. 1 ] ──> [ 2 .. 33 ] ──> [ .. ]   [ .. ]
//! ```
//!
//! `newest` only moves to later blocks, always by an exchange. Who may follow a pointer and for how long is proved
//! in the doc of [`mpsc`](super::mpsc).

use std::ptr;

use super::Pushed;
use super::block::{BLOCK_LEN, Block, FIRST_LEN};
use super::claim::{Begin, Claim, Wake, Word};
use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::sync::hint;

/// How long a producer that floods and meets another waits before each further try. It goes straight to its last
/// resort under loom, where waiting shows nothing.
const BACK_OFF_SPINS: &[u32] = if cfg!(ostraca_loom) { &[] } else { &[128, 256] };
/// Blocks that are kept for later while the consumer is busy: as many messages as a mailbox holds by default. One is
/// kept while it rests.
const SPARES_MAX: u32 = if cfg!(ostraca_loom) { 2 } else { 32 };
/// As a limit: none.
pub(super) const NO_LIMIT: u64 = u64::MAX;

/// All that producers touch but the blocks.
#[repr(C)]
pub(super) struct Senders<T> {
    /// The next ticket, which is the tail, and who consumes.
    pub(super) claim: Claim,
    /// Where producers begin to look: the newest block, or a little before it; null before the first message.
    newest: AtomicPtr<Block<T>>,
    /// The ticket from which on producers have to look at the consumer's head before they go on.
    limit: AtomicU64,
    /// Blocks that no ticket leads to, linked by `next`.
    spare: AtomicPtr<Block<T>>,
}

/// How a producer meets others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Somebody waits for what comes of it: takes its ticket at once.
    AtOnce,
    /// Lets another have the line for a while first: microseconds at most.
    GiveWay,
}

impl<T> Senders<T> {
    pub(super) fn new(limit: u64, begin: Begin) -> Self {
        Senders {
            claim: Claim::new(begin),
            newest: AtomicPtr::new(ptr::null_mut()),
            limit: AtomicU64::new(limit),
            spare: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(super) fn push(&self, value: T) -> Result<Pushed, T> {
        let Some((ticket, pushed)) = self.take_tickets(1, Manners::AtOnce) else { return Err(value) };
        // SAFETY: the ticket is this producer's.
        unsafe { self.fill(ticket, || value) };
        Ok(pushed)
    }

    /// Fills a slot, in its place: a message that is put together elsewhere and then moved is read before its parts have
    /// reached the cache, which the processor waits for.
    ///
    /// # Safety
    ///
    /// The ticket is the caller's, and was not filled before. `value` does not panic.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, ticket: u64, value: impl FnOnce() -> T) {
        // SAFETY: the ticket is the caller's, and stamped below.
        let (block, offset) = unsafe { self.find(ticket) };
        // SAFETY: the ticket is the caller's alone, and in this block.
        unsafe { Block::write(block, offset, ticket, value) };
    }

    /// Pushes the first `count` of `values`, in a row; all, or none when the queue is closed.
    pub(super) fn push_many(&self, values: &mut Vec<T>, count: usize) -> Option<Pushed> {
        assert!((1..=values.len()).contains(&count), "there are as many values, and some");
        // From the tickets on nothing may panic: what is pushed lies in the vector already.
        let (first, pushed) = self.take_tickets(count as u64, Manners::AtOnce)?;
        let mut ticket = first;
        let mut values = values.drain(..count);
        while ticket < first + count as u64 {
            // SAFETY: the ticket is this producer's, and not stamped.
            let (block, mut offset) = unsafe { self.find(ticket) };
            // SAFETY: alive while the ticket, or a later one that is in it, is not stamped.
            let end = unsafe { &*block }.end().min(first + count as u64);
            while ticket < end {
                let value = values.next().expect("the drain is as long as the tickets are many");
                // SAFETY: the ticket is this producer's alone, and in this block.
                unsafe { Block::write(block, offset, ticket, || value) };
                ticket += 1;
                offset += 1;
            }
        }
        Some(pushed)
    }

    /// Takes `count` tickets in a row: the first, and whether the caller puts the consumer on the run queue. `None` when
    /// closed.
    #[inline(always)]
    pub(super) fn take_tickets(&self, count: u64, manners: Manners) -> Option<(u64, Pushed)> {
        self.take_tickets_at(self.claim.glance(), count, manners)
    }

    /// As [`take_tickets`](Self::take_tickets) of one, before the limit only. Only a look: the others do not wait.
    #[inline(always)]
    pub(super) fn take_ticket_within_limit(&self, manners: Manners) -> Option<(u64, Pushed)> {
        let word = self.claim.glance();
        // ORDERING: Relaxed; only the number is read, and the limit is never beyond what the head allows.
        if word.ticket() >= self.limit.load(Ordering::Relaxed) {
            return None;
        }
        self.take_tickets_at(word, 1, manners)
    }

    #[inline(always)]
    fn take_tickets_at(&self, word: Word, count: u64, manners: Manners) -> Option<(u64, Pushed)> {
        if manners == Manners::AtOnce && !word.is_idle() && !word.is_closed() {
            return self.add_tickets(count);
        }
        self.try_take_tickets(word, count)
            .unwrap_or_else(|seen| self.take_tickets_contended(word, seen, count, manners))
    }

    /// If the word is still that. `None` when it is closed.
    #[inline(always)]
    fn try_take_tickets(&self, word: Word, count: u64) -> Result<Option<(u64, Pushed)>, Word> {
        if word.is_closed() {
            return Ok(None);
        }
        self.claim.try_push(word, count)?;
        Ok(Some((word.ticket(), Pushed { must_wake: word.is_idle() })))
    }

    /// Another producer is pushing at this instant, or the consumer came or went. Two producers both get on better when
    /// one lets the other have the line for a while than when it goes to and fro at every message. The addition in the
    /// end bounds it.
    #[cold]
    #[inline(never)]
    fn take_tickets_contended(
        &self,
        before: Word,
        seen: Word,
        count: u64,
        manners: Manners,
    ) -> Option<(u64, Pushed)> {
        if seen.ticket() == before.ticket() {
            // It was the consumer. A second time, whoever it was, it is the addition.
            return self.try_take_tickets(seen, count).unwrap_or_else(|_| self.add_tickets(count));
        }
        let waits = if manners == Manners::GiveWay { BACK_OFF_SPINS } else { &[] };
        for &spins in waits {
            (0..spins).for_each(|_| hint::spin_loop());
            if let Ok(taken) = self.try_take_tickets(self.claim.glance(), count) {
                return taken;
            }
        }
        self.add_tickets(count)
    }

    /// Wait-free, and in two steps if the consumer is idle.
    #[inline]
    fn add_tickets(&self, count: u64) -> Option<(u64, Pushed)> {
        let word = self.claim.push(count);
        if word.is_closed() {
            return None;
        }
        let must_wake = word.is_idle() && self.claim.wake_idle() == Wake::Schedule;
        Some((word.ticket(), Pushed { must_wake }))
    }

    /// Whether the tail is before the limit. Only a look: the others do not wait.
    #[inline(always)]
    pub(super) fn is_within_limit(&self) -> bool {
        // ORDERING: Relaxed; as above.
        self.claim.glance().ticket() < self.limit.load(Ordering::Relaxed)
    }

    /// Never beyond what the head allows: a head only grows, and so does what it allows.
    pub(super) fn raise_limit(&self, limit: u64) {
        // ORDERING: Relaxed; only the number is read. One that was read before another's can overwrite it: that costs
        // somebody a look at the head.
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The block that holds `ticket`, and how far into it the ticket is.
    ///
    /// # Safety
    ///
    /// The ticket is the caller's, and not stamped.
    #[inline(always)]
    unsafe fn find(&self, ticket: u64) -> (*mut Block<T>, usize) {
        // ORDERING: Acquire; pairs with the Release in `move_on` and `make_first`: sees the block's fields.
        let newest = self.newest.load(Ordering::Acquire);
        // SAFETY: null, or alive by rule 3.
        let offset = unsafe { newest.as_ref() }.and_then(|block| block.offset(ticket));
        match offset {
            Some(offset) if offset != BLOCK_LEN / 2 => (newest, offset),
            // SAFETY: the caller's duty is passed on.
            _ => unsafe { self.find_far(newest, ticket) },
        }
    }

    /// As `find`, from `hint`: makes the blocks up to the ticket's, and moves the others on.
    #[cold]
    #[inline(never)]
    unsafe fn find_far(&self, hint: *mut Block<T>, ticket: u64) -> (*mut Block<T>, usize) {
        let hint = if hint.is_null() { self.make_first() } else { hint };
        let mut block = hint;
        // SAFETY: alive by rule 3.
        while unsafe { &*block }.start() > ticket {
            // Overtaken by a whole block between the ticket and here.
            // SAFETY: as above.
            block = unsafe { &*block }.prev();
        }
        let mut hops = 0;
        let offset = loop {
            // SAFETY: as above.
            if let Some(offset) = unsafe { &*block }.offset(ticket) {
                break offset;
            }
            // SAFETY: as above.
            block = unsafe { self.next_of(block) };
            hops += 1;
        };
        // tokio's rule: about one producer a block moves the others on.
        if hops > offset && self.move_on(hint, block) {
            // SAFETY: alive: the caller's ticket is not stamped, and it is before the horizon.
            let outdated = unsafe { &*hint };
            // ORDERING: Relaxed; see `Block::horizon`.
            outdated.horizon.store(self.claim.horizon(), Ordering::Relaxed);
        }
        if offset == BLOCK_LEN / 2 {
            // One producer a block links the next ahead of need, so that the others do not all allocate one.
            // SAFETY: alive until the stamp.
            let next = unsafe { self.next_of(block) };
            // SAFETY: it is after this producer's block, so it is alive.
            unsafe { Block::expect_writes(next) };
        }
        (block, offset)
    }

    /// Lets producers begin at `to` where they began at `from`, which is before it. False when they have already
    /// begun later; then everything up to that move is seen.
    fn move_on(&self, from: *mut Block<T>, to: *mut Block<T>) -> bool {
        // ORDERING: Release; whoever begins at `to` sees its fields. Acquire on failure: the ticket of whoever moved it
        // on is then before the horizon that is read next, so that `from` waits for its last user.
        // weaken: Acquire: loom cannot show a read-modify-write that comes too early in the tail's order; that
        // `newest` is past `from` is coherence.
        self.newest.compare_exchange(from, to, Ordering::Release, Ordering::Acquire).is_ok()
    }

    /// Sees to it that producers begin after `left`, which the consumer leaves for `next`, and that the block has
    /// its horizon.
    ///
    /// # Safety
    ///
    /// The caller is the consumer, and has read all of `left`, which is not given back.
    pub(super) unsafe fn leave(&self, left: *mut Block<T>, next: *mut Block<T>) {
        let moved = self.move_on(left, next);
        // SAFETY: alive: not yet given back.
        let left = unsafe { &*left };
        // ORDERING: Relaxed, both; see `Block::horizon`.
        if moved || left.horizon.load(Ordering::Relaxed) == 0 {
            left.horizon.store(self.claim.horizon(), Ordering::Relaxed);
        }
    }

    /// The first block of the queue, if there is one yet.
    ///
    /// # Safety
    ///
    /// The caller is the consumer and has not left a block yet.
    pub(super) unsafe fn first(&self) -> *mut Block<T> {
        // ORDERING: Acquire; as in `find`.
        let mut first = self.newest.load(Ordering::Acquire);
        // SAFETY: no block was left, so all are alive.
        while let Some(block) = unsafe { first.as_ref() }
            && block.start() != 0
        {
            first = block.prev();
        }
        first
    }

    fn make_first(&self) -> *mut Block<T> {
        let made = Block::allocate(0, ptr::null_mut(), FIRST_LEN);
        // ORDERING: Release; publishes the block. Acquire on failure; sees the fields of the one that is there.
        match self.newest.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Acquire) {
            Ok(_) => made,
            Err(newest) => {
                // SAFETY: nobody has seen it.
                unsafe { Block::free(made) };
                newest
            }
        }
    }

    /// The block after `block`, linked now if need be.
    ///
    /// # Safety
    ///
    /// The block is alive.
    unsafe fn next_of(&self, block: *mut Block<T>) -> *mut Block<T> {
        // SAFETY: alive.
        let before = unsafe { &*block };
        // ORDERING: Acquire; pairs with the Release below: sees the block's fields.
        let next = before.next.load(Ordering::Acquire);
        if !next.is_null() {
            return next;
        }
        let made = self.take_spare(before.end(), block);
        // ORDERING: Release; publishes the block. Acquire on failure; sees the fields of the one that won.
        match before.next.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Acquire) {
            Ok(_) => made,
            Err(won) => {
                // SAFETY: it was not linked, so nobody has seen it.
                unsafe { self.keep(made, 1) };
                won
            }
        }
    }

    fn take_spare(&self, start: u64, prev: *mut Block<T>) -> *mut Block<T> {
        // All of them at once: to take one from the top, while others take and give, one would have to know that the one
        // below it is still the same.
        // ORDERING: Acquire; pairs with the Releases in `put`: the last users of all of them are done.
        let spare = self.spare.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the swap made it this thread's alone.
        let Some(block) = (unsafe { spare.as_mut() }) else { return Block::allocate(start, prev, BLOCK_LEN) };
        // ORDERING: Relaxed; this thread's alone.
        let others = block.next.load(Ordering::Relaxed);
        block.reuse(start, prev);
        if !others.is_null() {
            // SAFETY: the swap made them this thread's alone.
            unsafe { self.put(others) };
        }
        spare
    }

    /// Puts blocks, linked by `next`, on those that are there.
    ///
    /// # Safety
    ///
    /// Nobody else can reach them, and what their last users did happens before the call.
    unsafe fn put(&self, first: *mut Block<T>) {
        let mut last = first;
        // SAFETY: the caller's alone, down to the last.
        while let Some(next) = ptr::NonNull::new(unsafe { &*last }.next.load(Ordering::Relaxed)) {
            last = next.as_ptr();
        }
        let mut below = ptr::null_mut();
        // ORDERING: Release; pairs with the Acquire in `take_spare`. Relaxed on failure: what is below is not looked at.
        while let Err(seen) = self.spare.compare_exchange(below, first, Ordering::Release, Ordering::Relaxed)
        {
            below = seen;
            // ORDERING: Relaxed; the exchange publishes it.
            // SAFETY: the caller's alone.
            unsafe { &*last }.next.store(below, Ordering::Relaxed);
        }
    }

    /// Keeps a block as a spare, or frees it when there are enough. Only for the consumer.
    ///
    /// # Safety
    ///
    /// Nobody else can reach the block, and what its last users did happens before the call.
    pub(super) unsafe fn give_back(&self, block: *mut Block<T>) {
        // ORDERING: Acquire; pairs with the Release in `put`: sees how many there are.
        let top = self.spare.load(Ordering::Acquire);
        // SAFETY: null, or alive: a producer may have taken it, but only the consumer frees blocks.
        let below = unsafe { top.as_ref() }.map_or(0, |top| top.depth.load(Ordering::Relaxed));
        // SAFETY: the caller's duty is passed on.
        unsafe { self.keep(block, below + 1) };
    }

    /// Keeps a block as the spare that makes them `depth`, if it is one of the large ones and they are not too many.
    ///
    /// # Safety
    ///
    /// As [`give_back`](Self::give_back).
    unsafe fn keep(&self, block: *mut Block<T>, depth: u32) {
        // SAFETY: the caller's alone.
        let given = unsafe { &mut *block };
        // It forgets where it stood. That is a write: loom reports a producer that still looks at it.
        given.reuse(u64::MAX, ptr::null_mut());
        // AddressSanitizer sees whoever still uses a block only when it is freed.
        if !given.is_full_size() || depth > SPARES_MAX || cfg!(ostraca_asan) {
            // SAFETY: the caller's alone. A producer comes here with a block that nobody has seen.
            return unsafe { Block::free(block) };
        }
        // ORDERING: Relaxed; `put` publishes it. A block put meanwhile is not counted, nothing worse.
        given.depth.store(depth, Ordering::Relaxed);
        // SAFETY: the caller's alone.
        unsafe { self.put(block) };
    }

    /// Frees the spares that a queue at rest does not need. Only for the consumer.
    pub(super) fn trim(&self) {
        // ORDERING: Relaxed; only to see whether there is one.
        if self.spare.load(Ordering::Relaxed).is_null() {
            return;
        }
        // ORDERING: Acquire; as in `take_spare`. weaken: others put spares only when they lost a race for a link, and no
        // model has so many of them beside a rest.
        let spares = self.spare.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: the swap made them this thread's alone.
        unsafe { self.keep_first(spares) };
    }

    /// Puts the first of `spares` back and frees the others.
    ///
    /// # Safety
    ///
    /// They are the caller's alone.
    unsafe fn keep_first(&self, spares: *mut Block<T>) {
        // SAFETY: the caller's alone.
        let Some(first) = (unsafe { spares.as_ref() }) else { return };
        // ORDERING: Relaxed, all; the caller's alone.
        let others = first.next.swap(ptr::null_mut(), Ordering::Relaxed);
        first.depth.store(1, Ordering::Relaxed);
        // SAFETY: the caller's alone.
        unsafe { self.put(spares) };
        // SAFETY: the caller's alone.
        unsafe { Self::free_chain(others) };
    }

    /// Frees blocks that are linked by `next`, from `first` on.
    ///
    /// # Safety
    ///
    /// They are the caller's alone, who does not touch them again.
    unsafe fn free_chain(first: *mut Block<T>) {
        let mut next = first;
        // SAFETY: null, or the caller's alone.
        while let Some(block) = unsafe { next.as_ref() } {
            // ORDERING: Relaxed; alone.
            let after = block.next.load(Ordering::Relaxed);
            // SAFETY: each is reached once.
            unsafe { Block::free(next) };
            next = after;
        }
    }

    /// Frees the blocks from `from` on, or, before anything was read, all; and the spare.
    ///
    /// # Safety
    ///
    /// The caller has the queue to itself, and does not touch those blocks again.
    pub(super) unsafe fn free(&self, from: *mut Block<T>) {
        // SAFETY: with no block that the consumer reads, none was left.
        let linked = if from.is_null() { unsafe { self.first() } } else { from };
        // SAFETY: each linked block is the caller's alone.
        unsafe { Self::free_chain(linked) };
        // ORDERING: Relaxed; alone.
        let spares = self.spare.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: spares are linked among themselves only.
        unsafe { Self::free_chain(spares) };
    }
}
