//! What a batched handler does with the cell it runs in: takes more messages, and rests until more come.
//!
//! A handler that waits is suspended: only its own wake and control go on with it. One that gathers rests as an actor
//! does that has nothing to do, so that the next message, its own wake or control goes on with it, whichever is first.
//! An asker who finds it resting is sent to the workers.

use super::super::Actor;
use super::super::commons::DeadReason;
use super::super::parent::AnyCell;
use super::life::Life;
use super::{Cell, Link};
use crate::actor::batch::ClosedBy;
use crate::mailbox::Find;

/// How an unfinished handler rests until its next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Gathers {
    /// The next message goes on with it, its wake, or control.
    Parked,
    /// It goes on when the others have had a turn.
    Yields,
    /// Its wake goes on with it, or control.
    Paused,
}

/// What a look for one more message came to.
pub(in super::super) enum Next<M> {
    Message(M),
    /// It is of another handler.
    Other,
    /// It was not accepted.
    Refused,
    Empty,
}

impl<A: Actor> Link<A> {
    pub(in super::super) fn cell(&self) -> &Cell<A> {
        // SAFETY: the link is in the context, the context is in the cell, and a cell stays where its slab put it.
        unsafe { self.0.as_ref() }
    }

    /// Takes messages for `handler` as long as one follows the other, at most `len_max`; says why it stopped.
    #[inline]
    pub(in super::super) fn take_run(
        &mut self,
        handler: usize,
        len_max: usize,
        mut take: impl FnMut(A::Message, &Cell<A>),
    ) -> ClosedBy {
        let cell = self.cell();
        let mailbox = &cell.mailbox;
        let mut closed_by = ClosedBy::LenMax;
        for _ in 0..len_max {
            // SAFETY: whoever has the context mutably is the runner, or the runner's handler.
            match unsafe { mailbox.find() } {
                // SAFETY: as above; it was just found, and the reference ends with this expression.
                Find::Item(found) if A::handler_of(unsafe { mailbox.peek(&found) }) == handler => {
                    // SAFETY: as above.
                    take(unsafe { mailbox.take(found) }, cell);
                }
                Find::Item(_) => {
                    closed_by = ClosedBy::OtherMessage;
                    break;
                }
                Find::Busy => {
                    closed_by = ClosedBy::Empty;
                    break;
                }
                Find::Empty => match mailbox.pop_ring_if(|message| A::handler_of(message) == handler) {
                    Some(message) => take(message, cell),
                    None => {
                        closed_by = if mailbox.len() == 0 { ClosedBy::Empty } else { ClosedBy::OtherMessage };
                        break;
                    }
                },
            }
        }
        // SAFETY: as above.
        unsafe { mailbox.publish_head() };
        closed_by
    }

    /// Takes the next message if it is for `handler` and `accepts` likes it. [`show_room`](Self::show_room) is due.
    pub(in super::super) fn take_next(
        &mut self,
        handler: usize,
        accepts: impl FnOnce(&A::Message) -> bool,
    ) -> Next<A::Message> {
        let mut why_not = Next::Empty;
        let is_wanted = |message: &A::Message| {
            let is_other = A::handler_of(message) != handler;
            why_not = if is_other { Next::Other } else { Next::Refused };
            !is_other && accepts(message)
        };
        // A message that its sender is about to fill is the next look's.
        // SAFETY: whoever has the context mutably is the runner, or the runner's handler.
        let message = unsafe { self.cell().mailbox.pop_if(is_wanted) };
        message.map_or(why_not, Next::Message)
    }

    /// Shows senders all the room that was made.
    pub(in super::super) fn show_room(&mut self) {
        // SAFETY: whoever has the context mutably is the runner, or the runner's handler.
        unsafe { self.cell().mailbox.publish_head() };
    }

    /// How the handler rests when it returns `Pending` now.
    pub(in super::super) fn gathers(&mut self, how: Gathers) {
        self.life().cold().gathers = Some(how);
    }

    /// Whether the actor is to stop when its handler has ended.
    pub(in super::super) fn is_ending(&mut self) -> bool {
        self.life().is_ending()
    }

    fn life(&mut self) -> &mut Life<A> {
        // SAFETY: whoever has the context mutably is the runner's handler: the claim is held, and while a handler runs the
        // runner has no borrow of it.
        unsafe { &mut *self.cell().life.get() }
    }

    /// Counts messages that a handler has taken and that will not run.
    pub(in super::super) fn bury(&self, handler: usize, reason: DeadReason, count: usize) {
        if count > 0 {
            self.cell().dead_letter(A::HANDLERS[handler].name(), reason, count);
        }
    }

    /// As [`bury`](Self::bury), of messages that nobody waits for any more.
    pub(in super::super) fn leave_out(&self, handler: usize, reason: DeadReason, count: usize) {
        if count > 0 {
            self.cell().rare_stats().dropped.add(count as u64);
            self.bury(handler, reason, count);
        }
    }
}
