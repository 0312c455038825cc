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

use super::consumer::Consumer;
use super::senders::{NO_LIMIT, Senders};

/// A queue, with whatever its owner wants beside what producers touch.
///
/// The order of the fields is the layout: see the module's doc. The alignment sees to it that the tail and the
/// consumer's fields are never on one line.
#[repr(C, align(32))]
pub(crate) struct Queue<T, S = [u64; 3]> {
    senders: Senders<T>,
    /// The owner's, on the producers' line.
    pub(crate) beside: S,
    consumer: Consumer<T>,
}

/// What a push came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
unsafe impl<T: Send, S: Send> Send for Queue<T, S> {}
// SAFETY: as above; the consumer's half is only touched by unsafe functions whose caller is the one consumer.
unsafe impl<T: Send, S: Sync> Sync for Queue<T, S> {}

impl<T, S> Queue<T, S> {
    /// An empty queue. With a limit, [`is_within_limit`](Self::is_within_limit) means something; nothing else goes by it.
    pub(crate) fn new(len_max: Option<u64>, beside: S) -> Self {
        let limit = len_max.unwrap_or(NO_LIMIT);
        Queue { senders: Senders::new(limit), beside, consumer: Consumer::new(limit) }
    }

    /// Appends.
    ///
    /// # Errors
    ///
    /// Gives the value back when the queue is closed.
    #[inline]
    pub(crate) fn push(&self, value: T) -> Result<Pushed, T> {
        self.senders.push(value)
    }

    /// Appends the first `count` of `values`, one after the other with nothing between; takes them out. `None`, and
    /// none is taken, when the queue is closed.
    ///
    /// # Panics
    ///
    /// If `values` has fewer.
    pub(crate) fn push_many(&self, values: &mut Vec<T>, count: usize) -> Option<Pushed> {
        self.senders.push_many(values, count)
    }

    /// Whether there may be room for another, as far as the last look at the consumer tells.
    #[inline]
    pub(crate) fn is_within_limit(&self) -> bool {
        self.senders.is_within_limit()
    }

    /// How many more `len_max` leaves room for. Looks at the consumer, and moves the limit.
    pub(crate) fn renew_limit(&self, len_max: u64) -> u64 {
        let head = self.consumer.head();
        let len = self.senders.end().saturating_sub(head);
        self.senders.raise_limit(head + len_max);
        len_max.saturating_sub(len)
    }

    /// How many messages are queued. Never negative; more than there are by at most
    /// [`HEAD_LAG_MAX`](super::consumer::HEAD_LAG_MAX) while the consumer is in a run.
    pub(crate) fn len(&self) -> usize {
        // The tail is read after the head, and so is not behind it.
        let head = self.consumer.head();
        self.senders.end().saturating_sub(head) as usize
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.senders.tail().is_closed()
    }

    /// Refuses pushes from now on. What is queued, or has its ticket, stays. Wakes nobody.
    ///
    /// Only for who may pop: beside a pop or a park of somebody else the length, and whether one is told to wake,
    /// come out wrong.
    pub(crate) fn close(&self) {
        self.senders.close();
    }

    /// What producers say before they look whether there is room, if they then count on the consumer's next
    /// successful [`park`](Self::park) to see what they did before.
    pub(crate) fn announce(&self) {
        self.senders.announce();
    }

    /// Takes the oldest message.
    ///
    /// # Safety
    ///
    /// The caller is the only consumer, and what the one before it did happens before this call.
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Pop<T> {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.pop(&self.senders) }
    }

    /// Tells the others how far the consumer is. They are told without that at every sixteenth message (at every one
    /// of a queue with a small limit), and when there is nothing to take; so: before something that may take long
    /// between two pops.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    #[inline]
    pub(crate) unsafe fn publish_head(&self) {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.publish_head() };
    }

    /// Looks at the oldest message, if it is there.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop), and the reference is not used after the next pop.
    pub(crate) unsafe fn peek(&self) -> Option<&T> {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.peek(&self.senders) }
    }

    /// Arms the wake-up: the next producer is told that it must wake. False when there is, or soon will be,
    /// something to take. True of a closed queue that is empty: nothing will come, and nobody will wake.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    pub(crate) unsafe fn park(&self) -> bool {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.park(&self.senders) }
    }

    /// Whether nothing was sent since the last successful [`park`](Self::park), and the queue is open: by loads
    /// alone. Then the next producer still wakes, so the caller may do something else and leave without parking.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    #[inline]
    pub(crate) unsafe fn is_parked(&self) -> bool {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.is_parked(&self.senders) }
    }
}

impl<T, S> Drop for Queue<T, S> {
    fn drop(&mut self) {
        // A message whose drop panics takes none of the others with it: the rest goes while unwinding.
        struct Rest<'a, T, S>(&'a Queue<T, S>);
        impl<T, S> Drop for Rest<'_, T, S> {
            fn drop(&mut self) {
                self.0.drop_messages();
                // SAFETY: alone, and this is the end.
                unsafe { self.0.consumer.free_blocks(&self.0.senders) };
            }
        }
        let rest = Rest(self);
        rest.0.drop_messages();
    }
}

impl<T, S> Queue<T, S> {
    /// Only for `drop`, which has the queue to itself.
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
}

#[cfg(all(test, ostraca_loom))]
#[path = "mpsc_loom_tests.rs"]
mod loom_tests;
#[cfg(all(test, not(ostraca_loom)))]
#[path = "mpsc_tests.rs"]
mod tests;
