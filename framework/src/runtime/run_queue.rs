//! Cells that are ready to run, and the workers that sleep because there are none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Seam;
use crate::sync::Mutex;

/// Something a worker runs for one activation.
pub(crate) trait Runnable: Send + Sync {
    /// Runs until there is nothing to do, the budget is gone, or it waits.
    fn run(self: Arc<Self>);

    /// The runtime is gone: lets go of everything, answering whoever waits.
    fn abandon(self: Arc<Self>);
}

/// An entry of the run queue. It keeps the cell alive.
pub(crate) type Job = Arc<dyn Runnable>;

/// One queue for all workers, first in first out unless the seam picks otherwise.
pub(crate) struct RunQueue {
    ready: Mutex<Ready>,
}

struct Ready {
    jobs: VecDeque<Job>,
    /// The waker of each sleeping worker, by the worker's index.
    asleep: Vec<Option<Waker>>,
    closed: bool,
}

impl RunQueue {
    pub(crate) fn new(workers: usize) -> Self {
        let asleep = (0..workers).map(|_| None).collect();
        RunQueue { ready: Mutex::new(Ready { jobs: VecDeque::new(), asleep, closed: false }) }
    }

    /// Appends, and wakes one sleeping worker.
    ///
    /// # Errors
    ///
    /// Gives the job back when the queue is closed: nobody will ever run it.
    pub(crate) fn push(&self, job: Job) -> Result<(), Job> {
        let mut ready = self.ready.lock();
        if ready.closed {
            return Err(job);
        }
        ready.jobs.push_back(job);
        let sleeper = ready.asleep.iter_mut().find_map(Option::take);
        drop(ready);
        if let Some(waker) = sleeper {
            waker.wake();
        }
        Ok(())
    }

    /// Takes the job that the seam picks, if there is one.
    pub(crate) fn pop(&self, seam: &dyn Seam) -> Option<Job> {
        self.ready.lock().pop(seam)
    }

    /// Takes a job for `worker`, or keeps its waker until there is one. `None` when the queue is closed.
    pub(crate) fn poll_pop(&self, worker: usize, seam: &dyn Seam, cx: &Context<'_>) -> Poll<Option<Job>> {
        let mut ready = self.ready.lock();
        if let Some(job) = ready.pop(seam) {
            ready.asleep[worker] = None;
            return Poll::Ready(Some(job));
        }
        if ready.closed {
            return Poll::Ready(None);
        }
        ready.asleep[worker] = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Refuses further jobs, wakes all workers and returns what nobody has run.
    pub(crate) fn close(&self) -> Vec<Job> {
        let mut ready = self.ready.lock();
        ready.closed = true;
        let left = ready.jobs.drain(..).collect();
        let sleepers: Vec<Waker> = ready.asleep.iter_mut().filter_map(Option::take).collect();
        drop(ready);
        sleepers.into_iter().for_each(Waker::wake);
        left
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.ready.lock().closed
    }
}

impl Ready {
    fn pop(&mut self, seam: &dyn Seam) -> Option<Job> {
        match self.jobs.len() {
            0 => None,
            1 => self.jobs.pop_front(),
            len => self.jobs.remove(seam.pick(len)),
        }
    }
}
