//! Work that blocks its thread: plain threads behind one queue.
//!
//! ```text
//!   run(work).await ──┐  room: a permit a place    ┌──> thread: state
//!   tell(work) ───────┼──> queue (flume, MPMC) ────┼──> thread: state      each takes the next when it is free
//!                     ┘                            └──> thread: state
//! ```
//!
//! **Guarantees.** Work is taken in the order sent and runs at most once. An ask has one answer: its value, or an
//! error that says whether the work may have run. Work whose asker is gone or whose deadline is over when a thread
//! comes to it is left out. A panic is the asker's answer; the thread drops its state and makes a new one before it
//! takes more work. A stop lets the threads finish what is queued.
//!
//! **How it grows and shrinks.** Work that finds nobody idle starts another thread, up to the upper bound. A thread
//! that found nothing to do for ten seconds ends, down to the lower one.
//!
//! **Cost.** A box for the work, one for its answer's way, and the hand-over to another thread: microseconds.
//!
//! **Bad at.** Stopping work that runs: nothing can interrupt a thread. Seeded runs: threads run in no order that a
//! seed decides.

mod keeper;
mod run;
mod threads;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

pub use run::Run;

use super::spec::Concurrency;
use crate::actor::{ActorRef, AnyParent, Commons, PoolSource, SpawnError, StartError, TellError};
use crate::stats::PoolNumbers;
use keeper::BlockingPool;
use threads::{Plan, Threads};

/// A reference to a pool of threads, each with a state of its own: clone it, send work through it.
///
/// ```
/// # use ostraca::prelude::*;
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// // Each thread has a buffer that it keeps from one piece of work to the next.
/// let hashing = system.blocking_pool(|| Ok(Vec::<u8>::new())).concurrency(1..=4).start().await?;
/// let sum = hashing
///     .run(|buffer| {
///         buffer.clear();
///         buffer.extend_from_slice(b"ostracon");
///         buffer.iter().map(|&byte| u64::from(byte)).sum::<u64>()
///     })
///     .await?;
/// assert_eq!(sum, 873);
/// # Ok(())
/// # }
/// ```
pub struct Blocking<S: 'static> {
    threads: Arc<Threads<S>>,
    keeper: ActorRef<BlockingPool>,
}

/// A pool of threads that can be started: made by [`System::blocking_pool`](crate::System::blocking_pool).
#[must_use = "a pool that is not started has no threads"]
pub struct BlockingSpec<S: 'static> {
    commons: Arc<Commons>,
    parent: Arc<AnyParent>,
    plan: Plan<S>,
}

/// How many pieces of work wait at most, if nothing is said.
const QUEUE_LEN_MAX: usize = 1024;
/// How long a thread that nobody needs stays, if nothing is said.
const KEEP: Duration = Duration::from_secs(10);

impl<S: 'static> BlockingSpec<S> {
    pub(crate) fn new(
        commons: Arc<Commons>,
        parent: Arc<AnyParent>,
        init: impl Fn() -> Result<S, StartError> + Send + Sync + 'static,
    ) -> Self {
        let plan = Plan {
            init: Box::new(init),
            name: None,
            bounds: Concurrency::of_machine(),
            queue_len_max: QUEUE_LEN_MAX,
            keep: KEEP,
        };
        BlockingSpec { commons, parent, plan }
    }

    /// Its name, in the threads' names and the monitor's numbers.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.plan.name = Some(name.into());
        self
    }

    /// How many threads: a number, or the bounds that load moves it between. As many as there are processors if nothing
    /// is said.
    ///
    /// # Panics
    ///
    /// When there would be none, or more than 1,024.
    #[track_caller]
    pub fn concurrency(mut self, bounds: impl Into<Concurrency>) -> Self {
        self.plan.bounds = bounds.into().checked();
        self
    }

    /// How many pieces of work wait at most; 1,024 if nothing is said.
    pub fn queue_len_max(mut self, queue_len_max: NonZeroUsize) -> Self {
        self.plan.queue_len_max = queue_len_max.get();
        self
    }

    /// How long a thread that nobody needs stays; 10 s if nothing is said.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.plan.keep = keep;
        self
    }

    /// Starts the pool at the top of its system, and waits until its first threads have their state.
    ///
    /// # Errors
    ///
    /// When a thread or its state is not to be had; when the system is stopping.
    pub async fn start(self) -> Result<Blocking<S>, SpawnError> {
        let threads = Threads::new(self.commons.clone(), self.plan);
        let keeper = keeper::start(&self.commons, self.parent, threads.clone()).await?;
        let source: Arc<dyn PoolSource> = threads.clone();
        self.commons.enter_pool(Arc::downgrade(&source));
        Ok(Blocking { threads, keeper })
    }
}

impl<S: 'static> Blocking<S> {
    /// Work to be run by a thread of the pool, which gives it its state; see [`Run`].
    pub fn run<T, F>(&self, work: F) -> Run<'_, S, F>
    where
        F: FnOnce(&mut S) -> T + Send + 'static,
        T: Send + 'static,
    {
        Run::new(&self.threads, work)
    }

    /// Sends work and does not wait: not for its end, not for room.
    ///
    /// # Errors
    ///
    /// Gives the work back when the queue is full or the pool has stopped.
    pub fn tell<F>(&self, work: F) -> Result<(), TellError<F>>
    where
        F: FnOnce(&mut S) + Send + 'static,
    {
        self.threads.tell(work)
    }

    /// What the pool has done since its start.
    pub fn numbers(&self) -> PoolNumbers {
        self.threads.numbers()
    }

    /// Takes no more work, finishes what is queued, then ends the threads.
    pub fn stop(&self) {
        ActorRef::stop(&self.keeper);
    }

    /// Ready when the threads have ended.
    pub fn wait_stopped(&self) -> impl Future<Output = crate::actor::StopReason> + Send + use<S> {
        ActorRef::wait_stopped(&self.keeper)
    }
}

impl<S: 'static> Clone for Blocking<S> {
    fn clone(&self) -> Self {
        Blocking { threads: self.threads.clone(), keeper: self.keeper.clone() }
    }
}

impl<S: 'static> fmt::Debug for Blocking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocking({} threads)", self.threads.len())
    }
}
