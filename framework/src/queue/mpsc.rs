//! An unbounded queue for many producers and one consumer: a linked list of blocks, a ticket a message.
//!
//! ```text
//!   tail: next ticket << 1 | CLOSED          every producer adds to it
//!   newest ──────────────────────────────────────┐      read by every push, written once a block
//!   head, block ────────────────┐                v
//!   left ──> [ 0 .. 31 ] ──> [ 32 .. 63 ] ──> [ 64 .. 95 ]
//!            comes back as the spare when head has reached its horizon
//! ```
//!
//! A push takes a ticket with one fetch-add, finds the block that holds it, writes the message and then its
//! stamp. The consumer reads slots in the order of tickets. Blocks it has left come back as spares.
//!
//! **Guarantees.** Order is the order of the tickets; what one thread pushes comes out in the order it pushed.
//! The producer that must wake a parked consumer is told so, exactly one a park (it may be told when the
//! consumer was faster; never is nobody told).
//!
//! **Progress.** A push is wait-free but for the allocator, when a block is needed, and a walk over the blocks
//! between the newest and its own. A pop can have to wait for a producer that was interrupted between its ticket
//! and its stamp ([`Pop::Busy`]); so the whole is not lock-free in the strict sense. Other producers go on. After
//! a close, a pop, a park and a length wait for the closer's second step, if it was interrupted between the two.
//!
//! **Cost.** One fetch-add and one release store a push; a load and a store a pop. Nothing is allocated before
//! the first message; in steady state nothing at all.
//!
//! **Bad at.** Hard bounds; many consumers; forgetting: a queue keeps its current block and one spare, and what
//! is behind a producer that stays interrupted. A message whose drop panics while another one's panic unwinds
//! aborts, as everywhere.
//!
//! # Why a block is not recycled under a producer
//!
//! 1. A producer with ticket i touches blocks only between its fetch-add and its stamp; until then head <= i.
//! 2. `newest` only ever moves to later blocks. Whoever moves it past block X, or finds it past X on leaving X, then
//!    reads the tail by a read-modify-write: X's horizon T. X is recycled when head >= T.
//! 3. Let a producer hold ticket i while X is recycled: then T <= head <= i, so T's read-modify-write is before
//!    i's fetch-add in the tail's order, and every write between is a read-modify-write: the producer sees all
//!    that came before T, and so a `newest` past X. From there it goes to later blocks by `next`, or back by
//!    `prev` while a block starts after i: never behind its own block, which the consumer has not left.
//! 4. A producer with a ticket before T has stamped it, as head >= T, and touches blocks no more. []
//!
//! # Why no wake is lost
//!
//! The consumer parks at head h by storing h in `parked_at` and then exchanging the tail for itself. If that
//! succeeds, ticket h was not taken before it, and the producer that takes it sees `parked_at`. Later tickets
//! need not wake: the consumer could not deliver them before h anyway.
//!
//! **Source.** The tickets and blocks are tokio's mpsc and crossbeam's SegQueue's; the horizon is tokio's
//! observed tail position, with the walk back of Jiffy (Adas and Friedman, DISC 2020), whose own reclamation is
//! unsafe: it frees a block that a producer interrupted before its look-up still needs.

use std::ptr;

use super::block::{BLOCK_LEN, Block};
use super::chain::Chain;
use super::left::Left;
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicU64, Ordering};

/// One ticket in the tail word.
const ONE: u64 = 2;
/// Set in the tail word when the queue is closed.
const CLOSED: u64 = 1;
/// No ticket.
const NONE: u64 = u64::MAX;

/// Keeps what producers write, what they read, and the consumer's fields on lines of their own.
#[repr(align(64))]
struct Line<T>(T);

pub(crate) struct Queue<T> {
    tail: Line<AtomicU64>,
    shared: Line<Shared<T>>,
    consumer: Line<Consumer<T>>,
}

/// Read by every push; written once a block or once a park.
struct Shared<T> {
    chain: Chain<T>,
    /// The ticket whose producer wakes the consumer.
    parked_at: AtomicU64,
    /// The first ticket that was refused.
    closed_at: AtomicU64,
}

struct Consumer<T> {
    /// The consumer's head, for those who ask how long the queue is.
    head: AtomicU64,
    /// The block that holds head, or that head has just left; null before the first message.
    block: UnsafeCell<*mut Block<T>>,
    left: UnsafeCell<Left<T>>,
}

/// What a push came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// The consumer is parked, and this producer must wake it.
    pub(crate) must_wake: bool,
}

/// What a pop came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pop<T> {
    Item(T),
    Empty,
    /// The next message's producer has its ticket and has not stamped it yet.
    Busy,
}

// SAFETY: values move from the producers to the consumer; blocks are reached by the rules of the module's doc.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; the consumer's half is only touched by unsafe functions whose caller is the one consumer.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Queue {
            tail: Line(AtomicU64::new(0)),
            shared: Line(Shared {
                chain: Chain::new(),
                parked_at: AtomicU64::new(NONE),
                closed_at: AtomicU64::new(NONE),
            }),
            consumer: Line(Consumer {
                head: AtomicU64::new(0),
                block: UnsafeCell::new(ptr::null_mut()),
                left: UnsafeCell::new(Left::new()),
            }),
        }
    }

    /// Appends.
    ///
    /// # Errors
    ///
    /// Gives the value back when the queue is closed.
    pub(crate) fn push(&self, value: T) -> Result<Pushed, T> {
        // ORDERING: Acquire; pairs with the Release in `horizon` (rule 3) and in `park`.
        let tail = self.tail.0.fetch_add(ONE, Ordering::Acquire);
        if tail & CLOSED != 0 {
            return Err(value);
        }
        let ticket = tail / ONE;
        // ORDERING: Relaxed; the fetch-add above orders it after the consumer's store.
        let must_wake = self.shared.0.parked_at.load(Ordering::Relaxed) == ticket;
        // SAFETY: the ticket is this producer's, and stamped below.
        let block = unsafe { self.find_block(ticket) };
        if block.offset(ticket) == BLOCK_LEN as u64 / 2 {
            // One producer a block links the next ahead of need, so that the others do not all allocate one.
            self.shared.0.chain.next_of(block);
        }
        // SAFETY: the ticket is this producer's alone, and in this block.
        unsafe { block.write(ticket, value) };
        Ok(Pushed { must_wake })
    }

    /// The block that holds `ticket`.
    ///
    /// # Safety
    ///
    /// The ticket is the caller's and not stamped, and the reference is not used after the stamp.
    unsafe fn find_block(&self, ticket: u64) -> &Block<T> {
        // SAFETY: the caller's duty is passed on.
        let found = unsafe { self.shared.0.chain.find(ticket) };
        if let Some(outdated) = found.outdated
            && self.shared.0.chain.move_on(outdated, found.block)
        {
            let horizon = self.horizon();
            // SAFETY: alive: the caller's ticket is not stamped, and it is before the horizon.
            let outdated = unsafe { &*outdated };
            // ORDERING: Relaxed; see `Block::horizon`.
            outdated.horizon.store(horizon, Ordering::Relaxed);
        }
        // SAFETY: alive until the stamp.
        unsafe { &*found.block }
    }

    /// The tail, read so that every later ticket's producer sees what the caller did before.
    fn horizon(&self) -> u64 {
        // ORDERING: Release; pairs with the Acquire in `push`. Rule 3 rests on it.
        self.tail.0.fetch_add(0, Ordering::Release) / ONE
    }

    /// How many messages are queued. Lags behind what happens at the same instant; never negative.
    pub(crate) fn len(&self) -> usize {
        // ORDERING: Acquire, so that the tail is read after it and is not behind it.
        let head = self.consumer.0.head.load(Ordering::Acquire);
        self.end().saturating_sub(head) as usize
    }

    pub(crate) fn is_closed(&self) -> bool {
        // ORDERING: Acquire; pairs with the Release in `close`.
        self.tail.0.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Refuses pushes from now on. What is queued, or has its ticket, stays. Wakes nobody: who closes and is not
    /// the consumer sees to that.
    pub(crate) fn close(&self) {
        // ORDERING: Release; who sees CLOSED sees what was done before. Tickets before it are delivered.
        let tail = self.tail.0.fetch_or(CLOSED, Ordering::Release);
        if tail & CLOSED == 0 {
            // ORDERING: Relaxed; only the number is read.
            self.shared.0.closed_at.store(tail / ONE, Ordering::Relaxed);
        }
    }

    /// The first ticket that has no message and, so far, will have none.
    fn end(&self) -> u64 {
        // ORDERING: Acquire; pairs with the Release in `close`.
        let tail = self.tail.0.load(Ordering::Acquire);
        if tail & CLOSED == 0 {
            return tail / ONE;
        }
        loop {
            // ORDERING: Relaxed; only the number is read.
            match self.shared.0.closed_at.load(Ordering::Relaxed) {
                // Whoever closes is between its two steps.
                NONE => crate::sync::thread::yield_now(),
                closed_at => return closed_at,
            }
        }
    }

    /// Takes the oldest message.
    ///
    /// # Safety
    ///
    /// The caller is the only consumer, and what the one before it did happens before this call.
    pub(crate) unsafe fn pop(&self) -> Pop<T> {
        let head = self.head();
        // SAFETY: the caller's duty is passed on.
        let Some(block) = (unsafe { self.block_of(head) }) else { return self.why_not(head) };
        if !block.is_ready(head) {
            return self.why_not(head);
        }
        // SAFETY: ready; the head moves on below, so it is read once.
        let value = unsafe { block.read(head) };
        // ORDERING: Release; whoever reads this head and then the tail finds the tail not behind it.
        self.consumer.0.head.store(head + 1, Ordering::Release);
        Pop::Item(value)
    }

    /// Looks at the oldest message, if it is there.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop), and the reference is not used after the next pop.
    pub(crate) unsafe fn peek(&self) -> Option<&T> {
        let head = self.head();
        // SAFETY: the caller's duty is passed on.
        let block = unsafe { self.block_of(head) }?;
        // SAFETY: ready, and the caller pops later.
        block.is_ready(head).then(|| unsafe { block.peek(head) })
    }

    /// Arms the wake-up: the next producer is told that it must wake. False when there is, or soon will be,
    /// something to take. True of a closed queue that is empty: nothing will come, and nobody will wake.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    pub(crate) unsafe fn park(&self) -> bool {
        let head = self.head();
        // SAFETY: the caller's duty is passed on.
        unsafe { self.recycle(head) };
        if self.end() != head {
            return false;
        }
        // ORDERING: Relaxed; the exchange below publishes it.
        self.shared.0.parked_at.store(head, Ordering::Relaxed);
        // ORDERING: Relaxed; the exchange below checks it.
        let tail = self.tail.0.load(Ordering::Relaxed);
        if tail & CLOSED != 0 {
            // Nobody takes a ticket any more; but one can have been taken since the look above, by a producer
            // that saw no park.
            return self.end() == head;
        }
        // A read-modify-write that changes nothing: "no ticket yet", at a point in the tail's order.
        // ORDERING: Release; pairs with the Acquire in `push`: hands `parked_at` to whoever takes the next ticket.
        tail / ONE == head
            && self.tail.0.compare_exchange(tail, tail, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    fn head(&self) -> u64 {
        // ORDERING: Relaxed; only the consumer writes it, and consumers are ordered by the callers' duty.
        self.consumer.0.head.load(Ordering::Relaxed)
    }

    fn why_not(&self, head: u64) -> Pop<T> {
        if self.end() == head { Pop::Empty } else { Pop::Busy }
    }

    /// The block that holds `head`; leaves the one before it behind.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    unsafe fn block_of(&self, head: u64) -> Option<&Block<T>> {
        // SAFETY: only the consumer touches it.
        let mut block = self.consumer.0.block.with(|block| unsafe { *block });
        if block.is_null() {
            block = self.shared.0.chain.first();
            if block.is_null() {
                return None;
            }
            // SAFETY: only the consumer touches it.
            self.consumer.0.block.with_mut(|place| unsafe { *place = block });
        }
        // SAFETY: the consumer's block is alive.
        let current = unsafe { &*block };
        if current.holds(head) {
            return Some(current);
        }
        // ORDERING: Acquire; sees the fields of the block that a Release linked. The stamps of a block that is all read
        // show its link already, as a producer in its middle linked it; this holds without that.
        let next = current.next.load(Ordering::Acquire);
        if next.is_null() {
            return None;
        }
        // SAFETY: the caller is the consumer, and every message of `block` has been read.
        unsafe { self.leave(block, next, head) };
        // SAFETY: it is linked and holds head, so it is alive.
        Some(unsafe { &*next })
    }

    /// Goes on to `next`, sees to it that producers do too, and keeps `old` until its horizon.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop); `old` is the consumer's block, all read.
    unsafe fn leave(&self, old: *mut Block<T>, next: *mut Block<T>, head: u64) {
        let moved = self.shared.0.chain.move_on(old, next);
        // SAFETY: alive: not yet recycled.
        let block = unsafe { &*old };
        // ORDERING: Relaxed, both; see `Block::horizon`.
        if moved || block.horizon.load(Ordering::Relaxed) == 0 {
            block.horizon.store(self.horizon(), Ordering::Relaxed);
        }
        self.consumer.0.left.with_mut(|left| {
            // SAFETY: only the consumer touches the list.
            let left = unsafe { &mut *left };
            // SAFETY: alive until it is recycled, which pops it first.
            unsafe { left.push(old) };
        });
        // SAFETY: only the consumer touches it.
        self.consumer.0.block.with_mut(|place| unsafe { *place = next });
        // SAFETY: the caller's duty is passed on.
        unsafe { self.recycle(head) };
    }

    /// Gives back the blocks whose horizon `head` has reached.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    unsafe fn recycle(&self, head: u64) {
        // SAFETY: only the consumer touches the list.
        while let Some(block) = self.consumer.0.left.with_mut(|left| unsafe { (*left).pop_if_past(head) }) {
            // SAFETY: no producer can reach it any more, and those who could are done (rules 3 and 4).
            unsafe { self.shared.0.chain.give_back(block) };
        }
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        // A message whose drop panics takes none of the others with it: the rest goes while unwinding.
        struct Rest<'a, T>(&'a Queue<T>);
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.0.drop_messages();
                self.0.free_blocks();
            }
        }
        let rest = Rest(self);
        rest.0.drop_messages();
    }
}

/// Only for `drop`, which has the queue to itself.
impl<T> Queue<T> {
    fn drop_messages(&self) {
        loop {
            // SAFETY: alone.
            match unsafe { self.pop() } {
                Pop::Item(value) => drop(value),
                Pop::Empty => return,
                Pop::Busy => unreachable!("a producer holds the queue"),
            }
        }
    }

    fn free_blocks(&self) {
        // SAFETY: alone.
        let current = self.consumer.0.block.with(|block| unsafe { *block });
        // SAFETY: alone, and this is the end.
        unsafe { self.shared.0.chain.free(current) };
        // SAFETY: alone.
        while let Some(left) = self.consumer.0.left.with_mut(|left| unsafe { (*left).pop_if_past(NONE) }) {
            // SAFETY: the blocks that were left are before the current one.
            drop(unsafe { Box::from_raw(left) });
        }
    }
}

#[cfg(all(test, ostraca_loom))]
#[path = "mpsc_loom_tests.rs"]
mod loom_tests;
#[cfg(all(test, not(ostraca_loom)))]
#[path = "mpsc_tests.rs"]
mod tests;
