//! Jobs that are ready to run: a slot and a ring a worker, the injector, and who takes from where.

use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use super::idle::{Idle, Watch};
use super::injector::Injector;
use super::ring::{RING_LEN, Ring, Share};
use super::slot::{Put, Slot};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::thread;

/// Jobs in a row that a worker takes from its slot, while its ring or the injector has others.
const SLOT_STREAK_MAX: u32 = 3;
/// Every how many takes a worker looks at the injector first. Not a power of two, as in Go and tokio, so that it does
/// not fall into step with a program's own rhythm.
const INJECTOR_EVERY: u32 = 61;

pub(super) struct RunQueue<T> {
    locals: Box<[Local<T>]>,
    injector: Injector<T>,
    idle: Idle,
    /// Each worker may run on a thread of its own.
    has_threads: bool,
}

/// What one worker fills and others may take from. Alone on its cache lines.
#[repr(align(128))]
struct Local<T> {
    slot: Slot<T>,
    ring: Ring<T>,
    /// How many jobs the worker has taken: one that stands still while the slot is full is stuck in a job.
    taken: AtomicU32,
    /// Of a task that is woken after each worker that this one wakes.
    usher: OnceLock<Waker>,
}

/// What a worker alone knows. Whoever has it mutably is the worker.
pub(super) struct Own {
    worker: usize,
    /// How often the slot may be taken from before the next look elsewhere.
    slot_left: u32,
    /// Takes until the injector has its turn.
    injector_due: u32,
    /// Chooses the first victim of a search.
    rng: u32,
    state: State,
    /// The others' `taken` at the last patrol.
    seen: Box<[u32]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Working,
    Searching,
    /// By its own account: it may have been chosen to be woken meanwhile.
    Asleep {
        on_watch: bool,
    },
}

/// Jobs that came too late: the queue is closed, and nobody will ever run them. The caller abandons them.
pub(super) type Late<T> = Vec<T>;

/// What a watcher found.
pub(super) enum Patrol<T> {
    Found(T),
    /// Nothing, and there is somebody to watch.
    GoOn,
    /// Nothing, and nobody to watch: it sleeps on.
    Over,
    /// It is awake, and goes on as any worker.
    Awake,
}

impl<T> RunQueue<T> {
    /// The queues of `workers` workers, which are awake. `keeps_watch` says whether a worker can be stuck while
    /// another still runs.
    pub(super) fn new(workers: usize, keeps_watch: bool) -> Self {
        let local = |_| Local {
            slot: Slot::new(),
            ring: Ring::new(),
            taken: AtomicU32::new(0),
            usher: OnceLock::new(),
        };
        RunQueue {
            locals: (0..workers).map(local).collect(),
            injector: Injector::new(),
            idle: Idle::new(workers, keeps_watch),
            has_threads: keeps_watch,
        }
    }

    /// Appends a job from outside the workers.
    ///
    /// # Errors
    ///
    /// Gives the job back when the queue is closed: nobody will ever run it.
    pub(super) fn inject(&self, job: T) -> Result<(), T> {
        self.injector.push(job)?;
        self.wake_if_needed(None);
        Ok(())
    }

    /// A worker's job is to run next: it goes to the slot.
    ///
    /// # Errors
    ///
    /// As [`inject`](Self::inject), with whatever the closed queue refuses.
    ///
    /// # Safety
    ///
    /// The caller is `worker`.
    #[inline]
    pub(super) unsafe fn push_next(&self, worker: usize, job: T) -> Result<(), Late<T>> {
        let glance = self.idle.glance();
        if glance.is_closed() {
            return Err(vec![job]);
        }
        // SAFETY: the caller's duty.
        match unsafe { self.locals[worker].slot.put(job) } {
            Put::Filled => {
                if glance.is_unwatched() {
                    self.wake_one(worker);
                }
                Ok(())
            }
            // SAFETY: as above.
            Put::Displaced(job) | Put::Busy(job) => unsafe { self.push_back_and_wake(worker, job) },
        }
    }

    /// A worker's job is to run after what is queued: it goes to the back of the ring. Somebody is woken if the
    /// worker has something else to run first.
    ///
    /// # Errors
    ///
    /// As [`inject`](Self::inject), with whatever the closed queue refuses.
    ///
    /// # Safety
    ///
    /// The caller is `worker`, and about to take its next job.
    pub(super) unsafe fn push_last(&self, worker: usize, job: T) -> Result<(), Late<T>> {
        if self.idle.glance().is_closed() {
            return Err(vec![job]);
        }
        let local = &self.locals[worker];
        let has_others = local.slot.is_full() || !local.ring.is_empty();
        // SAFETY: the caller's duty.
        let pushed = unsafe { self.push_back(worker, job) };
        if has_others {
            self.wake_if_needed(Some(worker));
        }
        pushed
    }

    /// As [`push_last`](Self::push_last), for a job that most likely finds nothing to do: nobody is woken for it.
    ///
    /// # Errors
    ///
    /// As [`inject`](Self::inject), with whatever the closed queue refuses.
    ///
    /// # Safety
    ///
    /// The caller is `worker`, and about to take its next job.
    pub(super) unsafe fn linger(&self, worker: usize, job: T) -> Result<(), Late<T>> {
        let glance = self.idle.glance();
        if glance.is_closed() {
            return Err(vec![job]);
        }
        // SAFETY: the caller's duty.
        let pushed = unsafe { self.push_back(worker, job) };
        if glance.is_unwatched() && self.locals[worker].slot.is_full() {
            self.wake_one(worker);
        }
        pushed
    }

    /// # Safety
    ///
    /// The caller is `worker`.
    #[inline(never)]
    unsafe fn push_back_and_wake(&self, worker: usize, job: T) -> Result<(), Late<T>> {
        // SAFETY: the caller's duty.
        let pushed = unsafe { self.push_back(worker, job) };
        self.wake_if_needed(Some(worker));
        pushed
    }

    /// Appends to the ring. A full one gives its older half to the injector.
    ///
    /// # Safety
    ///
    /// The caller is `worker`.
    unsafe fn push_back(&self, worker: usize, job: T) -> Result<(), Late<T>> {
        let ring = &self.locals[worker].ring;
        // SAFETY: the caller's duty.
        let Err(job) = (unsafe { ring.push(job) }) else { return Ok(()) };
        // SAFETY: as above.
        let half = unsafe { ring.pop_half() };
        let mut late = self.injector.push_all(half).err().unwrap_or_default();
        // SAFETY: as above.
        if let Err(job) = unsafe { ring.push(job) } {
            // A thief is reading its half, and the room is not free yet.
            late.extend(self.injector.push(job).err());
        }
        if late.is_empty() { Ok(()) } else { Err(late) }
    }

    /// Takes a job for the worker, or keeps its waker until there is one. `None` when the queue is closed: the worker
    /// then ends, and what it has left is taken by [`leave`](Self::leave).
    #[inline]
    pub(super) fn poll_take(&self, own: &mut Own, cx: &Context<'_>) -> Poll<Option<T>> {
        if own.slot_left > 0 && !self.idle.glance().is_closed() {
            let local = &self.locals[own.worker];
            // SAFETY: whoever has `own` mutably is the worker.
            if let Some(job) = unsafe { local.slot.take() } {
                own.slot_left -= 1;
                local.count_take();
                return Poll::Ready(Some(job));
            }
        }
        self.poll_take_elsewhere(own, cx)
    }

    fn poll_take_elsewhere(&self, own: &mut Own, cx: &Context<'_>) -> Poll<Option<T>> {
        if let State::Asleep { .. } = own.state {
            self.idle.get_up(own.worker);
            own.state = State::Searching;
        }
        loop {
            if self.idle.glance().is_closed() {
                return Poll::Ready(None);
            }
            if let Some(job) = self.take(own) {
                return Poll::Ready(Some(job));
            }
            match self.idle.fall_asleep(own.worker, cx.waker()) {
                None => return Poll::Ready(None),
                Some(on_watch) => own.state = State::Asleep { on_watch },
            }
            if !self.has_queued() {
                if own.is_on_watch() {
                    self.look_round(own);
                }
                return Poll::Pending;
            }
            // Work came before the announcement. If somebody has chosen this worker meanwhile, it counts already.
            self.idle.get_up(own.worker);
            own.state = State::Searching;
            // Or it is in a ring that a thief is just taking from, and no second thief is let in: the thief needs a
            // processor to end.
            thread::yield_now();
        }
    }

    /// Takes a job from wherever there is one.
    fn take(&self, own: &mut Own) -> Option<T> {
        let job = self.take_own(own).or_else(|| self.search(own))?;
        self.locals[own.worker].count_take();
        if own.state == State::Searching {
            self.stop_searching(own);
        }
        Some(job)
    }

    /// The slot comes last here: it has had its turns, or is empty.
    fn take_own(&self, own: &mut Own) -> Option<T> {
        let Local { slot, ring, .. } = &self.locals[own.worker];
        let takes = 1 + SLOT_STREAK_MAX - own.slot_left;
        own.slot_left = SLOT_STREAK_MAX;
        own.injector_due = own.injector_due.saturating_sub(takes);
        if own.injector_due == 0 {
            own.injector_due = INJECTOR_EVERY;
            if let Some(job) = self.injector.pop() {
                return Some(job);
            }
        }
        // SAFETY: whoever has `own` mutably is the worker.
        let job = unsafe { ring.pop() }.or_else(|| self.take_injected(own));
        // SAFETY: as above.
        job.or_else(|| unsafe { slot.take() })
    }

    fn search(&self, own: &mut Own) -> Option<T> {
        own.slot_left = 0;
        if own.state != State::Searching {
            own.state = State::Searching;
            self.idle.start_searching();
        }
        // The injector first: who moves a batch to a ring lets the injector's length shrink after it has filled the
        // ring, so that this order overlooks nothing.
        self.take_injected(own).or_else(|| self.steal(own))
    }

    /// A worker that searched has a job: if it was the last, it hands the search on.
    fn stop_searching(&self, own: &mut Own) {
        own.state = State::Working;
        let is_last = self.idle.stop_searching();
        if is_last && (self.has_queued() || self.idle.leaves_others_unwatched(self.locals.len())) {
            self.wake_one(own.worker);
        }
    }

    /// The injector's oldest job; its share of what follows goes to the ring, which is empty or nearly so.
    fn take_injected(&self, own: &Own) -> Option<T> {
        let ring = &self.locals[own.worker].ring;
        // SAFETY: whoever has `own` is the worker.
        let room = unsafe { ring.room() }.min(RING_LEN / 2) as usize;
        let share = |len: usize| 1 + (len / self.locals.len()).min(room);
        self.injector.pop_batch(share, |job| {
            // SAFETY: as above.
            let pushed = unsafe { ring.push(job) };
            assert!(pushed.is_ok(), "there is room, and only this worker fills it");
        })
    }

    /// Takes half of somebody's ring, beginning with anybody's.
    fn steal(&self, own: &mut Own) -> Option<T> {
        let len = self.locals.len();
        let first = own.random() as usize % len;
        let victims = (first..len).chain(0..first).filter(|&victim| victim != own.worker);
        victims.into_iter().find_map(|victim| self.steal_from(own.worker, victim))
    }

    /// Half of the ring of `victim`: the oldest job is returned, the others go to the ring of `worker`, which is
    /// empty. It has little room all the same while a thief who was interrupted still reads from it: then fewer.
    fn steal_from(&self, worker: usize, victim: usize) -> Option<T> {
        let mine = &self.locals[worker].ring;
        // SAFETY: the caller is the worker.
        let room = unsafe { mine.room() };
        let mut first = None;
        self.locals[victim].ring.steal(Share::Half { len_max: room + 1 }, |job| match first {
            None => first = Some(job),
            Some(_) => {
                // SAFETY: as above.
                let pushed = unsafe { mine.push(job) };
                assert!(pushed.is_ok(), "there is room, and only this worker fills it");
            }
        });
        first
    }

    /// Whether anything is queued that wakes are for: not what is in slots.
    fn has_queued(&self) -> bool {
        !self.injector.is_empty() || self.locals.iter().any(|local| !local.ring.is_empty())
    }

    /// `by` is the worker that the caller is, if it is one.
    fn wake_if_needed(&self, by: Option<usize>) {
        if let Some(waker) = self.idle.after_push() {
            self.wake(waker, by);
        }
    }

    #[cold]
    fn wake_one(&self, by: usize) {
        if let Some(waker) = self.idle.take_sleeper() {
            self.wake(waker, Some(by));
        }
    }

    #[cold]
    fn wake(&self, sleeper: Waker, by: Option<usize>) {
        sleeper.wake();
        if let Some(usher) = by.and_then(|worker| self.locals[worker].usher.get()) {
            usher.wake_by_ref();
        }
    }

    /// Makes the usher known: see its module.
    pub(super) fn set_usher(&self, worker: usize, waker: &Waker) {
        // A task's wakers are all alike: the first will do.
        self.locals[worker].usher.get_or_init(|| waker.clone());
    }

    /// Notes how far the others are, to see at the next patrol who is stuck. True if nobody moved.
    fn look_round(&self, own: &mut Own) -> bool {
        let mut is_quiet = true;
        for (local, seen) in self.locals.iter().zip(&mut own.seen) {
            let taken = local.taken();
            is_quiet &= std::mem::replace(seen, taken) == taken;
        }
        is_quiet
    }

    /// A watcher's alarm rang: takes what a worker that is stuck in one job since the last time has left lying.
    pub(super) fn patrol(&self, own: &mut Own) -> Patrol<T> {
        for (victim, local) in self.locals.iter().enumerate() {
            let is_stuck = local.taken() == own.seen[victim];
            if !is_stuck || victim == own.worker || (!local.slot.is_full() && local.ring.is_empty()) {
                continue;
            }
            self.idle.get_up(own.worker);
            own.state = State::Searching;
            // If another was quicker, the worker goes on with its search.
            let job = self.steal_from(own.worker, victim).or_else(|| local.slot.steal());
            return job.map_or(Patrol::Awake, |job| {
                self.locals[own.worker].count_take();
                self.stop_searching(own);
                Patrol::Found(job)
            });
        }
        let is_quiet = self.look_round(own);
        match self.idle.go_on_watching(own.worker, is_quiet) {
            Watch::GoOn => Patrol::GoOn,
            Watch::Over => {
                own.state = State::Asleep { on_watch: false };
                Patrol::Over
            }
            Watch::Woken => {
                own.state = State::Searching;
                Patrol::Awake
            }
        }
    }

    /// Whether `worker` has nothing to take but what it runs, while others have threads of their own. A guess.
    pub(super) fn is_alone(&self, worker: usize) -> bool {
        let local = &self.locals[worker];
        self.has_threads && !local.slot.is_full() && !self.has_queued()
    }

    /// Takes the injected job that is `at`, counted from the oldest: for a runtime without workers.
    pub(super) fn take_at(&self, at: usize) -> Option<T> {
        self.injector.take_at(at)
    }

    /// Refuses further jobs, wakes all workers, and returns what nobody has run. A job that a worker pushes at this
    /// very moment is returned by its [`leave`](Self::leave).
    pub(super) fn close(&self) -> Late<T> {
        let mut late = self.injector.close();
        let sleepers = self.idle.close();
        for local in &self.locals {
            late.extend(local.slot.steal());
            local.ring.steal(Share::All, |job| late.push(job));
        }
        sleepers.into_iter().for_each(Waker::wake);
        self.locals.iter().filter_map(|local| local.usher.get()).for_each(Waker::wake_by_ref);
        late
    }

    pub(super) fn is_closed(&self) -> bool {
        self.injector.is_closed()
    }

    /// The worker goes for good: what it has left goes to the others, or, when the queue is closed, to the caller.
    pub(super) fn leave(&self, own: &mut Own) -> Late<T> {
        let Local { slot, ring, .. } = &self.locals[own.worker];
        // SAFETY: whoever has `own` mutably is the worker.
        let mut left = Vec::from_iter(unsafe { slot.take() });
        // SAFETY: as above.
        left.extend(std::iter::from_fn(|| unsafe { ring.pop() }));
        let has_left = !left.is_empty();
        let late = self.injector.push_all(left).err().unwrap_or_default();
        let thinks_asleep = matches!(own.state, State::Asleep { .. });
        let was_last = self.idle.leave(own.worker, thinks_asleep, own.state == State::Searching);
        if has_left || was_last {
            self.wake_if_needed(None);
        }
        late
    }

    /// How often each worker was woken.
    pub(super) fn wakes(&self) -> Vec<u64> {
        self.idle.wakes()
    }
}

impl<T> Local<T> {
    /// The worker has taken a job.
    #[inline]
    fn count_take(&self) {
        // ORDERING: Relaxed; written by the worker alone, read by patrols, for which a late value does.
        self.taken.store(self.taken().wrapping_add(1), Ordering::Relaxed);
    }

    #[inline]
    fn taken(&self) -> u32 {
        // ORDERING: Relaxed; see `count_take`.
        self.taken.load(Ordering::Relaxed)
    }
}

impl Own {
    /// The private part of `worker`, of as many as there are. Made once.
    pub(super) fn new(worker: usize, workers: usize, seed: u64) -> Self {
        Own {
            worker,
            slot_left: 0,
            injector_due: INJECTOR_EVERY,
            // Xorshift is stuck at 0.
            rng: seed as u32 | 1,
            state: State::Working,
            seen: vec![0; workers].into(),
        }
    }

    pub(super) fn worker(&self) -> usize {
        self.worker
    }

    /// Whether the worker sleeps with an alarm.
    pub(super) fn is_on_watch(&self) -> bool {
        self.state == State::Asleep { on_watch: true }
    }

    /// Xorshift (Marsaglia, "Xorshift RNGs", 2003).
    fn random(&mut self) -> u32 {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 17;
        self.rng ^= self.rng << 5;
        self.rng
    }
}

#[cfg(all(test, ostraca_loom))]
#[path = "loom_tests.rs"]
mod loom_tests;

#[cfg(all(test, not(ostraca_loom)))]
#[path = "queues_tests.rs"]
mod tests;
