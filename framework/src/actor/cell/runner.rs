//! One activation of a cell: control first, then what is unfinished, then messages, within a budget.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::super::context::Context;
use super::super::lifecycle::StopReason;
use super::super::parent::AnyCell;
use super::super::scope::{Entered, Place};
use super::super::trace::{self, Traced};
use super::super::turn::Turn;
use super::super::{Actor, sampling, scope};
use super::life::{At, Life, Phase};
use super::seeded::Origin;
use super::{Cell, FutureSlot, TypeRef};
use crate::mailbox::{Find, Found, LastReference, Rest, Wake};
use crate::runtime::{Runtime, note_woken_task};
use crate::sync::atomic::Ordering;

/// Messages an activation.
const BUDGET_LEN: u32 = 128;
/// Time an activation, looked at when a message is timed anyway.
const BUDGET_TIME: Duration = Duration::from_micros(200);

/// How an activation ends.
pub(super) enum Next {
    /// Nothing to take: the claim is given up.
    Rest,
    /// A future, a restart or the children's end is waited for.
    Wait,
    /// The next message is waited for by a handler that gathers.
    Gather,
    /// There is more to do, elsewhere or later.
    Requeue,
    /// Nothing to take now: the cell looks once more when the worker has done what else is ready, before it rests.
    /// A sender that is about as fast as the handler then wakes nobody.
    Linger,
    /// It has a new home: that is where it goes on.
    Leave,
    Closed,
}

/// How long a worker with nothing else to do lets messages come together for a cell that has caught up, in pauses of
/// the processor: about a microsecond. To look at once would take from the sender, at every message, the line that it
/// is writing.
const LINGER_PAUSES: u32 = 40;

/// A run of messages that is shorter than this is not worth the look that found it.
const SHORT_RUN_LEN: u32 = 32;

/// What an activation may still do before it makes way for others.
pub(super) struct Budget {
    len: u32,
    /// What `len` was when the cell last lingered.
    lingered_at: u32,
    /// What `len` was when the runner last looked for messages that it did not know of.
    looked_at: u32,
    began: Option<Instant>,
}

/// The right to the runner's half of a cell.
pub(super) struct Runner<'a, A: Actor> {
    pub(super) cell: &'a Cell<A>,
    pub(super) place: Place,
}

/// Runs the cell until it rests. `asking` is the slot of the ask that the caller makes by this, or 0; `is_called` says
/// that the control lane may have work that the claim does not speak of any more.
///
/// # Safety
///
/// The caller holds the claim and gives it to this function, which gives it up. The cell may be gone then, unless the
/// caller keeps it.
pub(super) unsafe fn activate<A: Actor>(
    cell: &Cell<A>,
    place: Place,
    asking: usize,
    is_called: bool,
) -> LastReference {
    let mut runner = Runner { cell, place };
    let entered = runner.enter(asking);
    let last = runner.run_to_rest(is_called, Budget::new());
    // The claim is given up: now the wakers run.
    drop(entered);
    last
}

/// The runtime is gone: lets go of everything.
///
/// # Safety
///
/// As [`activate`].
pub(super) unsafe fn abandon<A: Actor>(cell: &Cell<A>) -> LastReference {
    let mut runner = Runner { cell, place: Place::Worker };
    let entered = runner.enter(0);
    runner.kill(StopReason::RuntimeLost);
    let last = cell.claim().die();
    drop(entered);
    last
}

/// Whether an asker that holds the claim may run the cell.
///
/// # Safety
///
/// The caller holds the claim, and keeps it.
#[inline]
pub(super) unsafe fn is_ready_for_asker<A: Actor>(cell: &Cell<A>) -> bool {
    let mut runner = Runner { cell, place: Place::Asker };
    let life = runner.life();
    life.phase == Phase::Running
        && !life.keeps_askers_out()
        && cell.residence.lets_askers(|| life.pace.is_quick(|| cell.commons.millis()))
}

impl Budget {
    pub(super) fn new() -> Self {
        Budget { len: BUDGET_LEN, lingered_at: BUDGET_LEN, looked_at: BUDGET_LEN, began: None }
    }

    /// One message of it.
    #[inline(always)]
    pub(super) fn spend(&mut self) {
        self.len -= 1;
    }

    #[inline(always)]
    pub(super) fn is_spent(&self) -> bool {
        self.len == 0
    }

    /// The others have their turn after this message.
    pub(super) fn end(&mut self) {
        self.len = 0;
    }
}

impl<'a, A: Actor> Runner<'a, A> {
    pub(super) fn life(&mut self) -> &mut Life<A> {
        // SAFETY: a Runner exists only while its claim is held, and `&mut self` makes the borrow unique.
        unsafe { &mut *self.cell.life.get() }
    }

    /// Goes on to another phase, which everybody is shown.
    pub(super) fn enter_phase(&mut self, phase: Phase) {
        self.life().phase = phase;
        self.cell.shown.set(phase.state());
    }

    pub(super) fn future(&mut self) -> &mut FutureSlot {
        // SAFETY: as in `life`.
        unsafe { &mut *self.cell.future.get() }
    }

    /// The state and the context, for a future or a handler that ends before either is touched again.
    ///
    /// # Safety
    ///
    /// No future borrows them, and what comes of the borrows is dropped before they are used otherwise.
    pub(super) unsafe fn borrow_half(&mut self) -> (&'static mut Option<A>, &'static mut Context<A>) {
        // SAFETY: the claim is held; the caller's duty rules out a second borrow.
        let state = unsafe { &mut *self.cell.state.get() };
        // SAFETY: as above.
        let ctx = unsafe { &mut *self.cell.ctx.get() };
        (state, ctx)
    }

    #[inline(always)]
    pub(super) fn enter(&self, asking: usize) -> Entered {
        // SAFETY: the turn keeps the cell, and looks at this no more when it has given the claim up.
        let of_type = unsafe { TypeRef::new(&self.cell.commons) };
        scope::enter(self.cell.address(), of_type, self.place, A::PUBLISHES, asking)
    }

    /// Runs, user code under the guard, until it can give the claim up.
    #[inline(never)]
    pub(super) fn run_to_rest(&mut self, mut is_called: bool, mut budget: Budget) -> LastReference {
        loop {
            let rested = match catch_unwind(AssertUnwindSafe(|| self.run(is_called, &mut budget))) {
                Ok(next) => self.rest(next),
                Err(payload) => self.rest_after_panic(&*payload),
            };
            if let Some(last) = rested {
                return last;
            }
            budget = Budget::new();
            // What comes from here on is seen by the next rest.
            is_called = match self.place {
                Place::Worker => self.cell.claim().take_noted(),
                Place::Asker => self.cell.claim().acknowledge(),
            };
        }
    }

    #[cold]
    pub(super) fn rest_after_panic(&mut self, payload: &(dyn Any + Send)) -> Option<LastReference> {
        // If the handler was in one.
        drop(trace::leave(self.cell.address()));
        self.panicked(payload);
        let next = if self.life().phase == Phase::Closed { Next::Closed } else { Next::Wait };
        self.rest(next)
    }

    /// Gives the claim up, in the way that `next` says, and does not touch the cell from then on. `None`: something
    /// came meanwhile, and the claim is still held.
    #[inline]
    pub(super) fn rest(&mut self, next: Next) -> Option<LastReference> {
        let cell = self.cell;
        let rest = match next {
            Next::Rest => {
                self.admit_all();
                // SAFETY: the claim is held, so this is the consumer.
                unsafe { cell.mailbox.release() }
            }
            Next::Wait => self.suspend(),
            Next::Gather => {
                self.admit_all();
                // SAFETY: the claim is held, so this is the consumer.
                unsafe { cell.mailbox.release_unfinished() }
            }
            Next::Requeue | Next::Linger => {
                self.requeue(matches!(next, Next::Linger));
                Rest::Resting
            }
            Next::Leave => {
                self.leave();
                Rest::Resting
            }
            Next::Closed => return Some(cell.claim().die()),
        };
        (rest == Rest::Resting).then_some(LastReference::Others)
    }

    /// Lets senders in that wait for room, before a rest.
    #[inline(always)]
    fn admit_all(&self) {
        if self.cell.mailbox.admit_all() {
            note_woken_task();
        }
    }

    #[inline(never)]
    fn suspend(&mut self) -> Rest {
        // SAFETY: the claim is held, so this is the consumer.
        unsafe { self.cell.mailbox.publish_head() };
        self.admit_all();
        self.keep_suspended();
        self.cell.claim().suspend()
    }

    pub(super) fn keep_suspended(&mut self) {
        let suspended = scope::suspend();
        if !suspended.is_empty() {
            self.life().cold().suspended = suspended;
        }
    }

    #[inline(never)]
    fn requeue(&mut self, lingers: bool) {
        // The workers keep the runtime, and an asker keeps the cell.
        self.requeue_on(self.cell.runtime(), lingers);
    }

    /// Gives the claim up with work left, which goes on the queue of `runtime`: somebody else keeps that.
    pub(super) fn requeue_on(&self, runtime: &Runtime, lingers: bool) {
        let cell = self.cell;
        // SAFETY: the claim is held, so this is the consumer.
        unsafe { cell.mailbox.publish_head() };
        if cell.mailbox.admit() {
            note_woken_task();
        }
        if cell.claim().requeue() == Wake::Nothing {
            return;
        }
        // SAFETY: it was just marked as queued.
        let entry = unsafe { cell.entry() };
        if lingers { runtime.linger(entry) } else { runtime.requeue(entry) }
    }

    fn run(&mut self, is_called: bool, budget: &mut Budget) -> Next {
        if let Some(cold) = &mut self.life().cold {
            if !cold.suspended.is_empty() {
                scope::resume(std::mem::take(&mut cold.suspended));
            }
            if !cold.leaving.is_empty() {
                self.arrive();
            }
        }
        let mut is_called = is_called || self.is_called();
        loop {
            if is_called && let Some(next) = self.take_note() {
                return next;
            }
            if let Some(next) = self.go_on(budget) {
                return next;
            }
            is_called = self.is_called();
        }
    }

    /// Whether somebody called since the last look. A hint, of what the claim says.
    #[inline(always)]
    pub(super) fn is_called(&self) -> bool {
        // ORDERING: Relaxed; `take_note` looks at the claim, which orders.
        self.cell.called.load(Ordering::Relaxed) != 0
    }

    /// What was called for since the last look.
    #[cold]
    #[inline(never)]
    fn take_note(&mut self) -> Option<Next> {
        // ORDERING: Relaxed; the claim was marked before it was set, and is looked at next: a call that this store
        // wipes out is seen there, or by the next rest.
        self.cell.called.store(0, Ordering::Relaxed);
        if self.place == Place::Asker {
            // Control is the workers'.
            return self.cell.claim().acknowledge().then_some(Next::Requeue);
        }
        self.cell.claim().take_noted();
        if self.obey() { Some(Next::Leave) } else { None }
    }

    /// Does what the actor's phase asks for. `None`: there is more.
    fn go_on(&mut self, budget: &mut Budget) -> Option<Next> {
        let phase = self.life().phase;
        match phase {
            Phase::Running if !self.future().is_some() => self.run_messages(budget),
            Phase::Running | Phase::Starting | Phase::Stopping => self.poll_unfinished(),
            Phase::New => {
                self.begin_start();
                None
            }
            Phase::Down | Phase::StoppingChildren => {
                // No future is there: a wake of one that is gone, whoever kept its waker, is for nobody. Left where
                // it is it would keep the cell from resting, and so this worker from ever bringing the restart.
                self.cell.claim().take_woken();
                Some(Next::Wait)
            }
            Phase::Closed => Some(Next::Closed),
        }
    }

    /// Handles messages one after the other, until a handler waits or something else wants to be looked at. A function
    /// of its own, so that what is rare does not take its registers.
    #[inline(never)]
    fn run_messages(&mut self, budget: &mut Budget) -> Option<Next> {
        if let Some(reason) = self.life().take_stop() {
            self.begin_stop(reason);
            return None;
        }
        let is_traced = trace::is_on();
        self.cell.residence.set_traced(is_traced);
        let is_plain = self.place == Place::Worker && !is_traced;
        // SAFETY: the claim is held, so this is the consumer.
        let known = unsafe { self.cell.mailbox.known_len() };
        // What this activation has handled was there as well.
        self.cell.high_water.saw(known + (BUDGET_LEN - budget.len) as usize);
        loop {
            if budget.is_spent() {
                return Some(Next::Requeue);
            }
            let cell = self.cell;
            let is_done = if is_plain {
                // SAFETY: the claim is held, so this is the consumer.
                let looks = !unsafe { cell.mailbox.knows_next() };
                if looks {
                    self.let_a_run_form(budget);
                }
                // SAFETY: as above.
                let found = unsafe { cell.mailbox.find() };
                if looks {
                    // SAFETY: as above.
                    cell.high_water.saw(unsafe { cell.mailbox.known_len() });
                }
                match found {
                    Find::Item(found) => self.handle_found(found, budget),
                    Find::Empty => match cell.mailbox.pop_ring() {
                        Some(message) => self.handle_apart(message, budget),
                        None => return self.is_empty(budget),
                    },
                    Find::Busy => match self.wait_for_sender() {
                        None => continue,
                        next => return next,
                    },
                }
            } else {
                match self.pop_apart() {
                    Ok(message) if is_traced => self.handle_traced(message, budget),
                    Ok(message) => self.handle_apart(message, budget),
                    Err(Next::Rest) => return self.is_empty(budget),
                    Err(next) => return Some(next),
                }
            };
            if !is_done || self.is_called() {
                return None;
            }
        }
    }

    /// All that was known to be there is handled. When that was a short run of a stream, and the worker has nothing else
    /// to do, another look at once would find a shorter one, and take the senders' line from them for it.
    #[inline]
    fn let_a_run_form(&mut self, budget: &mut Budget) {
        let run = std::mem::replace(&mut budget.looked_at, budget.len) - budget.len;
        if (2..SHORT_RUN_LEN).contains(&run) && self.cell.commons.lingers && self.cell.runtime().is_alone() {
            self.pause();
        }
    }

    /// About a microsecond, unless somebody calls.
    #[cold]
    #[inline(never)]
    fn pause(&self) {
        (0..LINGER_PAUSES).take_while(|_| !self.is_called()).for_each(|_| crate::sync::hint::spin_loop());
    }

    /// Handles the message that was just found, out of its slot. False: the handler goes on.
    #[inline(always)]
    pub(super) fn handle_found(&mut self, found: Found, budget: &mut Budget) -> bool {
        let cell = self.cell;
        budget.spend();
        // SAFETY: it was just found, by who holds the claim; the reference ends with this statement.
        let handler = A::handler_of(unsafe { cell.mailbox.peek(&found) });
        // SAFETY: as above.
        self.handle_timed(handler, || unsafe { cell.mailbox.take(found) }, budget, Origin::Mailbox)
    }

    /// Handles a message that is out of the mailbox already.
    #[inline(never)]
    pub(super) fn handle_apart(&mut self, message: A::Message, budget: &mut Budget) -> bool {
        budget.spend();
        self.handle_timed(A::handler_of(&message), || message, budget, Origin::Apart)
    }

    /// Nothing is queued: rests, or stops if that was waited for.
    #[inline(never)]
    fn is_empty(&mut self, budget: &mut Budget) -> Option<Next> {
        if let Some(reason) = self.life().take_drain() {
            self.begin_stop(reason);
            return None;
        }
        let has_handled = budget.len < std::mem::replace(&mut budget.lingered_at, budget.len);
        if self.place == Place::Asker || !self.cell.commons.lingers || !has_handled {
            return Some(Next::Rest);
        }
        if self.cell.runtime().is_alone() {
            self.pause();
            return None;
        }
        let handled = BUDGET_LEN - budget.len;
        Some(if handled > 1 { Next::Linger } else { Next::Rest })
    }

    /// Handles a message, and times it if it is its turn to be. False: the handler goes on.
    #[inline(always)]
    fn handle_timed(
        &mut self,
        handler: usize,
        message: impl FnOnce() -> A::Message,
        budget: &mut Budget,
        origin: Origin,
    ) -> bool {
        let is_timed = self.life().pace.samples();
        let start = is_timed.then(|| self.begin_timed(handler, origin));
        let is_done = self.handle(handler, message);
        if let Some(start) = start {
            self.timed(handler, start, is_done.then_some(false), budget);
        }
        is_done
    }

    /// As [`handle_apart`](Self::handle_apart), in a span of the message's own; an async handler finds it again.
    #[cold]
    #[inline(never)]
    pub(super) fn handle_traced(&mut self, message: A::Message, budget: &mut Budget) -> bool {
        let handler = A::HANDLERS[A::handler_of(&message)].name();
        Traced::new(&self.cell.label(), handler).enter(self.cell.address());
        let is_done = self.handle_apart(message, budget);
        self.end_traced(is_done);
        is_done
    }

    #[cold]
    #[inline(never)]
    pub(super) fn end_traced(&mut self, is_done: bool) {
        let traced = trace::leave(self.cell.address());
        if !is_done {
            self.life().cold().traced = traced;
        }
    }

    /// The call of this handler is over that was timed. `done`: its handler has ended, and whether it was called directly.
    #[cold]
    #[inline(never)]
    pub(super) fn timed(&mut self, handler: usize, start: Instant, done: Option<bool>, budget: &mut Budget) {
        if let Some(sim) = self.cell.commons.runtime.sim() {
            return self.called_seeded(&**sim, done.is_some(), budget);
        }
        let end = self.cell.now();
        self.cell.residence.set_traced(trace::is_on());
        let mut sample = self.life().pace.take_sample();
        if done.is_some() {
            let commons = &self.cell.commons;
            self.life().pace.measured(start, end, || commons.millis());
        }
        if self.cell.commons.sampling.handling()
            && let Some(weight) = sampling::counted(sample.weight)
        {
            sample.weight = weight;
            self.sampled(handler, sample, (start, end), done);
        }
        if end.saturating_duration_since(*budget.began.get_or_insert(start)) > BUDGET_TIME {
            budget.len = 0;
        }
    }

    /// False: the handler goes on.
    #[inline(always)]
    fn handle(&mut self, handler: usize, message: impl FnOnce() -> A::Message) -> bool {
        self.life().at = At::Handler(handler as u16);
        // SAFETY: no future is unfinished, else no message is taken. A plain handler ends here; the future of
        // another is kept in `future`, and dropped there before state and ctx are touched again.
        let (state, ctx) = unsafe { self.borrow_half() };
        let state = state.as_mut().expect("a running actor has its state");
        // SAFETY: the slot is free, and the cell outlives what is put there.
        let turn = unsafe { Turn::new(self.future()) };
        let is_done = state.handle(message(), ctx, turn).is_done;
        if is_done {
            self.message_done(handler);
        } else {
            self.life().is_fresh = true;
        }
        is_done
    }

    /// The handler ended: publishes what changed, then lets the answers out.
    #[inline]
    pub(super) fn message_done(&mut self, handler: usize) {
        if A::PUBLISHES {
            self.publish();
        }
        // SAFETY: the handler has ended and its future is gone.
        let (_, ctx) = unsafe { self.borrow_half() };
        let in_hand = ctx.end_messages();
        self.cell.stats.handled.add(handler, A::HANDLERS.len(), in_hand);
    }

    fn publish(&mut self) {
        if !self.life().at.reads_only::<A>() {
            // SAFETY: the handler has ended and its future is gone.
            let (state, _) = unsafe { self.borrow_half() };
            state.as_ref().expect("a running actor has its state").publish(&self.cell.views);
        }
        scope::release_held();
    }
}
