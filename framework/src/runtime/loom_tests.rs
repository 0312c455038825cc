//! Models of the queues together: no job is lost, run twice, or left lying while somebody sleeps.

use std::task::{Context, Poll};

use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::*;

/// A boxed number: a job that is lost is a leak that loom reports, one that is run twice is freed twice.
type Job = loom::alloc::Track<u32>;

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Deep runs lift the bound by the environment.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(test);
}

fn queue(workers: usize) -> Arc<RunQueue<Job>> {
    Arc::new(RunQueue::new(workers, false))
}

fn job(number: u32) -> Job {
    loom::alloc::Track::new(number)
}

/// A worker of `queue` whose poll this thread is in.
struct Worker {
    queue: Arc<RunQueue<Job>>,
    own: Own,
}

impl Worker {
    fn new(queue: &Arc<RunQueue<Job>>, index: usize) -> Self {
        Worker { queue: queue.clone(), own: Own::new(index, queue.locals.len(), 1) }
    }

    /// The next job; sleeps until there is one. `None` when all is closed.
    fn next(&mut self) -> Option<u32> {
        block_on(std::future::poll_fn(|cx| self.queue.poll_take(&mut self.own, cx))).map(number)
    }

    /// As [`next`](Self::next), with an alarm that may ring at any moment of a watch.
    fn next_on_watch(&mut self) -> Option<u32> {
        let Worker { queue, own } = self;
        let poll = |cx: &mut Context<'_>| {
            if own.is_on_watch() {
                match queue.patrol(own) {
                    Patrol::Found(job) => return Poll::Ready(Some(job)),
                    Patrol::GoOn => {
                        thread::yield_now();
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Patrol::Over => return Poll::Pending,
                    Patrol::Awake => {}
                }
            }
            let taken = queue.poll_take(own, cx);
            if own.is_on_watch() {
                cx.waker().wake_by_ref();
            }
            taken
        };
        block_on(std::future::poll_fn(poll)).map(number)
    }

    fn push_next(&self, number: u32) -> Vec<u32> {
        // SAFETY: this thread plays the worker.
        late(unsafe { self.queue.push_next(self.own.worker, job(number)) })
    }

    fn push_last(&self, number: u32) -> Vec<u32> {
        // SAFETY: this thread plays the worker.
        late(unsafe { self.queue.push_last(self.own.worker, job(number)) })
    }

    /// The worker's end, as tokio drops it.
    fn leave(mut self) -> Vec<u32> {
        numbers(self.queue.leave(&mut self.own))
    }
}

fn number(job: Job) -> u32 {
    job.into_inner()
}

fn numbers(jobs: Vec<Job>) -> Vec<u32> {
    jobs.into_iter().map(number).collect()
}

fn late(pushed: Result<(), Vec<Job>>) -> Vec<u32> {
    numbers(pushed.err().unwrap_or_default())
}

fn spawn<R: 'static>(work: impl FnOnce() -> R + 'static) -> thread::JoinHandle<R> {
    thread::spawn(work)
}

/// Counts what is run, and waits for it.
#[derive(Clone)]
struct Done(Arc<(Mutex<Vec<u32>>, Condvar)>);

impl Done {
    fn new() -> Self {
        Done(Arc::new((Mutex::new(Vec::new()), Condvar::new())))
    }

    fn run(&self, number: u32) {
        self.0.0.lock().expect("not poisoned").push(number);
        self.0.1.notify_all();
    }

    /// Waits until `len` are run.
    fn wait(&self, len: usize) -> Vec<u32> {
        let mut done = self.0.0.lock().expect("not poisoned");
        while done.len() < len {
            done = self.0.1.wait(done).expect("not poisoned");
        }
        let mut done = done.clone();
        done.sort_unstable();
        done
    }
}

#[test]
fn loom_a_worker_that_falls_asleep_does_not_miss_a_push() {
    model(|| {
        let queue = queue(1);
        let mut worker = Worker::new(&queue, 0);
        let worker = spawn(move || {
            let job = worker.next();
            assert_eq!(worker.leave(), []);
            job
        });
        assert!(queue.inject(job(1)).is_ok());
        assert_eq!(worker.join().expect("a worker does not panic"), Some(1));
    });
}

/// Each of two workers gets one job and holds on to it until the other has run: if a push woke nobody although one
/// slept, they would wait for ever.
#[test]
fn loom_two_sleepers_and_two_pushes() {
    model(|| {
        let queue = queue(2);
        let done = Done::new();
        let workers = [0, 1].map(|index| {
            let (mut worker, done) = (Worker::new(&queue, index), done.clone());
            spawn(move || {
                done.run(worker.next().expect("nobody closes the queue"));
                done.wait(2);
                assert_eq!(worker.leave(), []);
            })
        });
        assert!(queue.inject(job(1)).is_ok());
        assert!(queue.inject(job(2)).is_ok());
        workers.into_iter().for_each(|worker| worker.join().expect("a worker does not panic"));
        assert_eq!(done.wait(2), [1, 2]);
    });
}

/// One worker moves a batch to its ring and is stuck in the first job of it: the other, which was searching at that
/// moment, finds the second.
#[test]
fn loom_a_batch_on_its_way_to_a_ring_is_not_overlooked() {
    model(|| {
        let queue = queue(2);
        assert!(queue.inject(job(1)).is_ok());
        assert!(queue.inject(job(2)).is_ok());
        let done = Done::new();
        let workers = [0, 1].map(|index| {
            let (mut worker, done) = (Worker::new(&queue, index), done.clone());
            spawn(move || {
                done.run(worker.next().expect("nobody closes the queue"));
                done.wait(2);
                assert_eq!(worker.leave(), []);
            })
        });
        workers.into_iter().for_each(|worker| worker.join().expect("a worker does not panic"));
        assert_eq!(done.wait(2), [1, 2]);
    });
}

/// A worker queues two jobs and is stuck: the other, asleep or about to be, runs the one that is in the ring.
#[test]
fn loom_a_push_to_a_ring_wakes_a_sleeper() {
    model(|| {
        let queue = queue(2);
        let done = Done::new();
        let mut thief = Worker::new(&queue, 1);
        let thief = {
            let done = done.clone();
            spawn(move || {
                done.run(thief.next().expect("nobody closes the queue"));
                assert_eq!(thief.leave(), []);
            })
        };
        let mut stuck = Worker::new(&queue, 0);
        assert_eq!(stuck.push_next(1), []);
        assert_eq!(stuck.push_next(2), []);
        assert_eq!(done.wait(1), [1]);
        thief.join().expect("a worker does not panic");
        assert_eq!(stuck.next(), Some(2));
        assert_eq!(stuck.leave(), []);
    });
}

/// Three jobs in a ring are two for the thief and one for its worker, and both are stuck in what they run: whoever
/// searches meanwhile finds the third in the thief's ring.
#[test]
fn loom_a_stolen_half_on_its_way_is_not_overlooked() {
    model(|| {
        let queue = queue(3);
        let done = Done::new();
        let mut victim = Worker::new(&queue, 0);
        for number in 1..=3 {
            assert_eq!(victim.push_last(number), []);
        }
        let others = [1, 2].map(|index| {
            let (mut worker, done) = (Worker::new(&queue, index), done.clone());
            spawn(move || {
                done.run(worker.next().expect("nobody closes the queue"));
                done.wait(3);
                assert_eq!(worker.leave(), []);
            })
        });
        done.run(victim.next().expect("nobody closes the queue"));
        assert_eq!(done.wait(3), [1, 2, 3]);
        others.into_iter().for_each(|worker| worker.join().expect("a worker does not panic"));
        assert_eq!(victim.leave(), []);
    });
}

/// A worker wakes up, fills its slot and is stuck: a sleeper has the watch, or is given it, and takes the job.
#[test]
fn loom_a_slot_behind_a_stuck_worker_is_watched() {
    model(|| {
        let queue: Arc<RunQueue<Job>> = Arc::new(RunQueue::new(2, true));
        let done = Done::new();
        let watcher = {
            let (mut worker, done) = (Worker::new(&queue, 1), done.clone());
            spawn(move || {
                let taken = worker.next_on_watch().expect("nobody closes the queue");
                if taken == 1 {
                    // It was quicker at the injector: then it is the one that is stuck.
                    assert_eq!(worker.push_next(2), []);
                }
                done.run(taken);
                done.wait(2);
                assert_eq!(worker.leave(), []);
            })
        };
        assert!(queue.inject(job(1)).is_ok());
        let mut worker = Worker::new(&queue, 0);
        let taken = worker.next_on_watch().expect("nobody closes the queue");
        if taken == 1 {
            assert_eq!(worker.push_next(2), []);
        }
        done.run(taken);
        assert_eq!(done.wait(2), [1, 2]);
        watcher.join().expect("a worker does not panic");
        assert_eq!(worker.leave(), []);
    });
}

/// The worker takes while a thief steals, and pushes into a full ring, which overflows into the injector.
#[test]
fn loom_stealing_against_popping_loses_nothing_and_gives_nothing_twice() {
    model(|| {
        let queue = queue(2);
        let done = Done::new();
        let mut worker = Worker::new(&queue, 0);
        for number in 0..3 {
            assert_eq!(worker.push_last(number), []);
        }
        let thief = {
            let (done, mut thief) = (done.clone(), Worker::new(&queue, 1));
            spawn(move || {
                if let Some(job) = thief.queue.steal(&mut thief.own) {
                    done.run(number(job));
                }
                assert_eq!(thief.leave(), []);
            })
        };
        // The ring holds four: the first of these fills it, the second meets a full one or a thief.
        assert_eq!(worker.push_last(3), []);
        assert_eq!(worker.push_last(4), []);
        done.run(worker.next().expect("nobody closes the queue"));
        thief.join().expect("a thief does not panic");
        while done.0.0.lock().expect("not poisoned").len() < 5 {
            done.run(worker.next().expect("nobody closes the queue"));
        }
        assert_eq!(done.wait(5), [0, 1, 2, 3, 4]);
        assert_eq!(worker.leave(), []);
    });
}

/// The queue is closed while a worker and an outsider push: each job comes back to somebody, none twice.
#[test]
fn loom_closing_against_pushing_returns_every_job() {
    model(|| {
        let queue = queue(1);
        let late = Arc::new(AtomicUsize::new(0));
        let worker = {
            let (late, mut worker) = (late.clone(), Worker::new(&queue, 0));
            spawn(move || {
                let mut seen = worker.push_next(1).len() + worker.push_next(2).len();
                while worker.next().is_some() {
                    seen += 1;
                }
                seen += worker.leave().len();
                late.fetch_add(seen, Ordering::Relaxed);
            })
        };
        let outsider = {
            let (late, queue) = (late.clone(), queue.clone());
            spawn(move || {
                late.fetch_add(usize::from(queue.inject(job(3)).is_err()), Ordering::Relaxed);
            })
        };
        late.fetch_add(numbers(queue.close()).len(), Ordering::Relaxed);
        worker.join().expect("a worker does not panic");
        outsider.join().expect("an outsider does not panic");
        assert_eq!(late.load(Ordering::Relaxed), 3);
        assert!(queue.inject(job(4)).map_err(number) == Err(4), "what comes later comes back");
    });
}

/// Tokio drops the workers one by one while somebody schedules: the last to go closes, and nothing is lost.
#[test]
fn loom_the_runtime_dropped_against_schedule() {
    model(|| {
        let queue = queue(2);
        let alive = Arc::new(AtomicUsize::new(2));
        let seen = Arc::new(AtomicUsize::new(0));
        let workers = [0, 1].map(|index| {
            let (alive, seen, worker) = (alive.clone(), seen.clone(), Worker::new(&queue, index));
            spawn(move || {
                let queue = worker.queue.clone();
                // One goes with a job in its slot and one in its ring.
                let mut late = Vec::new();
                if index == 0 {
                    late.extend(worker.push_next(1));
                    late.extend(worker.push_next(2));
                }
                late.extend(worker.leave());
                if alive.fetch_sub(1, Ordering::AcqRel) == 1 {
                    late.extend(numbers(queue.close()));
                }
                seen.fetch_add(late.len(), Ordering::Relaxed);
            })
        });
        seen.fetch_add(usize::from(queue.inject(job(3)).map_err(number).is_err()), Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().expect("a worker does not panic"));
        assert_eq!(seen.load(Ordering::Relaxed), 3);
    });
}

/// A worker that was chosen to be woken goes instead: it hands the search on, and the other runs the job.
#[test]
fn loom_a_worker_that_goes_hands_its_wake_on() {
    model(|| {
        let queue = queue(2);
        let goes = {
            let mut worker = Worker::new(&queue, 0);
            spawn(move || {
                let mut poll = std::pin::pin!(std::future::poll_fn(|cx| {
                    Poll::Ready(match worker.queue.poll_take(&mut worker.own, cx) {
                        Poll::Ready(job) => job.map(number),
                        Poll::Pending => None,
                    })
                }));
                let taken = block_on(poll.as_mut());
                assert_eq!(worker.leave(), []);
                taken
            })
        };
        let stays = {
            let mut worker = Worker::new(&queue, 1);
            spawn(move || {
                let taken = worker.next();
                assert_eq!(worker.leave(), []);
                taken
            })
        };
        assert!(queue.inject(job(1)).is_ok());
        if goes.join().expect("a worker does not panic") == Some(1) {
            assert!(queue.inject(job(2)).is_ok());
        }
        assert!(stays.join().expect("a worker does not panic").is_some());
    });
}
