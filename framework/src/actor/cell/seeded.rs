//! What a cell asks and tells a seeded run. All of it is off the paths that production takes.

use std::time::Instant;

use super::super::parent::Control;
use super::super::reply::ReplyRx;
use super::super::{Actor, scope};
use super::life::{At, Phase};
use super::runner::{Budget, Runner};
use super::{Cell, FutureSlot};
use crate::mailbox::{Manners, Pushed, Stamp, Tried, TryPushError};
use crate::runtime::{Sending, Sim};

/// Where a message is when its handler is about to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// At the head of the mailbox: the handler takes it from there.
    Mailbox,
    /// Out of it, or never was in it.
    Apart,
}

impl<A: Actor> Cell<A> {
    /// Puts a message into the mailbox where the run lets it.
    pub(super) fn push_watched(
        &self,
        sim: &dyn Sim,
        message: A::Message,
        manners: Manners,
    ) -> Result<Pushed<A::Message>, TryPushError<A::Message>> {
        let sending = Sending {
            to: self.address(),
            handler: A::HANDLERS[A::handler_of(&message)].name(),
            is_ask: manners == Manners::AtOnce,
            is_bounded: self.mailbox.is_bounded(),
        };
        let passage = sim.sends(scope::running(), &sending);
        if passage.is_full {
            return Err(TryPushError::Full(message));
        }
        let stamp = Stamp { ticket: passage.ticket, sender: passage.sender };
        let pushed = self.mailbox.try_push_stamped(message, stamp, |len| sim.overtakes(len));
        pushed.inspect_err(|error| {
            let is_full = matches!(error, TryPushError::Full(_));
            sim.refused(passage.ticket, if is_full { "is full" } else { "has stopped" });
        })
    }

    /// An ask of a watched cell: as any that finds others queued.
    pub(super) fn ask_watched<T, E>(
        &self,
        message: A::Message,
        rx: &ReplyRx<T, E>,
    ) -> Result<(), TryPushError<A::Message>> {
        match self.claim().try_claim() {
            // SAFETY: the claim was just taken.
            Tried::Claimed { .. } => unsafe { self.ask_behind_others(message, rx.address()) },
            // Nobody else runs in a seeded run: the cell is further up this stack, or is not for askers.
            Tried::Taken | Tried::NotForAskers => self.ask_elsewhere(message),
        }
    }

    /// Tells the run, if this is one.
    pub(in super::super) fn tell_sim(&self, what: &dyn std::fmt::Display) {
        if let Some(sim) = self.commons.runtime.sim() {
            sim.told(self.address(), what);
        }
    }
}

impl<A: Actor> Runner<'_, A> {
    /// A message is about to be handled, whose handler is timed: every message of a seeded run.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_timed(&mut self, handler: usize, origin: Origin) -> Instant {
        if let Some(sim) = self.cell.commons.runtime.sim() {
            self.begin_seeded(&**sim, handler, origin);
        }
        self.cell.now()
    }

    /// The run may want the handler to panic.
    fn begin_seeded(&mut self, sim: &dyn Sim, handler: usize, origin: Origin) {
        let life = self.life();
        life.at = At::Handler(handler as u16);
        life.pace.sample_next();
        if sim.begins(self.cell.address(), &self.cell.mailbox.take_tickets()) {
            scope::begin_strike();
            if origin == Origin::Mailbox {
                // It is spent, as one that is out of the mailbox already is by the panic.
                // SAFETY: the claim is held, so this is the consumer.
                drop(unsafe { self.cell.mailbox.pop() });
            }
            scope::panic_as_planned();
        }
    }

    /// Its handler was called.
    pub(super) fn called_seeded(&mut self, sim: &dyn Sim, is_done: bool, budget: &mut Budget) {
        let handler = self.life().at.name::<A>();
        let tickets = self.cell.mailbox.take_tickets();
        let next = sim.called(self.cell.address(), handler, is_done, &tickets);
        self.life().pace.set_quick(next.runs_inline);
        if next.is_turn_over {
            budget.end();
        }
    }

    /// The unfinished future is about to be polled: in a handler, the run may want it to panic at its await.
    #[cold]
    pub(super) fn poll_seeded(&mut self, is_first: bool) {
        let Some(sim) = self.cell.commons.runtime.sim() else { return };
        let is_handler = self.life().phase == Phase::Running;
        if is_handler && sim.polls(self.cell.address(), is_first) {
            // Dropped by the panic, as if it had come from inside: askers are told so.
            let _cleared = ClearedOnDrop(self.future());
            scope::panic_as_planned();
        }
    }

    /// An unfinished handler is done.
    #[cold]
    pub(super) fn done_seeded(&self) {
        if let Some(sim) = self.cell.commons.runtime.sim() {
            sim.done(self.cell.address());
        }
    }
}

struct ClearedOnDrop<'a>(&'a mut FutureSlot);

impl Drop for ClearedOnDrop<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// An order, as a trace names it.
pub(super) fn order_name(control: &Control) -> &'static str {
    match control {
        Control::Stop(_) => "is to stop",
        Control::Drain(_) => "is to stop when its mailbox is empty",
        Control::Kill(_) => "is to stop now",
        Control::Restart => "is to start again",
        Control::ChildrenStopped => "has no children left",
        Control::Escalated(_) => "is to fail with a child",
        Control::Halt(_) => "is to end in order",
        Control::Cut => "is to end now",
        Control::Close(_) => "is to end for good",
        Control::Quit(_) => "is to end, its work done",
        Control::Move(_) => "is to move",
        Control::LinkTo { .. } => "is to link to another",
        Control::Link(_) => "is linked to by another",
        Control::LinkMade { .. } => "has a link",
        Control::Unlink(_) => "has a link less",
        Control::LinkBroken { .. } => "is to fall with a linked actor",
    }
}
