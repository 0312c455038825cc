//! Which workers sleep, which look for work, and whom a push wakes.
//!
//! ```text
//!             finds nothing                 announces, looks again, finds nothing
//!   working ─────────────────> searching ─────────────────────────────────────────> asleep
//!      ▲                        │     ▲                                               │
//!      └────── finds a job ─────┘     └────────────── woken, or rises itself ─────────┘
//!
//!   word:   │ CLOSED │ WATCHED │ ... │ asleep: 24 bits │ searching: 24 bits │
//! ```
//!
//! A push wakes nobody while somebody searches: the searcher finds the job, or one that leaves the search by finding
//! another job looks whether there is more and wakes the next. So at most one worker is being woken at a time, and a
//! woken one counts as searching from the moment it is chosen.
//!
//! **No wake is lost.** Who pushes publishes the job, passes a sequentially consistent fence, and reads the word.
//! Who stops searching takes itself off the word, passes such a fence, and looks at the queues. The fences are in
//! one order: either the pusher's read comes after the searcher's change, and it wakes a sleeper; or the
//! searcher's look comes after the publication, and it sees the job.
//!
//! **The watch.** A job in a worker's slot wakes nobody, for that worker runs it next, unless the handler that it is
//! running blocks its thread. So while some worker is awake, one sleeper is on watch: it sleeps with an alarm, and
//! takes what a stuck worker has left lying. A worker that fills its slot sees by a load whether there is a watch.
//!
//! The searching count is tokio's (`multi_thread/idle.rs`), which is Go's count of spinning threads.

use std::task::Waker;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering, fence};

const SEARCHING: u64 = 1;
const ASLEEP: u64 = 1 << 24;
const FIELD: u64 = (1 << 24) - 1;
/// A sleeper is on watch, or none is needed.
const WATCHED: u64 = 1 << 62;
const CLOSED: u64 = 1 << 63;

pub(super) struct Idle {
    /// `asleep` and the flags change under the lock, `searching` without.
    word: AtomicU64,
    sleepers: Mutex<Sleepers>,
    /// Whether sleepers keep watch at all.
    keeps_watch: bool,
}

struct Sleepers {
    /// Who sleeps; the one that fell asleep last is woken first, for its cache is the warmest.
    asleep: Vec<Sleeper>,
    /// Workers that have not left, asleep or not.
    workers: usize,
    watcher: Option<usize>,
    /// How often each worker was woken.
    wakes: Vec<u64>,
}

struct Sleeper {
    worker: usize,
    waker: Waker,
}

/// What a watcher does next.
pub(super) enum Watch {
    GoOn,
    /// There is nobody to watch: it sleeps on without an alarm.
    Over,
    /// It was chosen to be woken, and searches.
    Woken,
}

/// The word as it was at one moment.
#[derive(Clone, Copy)]
pub(super) struct Glance(u64);

impl Glance {
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether somebody sleeps and nobody searches.
    fn wants_a_wake(self) -> bool {
        self.asleep() != 0 && self.searching() == 0
    }

    /// Whether a job that wakes nobody could be forgotten.
    #[inline]
    pub(super) fn is_unwatched(self) -> bool {
        self.0 & WATCHED == 0 && self.wants_a_wake()
    }

    fn asleep(self) -> u64 {
        (self.0 / ASLEEP) & FIELD
    }

    fn searching(self) -> u64 {
        self.0 & FIELD
    }
}

impl Idle {
    /// All `workers` are awake.
    pub(super) fn new(workers: usize, keeps_watch: bool) -> Self {
        let asleep = Vec::with_capacity(workers);
        let sleepers = Sleepers { asleep, workers, watcher: None, wakes: vec![0; workers] };
        let word = if keeps_watch { 0 } else { WATCHED };
        Idle { word: AtomicU64::new(word), sleepers: Mutex::new(sleepers), keeps_watch }
    }

    /// Good for what needs no more than a recent state.
    #[inline]
    pub(super) fn glance(&self) -> Glance {
        // ORDERING: Relaxed. A worker sees at least the change by which it was woken itself; that is all the watch
        // needs: whoever leaves the watch later sees that this worker is awake, under the lock.
        Glance(self.word.load(Ordering::Relaxed))
    }

    /// After a push: takes a sleeper that the caller wakes, if one is needed. It counts as searching from now on.
    #[must_use = "the sleeper counts as awake: it must be woken"]
    pub(super) fn after_push(&self) -> Option<Waker> {
        // ORDERING: SeqCst; pairs with the fences in `stop_searching` and `fall_asleep`. The push comes before the
        // look at the word.
        fence(Ordering::SeqCst);
        if self.glance().wants_a_wake() { self.take_sleeper() } else { None }
    }

    /// Takes a sleeper that the caller wakes, unless somebody searches.
    #[cold]
    #[must_use = "the sleeper counts as awake: it must be woken"]
    pub(super) fn take_sleeper(&self) -> Option<Waker> {
        let mut sleepers = self.sleepers.lock();
        if !self.glance().wants_a_wake() {
            return None;
        }
        let Sleeper { worker, waker } = sleepers.asleep.pop()?;
        self.rise(&mut sleepers, worker);
        sleepers.wakes[worker] += 1;
        Some(waker)
    }

    /// `worker`, just taken off the list, counts as searching.
    fn rise(&self, sleepers: &mut Sleepers, worker: usize) {
        let mut change = SEARCHING.wrapping_sub(ASLEEP);
        if sleepers.watcher == Some(worker) {
            sleepers.watcher = None;
            change = change.wrapping_sub(WATCHED);
        }
        // ORDERING: Relaxed; who searches hands nothing over by that. The lock orders the list.
        self.word.fetch_add(change, Ordering::Relaxed);
    }

    pub(super) fn start_searching(&self) {
        // ORDERING: Relaxed; as in `rise`.
        self.word.fetch_add(SEARCHING, Ordering::Relaxed);
    }

    /// Whether a worker that stops searching, and leaves a slot to somebody else's watch, leaves it to nobody. What
    /// lies in its own slot it cares for itself when it fills it.
    pub(super) fn leaves_others_unwatched(&self, workers: usize) -> bool {
        let glance = self.glance();
        glance.is_unwatched() && glance.asleep() + 1 < workers as u64
    }

    /// The caller has found a job. True if it was the last that searched: it wakes the next if there is more.
    pub(super) fn stop_searching(&self) -> bool {
        // ORDERING: Release; what the caller moved into its ring is seen by whoever stops searching after it. The fence
        // does not do that: a caller that is not the last can be interrupted before it, and the last looks meanwhile.
        let before = self.word.fetch_sub(SEARCHING, Ordering::Release);
        // ORDERING: SeqCst; pairs with the fence in `after_push`. The change comes before the look at the queues. It is
        // an Acquire as well: the caller sees what those moved that stopped searching before it.
        fence(Ordering::SeqCst);
        Glance(before).searching() == 1
    }

    /// A searching worker announces that it sleeps. It then looks at the queues again. The answer is whether it is
    /// on watch; `None` if all is closed and it does not sleep at all.
    pub(super) fn fall_asleep(&self, worker: usize, waker: &Waker) -> Option<bool> {
        let mut sleepers = self.sleepers.lock();
        if self.glance().is_closed() {
            return None;
        }
        sleepers.asleep.push(Sleeper { worker, waker: waker.clone() });
        let others_are_awake = sleepers.asleep.len() < sleepers.workers;
        let is_on_watch = self.keeps_watch && sleepers.watcher.is_none() && others_are_awake;
        let mut change = ASLEEP.wrapping_sub(SEARCHING);
        if is_on_watch {
            sleepers.watcher = Some(worker);
            change = change.wrapping_add(WATCHED);
        }
        // ORDERING: Relaxed; the fence below is an Acquire, as in `stop_searching`.
        self.word.fetch_add(change, Ordering::Relaxed);
        drop(sleepers);
        // ORDERING: SeqCst; pairs with the fence in `after_push`. The announcement comes before the look at the queues.
        fence(Ordering::SeqCst);
        Some(is_on_watch)
    }

    /// A worker that fell asleep gets up and searches. False if it had been woken: then it counts already.
    pub(super) fn get_up(&self, worker: usize) -> bool {
        let mut sleepers = self.sleepers.lock();
        let was_asleep = sleepers.take(worker);
        if was_asleep {
            self.rise(&mut sleepers, worker);
        }
        was_asleep
    }

    /// The watcher `worker` found nothing, and whether anybody took a job since the last time.
    pub(super) fn go_on_watching(&self, worker: usize, is_quiet: bool) -> Watch {
        let mut sleepers = self.sleepers.lock();
        if sleepers.watcher != Some(worker) {
            return Watch::Woken;
        }
        let nobody_is_awake = sleepers.asleep.len() == sleepers.workers;
        if !nobody_is_awake || !is_quiet {
            return Watch::GoOn;
        }
        sleepers.watcher = None;
        // ORDERING: Relaxed; see `glance`.
        self.word.fetch_sub(WATCHED, Ordering::Relaxed);
        Watch::Over
    }

    /// A worker goes for good; it was asleep before, by its own account, or searching, or neither. True if it was the
    /// last that searched: there may be work that it was woken for.
    pub(super) fn leave(&self, worker: usize, thinks_asleep: bool, is_searching: bool) -> bool {
        let mut sleepers = self.sleepers.lock();
        sleepers.workers -= 1;
        let was_asleep = sleepers.take(worker);
        if was_asleep {
            self.rise(&mut sleepers, worker);
        }
        drop(sleepers);
        (thinks_asleep || is_searching) && self.stop_searching()
    }

    /// Lets nobody fall asleep any more, and takes all sleepers, whom the caller wakes.
    #[must_use = "the sleepers must be woken"]
    pub(super) fn close(&self) -> Vec<Waker> {
        let mut sleepers = self.sleepers.lock();
        // ORDERING: Relaxed; workers that see it late are woken or find nothing and see it under the lock.
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
        let asleep = std::mem::take(&mut sleepers.asleep);
        asleep.iter().for_each(|sleeper| self.rise(&mut sleepers, sleeper.worker));
        asleep.into_iter().map(|sleeper| sleeper.waker).collect()
    }

    /// How often each worker was woken.
    pub(super) fn wakes(&self) -> Vec<u64> {
        self.sleepers.lock().wakes.clone()
    }
}

impl Sleepers {
    fn take(&mut self, worker: usize) -> bool {
        let place = self.asleep.iter().position(|sleeper| sleeper.worker == worker);
        place.map(|place| self.asleep.remove(place)).is_some()
    }
}
