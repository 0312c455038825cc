//! The runtime on tokio: who runs what, in which order, and what becomes of it at the end.

use std::ptr::NonNull;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime as Tokio};

use super::{Counted, Handle, Job, Machine, Refs, Runnable, Runtime, Slab, WeakHandle};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A cell without an actor: runs its work, or says that it was abandoned.
#[repr(C)]
struct Task {
    refs: Refs,
    work: Mutex<Option<Work>>,
    abandoned: Arc<AtomicUsize>,
}

type Work = Box<dyn FnOnce() + Send>;

// SAFETY: repr(C), and the counts come first.
unsafe impl Counted for Task {}

// SAFETY: an entry is made of a handle, and is the handle until it is used.
unsafe impl Runnable for Task {
    unsafe fn run(this: NonNull<Self>) {
        // SAFETY: the entry's handle.
        let task = unsafe { Handle::from_raw(this) };
        let work = task.work.lock().take().expect("a job runs once");
        work();
    }

    unsafe fn abandon(this: NonNull<Self>) {
        // SAFETY: the entry's handle.
        let task = unsafe { Handle::from_raw(this) };
        drop(task.work.lock().take().expect("a job is abandoned once"));
        task.abandoned.fetch_add(1, Ordering::Relaxed);
    }
}

/// An entry that keeps what it runs.
impl<R: Runnable + 'static> From<Handle<R>> for Job {
    fn from(handle: Handle<R>) -> Self {
        // SAFETY: in a slab, and the handle is the entry's from here on.
        let job = unsafe { Job::of(&*handle) };
        let _ = handle.into_raw();
        job
    }
}

fn task(slab: &Slab, abandoned: &Arc<AtomicUsize>, work: impl FnOnce() + Send + 'static) -> Handle<Task> {
    let (work, abandoned) = (Mutex::new(Some(Box::new(work) as Work)), abandoned.clone());
    slab.insert(|refs, _| Task { refs, work, abandoned })
}

/// A runtime and what it runs on.
struct Bed {
    tokio: Option<Tokio>,
    runtime: Arc<Runtime>,
    slab: Slab,
    abandoned: Arc<AtomicUsize>,
}

impl Bed {
    fn new(workers: usize) -> Self {
        let tokio = Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
        let runtime = Runtime::start(tokio.handle().clone(), workers, Arc::new(Machine::new()));
        Bed { tokio: Some(tokio), runtime, slab: Slab::new(), abandoned: Arc::default() }
    }

    fn task(&self, work: impl FnOnce() + Send + 'static) -> Handle<Task> {
        task(&self.slab, &self.abandoned, work)
    }

    /// A job that sends `number`.
    fn note(&self, notes: &Sender<u32>, number: u32) -> Handle<Task> {
        let notes = notes.clone();
        self.task(move || notes.send(number).unwrap())
    }

    fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }
}

fn add_one(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Long enough for any machine; a test that waits for it has failed.
const FOR_EVER: Duration = Duration::from_secs(30);

fn take<T>(notes: &Receiver<T>, len: usize) -> Vec<T> {
    (0..len).map(|_| notes.recv_timeout(FOR_EVER).expect("it runs")).collect()
}

#[test]
fn the_last_woken_runs_next_but_at_most_three_in_a_row() {
    let bed = Bed::new(1);
    let (notes, seen) = channel();
    let tasks: Vec<_> = (0..8).map(|number| bed.note(&notes, number)).collect();
    // Each of a chain wakes the next while others wait behind it.
    let runtime = bed.runtime.clone();
    let link = |number: u32, next: Handle<Task>| {
        let (runtime, notes) = (runtime.clone(), notes.clone());
        bed.task(move || {
            notes.send(number).unwrap();
            runtime.schedule(next);
        })
    };
    let chain = (10..15).rev().fold(bed.note(&notes, 15), |next, number| link(number, next));
    let first = bed.task({
        let runtime = bed.runtime.clone();
        move || {
            tasks.into_iter().for_each(|task| runtime.requeue(task));
            runtime.schedule(chain);
        }
    });
    bed.runtime.schedule(first);
    assert_eq!(take(&seen, 14), [10, 11, 12, 0, 13, 14, 15, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn what_the_slot_displaces_goes_behind_what_waits() {
    let bed = Bed::new(1);
    let (notes, seen) = channel();
    let tasks = [0, 1, 2, 3, 4].map(|number| bed.note(&notes, number));
    let runtime = bed.runtime.clone();
    bed.runtime.schedule(bed.task(move || {
        let [a, b, c, d, e] = tasks;
        runtime.requeue(a);
        runtime.schedule(b);
        runtime.schedule(c);
        runtime.linger(d);
        runtime.requeue(e);
    }));
    assert_eq!(take(&seen, 5), [2, 0, 1, 3, 4]);
}

#[test]
fn without_workers_a_step_runs_the_job_that_the_caller_picks() {
    let tokio = Builder::new_current_thread().build().unwrap();
    let runtime = Runtime::start(tokio.handle().clone(), 0, Arc::new(Machine::new()));
    let bed = Bed { tokio: Some(tokio), runtime, slab: Slab::new(), abandoned: Arc::default() };
    let (notes, seen) = channel();
    (0..4).for_each(|number| bed.runtime.schedule(bed.note(&notes, number)));
    assert!([2, 0, 1, 0].into_iter().all(|at| bed.runtime.step(at)));
    assert!(!bed.runtime.step(0));
    drop(notes);
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [2, 0, 3, 1]);
}

#[test]
fn an_injected_job_runs_though_a_worker_never_runs_out() {
    let bed = Bed::new(1);
    let (notes, seen) = channel();
    let stop = Arc::new(AtomicUsize::new(0));
    /// Two of these keep slot and ring filled until they are stopped.
    fn again(runtime: &Arc<Runtime>, task: &WeakHandle<Task>, stop: &Arc<AtomicUsize>) -> Work {
        let (runtime, task, stop) = (runtime.clone(), task.clone(), stop.clone());
        Box::new(move || {
            if stop.load(Ordering::Relaxed) == 0 {
                let this = task.upgrade().expect("the test holds it");
                *this.work.lock() = Some(again(&runtime, &task, &stop));
                runtime.requeue(this);
            }
        })
    }
    let busy = [(); 2].map(|()| {
        let task = bed.task(|| ());
        *task.work.lock() = Some(again(&bed.runtime, &task.downgrade(), &stop));
        task
    });
    busy.iter().for_each(|task| bed.runtime.schedule(task.clone()));
    bed.runtime.schedule(bed.note(&notes, 1));
    assert_eq!(take(&seen, 1), [1]);
    stop.store(1, Ordering::Relaxed);
}

#[test]
fn what_a_blocked_worker_has_in_its_slot_is_run_by_another() {
    let bed = Bed::new(2);
    let (notes, seen) = channel();
    let (release, released) = channel();
    let runtime = bed.runtime.clone();
    let rescued = bed.task(move || release.send(()).unwrap());
    bed.runtime.schedule(bed.task(move || {
        runtime.schedule(rescued);
        // As a handler that blocks its thread on what it just woke.
        notes.send(released.recv_timeout(FOR_EVER).is_ok()).unwrap();
    }));
    assert_eq!(take(&seen, 1), [true]);
}

/// Also where both slept, and the blocked one is the one that woke the other.
#[test]
fn what_a_blocked_worker_has_in_its_ring_is_run_by_another() {
    let bed = Bed::new(2);
    let (notes, seen) = channel();
    for _ in 0..100 {
        let (release, released) = channel();
        let (runtime, notes) = (bed.runtime.clone(), notes.clone());
        let tasks: [_; 3] = std::array::from_fn(|_| {
            let release = release.clone();
            bed.task(move || release.send(()).unwrap())
        });
        bed.runtime.schedule(bed.task(move || {
            let [a, b, c] = tasks;
            runtime.linger(a);
            runtime.schedule(b);
            runtime.schedule(c);
            notes.send((0..3).all(|_| released.recv_timeout(FOR_EVER).is_ok())).unwrap();
        }));
        assert_eq!(take(&seen, 1), [true]);
    }
}

#[test]
fn a_job_for_another_runtime_goes_there_also_from_a_nested_poll() {
    let (one, two) = (Bed::new(1), Bed::new(1));
    let (notes, seen) = channel();
    let name = || std::thread::current().id();
    let (there, back) = (one.runtime.clone(), two.runtime.clone());
    let last = {
        let notes = notes.clone();
        one.task(move || notes.send(name()).unwrap())
    };
    let middle = two.task(move || {
        notes.send(name()).unwrap();
        there.schedule(last);
    });
    one.runtime.schedule(one.task(move || {
        // A current-thread runtime polls its worker inside this worker's poll.
        tokio::task::block_in_place(|| {
            let nested = Builder::new_current_thread().enable_all().build().unwrap();
            nested.block_on(async {
                let inner = Runtime::start(nested.handle().clone(), 1, Arc::new(Machine::new()));
                let (done, is_done) = tokio::sync::oneshot::channel();
                inner.schedule(task(&Slab::new(), &Arc::default(), move || {
                    back.schedule(middle);
                    done.send(()).unwrap();
                }));
                is_done.await.unwrap();
                inner.close();
            });
        });
    }));
    let [first, second] = take(&seen, 2).try_into().unwrap();
    assert_ne!(first, second, "each ran on its own runtime");
}

#[test]
fn closing_abandons_what_is_queued_and_what_comes_later() {
    let bed = Bed::new(1);
    let (notes, seen) = channel();
    let (go, gone) = channel();
    let runtime = bed.runtime.clone();
    let tasks: Vec<_> = (0..600).map(|number| bed.note(&notes, number)).collect();
    bed.runtime.schedule(bed.task(move || {
        tasks.into_iter().for_each(|task| runtime.schedule(task));
        go.send(()).unwrap();
        while !runtime.is_closed() {
            std::thread::yield_now();
        }
        // Late: the slot and the ring are this worker's still.
        runtime.schedule(task(&Slab::new(), &Arc::default(), || ()));
    }));
    take(&gone, 1);
    bed.runtime.close();
    bed.runtime.schedule(bed.note(&notes, 1_000));
    drop(bed.tokio);
    drop(notes);
    let ran = seen.iter().count();
    assert_eq!(ran, 0, "the worker was in its first job");
    assert_eq!(bed.abandoned.load(Ordering::Relaxed), 601);
}

#[test]
fn dropping_tokio_abandons_every_job_and_says_so_once() {
    let mut bed = Bed::new(2);
    let lost = Arc::new(AtomicUsize::new(0));
    let count = lost.clone();
    bed.runtime.on_lost(move || add_one(&count));
    let ran = Arc::new(AtomicUsize::new(0));
    let jobs = |len: usize| {
        (0..len).map(|_| {
            let ran = ran.clone();
            bed.task(move || add_one(&ran))
        })
    };
    let runtime = bed.runtime.clone();
    let inner: Vec<_> = jobs(300).collect();
    bed.runtime.schedule(bed.task(move || inner.into_iter().for_each(|job| runtime.schedule(job))));
    let outer: Vec<_> = jobs(1_000).collect();
    let runtime = bed.runtime.clone();
    let outsider = std::thread::spawn(move || outer.into_iter().for_each(|job| runtime.schedule(job)));
    drop(bed.tokio.take());
    outsider.join().unwrap();
    // The job that schedules the 300 may itself be among the abandoned, with them.
    let ended = ran.load(Ordering::Relaxed) + bed.abandoned();
    assert!(ended == 1_300 || ended == 1_001, "{ended}");
    assert_eq!(lost.load(Ordering::Relaxed), 1);
}

/// Real threads: cells that wake each other, overflow rings and requeue, with outsiders, for as many as there are.
#[test]
fn under_stress_every_job_runs_once() {
    const ROOTS: usize = 64;
    const LEN: usize = 700;
    let bed = Bed::new(3);
    let (notes, seen) = channel();
    for root in 0..ROOTS {
        let tasks: Vec<_> = (0..LEN).map(|number| bed.note(&notes, (root * LEN + number) as u32)).collect();
        let runtime = bed.runtime.clone();
        bed.runtime.schedule(bed.task(move || {
            for (number, task) in tasks.into_iter().enumerate() {
                match number % 3 {
                    0 => runtime.requeue(task),
                    1 => runtime.linger(task),
                    _ => runtime.schedule(task),
                }
            }
        }));
    }
    let mut all = take(&seen, ROOTS * LEN);
    all.sort_unstable();
    assert!(all.into_iter().eq(0..(ROOTS * LEN) as u32));
    assert_eq!(bed.abandoned(), 0);
}

/// One of two that wake each other until the count is used up.
#[repr(C)]
struct Player {
    refs: Refs,
    runtime: Arc<Runtime>,
    left: Arc<AtomicUsize>,
    other: OnceLock<WeakHandle<Player>>,
    over: Sender<()>,
}

// SAFETY: repr(C), and the counts come first.
unsafe impl Counted for Player {}

// SAFETY: as for `Task`.
unsafe impl Runnable for Player {
    unsafe fn run(this: NonNull<Self>) {
        // SAFETY: the entry's handle.
        let player = unsafe { Handle::from_raw(this) };
        if player.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            return player.over.send(()).unwrap();
        }
        let other = player.other.get().and_then(WeakHandle::upgrade).expect("the test holds both");
        player.runtime.schedule(other);
    }

    unsafe fn abandon(this: NonNull<Self>) {
        // SAFETY: the entry's handle.
        drop(unsafe { Handle::from_raw(this) });
    }
}

/// Plays `turns` turns of ping-pong. How often a worker was woken for them.
fn ping_pong(workers: usize, turns: usize) -> u64 {
    let bed = Bed::new(workers);
    let (over, is_over) = channel();
    let left = Arc::new(AtomicUsize::new(turns));
    let player = || {
        let (runtime, left, over) = (bed.runtime.clone(), left.clone(), over.clone());
        bed.slab.insert(|refs, _| Player { refs, runtime, left, over, other: OnceLock::new() })
    };
    let (ping, pong) = (player(), player());
    ping.other.set(pong.downgrade()).ok().unwrap();
    pong.other.set(ping.downgrade()).ok().unwrap();
    bed.runtime.schedule(ping.clone());
    take(&is_over, 1);
    bed.runtime.wakes().iter().sum()
}

#[test]
fn two_that_wake_each_other_wake_no_worker() {
    const TURNS: usize = 100_000;
    for workers in [1, 2] {
        let wakes = ping_pong(workers, TURNS);
        // A few are due: the first, one for the watch, and those of a machine that stops for milliseconds.
        assert!(wakes < TURNS as u64 / 100, "{workers} workers: {wakes} wakes");
    }
}
