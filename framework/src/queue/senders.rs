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
use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::sync::hint;

/// One ticket in the tail word.
const ONE: u64 = 2;
/// Set in the tail word when the queue is closed.
const CLOSED: u64 = 1;
/// In `parked_at`: no ticket.
const NONE: u64 = CLOSED_AT - 1;
/// In `parked_at`: the rest of the word is the first ticket that was refused.
const CLOSED_AT: u64 = 1 << 63;
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
    /// Next ticket << 1 | `CLOSED`.
    tail: AtomicU64,
    /// Where producers begin to look: the newest block, or a little before it; null before the first message.
    newest: AtomicPtr<Block<T>>,
    /// The ticket whose producer wakes the consumer, or `NONE`; of a closed queue `CLOSED_AT` | the end. Only the
    /// consumer writes it.
    parked_at: AtomicU64,
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

/// A reading of the tail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    word: u64,
}

impl Tail {
    /// The next ticket.
    pub(super) fn ticket(self) -> u64 {
        self.word / ONE
    }

    pub(super) fn is_closed(self) -> bool {
        self.word & CLOSED != 0
    }
}

impl<T> Senders<T> {
    pub(super) fn new(limit: u64) -> Self {
        Senders {
            tail: AtomicU64::new(0),
            newest: AtomicPtr::new(ptr::null_mut()),
            parked_at: AtomicU64::new(NONE),
            limit: AtomicU64::new(limit),
            spare: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(super) fn push(&self, value: T) -> Result<Pushed, T> {
        let Some((ticket, pushed)) = self.take_tickets(1, Manners::AtOnce) else { return Err(value) };
        // SAFETY: the ticket is this producer's.
        unsafe { self.fill(ticket, value) };
        Ok(pushed)
    }

    /// # Safety
    ///
    /// The ticket is the caller's, and was not filled before.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, ticket: u64, value: T) {
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
                unsafe { Block::write(block, offset, ticket, value) };
                ticket += 1;
                offset += 1;
            }
        }
        Some(pushed)
    }

    /// Takes `count` tickets in a row: the first, and whether the consumer sleeps. `None` when closed.
    #[inline(always)]
    pub(super) fn take_tickets(&self, count: u64, manners: Manners) -> Option<(u64, Pushed)> {
        let tail = self.advance(ONE * count, manners);
        if tail.is_closed() {
            return None;
        }
        // ORDERING: Relaxed; the exchange above orders it after the consumer's store.
        let must_wake = self.parked_at.load(Ordering::Relaxed) == tail.ticket();
        Some((tail.ticket(), Pushed { must_wake }))
    }

    /// Adds `step` to the tail.
    #[inline(always)]
    fn advance(&self, step: u64, manners: Manners) -> Tail {
        if manners == Manners::AtOnce {
            // ORDERING: Acquire; as below.
            return Tail { word: self.tail.fetch_add(step, Ordering::Acquire) };
        }
        // ORDERING: Relaxed; the exchange checks it.
        let word = self.tail.load(Ordering::Relaxed);
        // ORDERING: Acquire; pairs with the Release in `horizon` (rule 3) and in `park`. weaken: models take their tickets
        // at once, which is the same step.
        match self.tail.compare_exchange(word, word + step, Ordering::Acquire, Ordering::Relaxed) {
            Ok(word) => Tail { word },
            Err(_) => self.advance_contended(step),
        }
    }

    /// Another producer is pushing at this instant. Both get on better when one lets the other have the line for a
    /// while than when it goes to and fro at every message: twice to four times as many messages, measured. The
    /// fetch-add in the end bounds it.
    #[cold]
    #[inline(never)]
    fn advance_contended(&self, step: u64) -> Tail {
        for spins in BACK_OFF_SPINS {
            (0..*spins).for_each(|_| hint::spin_loop());
            // ORDERING: Relaxed; the exchange checks it.
            let word = self.tail.load(Ordering::Relaxed);
            // ORDERING: Acquire; as in `advance`. weaken: models do not come here: they wait for nothing.
            let taken = self.tail.compare_exchange(word, word + step, Ordering::Acquire, Ordering::Relaxed);
            if let Ok(word) = taken {
                return Tail { word };
            }
        }
        // ORDERING: Acquire; as in `advance`. weaken: it is the same step, which models take there; here they come only
        // after an exchange that failed.
        Tail { word: self.tail.fetch_add(step, Ordering::Acquire) }
    }

    /// The tail now.
    pub(super) fn tail(&self) -> Tail {
        // ORDERING: Acquire; pairs with the Release in `close`.
        Tail { word: self.tail.load(Ordering::Acquire) }
    }

    /// Whether the tail is before the limit. Only a look: the others do not wait.
    #[inline(always)]
    pub(super) fn is_within_limit(&self) -> bool {
        // ORDERING: Relaxed, both; only the numbers are read, and the limit is never beyond what the head allows.
        let limit = self.limit.load(Ordering::Relaxed);
        limit == NO_LIMIT || self.tail.load(Ordering::Relaxed) / ONE < limit
    }

    /// Never beyond what the head allows: a head only grows, and so does what it allows.
    pub(super) fn raise_limit(&self, limit: u64) {
        // ORDERING: Relaxed; only the number is read. One that was read before another's can overwrite it: that costs
        // somebody a look at the head.
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The first ticket that has no message and, so far, will have none.
    pub(super) fn end(&self) -> u64 {
        let tail = self.tail();
        if !tail.is_closed() {
            return tail.ticket();
        }
        // ORDERING: Relaxed; stored before the tail was closed, and never again.
        self.parked_at.load(Ordering::Relaxed) & !CLOSED_AT
    }

    /// Refuses pushes from now on. Only for the consumer, which alone writes `parked_at`.
    pub(super) fn close(&self) {
        let mut tail = self.tail();
        while !tail.is_closed() {
            // A producer that took a ticket and still has to look at `parked_at` is not told to wake: its message is
            // before the end, which the consumer reaches before it parks again.
            // ORDERING: Relaxed; the exchange below publishes it.
            self.parked_at.store(CLOSED_AT | tail.ticket(), Ordering::Relaxed);
            let closed = tail.word | CLOSED;
            // ORDERING: Release; who sees CLOSED sees the end, and what was done before. Acquire; sees what came
            // before an `announce`. Relaxed on failure; only the number is read.
            match self.tail.compare_exchange_weak(tail.word, closed, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(word) => tail = Tail { word },
            }
        }
    }

    /// Arms the wake-up at `head`, unless ticket `head` was taken. Only for the consumer.
    pub(super) fn park(&self, head: u64) -> bool {
        let tail = self.tail();
        if tail.is_closed() {
            // Nobody takes a ticket any more, and nobody will wake.
            return self.end() == head;
        }
        if tail.ticket() != head {
            return false;
        }
        // ORDERING: Relaxed; the exchange below publishes it.
        self.parked_at.store(head, Ordering::Relaxed);
        // A read-modify-write that changes nothing: "no ticket yet", at a point in the tail's order.
        // ORDERING: Release; pairs with the Acquire in `advance`: hands `parked_at` to whoever takes the next
        // ticket. Acquire; pairs with the Release in `announce`.
        self.tail.compare_exchange(tail.word, tail.word, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether ticket `head` was not taken, the queue is open, and whoever takes the ticket is told to wake.
    pub(super) fn is_parked_at(&self, head: u64) -> bool {
        // ORDERING: Relaxed, both; only the consumer asks, who wrote the one, and of the other it reads the number.
        let tail = Tail { word: self.tail.load(Ordering::Relaxed) };
        self.parked_at.load(Ordering::Relaxed) == head && !tail.is_closed() && tail.ticket() == head
    }

    /// A step in the tail's order: of the caller's step and the consumer's, by `park`, `close` or this, the later sees
    /// what came before the earlier.
    pub(super) fn announce(&self) {
        // ORDERING: Acquire and Release; pairs with the exchanges in `park` and `close`.
        self.tail.fetch_add(0, Ordering::AcqRel);
    }

    /// The tail, read so that every later ticket's producer sees what the caller did before.
    fn horizon(&self) -> u64 {
        // ORDERING: Release; pairs with the Acquire in `advance`. Rule 3 rests on it.
        Tail { word: self.tail.fetch_add(0, Ordering::Release) }.ticket()
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
            outdated.horizon.store(self.horizon(), Ordering::Relaxed);
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
            left.horizon.store(self.horizon(), Ordering::Relaxed);
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
        // model has so many of them beside a park.
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
