//! The queue of what comes from outside any worker.
//!
//! A locked queue with its length beside it, so that looking at an empty one costs a load. Workers take batches from
//! it. A thread outside the system pays for a lock here and, perhaps, for a wake: the wake is the dearer.

use std::collections::VecDeque;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

pub(super) struct Injector<T> {
    /// How many jobs there are; written under the lock.
    len: AtomicUsize,
    queue: Mutex<Queue<T>>,
}

struct Queue<T> {
    jobs: VecDeque<T>,
    is_closed: bool,
}

impl<T> Injector<T> {
    pub(super) fn new() -> Self {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), is_closed: false });
        Injector { len: AtomicUsize::new(0), queue }
    }

    /// Appends a job.
    ///
    /// # Errors
    ///
    /// Gives the job back when the injector is closed: nobody will ever take it.
    pub(super) fn push(&self, job: T) -> Result<(), T> {
        self.locked(|queue| match queue.is_closed {
            true => Err(job),
            false => {
                queue.jobs.push_back(job);
                Ok(())
            }
        })
    }

    /// Appends several jobs.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub(super) fn push_all(&self, jobs: Vec<T>) -> Result<(), Vec<T>> {
        self.locked(|queue| match queue.is_closed {
            true => Err(jobs),
            false => {
                queue.jobs.extend(jobs);
                Ok(())
            }
        })
    }

    /// Takes the oldest job.
    pub(super) fn pop(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        self.locked(|queue| queue.jobs.pop_front())
    }

    /// Takes the job that is `at`, counted from the oldest.
    pub(super) fn take_at(&self, at: usize) -> Option<T> {
        self.locked(|queue| queue.jobs.remove(at))
    }

    /// Takes the oldest jobs, as many as `share` says of those there are: the first is returned, the others go to
    /// `sink`.
    pub(super) fn pop_batch(&self, share: impl FnOnce(usize) -> usize, sink: impl FnMut(T)) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        self.locked(|queue| {
            let len = share(queue.jobs.len()).min(queue.jobs.len());
            let mut batch = queue.jobs.drain(..len);
            let first = batch.next();
            batch.for_each(sink);
            first
        })
    }

    /// Refuses further jobs, and returns those there are.
    pub(super) fn close(&self) -> Vec<T> {
        self.locked(|queue| {
            queue.is_closed = true;
            queue.jobs.drain(..).collect()
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.queue.lock().is_closed
    }

    pub(super) fn is_empty(&self) -> bool {
        // ORDERING: Acquire; pairs with the Release in `locked`: who finds nothing here finds what was taken from here
        // in the ring that it was moved to. Where it decides about sleep, fences on both sides order it.
        self.len.load(Ordering::Acquire) == 0
    }

    fn locked<R>(&self, work: impl FnOnce(&mut Queue<T>) -> R) -> R {
        let mut queue = self.queue.lock();
        let result = work(&mut queue);
        // ORDERING: Release; pairs with the Acquire in `is_empty`.
        self.len.store(queue.jobs.len(), Ordering::Release);
        result
    }
}
