//! One activation of a cell: control first, then what is unfinished, then messages, within a budget.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use super::super::claim::Rest;
use super::super::context::Context;
use super::super::lifecycle::{Failure, StartError, StopReason};
use super::super::settings::Inline;
use super::super::turn::{Handled, Outcome, Turn};
use super::super::{Actor, scope};
use super::Cell;
use super::life::{Life, Phase, Unfinished};
use crate::mailbox::Pop;

/// Messages an activation.
const BUDGET_LEN: u32 = 128;
/// Time an activation, looked at when a message is timed anyway.
const BUDGET_TIME: Duration = Duration::from_micros(200);
/// How often the head is looked at again when its sender has taken its place and not yet filled it.
const BUSY_SPINS: u32 = 64;

/// Whose thread this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Worker,
    Asker,
}

/// How an activation ends.
enum Next {
    /// Nothing to do: parked, with the wake-up armed.
    Rest,
    /// A future, a restart or the children's end is waited for.
    Wait,
    /// There is more to do, elsewhere or later.
    Requeue,
    Closed,
}

/// The right to the runner's half of a cell.
pub(super) struct Runner<'a, A: Actor> {
    pub(super) cell: &'a Arc<Cell<A>>,
    place: Place,
}

/// Runs the cell until it rests.
///
/// # Safety
///
/// The caller holds the claim and gives it to this function, which gives it up.
pub(super) unsafe fn activate<A: Actor>(cell: &Arc<Cell<A>>, place: Place) {
    let mut runner = Runner { cell, place };
    let entered = scope::enter(cell.address(), place == Place::Asker, A::PUBLISHES);
    scope::resume(std::mem::take(&mut runner.life().suspended));
    loop {
        let next = runner.run_guarded();
        cell.mailbox.admit();
        let rest = match next {
            // SAFETY: the claim is held, so this is the consumer.
            Next::Rest => match unsafe { cell.mailbox.park() } {
                true => cell.claim.release(),
                false => Rest::LookAgain,
            },
            Next::Wait => {
                runner.life().suspended = scope::suspend();
                let rest = cell.claim.suspend();
                if rest == Rest::LookAgain {
                    scope::resume(std::mem::take(&mut runner.life().suspended));
                }
                rest
            }
            Next::Requeue => {
                runner.life().suspended = scope::suspend();
                cell.schedule_if(cell.claim.requeue());
                Rest::Resting
            }
            Next::Closed => {
                cell.claim.close();
                Rest::Resting
            }
        };
        if rest == Rest::Resting {
            break;
        }
    }
    // The claim is given up: now the wakers run.
    drop(entered);
}

/// The runtime is gone: lets go of everything.
///
/// # Safety
///
/// As [`activate`].
pub(super) unsafe fn abandon<A: Actor>(cell: &Arc<Cell<A>>) {
    let mut runner = Runner { cell, place: Place::Worker };
    let entered = scope::enter(cell.address(), false, false);
    runner.close(StopReason::RuntimeLost);
    cell.claim.close();
    drop(entered);
}

/// Whether an asker that holds the claim may run the cell.
///
/// # Safety
///
/// The caller holds the claim, and keeps it.
pub(super) unsafe fn is_ready_for_asker<A: Actor>(cell: &Arc<Cell<A>>) -> bool {
    let mut runner = Runner { cell, place: Place::Asker };
    let always = cell.inline == Inline::Always;
    let life = runner.life();
    life.phase == Phase::Running
        && life.stop.is_none()
        && life.drain.is_none()
        && (always || life.pace.is_quick(|| cell.now()))
}

impl<'a, A: Actor> Runner<'a, A> {
    pub(super) fn life(&mut self) -> &mut Life<A> {
        // SAFETY: a Runner exists only while its claim is held, and `&mut self` makes the borrow unique.
        unsafe { &mut *self.cell.life.get() }
    }

    pub(super) fn future(&mut self) -> &mut Option<Unfinished<A>> {
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

    /// Runs user code under the guard.
    fn run_guarded(&mut self) -> Next {
        match catch_unwind(AssertUnwindSafe(|| self.run())) {
            Ok(next) => next,
            Err(payload) => {
                self.panicked(&*payload);
                if self.life().phase == Phase::Closed { Next::Closed } else { Next::Wait }
            }
        }
    }

    fn run(&mut self) -> Next {
        let mut left = BUDGET_LEN;
        let mut began: Option<Instant> = None;
        loop {
            if self.place == Place::Asker && self.cell.claim.has_control() {
                return Next::Requeue;
            }
            match self.place {
                // Control is the workers'; what comes from here on is seen before the claim is released.
                Place::Asker => self.cell.claim.acknowledge(),
                Place::Worker if self.cell.claim.take_notified() => self.obey(),
                Place::Worker => {}
            }
            let phase = self.life().phase;
            let next = match phase {
                Phase::New => {
                    self.begin_start();
                    None
                }
                Phase::Starting | Phase::Stopping => self.poll_unfinished(),
                Phase::Failed | Phase::StoppingChildren => Some(Next::Wait),
                Phase::Closed => Some(Next::Closed),
                Phase::Running if self.future().is_some() => self.poll_unfinished(),
                Phase::Running if left == 0 => Some(Next::Requeue),
                Phase::Running => {
                    left -= 1;
                    self.next_message(&mut began, &mut left)
                }
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    /// Takes one message and handles it. Says how the activation ends when there is none to take.
    fn next_message(&mut self, began: &mut Option<Instant>, left: &mut u32) -> Option<Next> {
        if let Some(reason) = self.life().stop.take() {
            self.begin_stop(reason);
            return None;
        }
        let message = match self.pop() {
            Ok(message) => message,
            Err(Next::Rest) => {
                let reason = self.life().drain.take();
                return reason.map_or(Some(Next::Rest), |reason| {
                    self.begin_stop(reason);
                    None
                });
            }
            Err(next) => return Some(next),
        };
        let start = self.life().pace.samples().then(|| self.cell.now());
        self.handle(message);
        if let Some(start) = start {
            let end = self.cell.now();
            if self.future().is_none() {
                self.life().pace.measured(start, end);
            }
            if end.saturating_duration_since(*began.get_or_insert(start)) > BUDGET_TIME {
                *left = 0;
            }
        }
        None
    }

    fn pop(&mut self) -> Result<A::Message, Next> {
        if self.place == Place::Asker {
            let is_plain = |message: &A::Message| !A::HANDLERS[A::handler_of(message)].is_async();
            // SAFETY: the claim is held, so this is the consumer.
            let plain = unsafe { self.cell.mailbox.pop_if(is_plain) };
            let otherwise = if self.cell.mailbox.len() == 0 { Next::Rest } else { Next::Requeue };
            return plain.ok_or(otherwise);
        }
        for _ in 0..BUSY_SPINS {
            // SAFETY: the claim is held, so this is the consumer.
            match unsafe { self.cell.mailbox.pop() } {
                Pop::Item(message) => return Ok(message),
                Pop::Empty => return Err(Next::Rest),
                Pop::Busy => crate::sync::hint::spin_loop(),
            }
        }
        // A sender was interrupted between its ticket and its message: give it the processor.
        crate::sync::thread::yield_now();
        Err(Next::Requeue)
    }

    fn handle(&mut self, message: A::Message) {
        let info = &A::HANDLERS[A::handler_of(&message)];
        let life = self.life();
        life.place = info.name();
        life.reads_only = info.is_read();
        scope::inherit_deadline(None);
        // SAFETY: no future is unfinished, else no message is taken. A plain handler ends here; the future of
        // another is kept in `future`, and dropped there before state and ctx are touched again.
        let (state, ctx) = unsafe { self.borrow_half() };
        ctx.begin_message();
        let state = state.as_mut().expect("a running actor has its state");
        let Handled(outcome) = state.handle(message, ctx, Turn::new());
        match outcome {
            Outcome::Done => self.message_done(),
            Outcome::Later(future) => {
                *self.future() = Some(Unfinished::Handler(future));
                self.life().is_fresh = true;
            }
        }
    }

    /// The handler ended: publishes what changed, then lets the answers out.
    fn message_done(&mut self) {
        let reads_only = self.life().reads_only;
        // SAFETY: the handler has ended and its future is gone.
        let (state, ctx) = unsafe { self.borrow_half() };
        if A::PUBLISHES && !reads_only {
            let state = state.as_ref().expect("a running actor has its state");
            state.publish(&self.cell.views);
        }
        scope::release_held();
        let in_hand = ctx.end_message();
        self.cell.stats.handled.add(in_hand as u64);
        self.life().place = "drop";
    }

    /// Polls the unfinished future if it wants to be. `None`: it is done.
    fn poll_unfinished(&mut self) -> Option<Next> {
        let is_due = self.cell.claim.take_woken() | std::mem::take(&mut self.life().is_fresh);
        if !is_due {
            return Some(Next::Wait);
        }
        let waker = Waker::from(self.cell.clone());
        let mut cx = TaskContext::from_waker(&waker);
        let future = self.future();
        match future.as_mut().expect("this phase has a future") {
            Unfinished::Handler(handler) => match handler.as_mut().poll(&mut cx) {
                Poll::Pending => return Some(Next::Wait),
                Poll::Ready(()) => {
                    *future = None;
                    self.message_done();
                }
            },
            Unfinished::Start(start) => match start.as_mut().poll(&mut cx) {
                Poll::Pending => return Some(Next::Wait),
                Poll::Ready(outcome) => {
                    *future = None;
                    self.start_done(outcome);
                }
            },
            Unfinished::Stop(stop) => match stop.as_mut().poll(&mut cx) {
                Poll::Pending => return Some(Next::Wait),
                Poll::Ready(()) => {
                    *future = None;
                    let reason = self.life().stop.take().expect("a stopping actor has its reason");
                    self.close(reason);
                }
            },
        }
        None
    }

    fn begin_start(&mut self) {
        let args = self.life().args.clone();
        // SAFETY: there is no state and no future; the start's future is dropped before ctx is touched again.
        let (_, ctx) = unsafe { self.borrow_half() };
        let start = A::start(ctx, args);
        *self.future() = Some(Unfinished::Start(Box::pin(start)));
        let life = self.life();
        life.phase = Phase::Starting;
        life.place = "start";
        life.is_fresh = true;
    }

    fn start_done(&mut self, outcome: Result<A, StartError>) {
        let state = match outcome {
            Ok(state) => state,
            Err(error) => return self.fail(&Failure::start(&error)),
        };
        // SAFETY: the start's future is gone.
        let (place, _) = unsafe { self.borrow_half() };
        let state = place.insert(state);
        A::forget(&self.cell.views);
        state.publish(&self.cell.views);
        self.life().phase = Phase::Running;
        match self.life().started.take() {
            // The spawner may have stopped waiting.
            Some(started) => drop(started.send(Ok(()))),
            None => tracing::info!(target: "ostraca::actor", actor = %self.cell.label, "restarted"),
        }
    }
}
