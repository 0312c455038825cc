//! Two lanes into one actor: a bounded lane for users' messages, an unbounded one for control.
//!
//! ```text
//!   tell, send, ask ──> user lane (bound, overflow policy) ──┐
//!                                                            ├─> the cell, one message at a time
//!   stop, restart  ──> control lane (never full) ────────────┘    (control first, between messages)
//! ```
//!
//! **Guarantees.** Messages of one sender come out in the order it sent them. A message that is not taken is
//! given back ([`TryPushError`]) or, under [`Overflow::DropOldest`], the displaced one is returned to the
//! sender's side, which counts it. Control never waits behind users' messages and is never refused.
//!
//! **The bound is soft.** A sender compares the tail with a limit that lies beside it, and then takes its ticket, so
//! n threads sending at the same instant can overshoot by n - 1. Only who finds the limit reached looks at the
//! consumer's head, and moves the limit; so the consumer's line stays where it is. With a bound of 256 or more the head is published at every sixteenth message and
//! when the consumer finds nothing to take, so that in a run such a mailbox can count sixteen messages that are gone
//! already: it can be full that much too early, never too late.
//! [`Overflow::DropOldest`] is exact: it uses a locked ring, because dropping the oldest message needs the
//! consumer's end.
//!
//! **Cost.** Nothing is allocated before the first message. A send is one exchange and one release store (`queue`),
//! plus a load for the bound; it queues an idle consumer in that exchange. 96 bytes: a line for senders, half a line for the consumer.
//!
//! ```text
//!   0   tail and claim | closed at | newest | limit   every send
//!   32  spare | control | len_max | cold           once a block; the rare things
//!   64  head | lag, known | block | oldest         the consumer
//! ```
//!
//! Its owner lays it at the start of a line and has the other half of the second for itself. Elsewhere too the tail
//! and the consumer's fields are never on one line, as it is aligned to 32.
//!
//! **Progress.** A tell is wait-free but for the allocator and a bounded back-off. Waiting for room and a mailbox
//! that drops its oldest take a lock, for a few instructions.
//!
//! **In a seeded run** a mailbox can be watched: every message goes through the locked ring, whatever the policy, and the
//! run sees it, refuses it or lets it overtake. The queue's limit is none then, so that a send needs no further look.
//!
//! **Bad at.** Exact bounds without a lock; priorities among users' messages.

#[cfg(feature = "internals")]
pub mod handles;
mod ring;
mod room;

use std::task::{Context, Poll};

pub use crate::queue::Activity;
pub(crate) use crate::queue::{
    Begin, Claim, Find, Found, LastReference, LazyBox, Manners, Pop, Rest, Taken, Ticket, Tried, Wake,
};
use crate::queue::{Queue, Stack};
use ring::Ring;
pub(crate) use ring::Stamp;
use room::Room;
pub(crate) use room::Waiter;

/// What a full mailbox does with a tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The message comes back to its sender.
    Reject,
    /// The oldest queued message makes room; it is counted as a dead letter, and if it was an ask its caller
    /// gets [`AskError::Dropped`](crate::AskError::Dropped).
    DropOldest,
}

/// Why a message was not taken; it comes back.
pub(crate) enum TryPushError<M> {
    Full(M),
    Closed(M),
}

/// What became of a push.
pub(crate) struct Pushed<M> {
    /// This sender must put the cell on the run queue.
    pub(crate) must_wake: bool,
    /// The message that made room, under [`Overflow::DropOldest`].
    pub(crate) displaced: Option<M>,
}

/// What became of a push of many.
pub(crate) struct PushedMany<M> {
    /// As [`Pushed::must_wake`], once for all.
    pub(crate) must_wake: bool,
    /// Oldest first; see [`Pushed::displaced`].
    pub(crate) displaced: Vec<M>,
}

/// The mailbox is closed, and took nothing.
pub(crate) struct Closed;

/// A mailbox of messages `M` and control messages `C`.
pub(crate) struct Mailbox<M, C> {
    users: Queue<M, Beside<M, C>>,
}

/// What lies beside that which every send touches.
struct Beside<M, C> {
    control: Stack<C>,
    /// `usize::MAX` for an unbounded one.
    len_max: usize,
    cold: LazyBox<Cold<M>>,
}

/// Made for the first sender that waits; or at once, when the oldest message may be dropped.
struct Cold<M> {
    /// Then all messages go through it, and the queue stays empty, with a limit of none.
    ring: Option<Ring<M>>,
    room: Room,
}

impl<M> Cold<M> {
    fn new(ring: Option<Ring<M>>) -> Self {
        Cold { ring, room: Room::new() }
    }
}

impl<M, C> Mailbox<M, C> {
    /// An empty mailbox of at most `len_max` users' messages (`None`: unbounded).
    pub(crate) fn new(len_max: Option<usize>, overflow: Overflow, begin: Begin) -> Self {
        if overflow == Overflow::DropOldest && len_max.is_some() {
            return Self::with_ring(len_max, overflow, begin, false);
        }
        let limit = len_max.map(|len_max| len_max as u64);
        let len_max = len_max.unwrap_or(usize::MAX);
        let beside = Beside { control: Stack::new(), len_max, cold: LazyBox::new() };
        Mailbox { users: Queue::with_limit(limit, begin, beside) }
    }

    /// As [`new`](Self::new), for a seeded run that is to see every message: [`take_ticket`](Self::take_ticket) always
    /// gives none, and [`try_push_stamped`](Self::try_push_stamped) is the way in.
    pub(crate) fn watched(len_max: Option<usize>, overflow: Overflow, begin: Begin) -> Self {
        Self::with_ring(len_max, overflow, begin, true)
    }

    fn with_ring(len_max: Option<usize>, overflow: Overflow, begin: Begin, is_watched: bool) -> Self {
        let len_max = len_max.unwrap_or(usize::MAX);
        let beside = Beside { control: Stack::new(), len_max, cold: LazyBox::new() };
        beside.cold.get_or_make(|| Cold::new(Some(Ring::new(len_max, overflow, is_watched))));
        Mailbox { users: Queue::with_limit(Some(0), begin, beside) }
    }

    /// The first half of the quick way to append a message; `None` when that is not open: at the limit, when closed,
    /// or when the oldest message may have to make room. Then [`try_push`](Self::try_push) says.
    #[inline(always)]
    pub(crate) fn take_ticket(&self, manners: Manners) -> Option<Ticket> {
        self.users.take_ticket_within_limit(manners)
    }

    /// The second half.
    ///
    /// # Safety
    ///
    /// The ticket is of this mailbox. From the first half to this one nothing ran that can panic or take long: the
    /// consumer waits for the slot. Nor does `message`.
    #[inline(always)]
    pub(crate) unsafe fn fill(&self, ticket: Ticket, message: impl FnOnce() -> M) {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.fill(ticket, message) };
    }

    /// Appends a message, or gives it back. Never waits.
    pub(crate) fn try_push(&self, message: M) -> Result<Pushed<M>, TryPushError<M>> {
        if let Some(ring) = self.ring() {
            let displaced = ring.push(message)?;
            return Ok(Pushed { must_wake: self.note(), displaced });
        }
        if self.users.is_closed() {
            return Err(TryPushError::Closed(message));
        }
        if !self.users.is_within_limit() && self.free() == 0 {
            return Err(TryPushError::Full(message));
        }
        let pushed = self.users.push(message).map_err(TryPushError::Closed)?;
        Ok(Pushed { must_wake: pushed.must_wake, displaced: None })
    }

    /// Appends a message to a [watched](Self::watched) mailbox, before as many of the last ones as `overtakes` says, given
    /// how many of them are other senders'.
    ///
    /// # Panics
    ///
    /// When it is not watched.
    pub(crate) fn try_push_stamped(
        &self,
        message: M,
        stamp: Stamp,
        overtakes: impl FnOnce(usize) -> usize,
    ) -> Result<Pushed<M>, TryPushError<M>> {
        let ring = self.ring().expect("a watched mailbox has a ring");
        let displaced = ring.push_stamped(message, stamp, overtakes)?;
        Ok(Pushed { must_wake: self.note(), displaced })
    }

    /// Whether a seeded run sees every message.
    pub(crate) fn is_watched(&self) -> bool {
        self.ring().is_some_and(Ring::is_watched)
    }

    /// The most users' messages that it takes; `None` if it is unbounded.
    pub(crate) fn len_max(&self) -> Option<usize> {
        Some(self.users.beside.len_max).filter(|&len_max| len_max != usize::MAX)
    }

    /// Whether it can be full.
    pub(crate) fn is_bounded(&self) -> bool {
        self.users.beside.len_max != usize::MAX
    }

    /// Of a watched mailbox: the tickets of the messages that were taken since the last call.
    pub(crate) fn take_tickets(&self) -> Vec<u32> {
        self.ring().map_or_else(Vec::new, Ring::take_tickets)
    }

    /// Appends messages from the front of `messages`, as many as there is room for, with nothing between them; takes
    /// out those. The rest, which is all of them when it is full, stays for the caller.
    ///
    /// # Errors
    ///
    /// Takes none out of `messages` when it is closed.
    pub(crate) fn try_push_many(&self, messages: &mut Vec<M>) -> Result<PushedMany<M>, Closed> {
        if let Some(ring) = self.ring() {
            let has_pushed = !messages.is_empty();
            let displaced = ring.push_many(messages).ok_or(Closed)?;
            return Ok(PushedMany { must_wake: has_pushed && self.note(), displaced });
        }
        if self.users.is_closed() {
            return Err(Closed);
        }
        let count = messages.len().min(self.free());
        if count == 0 {
            return Ok(PushedMany { must_wake: false, displaced: Vec::new() });
        }
        let pushed = self.users.push_many(messages, count).ok_or(Closed)?;
        Ok(PushedMany { must_wake: pushed.must_wake, displaced: Vec::new() })
    }

    /// Ready when there is room or the mailbox is closed: then try again. Dropping the waiter passes its turn on.
    pub(crate) fn poll_room(&self, waiter: &mut Waiter, cx: &Context<'_>) -> Poll<()> {
        let cold = self.users.beside.cold.get_or_make(|| Cold::new(None));
        cold.room.poll_wait(waiter, cx, || {
            self.claim().announce();
            self.free() > 0 || self.is_closed()
        })
    }

    /// Lets go of a place in the queue for room.
    pub(crate) fn forget_waiter(&self, waiter: &mut Waiter) {
        if let Some(cold) = self.users.beside.cold.get() {
            cold.room.forget(waiter);
        }
    }

    /// Lets waiting senders in if half of the mailbox is free. The consumer calls it when a turn ends and messages are
    /// left for another. True if it may have woken some.
    #[inline]
    pub(crate) fn admit(&self) -> bool {
        if let Some(cold) = self.users.beside.cold.get()
            && cold.room.is_waited_for()
        {
            self.admit_at(self.users.beside.len_max.div_ceil(2), cold);
            return true;
        }
        false
    }

    /// Lets in all waiting senders that there is room for. The consumer calls it, after
    /// [`publish_head`](Self::publish_head), when it is about to rest: a sender that comes after makes the rest fail, or
    /// sees the room. True if it may have woken some.
    #[inline]
    pub(crate) fn admit_all(&self) -> bool {
        if let Some(cold) = self.users.beside.cold.get()
            && cold.room.is_waited_for()
        {
            self.admit_at(1, cold);
            return true;
        }
        false
    }

    #[cold]
    fn admit_at(&self, free_min: usize, cold: &Cold<M>) {
        let free = self.free();
        if free >= free_min {
            cold.room.admit(free);
        }
    }

    /// Appends to the control lane, which is never full. The caller wakes the cell.
    pub(crate) fn push_control(&self, control: C) {
        self.users.beside.control.push(control);
    }

    /// Takes all of the control lane, oldest first.
    pub(crate) fn take_control(&self) -> impl Iterator<Item = C> {
        self.users.beside.control.take_all()
    }

    /// Users' messages waiting now. In a run of a large mailbox it can be sixteen too many.
    pub(crate) fn len(&self) -> usize {
        self.ring().map_or_else(|| self.users.len(), Ring::len)
    }

    /// Refuses users' messages from now on; lets all waiting senders go. What is queued stays.
    ///
    /// Only for who may [`pop`](Self::pop): beside a pop or a rest of somebody else the length comes out wrong.
    pub(crate) fn close(&self) {
        self.users.close();
        if let Some(cold) = self.users.beside.cold.get() {
            if let Some(ring) = &cold.ring {
                ring.close();
            }
            cold.room.admit(usize::MAX);
        }
    }

    /// Looks for the oldest message of a mailbox that does not drop its oldest: such a one looks
    /// [empty](Self::pop_ring).
    ///
    /// # Safety
    ///
    /// The caller is the only consumer, and what the previous consumer did happens before the call.
    #[inline(always)]
    pub(crate) unsafe fn find(&self) -> Find {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.find() }
    }

    /// At the beginning of a turn: messages are there, or about to be, up to the ticket `end`, as [`Claim::take`] said.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn expect(&self, end: u64) {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.expect(end) };
    }

    /// Whether the next message is known to be there, or about to be, without a look at what senders write.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn knows_next(&self) -> bool {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.knows_next() }
    }

    /// How many messages wait, as far as the consumer knows.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline(always)]
    pub(crate) unsafe fn known_len(&self) -> usize {
        // SAFETY: the caller's duty is passed on unchanged.
        match unsafe { self.users.known() } {
            0 => self.ring().map_or(0, Ring::len),
            known => known as usize,
        }
    }

    /// Takes the message that was found. A message that was taken is not in the mailbox any more, whatever becomes of
    /// the caller; what is published of it can lag (see [`publish_head`](Self::publish_head)).
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find), of which it is the last outcome.
    #[inline(always)]
    pub(crate) unsafe fn take(&self, found: Found) -> M {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.take(found) }
    }

    /// Looks at the message that was found.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take), and the reference is not used after it.
    #[inline(always)]
    pub(crate) unsafe fn peek(&self, found: &Found) -> &M {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.peek(found) }
    }

    /// As [`pop_ring`](Self::pop_ring), if `wanted` likes it.
    pub(crate) fn pop_ring_if(&self, wanted: impl FnOnce(&M) -> bool) -> Option<M> {
        self.ring()?.pop_if(wanted)
    }

    /// Takes the oldest message of a mailbox that drops its oldest to make room.
    #[inline]
    pub(crate) fn pop_ring(&self) -> Option<M> {
        self.ring()?.pop()
    }

    /// Takes the oldest message.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    pub(crate) unsafe fn pop(&self) -> Pop<M> {
        // SAFETY: the caller's duty is passed on unchanged.
        match unsafe { self.users.pop() } {
            Pop::Empty => self.pop_ring().map_or(Pop::Empty, Pop::Item),
            other => other,
        }
    }

    /// Shows senders and the length all the room that pops have made. Pops do it themselves, but of a mailbox
    /// of 256 messages or more only at every sixteenth and when they find nothing; a release does it too. So the cell
    /// calls it before what may take long in the middle of a run: a handler that may suspend, and the end of a turn
    /// that leaves messages.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    #[inline]
    pub(crate) unsafe fn publish_head(&self) {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.publish_head() };
    }

    /// Takes the oldest message if it is there and `wanted` likes it.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    pub(crate) unsafe fn pop_if(&self, wanted: impl FnOnce(&M) -> bool) -> Option<M> {
        if let Some(ring) = self.ring() {
            return ring.pop_if(wanted);
        }
        // SAFETY: the caller's duty is passed on unchanged.
        if let Find::Item(found) = unsafe { self.users.find() }
            // SAFETY: it was just found, and the reference ends with this expression.
            && wanted(unsafe { self.users.peek(&found) })
        {
            // SAFETY: as above.
            return Some(unsafe { self.users.take(found) });
        }
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.publish_head() };
        None
    }

    /// Gives the consumer's role up. Not when there is something to take, or was noted; a closed mailbox's, when it is
    /// empty.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop), and after `Resting` the caller is the consumer no more, and touches the mailbox only if
    /// something else keeps it.
    #[inline]
    pub(crate) unsafe fn release(&self) -> Rest {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.release() }
    }

    /// As [`release`](Self::release), with a handler unfinished that the next push, control or wake goes on with.
    ///
    /// # Safety
    ///
    /// As [`release`](Self::release).
    pub(crate) unsafe fn release_unfinished(&self) -> Rest {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.release_unfinished() }
    }

    /// Whether nothing is queued: for who [claimed](Claim::try_claim) the role idle at `ticket`.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    #[inline(always)]
    pub(crate) unsafe fn is_empty_at(&self, ticket: u64) -> bool {
        // SAFETY: the caller's duty is passed on unchanged.
        ticket == unsafe { self.users.next() }
    }

    /// Who has the consumer's role.
    #[inline(always)]
    pub(crate) fn claim(&self) -> &Claim {
        self.users.claim()
    }

    /// After a push to the ring, of which the queue's word knows nothing.
    fn note(&self) -> bool {
        self.claim().note() == Wake::Schedule
    }

    fn is_closed(&self) -> bool {
        self.users.is_closed()
    }

    fn free(&self) -> usize {
        match self.users.beside.len_max {
            usize::MAX => usize::MAX,
            len_max => match self.ring() {
                Some(ring) => ring.free(),
                None => self.users.renew_limit(len_max as u64) as usize,
            },
        }
    }

    fn ring(&self) -> Option<&Ring<M>> {
        self.users.beside.cold.get()?.ring.as_ref()
    }
}

#[cfg(all(test, ostraca_loom))]
mod loom_tests;
#[cfg(all(test, not(ostraca_loom)))]
mod tests;
