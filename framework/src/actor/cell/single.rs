//! Turns of a single message, which most are: whatever is more than that goes on in [`runner`](super::runner).
//!
//! ```text
//!   take_turn     a worker, of what waits in the mailbox       one message, no more known ──> rest
//!   run_message   an asker, in its envelope                    that message ───────────────> rest
//!   call          an asker, without one                        that call ──────────────────> rest
//!
//!   anything else: control, an unfinished handler, a second message, a panic, a rest that fails ──> run_to_rest
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::super::error::AskError;
use super::super::message::Direct;
use super::super::scope::Place;
use super::super::trace;
use super::super::{Actor, Handles, Message, scope};
use super::Cell;
use super::life::{At, Phase};
use super::runner::{Budget, Next, Runner};
use super::seeded::Origin;
use crate::coop;
use crate::mailbox::{Find, LastReference, Rest};

/// Runs the cell on a worker until it rests. There are messages up to the ticket `end`, and `is_called` is as of
/// [`activate`](super::runner::activate).
///
/// # Safety
///
/// As [`activate`](super::runner::activate).
#[inline(always)]
pub(super) unsafe fn take_turn<A: Actor>(cell: &Cell<A>, is_called: bool, end: u64) -> LastReference {
    let mut runner = Runner { cell, place: Place::Worker };
    let entered = runner.enter(0);
    let mut budget = Budget::new();
    // SAFETY: the claim is held, so this is the consumer.
    unsafe { cell.mailbox.expect(end) };
    let rested = match !is_called && runner.is_plain_turn() {
        true => match catch_unwind(AssertUnwindSafe(|| runner.run_one(&mut budget))) {
            Ok(true) => runner.rest(Next::Rest),
            Ok(false) => None,
            Err(payload) => runner.rest_after_panic(&*payload),
        },
        false => None,
    };
    let last = rested.unwrap_or_else(|| runner.run_to_rest(is_called, budget));
    // The claim is given up: now the wakers run.
    drop(entered);
    last
}

/// Runs a message that was never queued, where its asker stands, and then what was queued meanwhile. `asking` is the
/// slot of its ask.
///
/// # Safety
///
/// As [`activate`](super::runner::activate); nothing is queued before the ticket `idle_at`, and
/// [`is_ready_for_asker`](super::runner::is_ready_for_asker) said yes.
#[inline(always)]
pub(super) unsafe fn run_message<A: Actor>(
    cell: &Cell<A>,
    message: A::Message,
    asking: usize,
    idle_at: u64,
) -> LastReference {
    let mut runner = Runner { cell, place: Place::Asker };
    let entered = runner.enter(asking);
    let handled = catch_unwind(AssertUnwindSafe(|| {
        match trace::is_on() {
            false => runner.handle_apart(message, &mut Budget::new()),
            true => runner.handle_traced(message, &mut Budget::new()),
        };
    }));
    let rested = match handled {
        Ok(()) => runner.rest_at(idle_at),
        Err(payload) => runner.rest_after_panic(&*payload),
    };
    let last = rested.unwrap_or_else(|| runner.go_on_to_rest());
    drop(entered);
    last
}

/// Calls a plain handler where its asker stands, and then runs what was queued meanwhile.
///
/// # Safety
///
/// As [`run_message`].
#[inline(always)]
pub(super) unsafe fn call<A: Handles<M>, M: Message>(
    cell: &Cell<A>,
    message: M,
    direct: &Direct<A, M>,
    deadline: Option<Instant>,
    idle_at: u64,
) -> (Result<M::Reply, AskError<M::Refusal>>, LastReference) {
    let mut runner = Runner { cell, place: Place::Asker };
    let entered = runner.enter(0);
    scope::inherit_deadline(deadline);
    let answered = catch_unwind(AssertUnwindSafe(|| runner.call_timed(message, direct)));
    let (answer, rested) = match answered {
        Ok(answer) => {
            if !runner.life().pace.is_short() {
                coop::was_long();
            }
            (answer.map_err(AskError::Refused), runner.rest_at(idle_at))
        }
        Err(payload) => (Err(AskError::Panicked), runner.rest_after_panic(&*payload)),
    };
    let last = rested.unwrap_or_else(|| runner.go_on_to_rest());
    drop(entered);
    (answer, last)
}

impl<A: Actor> Runner<'_, A> {
    /// Whether nothing but messages is there to be looked at.
    #[inline(always)]
    fn is_plain_turn(&mut self) -> bool {
        let is_traced = trace::is_on();
        self.cell.residence.set_traced(is_traced);
        let life = self.life();
        life.phase == Phase::Running
            && life.cold.is_none()
            && !is_traced
            && !self.is_called()
            && !self.future().is_some()
    }

    /// Handles the first message of a plain turn, if it is there. True: it may be all.
    #[inline(always)]
    fn run_one(&mut self, budget: &mut Budget) -> bool {
        let cell = self.cell;
        // SAFETY: the claim is held, so this is the consumer.
        let Find::Item(found) = (unsafe { cell.mailbox.find() }) else { return false };
        self.handle_found(found, budget)
            && !budget.is_spent()
            // SAFETY: the claim is held, so this is the consumer.
            && !unsafe { cell.mailbox.knows_next() }
            && (scope::has_woken() || !cell.commons.lingers || !cell.runtime().is_alone())
    }

    /// Gives the claim up where it was idle: the message that ran was never in the mailbox. `None` as of
    /// [`rest`](Self::rest).
    #[inline(always)]
    fn rest_at(&mut self, idle_at: u64) -> Option<LastReference> {
        (self.cell.claim().release(idle_at) == Rest::Resting).then_some(LastReference::Others)
    }

    /// Something came while an asker's message ran.
    #[cold]
    #[inline(never)]
    fn go_on_to_rest(&mut self) -> LastReference {
        self.run_to_rest(false, Budget::new())
    }

    /// Calls a plain handler, and times it if it is its turn to be: apart, so that the way of most calls is short enough
    /// to be inlined into its asker's.
    #[inline(always)]
    fn call_timed<M: Message>(&mut self, message: M, direct: &Direct<A, M>) -> Result<M::Reply, M::Refusal>
    where
        A: Handles<M>,
    {
        match self.life().pace.samples() {
            false => self.call_direct(message, direct),
            true => self.call_sampled(message, direct),
        }
    }

    #[cold]
    #[inline(never)]
    fn call_sampled<M: Message>(&mut self, message: M, direct: &Direct<A, M>) -> Result<M::Reply, M::Refusal>
    where
        A: Handles<M>,
    {
        let start = self.begin_timed(direct.index, Origin::Apart);
        let answer = self.call_direct(message, direct);
        self.timed(direct.index, start, Some(true), &mut Budget::new());
        answer
    }

    #[inline(always)]
    fn call_direct<M: Message>(&mut self, message: M, direct: &Direct<A, M>) -> Result<M::Reply, M::Refusal>
    where
        A: Handles<M>,
    {
        self.life().at = At::Handler(direct.index as u16);
        // SAFETY: no future is unfinished, else no message is taken.
        let (state, ctx) = unsafe { self.borrow_half() };
        let answer = (direct.call)(state.as_mut().expect("a running actor has its state"), message, ctx);
        if answer.is_err() {
            self.cell.count_refused(direct.index);
        }
        self.message_done(direct.index);
        answer
    }
}
