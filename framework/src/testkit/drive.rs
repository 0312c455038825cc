//! The loop of a run: takes one of what is ready, as was decided, runs it, and lets tokio see to its timers.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::choices::Kind;
use super::hook;
use super::report::Failure;
use super::state::{Inner, Ready, State, StrandState};
use super::trace::What;
use crate::runtime::Runtime;
use crate::system::System;

/// The strand of the test itself.
pub(super) const TEST: u32 = 0;

/// What of a run stays on its thread.
#[derive(Default)]
pub(super) struct Local {
    /// The tasks of the test, by strand.
    tasks: RefCell<Vec<(u32, Option<Task>)>>,
    pub(super) conditions: RefCell<Vec<Condition>>,
    /// Kept to the run's end, so that a test that lets go of one does not end it by that.
    pub(super) systems: RefCell<Vec<System>>,
    /// Whose run queues they are, by queue: of each system its workers', then its pinned cores'.
    pub(super) runtimes: RefCell<Vec<Arc<Runtime>>>,
    pub(super) reins: RefCell<Reins>,
    failure: RefCell<Option<Failure>>,
}

pub(super) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Something that a task of the test waits for; looked at after each step.
pub(super) struct Condition {
    pub(super) holds: Box<dyn FnMut() -> bool>,
    pub(super) was_met: Rc<Cell<bool>>,
    pub(super) waker: Waker,
}

/// Who leads: the driver, or the test by hand.
#[derive(Default)]
pub(super) struct Reins {
    pub(super) is_held: bool,
    /// The test wants a step.
    pub(super) wanted: bool,
    /// What came of it.
    pub(super) ran: Option<bool>,
    /// How often in a row there was nothing to do but wait.
    idle: u32,
}

impl Local {
    pub(super) fn add_task(&self, strand: u32, task: Task) {
        self.tasks.borrow_mut().push((strand, Some(task)));
    }

    fn take_task(&self, strand: u32) -> Option<Task> {
        let mut tasks = self.tasks.borrow_mut();
        tasks.iter_mut().find(|(other, _)| *other == strand)?.1.take()
    }

    fn put_task(&self, strand: u32, task: Task) {
        let mut tasks = self.tasks.borrow_mut();
        if let Some((_, place)) = tasks.iter_mut().find(|(other, _)| *other == strand) {
            *place = Some(task);
        }
    }

    fn fail(&self, failure: Failure) {
        self.failure.borrow_mut().get_or_insert(failure);
    }

    /// Lets go of everything. What is dropped is foreign code, and may come back here.
    pub(super) fn clear(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
        let conditions = std::mem::take(&mut *self.conditions.borrow_mut());
        drop(conditions);
        let systems = std::mem::take(&mut *self.systems.borrow_mut());
        drop(systems);
        self.runtimes.borrow_mut().clear();
    }
}

/// Drives a run to its end.
pub(super) struct Driver<'a> {
    state: Arc<State>,
    local: Rc<Local>,
    test: Pin<&'a mut dyn Future<Output = ()>>,
    test_waker: Waker,
    is_done: bool,
    /// Virtual time is up.
    horizon: Pin<Box<Sleep>>,
    /// The next turn that was held up is due.
    late: Pin<Box<Sleep>>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        state: Arc<State>,
        local: Rc<Local>,
        test: Pin<&'a mut dyn Future<Output = ()>>,
    ) -> Self {
        let strand = state.add_strand("test".to_owned(), false);
        debug_assert_eq!(strand, TEST);
        let horizon = Box::pin(tokio::time::sleep(state.settings.time_max));
        let late = Box::pin(tokio::time::sleep(state.settings.time_max));
        Driver { test_waker: state.waker(TEST), state, local, test, is_done: false, horizon, late }
    }
}

impl Future for Driver<'_> {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.keep_waker(cx);
        this.take_late(cx);
        let has_run = match this.choose() {
            Some(chosen) => {
                this.run(chosen);
                true
            }
            None => false,
        };
        if let Some(failure) = this.local.failure.take() {
            return Poll::Ready(Err(failure));
        }
        if this.is_done {
            return Poll::Ready(Ok(()));
        }
        this.look_at_conditions();
        if this.local.reins.borrow().ran.is_some() {
            // The step that it wanted has run, or there was none.
            this.state.wake_strand(TEST);
        }
        if has_run {
            // tokio's own tasks and timers have their turn between two steps.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.wait(cx)
    }
}

impl Driver<'_> {
    fn keep_waker(&self, cx: &Context<'_>) {
        let mut inner = self.state.lock();
        if !inner.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.driver = Some(cx.waker().clone());
        }
    }

    /// Turns that were held up and are due are ready.
    fn take_late(&mut self, cx: &mut Context<'_>) {
        let mut inner = self.state.lock();
        if inner.late.is_empty() {
            return;
        }
        let now = Instant::now();
        let Inner { late, ready, .. } = &mut *inner;
        late.retain(|&(due, turn)| {
            if due <= now {
                ready.push_back(turn);
            }
            due > now
        });
        let next = late.iter().map(|&(due, _)| due).min();
        drop(inner);
        if let Some(next) = next {
            self.late.as_mut().reset(next);
            // Polled for its waker; that it is pending is known.
            let _pending = self.late.as_mut().poll(cx);
        }
    }

    /// Takes what runs next out of what is ready.
    fn choose(&self) -> Option<Ready> {
        let mut inner = self.state.lock();
        let mut reins = self.local.reins.borrow_mut();
        if reins.is_held {
            let test = Ready::Strand(TEST);
            if let Some(at) = inner.ready.iter().position(|&ready| ready == test) {
                return inner.ready.remove(at);
            }
            if !std::mem::take(&mut reins.wanted) {
                return None;
            }
            reins.idle = 0;
            reins.ran = Some(!inner.ready.is_empty());
        }
        match inner.ready.len() {
            0 => None,
            1 => inner.ready.pop_front(),
            len => {
                let at = inner.chooser.deviates(Kind::Pick, len as u64);
                inner.ready.remove(at as usize)
            }
        }
    }

    fn run(&mut self, chosen: Ready) {
        let is_over = {
            let mut inner = self.state.lock();
            inner.steps += 1;
            inner.current = None;
            inner.steps > self.state.settings.steps_max
        };
        if is_over {
            return self.local.fail(Failure::endless(self.state.settings.steps_max));
        }
        match chosen {
            Ready::Job { queue, job, was_late } => self.run_job(queue, job, was_late),
            Ready::Strand(TEST) => self.run_test(),
            Ready::Strand(strand) => self.run_strand(strand),
        }
    }

    fn run_job(&self, queue: usize, job: u32, was_late: bool) {
        let mut inner = self.state.lock();
        let faults = &self.state.settings.faults;
        // Once a turn: else it would not come at all where the rate is 1.
        let rate = if was_late { 0.0 } else { faults.slow };
        let late = inner.chooser.strikes_by(Kind::Slow, rate, faults.slow_max.as_millis() as u64);
        if late > 0 {
            let cell = inner.jobs[job as usize];
            let who = State::who(&inner, cell);
            self.state.note(&mut inner, who, What::IsLate(late));
            let due = Instant::now() + Duration::from_millis(late);
            inner.late.push((due, Ready::Job { queue, job, was_late: true }));
            return;
        }
        let jobs = &mut inner.queues[queue];
        // It is not there if the system was closed meanwhile.
        let Some(at) = jobs.iter().position(|&queued| queued == job) else { return };
        jobs.remove(at);
        let pace = inner.pace();
        drop(inner);
        let runtime = self.local.runtimes.borrow()[queue].clone();
        pace.impose();
        if !runtime.step(at) {
            self.state.lock().queues[queue].clear();
        }
    }

    fn run_test(&mut self) {
        let pace = self.state.enter_strand(TEST);
        pace.impose();
        let mut cx = Context::from_waker(&self.test_waker);
        let polled = catch_unwind(AssertUnwindSafe(|| self.test.as_mut().poll(&mut cx)));
        self.is_done = matches!(polled, Ok(Poll::Ready(())));
        self.state.leave_strand(TEST, self.is_done);
        if let Err(payload) = polled {
            self.local.fail(Failure::panic("test", &hook::describe(&*payload)));
        }
    }

    fn run_strand(&self, strand: u32) {
        let waker = {
            let mut inner = self.state.lock();
            let known = &mut inner.strands[strand as usize];
            if known.is_tokios {
                known.state = StrandState::Chosen;
            }
            known.is_tokios.then(|| known.waker.clone())
        };
        match waker {
            // tokio polls it before the next step. Without a waker it has not been polled yet, and will be.
            Some(waker) => waker.into_iter().for_each(Waker::wake),
            None => self.run_task(strand),
        }
    }

    fn run_task(&self, strand: u32) {
        let Some(mut task) = self.local.take_task(strand) else { return };
        if self.state.is_cancelled(strand) {
            self.state.end_strand(strand);
            return self.guarded("a drop", || drop(task));
        }
        let pace = self.state.enter_strand(strand);
        pace.impose();
        let waker = self.state.waker(strand);
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&waker))));
        let is_done = !matches!(polled, Ok(Poll::Pending));
        self.state.leave_strand(strand, is_done);
        match polled {
            Ok(Poll::Pending) => self.local.put_task(strand, task),
            Ok(Poll::Ready(())) => self.guarded("a drop", || drop(task)),
            Err(payload) => {
                let name = self.name(strand);
                self.local.fail(Failure::panic(&name, &hook::describe(&*payload)));
                self.guarded("a drop", || drop(task));
            }
        }
    }

    fn name(&self, strand: u32) -> String {
        let inner = self.state.lock();
        inner.trace.name(inner.strands[strand as usize].name).to_owned()
    }

    fn guarded(&self, place: &str, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.local.fail(Failure::panic(place, &hook::describe(&*payload)));
        }
    }

    fn look_at_conditions(&self) {
        let mut conditions = std::mem::take(&mut *self.local.conditions.borrow_mut());
        conditions.retain_mut(|condition| {
            // Whoever waited is gone.
            if Rc::strong_count(&condition.was_met) == 1 {
                return false;
            }
            let mut holds = false;
            self.guarded("a condition", || holds = (condition.holds)());
            if holds {
                condition.was_met.set(true);
                condition.waker.wake_by_ref();
            }
            !holds
        });
        self.local.conditions.borrow_mut().append(&mut conditions);
    }

    /// Nothing is ready: tokio goes on to the next timer. If there is none but the run's own, it hangs.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut reins = self.local.reins.borrow_mut();
        if reins.is_held {
            reins.idle += 1;
            if reins.idle > IDLE_MAX {
                return Poll::Ready(Err(Failure::held()));
            }
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        drop(reins);
        if self.horizon.as_mut().poll(cx).is_ready() {
            let waiting = self.state.lock().waiting();
            return Poll::Ready(Err(Failure::hang(self.state.settings.time_max, &waiting)));
        }
        Poll::Pending
    }
}

/// How often tokio may have its turn before a test that holds the reins and does nothing is given up.
const IDLE_MAX: u32 = 16;
