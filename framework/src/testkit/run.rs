//! What a test is given: systems, tasks, chance, and the reins.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Handle;

use super::choices::Kind;
use super::drive::{Condition, Local};
use super::explore::InlineAsks;
use super::sim::SystemSim;
use super::state::State;
use super::trace::What;
use crate::actor::Inline;
use crate::runtime::Seam;
use crate::system::System;

/// One run of a test: what the seed decides, and what the test does. Cloned freely; it stays on its thread.
#[derive(Clone)]
pub struct Run {
    pub(super) state: Arc<State>,
    pub(super) local: Rc<Local>,
    seed: Option<u64>,
}

/// A task of the test was dropped where it waited: [`Faults::cancels`](super::Faults::cancels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the task was dropped where it waited")]
pub struct Cancelled;

impl Run {
    pub(super) fn new(state: &Arc<State>, local: &Rc<Local>, seed: Option<u64>) -> Self {
        Run { state: state.clone(), local: local.clone(), seed }
    }

    /// The seed, if it is one that decides.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// The run's system, made by the first call.
    pub fn system(&self) -> System {
        let first = self.local.systems.borrow().first().cloned();
        first.unwrap_or_else(|| self.new_system("testkit"))
    }

    /// Another system of the same run. Before the first [`system`](Self::system), it is that.
    pub fn new_system(&self, name: &str) -> System {
        let system = self.local.systems.borrow().len();
        let seam = Arc::new(self.queue_of(system));
        let inline = match self.state.settings.inline {
            InlineAsks::Always => Inline::Always,
            InlineAsks::Never => Inline::Never,
            InlineAsks::Seeded => Inline::Auto,
        };
        let cores =
            (0..self.state.settings.pinned_cores).map(|_| Arc::new(self.queue_of(system)) as Arc<dyn Seam>);
        let system = System::builder().name(name).start_stepped(Handle::current(), seam, cores, inline);
        let commons = system.commons();
        let queues = std::iter::once(&commons.runtime).chain(&commons.pinned);
        self.local.runtimes.borrow_mut().extend(queues.cloned());
        self.local.systems.borrow_mut().push(system.clone());
        system
    }

    /// A further run queue of a system: one for each home of its actors. Its runtime is to be put among the run's, in
    /// this order.
    fn queue_of(&self, system: usize) -> SystemSim {
        let mut inner = self.state.lock();
        inner.queues.push(VecDeque::new());
        SystemSim { state: self.state.clone(), system, queue: inner.queues.len() - 1 }
    }

    /// Spawns a task of the test beside its own, which the seed lets run among all others. It need not be `Send`. A
    /// panic in it fails the run.
    pub fn spawn<T: 'static>(&self, name: &str, task: impl Future<Output = T> + 'static) -> Spawned<T> {
        let outcome = Rc::new(Outcome::default());
        let ending = Ending(outcome.clone());
        let task = Box::pin(async move {
            let value = task.await;
            ending.0.value.replace(Some(value));
        });
        let strand = self.state.add_strand(name.to_owned(), false);
        self.local.add_task(strand, task);
        Spawned(outcome)
    }

    /// Waits for `future`, or drops it where it waits, if the seed says so ([`Faults::cancels`]): as a `select!` or a
    /// timeout would.
    ///
    /// # Errors
    ///
    /// When it was dropped.
    ///
    /// [`Faults::cancels`]: super::Faults::cancels
    pub async fn cancellable<T>(&self, future: impl Future<Output = T>) -> Result<T, Cancelled> {
        let mut future = Some(Box::pin(future));
        let mut is_first = true;
        std::future::poll_fn(|cx| {
            let polled = future.as_mut().expect("it is polled until it is ready");
            if !std::mem::take(&mut is_first)
                && self.strikes(Kind::Cancel, self.state.settings.faults.cancels)
            {
                self.say(What::IsCancelled);
                future = None;
                return Poll::Ready(Err(Cancelled));
            }
            polled.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    fn strikes(&self, kind: Kind, rate: f64) -> bool {
        self.state.lock().chooser.strikes(kind, rate)
    }

    /// A number below `below`, from the seed.
    ///
    /// # Panics
    ///
    /// When `below` is 0.
    pub fn below(&self, below: u64) -> u64 {
        assert!(below > 0, "there is no number below 0");
        self.state.lock().chooser.below(Kind::Draw, below)
    }

    /// True once in `n` times, from the seed.
    pub fn one_in(&self, n: u64) -> bool {
        // The last of them, so that 0, to which a run is made smaller, is the usual case.
        self.below(n) + 1 == n
    }

    /// One of `items`, from the seed.
    ///
    /// # Panics
    ///
    /// When there are none.
    pub fn choose<'a, T>(&self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Lets whatever else is ready run, or not, as the seed decides.
    pub async fn yield_now(&self) {
        let mut has_yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Writes a line into the trace, for who reads it.
    pub fn note(&self, text: impl fmt::Display) {
        self.say(What::Says(text.to_string()));
    }

    fn say(&self, what: What) {
        let mut inner = self.state.lock();
        let who = State::who(&inner, 0);
        self.state.note(&mut inner, who, what);
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        self.state.now()
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.state.lock().steps
    }

    /// Waits until `holds` does. It is called after every step.
    ///
    /// # Panics
    ///
    /// When it does not within ten seconds of virtual time; `what` says what was waited for.
    pub async fn until(&self, what: &str, holds: impl FnMut() -> bool + 'static) {
        let met = self.until_within(PATIENCE, holds).await;
        assert!(met, "{what}: not within {PATIENCE:?} of virtual time");
    }

    /// As [`until`](Self::until), with a limit. False: it was not met.
    pub async fn until_within(&self, limit: Duration, mut holds: impl FnMut() -> bool + 'static) -> bool {
        if holds() {
            return true;
        }
        let was_met = Rc::new(Cell::new(false));
        let mut condition = Some(Box::new(holds) as Box<dyn FnMut() -> bool>);
        let met = std::future::poll_fn(|cx| {
            if let Some(holds) = condition.take() {
                let (was_met, waker) = (was_met.clone(), cx.waker().clone());
                self.local.conditions.borrow_mut().push(Condition { holds, was_met, waker });
            }
            if was_met.get() { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::time::timeout(limit, met).await.is_ok()
    }

    /// Takes the reins: from now on nothing runs but the test itself, until it makes a [`step`](Self::step) or
    /// [lets go](Self::let_go). Time stands still but for [`advance`](Self::advance).
    ///
    /// To await anything else then is to hang, and fails the run.
    pub fn hold(&self) {
        self.local.reins.borrow_mut().is_held = true;
    }

    /// Gives the reins back to the seed.
    pub fn let_go(&self) {
        self.local.reins.borrow_mut().is_held = false;
    }

    /// Runs one of what is ready, which the seed decides. False if nothing is.
    ///
    /// # Panics
    ///
    /// When the test does not [hold](Self::hold) the reins.
    pub async fn step(&self) -> bool {
        {
            let mut reins = self.local.reins.borrow_mut();
            assert!(reins.is_held, "a step is for who holds the reins: `run.hold()`");
            reins.wanted = true;
        }
        std::future::poll_fn(|_| match self.local.reins.borrow_mut().ran.take() {
            Some(ran) => Poll::Ready(ran),
            None => Poll::Pending,
        })
        .await
    }

    /// Makes steps until nothing is ready. How many.
    pub async fn settle(&self) -> usize {
        let mut steps = 0;
        while self.step().await {
            steps += 1;
        }
        steps
    }

    /// Lets `time` pass: timers that are due ring. With the reins in hand, nobody runs for that; else the others go on
    /// meanwhile.
    pub async fn advance(&self, time: Duration) {
        let is_held = self.local.reins.borrow().is_held;
        if is_held {
            tokio::time::advance(time).await;
        } else {
            tokio::time::sleep(time).await;
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// How long an expectation waits, in virtual time.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A task of the test. Awaited, it gives what the task came to; dropped, the task goes on.
pub struct Spawned<T>(Rc<Outcome<T>>);

struct Outcome<T> {
    value: RefCell<Option<T>>,
    is_over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Outcome { value: RefCell::default(), is_over: Cell::default(), waker: RefCell::default() }
    }
}

/// In the task: tells that it is over, however it ends.
struct Ending<T>(Rc<Outcome<T>>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.is_over.set(true);
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

impl<T> Spawned<T> {
    /// Whether it has ended, or was dropped.
    pub fn is_over(&self) -> bool {
        self.0.is_over.get()
    }
}

impl<T> Future for Spawned<T> {
    type Output = Result<T, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.0.is_over.get() {
            self.0.waker.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        Poll::Ready(self.0.value.take().ok_or(Cancelled))
    }
}

impl<T> fmt::Debug for Spawned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned").field("is_over", &self.is_over()).finish()
    }
}
