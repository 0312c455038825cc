//! The worker tasks and the handle that everybody schedules through.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::runtime::{EnterGuard, Handle};
use tokio::task::{JoinHandle, coop};

use super::run_queue::{Job, RunQueue};
use super::seam::Seam;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// How many cells a worker runs before it lets tokio look at its timers, sockets and other tasks.
const JOBS_A_POLL: usize = 32;

/// What is called when tokio drops the workers of a runtime that nobody closed.
type Lost = Box<dyn Fn() + Send + Sync>;

/// N worker tasks on a tokio runtime, their queue, and the seam.
pub(crate) struct Runtime {
    tokio: Handle,
    pub(super) tokio_id: tokio::runtime::Id,
    queue: RunQueue,
    seam: Arc<dyn Seam>,
    /// Worker tasks that tokio has not dropped yet.
    workers_alive: AtomicUsize,
    lost: OnceLock<Lost>,
}

impl Runtime {
    /// Starts `workers` worker tasks on `tokio`. With 0 nothing runs but by [`step`](Self::step).
    pub(crate) fn start(tokio: Handle, workers: usize, seam: Arc<dyn Seam>) -> Arc<Self> {
        let runtime = Arc::new(Runtime {
            queue: RunQueue::new(workers),
            workers_alive: AtomicUsize::new(workers),
            lost: OnceLock::new(),
            tokio_id: tokio.id(),
            tokio,
            seam,
        });
        for index in 0..workers {
            runtime.tokio.spawn(Worker { runtime: runtime.clone(), index });
        }
        runtime
    }

    /// Sets what is called, once, when tokio drops all workers before [`close`](Self::close).
    pub(crate) fn on_lost(&self, lost: impl Fn() + Send + Sync + 'static) {
        let set = self.lost.set(Box::new(lost));
        assert!(set.is_ok(), "on_lost is called once, by the system that starts the runtime");
    }

    /// Queues a job, or abandons it at once when the runtime is closed or lost.
    pub(crate) fn schedule(&self, job: Job) {
        if let Err(job) = self.queue.push(job) {
            job.abandon();
        }
    }

    /// Runs the one ready job that the seam picks. False when none is ready.
    pub(crate) fn step(&self) -> bool {
        let job = self.queue.pop(&*self.seam);
        job.map(|job| job.run()).is_some()
    }

    /// Ends the workers. Jobs still queued, and later ones, are abandoned.
    pub(crate) fn close(&self) {
        self.queue.close().into_iter().for_each(|job| job.abandon());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
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
        self.tokio.spawn(future)
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

/// One worker: a future that never ends while the runtime is open.
struct Worker {
    runtime: Arc<Runtime>,
    index: usize,
}

impl Future for Worker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Runtime { queue, seam, .. } = &*self.runtime;
        for _ in 0..JOBS_A_POLL {
            match queue.poll_pop(self.index, &**seam, cx) {
                Poll::Ready(Some(job)) => job.run(),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
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
