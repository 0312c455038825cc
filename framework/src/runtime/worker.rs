//! The worker tasks and the handle that everybody schedules through.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{EnterGuard, Handle, RuntimeFlavor};
use tokio::task::{JoinHandle, coop};
use tokio::time::Sleep;

use super::job::Job;
use super::run_queue::{Own, Patrol, RunQueue};
use super::seam::Seam;
use super::shift::Shift;
use super::sim::{Gate, Sim};
use super::usher::Usher;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// How long a watcher sleeps between two patrols: the longer the more often it found nothing.
const PATROL_MIN: Duration = Duration::from_millis(1);
const PATROL_MAX: Duration = Duration::from_millis(4);

/// What is called when tokio drops the workers of a runtime that nobody closed.
type Lost = Box<dyn Fn() + Send + Sync>;

/// N worker tasks on a tokio runtime, their queues, and the seam.
pub(crate) struct Runtime {
    tokio: Handle,
    pub(super) tokio_id: tokio::runtime::Id,
    pub(super) queue: RunQueue<Job>,
    seam: Arc<dyn Seam>,
    /// In a seeded run.
    sim: Option<Arc<dyn Sim>>,
    /// Worker tasks that tokio has not dropped yet.
    workers_alive: AtomicUsize,
    lost: OnceLock<Lost>,
}

impl Runtime {
    /// The tokio runtime that it runs on.
    pub(crate) fn tokio(&self) -> &Handle {
        &self.tokio
    }

    /// Starts `workers` worker tasks on `tokio`. With 0 nothing runs but by [`step`](Self::step).
    pub(crate) fn start(tokio: Handle, workers: usize, seam: Arc<dyn Seam>) -> Arc<Self> {
        // On one thread a stuck worker sticks them all: there is nothing to watch.
        let keeps_watch = workers > 1 && tokio.runtime_flavor() != RuntimeFlavor::CurrentThread;
        let runtime = Self::new(tokio, RunQueue::new(workers, keeps_watch), workers, seam);
        for index in 0..workers {
            runtime.tokio.spawn(Worker::new(&runtime, index, workers));
            if keeps_watch {
                runtime.tokio.spawn(Usher { runtime: runtime.clone(), worker: index });
            }
        }
        runtime
    }

    /// A runtime with one worker, which is returned: its owner polls it on a thread of its own, within `tokio`.
    pub(super) fn with_own_worker(
        tokio: Handle,
        seam: Arc<dyn Seam>,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let runtime = Self::new(tokio, RunQueue::new(1, false), 1, seam);
        let worker = Worker::new(&runtime, 0, 1);
        (runtime, worker)
    }

    fn new(tokio: Handle, queue: RunQueue<Job>, workers: usize, seam: Arc<dyn Seam>) -> Arc<Self> {
        Arc::new(Runtime {
            queue,
            workers_alive: AtomicUsize::new(workers),
            lost: OnceLock::new(),
            tokio_id: tokio.id(),
            tokio,
            sim: seam.sim(),
            seam,
        })
    }

    /// Sets what is called, once, when tokio drops all workers before [`close`](Self::close).
    pub(crate) fn on_lost(&self, lost: impl Fn() + Send + Sync + 'static) {
        let set = self.lost.set(Box::new(lost));
        assert!(set.is_ok(), "on_lost is called once, by the system that starts the runtime");
    }

    /// Queues a job: on a worker's thread, within its poll, to run next there; else where all workers look. When the
    /// runtime is closed or lost, the job is abandoned at once.
    #[inline]
    pub(crate) fn schedule(&self, job: impl Into<Job>) {
        match self.here() {
            // SAFETY: this is that worker's thread, in its poll.
            Some(worker) => abandon_late(unsafe { self.queue.push_next(worker, job.into()) }),
            None => self.inject(job.into()),
        }
    }

    /// Queues a job whose budget is gone, behind whatever is ready. Call it last in an activation: nobody is woken
    /// for a job that this worker takes next.
    pub(crate) fn requeue(&self, job: impl Into<Job>) {
        match self.here() {
            // SAFETY: this is that worker's thread, in its poll.
            Some(worker) => abandon_late(unsafe { self.queue.push_last(worker, job.into()) }),
            None => self.inject(job.into()),
        }
    }

    /// Queues a job that has caught up and looks once more before it parks, behind whatever is ready. As
    /// [`requeue`](Self::requeue), but nobody is woken for it.
    pub(crate) fn linger(&self, job: impl Into<Job>) {
        match self.here() {
            // SAFETY: this is that worker's thread, in its poll.
            Some(worker) => abandon_late(unsafe { self.queue.linger(worker, job.into()) }),
            None => self.inject(job.into()),
        }
    }

    #[cold]
    #[inline(never)]
    fn inject(&self, job: Job) {
        match &self.sim {
            None => abandon_late(self.queue.inject(job).map_err(|job| vec![job])),
            Some(sim) => self.inject_seeded(&**sim, job),
        }
    }

    #[cold]
    fn inject_seeded(&self, sim: &dyn Sim, job: Job) {
        let cell = job.address();
        match self.queue.inject(job) {
            Ok(()) => sim.queued(cell),
            Err(job) => abandon(vec![job]),
        }
    }

    /// Whether the caller is a worker that has nothing else to do, while senders have threads of their own: then it
    /// may as well wait a moment. A guess.
    pub(crate) fn is_alone(&self) -> bool {
        self.here().is_some_and(|worker| self.queue.is_alone(worker))
    }

    /// Which of this runtime's workers the caller stands in.
    #[inline]
    fn here(&self) -> Option<usize> {
        let here = HERE.get()?;
        (here.runtime == std::ptr::from_ref(self).addr()).then_some(here.worker)
    }

    /// Runs the ready job that is `at`, counted from the oldest: for a runtime without workers. False if there is
    /// none.
    #[cfg_attr(not(any(test, feature = "testkit")), expect(dead_code, reason = "only seeded runs step"))]
    pub(crate) fn step(&self, at: usize) -> bool {
        self.queue.take_at(at).map(Job::run).is_some()
    }

    /// The seeded run that this runtime is of.
    #[inline]
    pub(crate) fn sim(&self) -> Option<&Arc<dyn Sim>> {
        self.sim.as_ref()
    }

    /// In a seeded run: what a task is held by until the run says that it goes on. `owner` is the cell whose it is,
    /// or 0.
    pub(crate) fn gate(&self, owner: usize) -> Option<Gate> {
        self.sim.as_ref().map(|sim| Gate::new(sim, owner))
    }

    /// Ends the workers. Jobs still queued, and later ones, are abandoned.
    pub(crate) fn close(&self) {
        abandon(self.queue.close());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// How often each worker was woken from sleep.
    #[cfg_attr(not(test), expect(dead_code, reason = "the monitor shows it next"))]
    pub(crate) fn wakes(&self) -> Vec<u64> {
        self.queue.wakes()
    }

    /// Makes this runtime's timers, sockets and `tokio::spawn` those of the calling thread, until dropped.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.tokio.enter()
    }

    /// Tells runtimes apart.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Spawns a task on the system's tokio runtime, wherever the caller stands.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        match self.gate(0) {
            None => self.tokio.spawn(future),
            Some(gate) => self.tokio.spawn(gate.hold(future)),
        }
    }

    /// Runs a blocking function on the system's pool of blocking threads.
    pub(crate) fn spawn_blocking<T, F>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.tokio.spawn_blocking(work)
    }

    pub(crate) fn now(&self) -> Instant {
        self.seam.now()
    }

    pub(crate) fn random(&self) -> u64 {
        self.seam.random()
    }
}

#[inline]
fn abandon_late(pushed: Result<(), Vec<Job>>) {
    if let Err(late) = pushed {
        abandon(late);
    }
}

#[cold]
fn abandon(late: Vec<Job>) {
    late.into_iter().for_each(Job::abandon);
}

thread_local! {
    static HERE: Cell<Option<Here>> = const { Cell::new(None) };
}

/// Whose poll this thread is in. Runtimes are told apart by their address: a worker keeps its own alive.
#[derive(Clone, Copy)]
struct Here {
    runtime: usize,
    worker: usize,
}

/// Restores, when dropped, what was there: a handler that blocks on another runtime nests one poll in another.
struct Entered(Option<Here>);

impl Here {
    fn enter(runtime: &Runtime, worker: usize) -> Entered {
        Entered(HERE.replace(Some(Here { runtime: std::ptr::from_ref(runtime).addr(), worker })))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        HERE.set(self.0);
    }
}

/// One worker: a future that never ends while the runtime is open.
struct Worker {
    runtime: Arc<Runtime>,
    own: Own,
    alarm: Alarm,
}

impl Worker {
    fn new(runtime: &Arc<Runtime>, index: usize, workers: usize) -> Self {
        let own = Own::new(index, workers, runtime.random());
        Worker { runtime: runtime.clone(), own, alarm: Alarm::default() }
    }
}

impl Future for Worker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Worker { runtime, own, alarm } = self.get_mut();
        let queue = &runtime.queue;
        let _entered = Here::enter(runtime, own.worker());
        if own.is_on_watch() && alarm.poll(cx).is_ready() {
            match queue.patrol(own) {
                Patrol::Found(job) => job.run(),
                Patrol::GoOn => {
                    alarm.ring_later(cx);
                    return Poll::Pending;
                }
                Patrol::Over => return Poll::Pending,
                Patrol::Awake => {}
            }
        }
        let mut shift = Shift::begin();
        while !shift.is_over() {
            match queue.poll_take(own, cx) {
                Poll::Ready(Some(job)) => job.run(),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {
                    if own.is_on_watch() {
                        alarm.ring_soon(cx);
                    }
                    return Poll::Pending;
                }
            }
            // The handlers that just ran share this task's budget. When it is gone, their timers and sockets
            // would only answer "pending" until tokio has polled us anew.
            if !coop::has_budget_remaining() {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        abandon(self.runtime.queue.leave(&mut self.own));
        // ORDERING: AcqRel; the last worker to go sees what the others did before they went.
        let last = self.runtime.workers_alive.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && !self.runtime.is_closed() {
            self.runtime.close();
            if let Some(lost) = self.runtime.lost.get() {
                lost();
            }
        }
    }
}

/// A watcher's alarm: one timer, made at the first watch and set anew for each.
#[derive(Default)]
struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
    period: Duration,
}

impl Alarm {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }

    fn ring_soon(&mut self, cx: &mut Context<'_>) {
        self.ring_in(PATROL_MIN, cx);
    }

    fn ring_later(&mut self, cx: &mut Context<'_>) {
        self.ring_in((self.period * 2).min(PATROL_MAX), cx);
    }

    fn ring_in(&mut self, period: Duration, cx: &mut Context<'_>) {
        self.period = period;
        let deadline = tokio::time::Instant::now() + period;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(deadline),
            None => self.timer = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
        if self.poll(cx).is_ready() {
            // The deadline has passed already, or the task's budget is gone.
            cx.waker().wake_by_ref();
        }
    }
}
