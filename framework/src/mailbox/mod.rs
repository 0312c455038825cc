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
//! **The bound is soft.** A sender compares the length with the bound and then takes its ticket, so n threads
//! sending at the same instant can overshoot by n - 1. [`Overflow::DropOldest`] is exact: it uses a locked
//! ring, because dropping the oldest message needs the consumer's end.
//!
//! **Cost.** Nothing is allocated before the first message. A send is one fetch-add and one release store
//! (`queue`), plus two loads for the bound.
//!
//! **Bad at.** Exact bounds without a lock; priorities among users' messages.

mod lane;
mod ring;
mod room;

use std::task::{Context, Poll};

pub(crate) use crate::queue::Pop;
use crate::queue::Stack;
use lane::Lane;
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
    /// This sender must see to it that the parked cell runs.
    pub(crate) must_wake: bool,
    /// The message that made room, under [`Overflow::DropOldest`].
    pub(crate) displaced: Option<M>,
}

/// A mailbox of messages `M` and control messages `C`.
pub(crate) struct Mailbox<M, C> {
    users: Lane<M>,
    control: Stack<C>,
    /// `usize::MAX` for an unbounded one.
    len_max: usize,
    room: Room,
}

impl<M, C> Mailbox<M, C> {
    /// An empty mailbox of at most `len_max` users' messages (`None`: unbounded).
    pub(crate) fn new(len_max: Option<usize>, overflow: Overflow) -> Self {
        let users = match (overflow, len_max) {
            (Overflow::DropOldest, Some(len_max)) => Lane::ring(len_max),
            _ => Lane::free(),
        };
        Mailbox { users, control: Stack::new(), len_max: len_max.unwrap_or(usize::MAX), room: Room::new() }
    }

    /// Appends a message, or gives it back. Never waits.
    pub(crate) fn try_push(&self, message: M) -> Result<Pushed<M>, TryPushError<M>> {
        if self.users.refuses_when_full() && self.len() >= self.len_max {
            return Err(if self.users.is_closed() {
                TryPushError::Closed(message)
            } else {
                TryPushError::Full(message)
            });
        }
        self.users.push(message).map_err(TryPushError::Closed)
    }

    /// Ready when there is room or the mailbox is closed: then try again. Dropping the waiter passes its turn on.
    pub(crate) fn poll_room(&self, waiter: &mut Waiter, cx: &Context<'_>) -> Poll<()> {
        self.room.poll_wait(waiter, cx, || self.free() > 0 || self.users.is_closed())
    }

    /// Lets go of a place in the queue for room.
    pub(crate) fn forget_waiter(&self, waiter: &mut Waiter) {
        self.room.forget(waiter);
    }

    /// Lets waiting senders in as far as there is room. The consumer calls it before it rests.
    pub(crate) fn admit(&self) {
        if self.len_max != usize::MAX {
            self.room.admit(|| self.free());
        }
    }

    /// Appends to the control lane, which is never full. The caller wakes the cell.
    pub(crate) fn push_control(&self, control: C) {
        self.control.push(control);
    }

    /// Takes all of the control lane, oldest first.
    pub(crate) fn take_control(&self) -> impl Iterator<Item = C> {
        self.control.take_all()
    }

    /// Users' messages waiting now.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nothing is queued, or about to be, and it is not closed.
    pub(crate) fn is_idle(&self) -> bool {
        self.len() == 0 && !self.users.is_closed()
    }

    /// Refuses users' messages from now on; lets all waiting senders go. What is queued stays.
    pub(crate) fn close(&self) {
        self.users.close();
        self.room.admit(|| usize::MAX);
    }

    /// Takes the oldest message.
    ///
    /// # Safety
    ///
    /// The caller is the only consumer, and what the previous consumer did happens before the call.
    pub(crate) unsafe fn pop(&self) -> Pop<M> {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.pop() }
    }

    /// Takes the oldest message if it is there and `wanted` likes it.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    pub(crate) unsafe fn pop_if(&self, wanted: impl FnOnce(&M) -> bool) -> Option<M> {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.pop_if(wanted) }
    }

    /// Arms the wake-up: the next sender is told that it must wake. False when there is something to take.
    ///
    /// # Safety
    ///
    /// As [`pop`](Self::pop).
    pub(crate) unsafe fn park(&self) -> bool {
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { self.users.park() }
    }

    fn free(&self) -> usize {
        self.len_max.saturating_sub(self.len())
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod tests;
