//! The threads and their queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};

use super::super::spec::Concurrency;
use crate::actor::{Commons, PoolSource, StartError, TellError, short_type_name};
use crate::stats::{PoolNumbers, SharedCounter, nanos};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

type Init<S> = dyn Fn() -> Result<S, StartError> + Send + Sync;

/// What a user says about it.
pub(super) struct Plan<S> {
    pub(super) init: Box<Init<S>>,
    pub(super) name: Option<Arc<str>>,
    pub(super) bounds: Concurrency,
    pub(super) queue_len_max: usize,
    pub(super) keep: Duration,
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was answered, or has run and nobody waited.
    Done,
    /// It panicked: the state is not to be trusted.
    Panicked,
    /// Nobody wanted it any more.
    LeftOut,
}

/// Why a thread ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// No work will come, or it has no state.
    Over,
    /// The others are enough. It is not counted any more.
    Spare,
}

pub(super) type Work<S> = Box<dyn FnOnce(&mut S) -> Ended + Send>;

struct Task<S> {
    work: Work<S>,
    sent_at: Instant,
}

pub(super) struct Threads<S> {
    commons: Arc<Commons>,
    plan: Plan<S>,
    /// Gone when no more work is taken. Sent to under the lock, so that nothing comes after that.
    tx: Mutex<Option<flume::Sender<Task<S>>>>,
    rx: flume::Receiver<Task<S>>,
    /// A permit a place in the queue.
    pub(super) room: Semaphore,
    /// What is queued is dropped and not run.
    is_killed: AtomicBool,
    hands: Mutex<Hands>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    pub(super) counts: Counts,
}

/// Who there is to do the work. One lock, for each decision reads and changes both numbers; what it guards is a few
/// instructions.
#[derive(Default)]
struct Hands {
    /// Threads, those that are just starting included.
    len: usize,
    /// Threads that run nothing, less what is queued. Below 0: so much work waits for a thread to be done with other work.
    free: isize,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) picks: SharedCounter,
    pub(super) answered: SharedCounter,
    pub(super) failed: SharedCounter,
    pub(super) left: SharedCounter,
    pub(super) told: SharedCounter,
    grown: SharedCounter,
    shrunk: SharedCounter,
    running: SharedCounter,
    waiting: SharedCounter,
}

/// The shortest and the longest wait before a state that could not be made is tried again.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

impl<S: 'static> Threads<S> {
    pub(super) fn new(commons: Arc<Commons>, plan: Plan<S>) -> Arc<Self> {
        let (tx, rx) = flume::unbounded();
        Arc::new(Threads {
            commons,
            tx: Mutex::new(Some(tx)),
            rx,
            room: Semaphore::new(plan.queue_len_max),
            is_killed: AtomicBool::new(false),
            hands: Mutex::default(),
            handles: Mutex::default(),
            counts: Counts::default(),
            plan,
        })
    }

    pub(super) fn commons(&self) -> &Arc<Commons> {
        &self.commons
    }

    pub(super) fn len(&self) -> usize {
        self.hands.lock().len
    }

    pub(super) fn len_min(&self) -> usize {
        self.plan.bounds.min
    }

    /// Starts a thread, unless there are enough. It tells `started` when it has its state.
    pub(super) fn grow(
        self: &Arc<Self>,
        up_to: usize,
        started: Option<oneshot::Sender<Result<(), StartError>>>,
    ) -> std::io::Result<bool> {
        let number = {
            let mut hands = self.hands.lock();
            if hands.len >= up_to {
                return Ok(false);
            }
            hands.enter()
        };
        self.spawn(number, started).map(|()| true)
    }

    /// Starts a thread that has been counted.
    fn spawn(
        self: &Arc<Self>,
        number: usize,
        started: Option<oneshot::Sender<Result<(), StartError>>>,
    ) -> std::io::Result<()> {
        let threads = self.clone();
        let name = match &self.plan.name {
            Some(name) => format!("{name}-{number}"),
            None => format!("ostraca-blocking-{number}"),
        };
        match Builder::new().name(name).spawn(move || threads.run_thread(started)) {
            Ok(handle) => {
                let mut handles = self.handles.lock();
                handles.retain(|handle| !handle.is_finished());
                handles.push(handle);
                Ok(())
            }
            Err(error) => {
                self.hands.lock().leave();
                Err(error)
            }
        }
    }

    fn run_thread(self: Arc<Self>, started: Option<oneshot::Sender<Result<(), StartError>>>) {
        // The system's clock, and its runtime for work that wants it.
        let _entered = self.commons.runtime.enter();
        let exit = if let Some(started) = started {
            let outcome = (self.plan.init)();
            let (state, told) = match outcome {
                Ok(state) => (Some(state), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // Whoever waited for it may be gone: then the pool is stopping.
            drop(started.send(told));
            state.map_or(Exit::Over, |state| self.serve(Some(state)))
        } else {
            self.serve(None)
        };
        if exit == Exit::Over {
            self.hands.lock().leave();
        }
    }

    /// Takes work until there is none and none will come, or this thread is not needed.
    fn serve(&self, mut state: Option<S>) -> Exit {
        let mut backoff = BACKOFF_MIN;
        let mut has_worked = false;
        loop {
            if state.is_none() {
                state = self.make_state(&mut backoff);
            }
            // Not before it has its state: whom work waits for is to be able to do it.
            if std::mem::take(&mut has_worked) {
                self.hands.lock().free += 1;
            }
            if state.is_none() {
                return Exit::Over;
            }
            let task = match self.take() {
                Ok(task) => task,
                Err(exit) => return exit,
            };
            has_worked = true;
            let begun = self.commons.now();
            self.counts.waiting.add(since(task.sent_at, begun));
            // ORDERING: Relaxed; who kills the pool drops what is left of the queue itself as well.
            if self.is_killed.load(Ordering::Relaxed) {
                continue;
            }
            let current = state.as_mut().expect("it was made above");
            let ended = (task.work)(current);
            match ended {
                Ended::Done => backoff = BACKOFF_MIN,
                Ended::LeftOut => continue,
                Ended::Panicked => {
                    let broken = state.take();
                    if catch_unwind(AssertUnwindSafe(|| drop(broken))).is_err() {
                        tracing::error!(target: "ostraca::pool", "the drop of a blocking pool's state panicked");
                    }
                }
            }
            self.counts.running.add(since(begun, self.commons.now()));
        }
    }

    /// The next piece of work, or why there is none for this thread.
    fn take(&self) -> Result<Task<S>, Exit> {
        loop {
            match self.rx.recv_timeout(self.plan.keep) {
                Ok(task) => {
                    self.room.add_permits(1);
                    return Ok(task);
                }
                Err(flume::RecvTimeoutError::Disconnected) => return Err(Exit::Over),
                Err(flume::RecvTimeoutError::Timeout) => {
                    let mut hands = self.hands.lock();
                    // Work that was sent meanwhile counts on this thread.
                    if hands.len > self.plan.bounds.min && hands.free > 0 {
                        hands.leave();
                        self.counts.shrunk.add(1);
                        return Err(Exit::Spare);
                    }
                }
            }
        }
    }

    /// Tries until it works or the pool stops. A state that panics while it is made is tried again as well.
    fn make_state(&self, backoff: &mut Duration) -> Option<S> {
        loop {
            match catch_unwind(AssertUnwindSafe(|| (self.plan.init)())) {
                Ok(Ok(state)) => return Some(state),
                Ok(Err(error)) => {
                    tracing::error!(target: "ostraca::pool", "the state of a blocking pool's thread: {error}");
                }
                Err(_) => {
                    tracing::error!(target: "ostraca::pool", "a blocking pool's thread panicked making its state")
                }
            }
            if self.tx.lock().is_none() {
                return None;
            }
            std::thread::park_timeout(*backoff);
            *backoff = (*backoff * 2).min(BACKOFF_MAX);
        }
    }

    pub(super) fn tell<F>(self: &Arc<Self>, work: F) -> Result<(), TellError<F>>
    where
        F: FnOnce(&mut S) + Send + 'static,
    {
        let Ok(permit) = self.room.try_acquire() else {
            return Err(if self.room.is_closed() { TellError::Stopped(work) } else { TellError::Full(work) });
        };
        permit.forget();
        let threads = self.clone();
        // Kept out of the box until it is sure to be sent, so that it can be given back.
        let boxed = move |work: F| -> Work<S> {
            Box::new(move |state| {
                threads.counts.told.add(1);
                match catch_unwind(AssertUnwindSafe(|| work(state))) {
                    Ok(()) => Ended::Done,
                    Err(_) => Ended::Panicked,
                }
            })
        };
        self.send(work, boxed).map_err(TellError::Stopped)
    }

    /// Sends work that has a place in the queue. Gives it back if no more is taken.
    pub(super) fn send<F>(self: &Arc<Self>, work: F, boxed: impl FnOnce(F) -> Work<S>) -> Result<(), F> {
        {
            let tx = self.tx.lock();
            let Some(tx) = &*tx else { return Err(work) };
            let task = Task { work: boxed(work), sent_at: self.commons.now() };
            tx.send(task).expect("the receiver is beside it");
        }
        self.counts.picks.add(1);
        let number = {
            let mut hands = self.hands.lock();
            hands.free -= 1;
            (hands.free < 0 && hands.len < self.plan.bounds.max).then(|| hands.enter())
        };
        match number.map(|number| self.spawn(number, None)) {
            None => {}
            Some(Ok(())) => self.counts.grown.add(1),
            Some(Err(error)) => {
                tracing::warn!(target: "ostraca::pool", "no further thread is to be had: {error}")
            }
        }
        Ok(())
    }

    /// Takes no more work. The threads end when what is queued is done.
    pub(super) fn close(&self) {
        self.room.close();
        drop(self.tx.lock().take());
        self.handles.lock().iter().for_each(|handle| handle.thread().unpark());
    }

    /// As [`close`](Self::close), and what is queued does not run.
    pub(super) fn kill(&self) {
        // ORDERING: Relaxed; see `serve`.
        self.is_killed.store(true, Ordering::Relaxed);
        self.close();
        // Dropped, each answers its asker.
        self.rx.drain().for_each(drop);
    }

    /// The threads, to be waited for.
    pub(super) fn take_handles(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.handles.lock())
    }
}

impl Hands {
    /// One more thread; its number.
    fn enter(&mut self) -> usize {
        self.len += 1;
        self.free += 1;
        self.len - 1
    }

    /// One less, which runs nothing.
    fn leave(&mut self) {
        self.len -= 1;
        self.free -= 1;
    }
}

fn since(before: Instant, now: Instant) -> u64 {
    nanos(now.saturating_duration_since(before))
}

impl<S: 'static> PoolSource for Threads<S> {
    fn numbers(&self) -> PoolNumbers {
        let counts = &self.counts;
        let ended =
            counts.answered.value() + counts.failed.value() + counts.left.value() + counts.told.value();
        let queue_len = self.rx.len();
        let Hands { len: replicas, free } = *self.hands.lock();
        // The queue may have been read a moment before.
        let idle = usize::try_from(free + queue_len as isize).unwrap_or_default();
        PoolNumbers {
            type_name: short_type_name::<S>(),
            name: self.plan.name.clone(),
            replicas,
            replicas_max: self.plan.bounds.max,
            active: replicas.saturating_sub(idle),
            in_flight: counts.picks.value().saturating_sub(ended) as usize,
            queue_len,
            picks: counts.picks.value(),
            answered: counts.answered.value(),
            failed: counts.failed.value(),
            left: counts.left.value(),
            told: counts.told.value(),
            grown: counts.grown.value(),
            shrunk: counts.shrunk.value(),
            running: Duration::from_nanos(counts.running.value()),
            waiting: Duration::from_nanos(counts.waiting.value()),
            ..PoolNumbers::default()
        }
    }
}
