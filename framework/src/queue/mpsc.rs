//! A queue for many producers and one consumer: a linked list of blocks, a ticket a message.
//!
//! ```text
//!   word: next ticket (the tail) | who consumes          every producer adds to it
//!   newest ─────────────────────────────────────┐       read by every push, written once a block
//!   position, block ───────────┐                v
//!   oldest ──> [ 0 .. 1 ] ──> [ 2 .. 33 ] ──> [ 34 .. 65 ]
//!              comes back as a spare when the position has reached its horizon (the small one is freed)
//! ```
//!
//! A push takes a ticket from the tail, finds the block that holds it, writes the message and then its stamp. The
//! consumer reads slots in the order of tickets. Blocks it has left come back as spares. The consumer is a role, which the
//! [word](super::claim) hands from thread to thread.
//!
//! **Guarantees.** Order is the order of the tickets; what one thread pushes comes out in the order it pushed, and
//! what one push of many pushes comes out with nothing between. The producer that finds the consumer idle is told to
//! put it on the run queue, exactly one a rest. A message is delivered once, whatever its handler does: the consumer's
//! position is past it before the pop returns.
//!
//! **Progress**, of each operation:
//!
//! | operation | is | but for |
//! |---|---|---|
//! | push, push of many | wait-free | the allocator, when a block is needed; a back-off of a few microseconds at most, when another pushes; a walk over the blocks between the newest and its own |
//! | pop, peek | blocking | says [`Pop::Busy`] while the next message's producer is interrupted between its ticket and its stamp, however many messages are complete behind it. So the whole is not lock-free |
//! | length, `publish_head` | wait-free | |
//! | close, and all that hands the role on | lock-free | tries again when a push comes between |
//! | drop | wait-free | |
//!
//! **Cost.** A push is one exchange, or under contention one fetch-add, and one release store; a pop is a load. The
//! consumer looks at the word once a run, and at no slot that is still to be written, so that producers keep their
//! lines. 72 bytes. Nothing is allocated before the first message, 2 slots then; in steady state nothing at all.
//!
//! **Why an exchange before the fetch-add.** It queues an idle consumer in the same step. And a failed exchange is the
//! sign of another producer: two that hand the word's line to and fro at every message get less through than two that
//! take turns at longer intervals, so one waits. The fetch-add after the last wait keeps the push wait-free.
//!
//! **Bad at.** Hard bounds; many consumers; forgetting: a queue keeps its current block and a spare (a thousand
//! messages' worth of them while the consumer does not rest), and what is behind a producer that stays interrupted. A message whose drop panics while another one's panic unwinds
//! aborts, as everywhere.
//!
//! # Why a block is not recycled under a producer
//!
//! The position is the consumer's own, which its published head can be behind. Every change of the
//! word is a read-modify-write, and one that takes tickets has Acquire.
//!
//! 1. A producer with ticket i touches blocks only between the tail's change and its stamp; until then position <= i.
//! 2. `newest` only ever moves to later blocks. Whoever moves it past block X, or finds it past X on leaving X, then
//!    reads the tail by a read-modify-write: X's horizon T. X is recycled when position >= T.
//! 3. Let a producer hold ticket i while X is recycled: then T <= position <= i, so T's read-modify-write is before
//!    the one that took i in the tail's order, and every write between is a read-modify-write: the producer sees all
//!    that came before T, and so a `newest` past X. From there it goes to later blocks by `next`, or back by
//!    `prev` while a block starts after i: never behind its own block, which the consumer has not left.
//! 4. A producer with a ticket before T has stamped it, as position >= T, and touches blocks no more. []
//!
//! *Many tickets at once.* A producer that took i .. j holds the lowest that it has not stamped, and looks for that
//! one's block anew from `newest`: rules 1 and 3 hold of it. What it has stamped it does not touch again.
//!
//! *Blocks of different lengths.* A block's range is its start and its length, which never changes; the next one's
//! start is its end. No rule counts slots.
//!
//! *The first block* is found by `prev` from `newest`. The consumer does that before it has left any block, so all of
//! them are alive.
//!
//! # Why the end of a closed queue is exact
//!
//! Refused pushes move the tail too, so it does not tell the end. The closer, who has the consumer's role, stores the
//! end and then exchanges the word that it read for the same one with CLOSED: whoever sees CLOSED sees the end.
//!
//! # The limit
//!
//! The limit is never beyond a head that was published plus the bound, and heads only grow; so a tail before the limit
//! is within the bound. Threads that look at the same instant can each take a ticket after that.
//!
//! **Source.** The tickets and blocks are tokio's mpsc and crossbeam's SegQueue's; the horizon is tokio's
//! observed tail position, with the walk back of Jiffy (Adas and Friedman, DISC 2020), whose own reclamation is
//! unsafe: it frees a block that a producer interrupted before its look-up still needs.

use super::claim::{Begin, Claim, Rest};
use super::consumer::Consumer;
use super::senders::{Manners, NO_LIMIT, Senders};

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
    /// The consumer was idle, and this producer must put it on the run queue.
    pub(crate) must_wake: bool,
}

/// The right, and the duty, to fill one slot.
#[must_use = "the consumer waits for its slot"]
pub(crate) struct Ticket {
    ticket: u64,
    /// As [`Pushed::must_wake`], once the slot is filled.
    pub(crate) must_wake: bool,
}

/// What a look for the next message came to.
pub(crate) enum Find {
    Item(Found),
    Empty,
    /// As [`Pop::Busy`].
    Busy,
}

/// Where a message is that was found.
#[must_use = "it is taken or looked at"]
pub(crate) struct Found {
    pub(super) offset: usize,
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

#[cfg(any(test, feature = "internals"))]
impl<T> Queue<T> {
    /// An empty queue that stands alone, without a limit, whose maker consumes.
    pub(crate) fn new() -> Self {
        Queue::with_limit(None, Begin::Running, [0; 3])
    }
}

impl<T, S> Queue<T, S> {
    /// An empty queue. Only [`is_within_limit`](Self::is_within_limit) and
    /// [`take_ticket_within_limit`](Self::take_ticket_within_limit) go by the limit.
    pub(crate) fn with_limit(len_max: Option<u64>, begin: Begin, beside: S) -> Self {
        let limit = len_max.unwrap_or(NO_LIMIT);
        Queue { senders: Senders::new(limit, begin), beside, consumer: Consumer::new(limit) }
    }

    /// Appends.
    ///
    /// # Errors
    ///
    /// Gives the value back when the queue is closed.
    pub(crate) fn push(&self, value: T) -> Result<Pushed, T> {
        self.senders.push(value)
    }

    /// The first half of a push: takes a ticket. `None` when the queue is closed, or at its limit as far as the last
    /// look at the consumer tells. In two halves, and both inlined, so that the value goes straight to its slot:
    /// through a result that can give it back it would go by memory, in pieces of other sizes than it is read by, and
    /// the processor would wait for each.
    #[inline(always)]
    pub(crate) fn take_ticket_within_limit(&self, manners: Manners) -> Option<Ticket> {
        self.senders
            .take_ticket_within_limit(manners)
            .map(|(ticket, Pushed { must_wake })| Ticket { ticket, must_wake })
    }

    /// The second half.
    ///
    /// # Safety
    ///
    /// The ticket is of this queue. From the first half to this one nothing ran that can panic or take long: the
    /// consumer waits for the slot.
    #[inline(always)]
    pub(crate) unsafe fn fill(&self, ticket: Ticket, value: impl FnOnce() -> T) {
        // SAFETY: the ticket is used up, so this is the only time.
        unsafe { self.senders.fill(ticket.ticket, value) };
    }

    /// Appends the first `count` of `values`, one after the other with nothing between; takes them out. `None`, and
    /// none is taken, when the queue is closed.
    ///
    /// # Panics
    ///
    /// If `count` is 0 or `values` has fewer.
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
        let len = self.senders.claim.end().saturating_sub(head);
        self.senders.raise_limit(head + len_max);
        len_max.saturating_sub(len)
    }

    /// How many messages are queued. Never negative; more than there are by at most
    /// [`HEAD_LAG_MAX`](super::consumer::HEAD_LAG_MAX) while the consumer is in a run.
    pub(crate) fn len(&self) -> usize {
        // A reading of the tail can be older than that of the head.
        let head = self.consumer.head();
        self.senders.claim.end().saturating_sub(head) as usize
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.senders.claim.look().is_closed()
    }

    /// Refuses pushes from now on. What is queued, or has its ticket, stays. Wakes nobody.
    ///
    /// Only for who may pop: beside a pop or a rest of somebody else the length comes out wrong.
    pub(crate) fn close(&self) {
        self.senders.claim.close();
    }

    /// Who has the consumer's role.
    #[inline(always)]
    pub(crate) fn claim(&self) -> &Claim {
        &self.senders.claim
    }

    /// Looks for the oldest message. In two steps, so that it goes from its slot straight to whoever handles it.
    ///
    /// # Safety
    ///
    /// The caller is the only consumer, and what the one before it did happens before this call.
    #[inline(always)]
    pub(crate) unsafe fn find(&self) -> Find {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.find(&self.senders) }
    }

    /// At the beginning of a turn: messages are there, or about to be, up to the ticket `end`, as [`Claim::take`] said.
    /// Saves [`find`](Self::find) the look.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn expect(&self, end: u64) {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.expect(end) };
    }

    /// Whether the next message is known to be there, or about to be, without a look at what producers write.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn knows_next(&self) -> bool {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.knows_next() }
    }

    /// How many messages are known to be there, or about to be.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn known(&self) -> u32 {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.known() }
    }

    /// Takes the message that was found.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find), of which it is the last outcome.
    #[inline(always)]
    pub(crate) unsafe fn take(&self, found: Found) -> T {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.take(found) }
    }

    /// Looks at the message that was found.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take), and the reference is not used after it.
    #[inline(always)]
    pub(crate) unsafe fn peek(&self, found: &Found) -> &T {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.peek(found) }
    }

    /// Takes the oldest message.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn pop(&self) -> Pop<T> {
        // SAFETY: the caller's duty is passed on.
        match unsafe { self.find() } {
            // SAFETY: as above, and it was just found.
            Find::Item(found) => Pop::Item(unsafe { self.take(found) }),
            Find::Empty => Pop::Empty,
            Find::Busy => Pop::Busy,
        }
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

    /// Gives the role up: the next producer is told to wake. Not if there is, or soon will be, something to take, or
    /// something was noted; of a closed queue, if it is empty.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop), and after `Resting` the caller is the consumer no more, and touches the queue only if
    /// something else keeps it.
    #[inline]
    pub(crate) unsafe fn release(&self) -> Rest {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.release(&self.senders) }
    }

    /// As [`release`](Self::release), of a consumer with something unfinished, which a wake goes on with as a push does:
    /// not if such a wake came meanwhile.
    ///
    /// # Safety
    ///
    /// As [`release`](Self::release).
    pub(crate) unsafe fn release_unfinished(&self) -> Rest {
        // SAFETY: the caller's duty is passed on; the halves are of one queue.
        unsafe { self.consumer.release_unfinished(&self.senders) }
    }

    /// The ticket of the next message to pop.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    #[inline(always)]
    pub(crate) unsafe fn next(&self) -> u64 {
        // SAFETY: the caller's duty is passed on.
        unsafe { self.consumer.next() }
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
