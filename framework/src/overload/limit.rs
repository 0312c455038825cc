//! How many calls may be under way, learned from how long they take.
//!
//! ```text
//!   each window:  g = base · tolerance / short, from 0.5 to 1       short: the mean time of the window's calls
//!                 limit ← limit + s · (limit · g + √limit − limit)  base: the time without a queue
//!
//!   slow for ten seconds:  limit ← 0.8 · rate · base until 200 calls that began since have ended; their mean is the base
//! ```
//!
//! **Source.** Netflix's Gradient2 (concurrency-limits), with repairs.
//!
//! **Repairs.** Gradient2's base is a moving average of all times, so under lasting overload it follows the queue that it
//! is to prevent: *baseline drift*, which Envoy and Uber's Cinnamon name as the failure of this kind. Here:
//!
//! - The base follows calls down at any time, but up only in windows that had room to spare and were not slow.
//! - When calls stay slow, a trial tells a queue from a backend that has become slower: for some calls the limit is what
//!   Little's law says that the base needs, less a fifth, so that nothing queues. Their time is the base, whatever it
//!   was before: a degraded backend is accepted, and one that is well again found ([Envoy #38338]). A trial that finds
//!   it shorter is made again, until it is not.
//! - Only calls that began in the trial count for it ([Envoy #11579]). The trial's limit is not the least limit
//!   ([Envoy #46532]), and not below it either. A trial ends after two seconds, or five times the base, whatever comes of it.
//! - It begins low and doubles until the first slow window, so that a start under overload measures no queue.
//! - There is no growth where not half of the limit was used; a failure that says overload (a timeout) takes a tenth.
//!
//! **Guarantees.** A permit that is dropped gives its place back and counts for nothing. With `Normal` alone nine tenths
//! of the limit are used: the rest is for `High`.
//!
//! **Bad at.** Calls whose times differ by their kind: a change of the mix looks like a change of the backend. Give each
//! kind its own. A service that handles one call at a time: the least queue that √limit allows is two calls then.
//!
//! [Envoy #38338]: https://github.com/envoyproxy/envoy/issues/38338
//! [Envoy #11579]: https://github.com/envoyproxy/envoy/pull/11579
//! [Envoy #46532]: https://github.com/envoyproxy/envoy/issues/46532

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock;
use super::priority::Priority;
use crate::stats::SharedCounter;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};

/// An adaptive limit of calls under way. Clones are one limit.
///
/// ```
/// use ostraca::overload::{Limit, Priority};
///
/// let limit = Limit::default();
/// if let Some(permit) = limit.try_acquire(Priority::Normal) {
///     // .. the call ..
///     permit.answered();
/// }
/// assert_eq!(limit.numbers().in_flight, 0);
/// ```
#[derive(Clone, Debug)]
pub struct Limit {
    shared: Arc<Shared>,
}

/// Settings of a [`Limit`].
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    min: u32,
    max: u32,
    tolerance: f64,
    window: Duration,
}

#[derive(Debug)]
struct Shared {
    settings: LimitSettings,
    in_flight: AtomicU32,
    /// What counts now: the learned limit, or a trial's.
    limit: AtomicU32,
    /// What it may not exceed now, whatever is learned.
    ceiling: AtomicU32,
    admitted: SharedCounter,
    refused: SharedCounter,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: f64,
    /// The time of a call without a queue, in seconds. None before the first window.
    base: Option<f64>,
    /// No window was slow yet.
    begins: bool,
    window: Sums,
    /// For how long windows were slow, less twice the time of those in between that were not.
    slow_for: Duration,
    trial: Option<Sums>,
    trials: u64,
    /// Answers a second, when the last trial began.
    rate: f64,
}

/// Calls since a moment.
#[derive(Clone, Copy, Debug)]
struct Sums {
    since: Instant,
    calls: u32,
    seconds: f64,
    in_flight_most: u32,
    has_dropped: bool,
}

/// What a limit has done.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LimitNumbers {
    /// The limit now.
    pub limit: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Calls that got a permit.
    pub admitted: u64,
    /// Calls that got none.
    pub refused: u64,
    /// The time of a call without a queue, as it was learned. None before the first window.
    pub base: Option<Duration>,
    /// Trials of the base.
    pub trials: u64,
}

/// The right to one call. Dropped without a word it gives itself back.
#[must_use = "say how the call ended: `answered` or `overloaded`"]
#[derive(Debug)]
pub struct LimitPermit {
    limit: Limit,
    began: Instant,
    is_over: bool,
}

/// Calls that make a window, and that make a trial.
const WINDOW_CALLS: u32 = 10;
// Of fewer the quick ones, which end first, would be too large a part.
const TRIAL_CALLS: u32 = 200;
/// After how long of slow windows the base is tried, and for how long at most.
const TRIAL_AFTER: Duration = Duration::from_secs(10);
const TRIAL_MAX: Duration = Duration::from_secs(2);
/// What part of the concurrency that the base needs a trial uses.
const TRIAL_PART: f64 = 0.8;
/// How much of a window's outcome is taken over.
const SMOOTHING: f64 = 0.2;
/// Where a limit begins.
const BEGINS_AT: f64 = 4.0;

impl Default for LimitSettings {
    /// From 1 to 1,000, a tolerance of 1.25, windows of 100 ms.
    fn default() -> Self {
        LimitSettings { min: 1, max: 1_000, tolerance: 1.25, window: Duration::from_millis(100) }
    }
}

impl LimitSettings {
    /// The least and the greatest limit.
    #[must_use]
    pub fn bounds(mut self, min: u32, max: u32) -> Self {
        self.min = min.max(1);
        self.max = max.max(self.min);
        self
    }

    /// How much longer than without a queue calls may take, at least 1: more tolerance, more throughput and longer waits.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance.max(1.0);
        self
    }

    /// How long calls are averaged over, at least.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }
}

impl Default for Limit {
    fn default() -> Self {
        Limit::new(LimitSettings::default())
    }
}

impl Limit {
    /// A limit that knows nothing yet: it begins with 4 calls, within its bounds.
    pub fn new(settings: LimitSettings) -> Self {
        Limit::new_at(clock::now(), settings)
    }

    /// As [`new`](Self::new), at a time of the caller's: for simulations, as the other methods with a time are.
    pub fn new_at(now: Instant, settings: LimitSettings) -> Self {
        let limit = BEGINS_AT.clamp(f64::from(settings.min), f64::from(settings.max));
        let inner = Inner {
            limit,
            base: None,
            begins: true,
            window: Sums::since(now),
            slow_for: Duration::ZERO,
            trial: None,
            trials: 0,
            rate: 0.0,
        };
        let shared = Shared {
            settings,
            in_flight: AtomicU32::new(0),
            limit: AtomicU32::new(limit as u32),
            ceiling: AtomicU32::new(settings.max),
            admitted: SharedCounter::default(),
            refused: SharedCounter::default(),
            inner: Mutex::new(inner),
        };
        Limit { shared: Arc::new(shared) }
    }

    /// The right to a call, if there is room for one of this priority.
    pub fn try_acquire(&self, priority: Priority) -> Option<LimitPermit> {
        self.try_acquire_at(clock::now(), priority)
    }

    /// As [`try_acquire`](Self::try_acquire), at a time of the caller's.
    pub fn try_acquire_at(&self, now: Instant, priority: Priority) -> Option<LimitPermit> {
        let shared = &*self.shared;
        let room = self.room(priority);
        // ORDERING: Relaxed, here and below; numbers that say nothing about other memory.
        let taken = shared.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |in_flight| {
            (in_flight < room).then_some(in_flight + 1)
        });
        if taken.is_err() {
            shared.refused.add(1);
            return None;
        }
        shared.admitted.add(1);
        Some(LimitPermit { limit: self.clone(), began: now, is_over: false })
    }

    /// Whether there is room where so many calls are under way already, for who counts them otherwise.
    pub(super) fn admits(&self, in_flight: usize, priority: Priority) -> bool {
        let admits = in_flight < self.room(priority) as usize;
        let counter = if admits { &self.shared.admitted } else { &self.shared.refused };
        counter.add(1);
        admits
    }

    /// How many calls of this priority there may be.
    fn room(&self, priority: Priority) -> u32 {
        let limit = self.shared.limit.load(Ordering::Relaxed);
        (f64::from(limit) * priority.part()).ceil() as u32
    }

    /// A call of this beginning ended now, while so many were under way, itself included.
    pub(super) fn observe(&self, began: Instant, now: Instant, in_flight: u32, is_overload: bool) {
        let shared = &*self.shared;
        let mut inner = shared.inner.lock();
        inner.observe(began, now, in_flight, is_overload, &shared.settings);
        let limit = shared.capped(inner.current(&shared.settings));
        if limit != shared.limit.load(Ordering::Relaxed) {
            shared.limit.store(limit, Ordering::Relaxed);
        }
    }

    /// Keeps it below `max` from now on, whatever it learns; within its [bounds](LimitSettings::bounds).
    pub fn set_max(&self, max: u32) {
        let shared = &*self.shared;
        let inner = shared.inner.lock();
        shared.ceiling.store(max.clamp(shared.settings.min, shared.settings.max), Ordering::Relaxed);
        shared.limit.store(shared.capped(inner.current(&shared.settings)), Ordering::Relaxed);
    }

    /// What it may not exceed now.
    pub fn max(&self) -> u32 {
        self.shared.ceiling.load(Ordering::Relaxed)
    }

    /// What it has done up to now.
    pub fn numbers(&self) -> LimitNumbers {
        let shared = &*self.shared;
        let (base, trials) = {
            let inner = shared.inner.lock();
            (inner.base, inner.trials)
        };
        LimitNumbers {
            limit: shared.limit.load(Ordering::Relaxed),
            in_flight: shared.in_flight.load(Ordering::Relaxed),
            admitted: shared.admitted.value(),
            refused: shared.refused.value(),
            base: base.map(Duration::from_secs_f64),
            trials,
        }
    }
}

impl Shared {
    fn capped(&self, limit: u32) -> u32 {
        limit.min(self.ceiling.load(Ordering::Relaxed))
    }
}

impl Sums {
    fn since(since: Instant) -> Self {
        Sums { since, calls: 0, seconds: 0.0, in_flight_most: 0, has_dropped: false }
    }

    fn add(&mut self, took: Duration, in_flight: u32, is_overload: bool) {
        self.calls += 1;
        self.seconds += took.as_secs_f64();
        self.in_flight_most = self.in_flight_most.max(in_flight);
        self.has_dropped |= is_overload;
    }

    fn mean(&self) -> f64 {
        self.seconds / f64::from(self.calls)
    }
}

impl Inner {
    fn observe(
        &mut self,
        began: Instant,
        now: Instant,
        in_flight: u32,
        is_overload: bool,
        settings: &LimitSettings,
    ) {
        let took = now.saturating_duration_since(began);
        if let Some(trial) = &mut self.trial {
            if began >= trial.since {
                trial.add(took, in_flight, is_overload);
            }
            let is_done = trial.calls >= TRIAL_CALLS;
            let base = self.base.unwrap_or_default();
            let trial_max = TRIAL_MAX.max(Duration::from_secs_f64(5.0 * base));
            if is_done || now.saturating_duration_since(trial.since) >= trial_max {
                self.end_trial(now);
            }
            return;
        }
        self.window.add(took, in_flight, is_overload);
        let passed = now.saturating_duration_since(self.window.since);
        if self.window.calls >= WINDOW_CALLS && passed >= settings.window {
            let window = std::mem::replace(&mut self.window, Sums::since(now));
            self.learn(now, &window, settings);
        }
    }

    /// What one window says.
    fn learn(&mut self, now: Instant, window: &Sums, settings: &LimitSettings) {
        let short = window.mean();
        let before = *self.base.get_or_insert(short);
        let has_room = f64::from(window.in_flight_most) * 2.0 < self.limit;
        let is_slow = short > before * settings.tolerance;
        let base = if short < 0.7 * before {
            f64::midpoint(before, short)
        } else if short < before || (has_room && !is_slow) {
            before + 0.1 * (short - before)
        } else {
            before
        };
        self.base = Some(base);
        let gradient = (settings.tolerance * base / short).clamp(0.5, 1.0);
        if window.has_dropped {
            self.limit *= 0.9;
            self.begins = false;
        } else if gradient < 1.0 || !has_room {
            self.begins &= gradient >= 1.0;
            let wanted = self.limit * gradient + self.limit.sqrt();
            self.limit =
                if self.begins { 2.0 * self.limit } else { self.limit + SMOOTHING * (wanted - self.limit) };
        }
        self.limit = self.limit.clamp(f64::from(settings.min), f64::from(settings.max));
        let passed = now.saturating_duration_since(window.since);
        self.slow_for =
            if is_slow { self.slow_for + passed } else { self.slow_for.saturating_sub(2 * passed) };
        if self.slow_for >= TRIAL_AFTER {
            self.rate = f64::from(window.calls) / passed.as_secs_f64();
            self.begin_trial(now);
        }
    }

    fn begin_trial(&mut self, now: Instant) {
        let needed = (TRIAL_PART * self.rate * self.base.unwrap_or_default()).max(1.0);
        self.trials += 1;
        self.trial = Some(Sums { in_flight_most: needed as u32, ..Sums::since(now) });
    }

    fn end_trial(&mut self, now: Instant) {
        self.slow_for = Duration::ZERO;
        self.window = Sums::since(now);
        let Some(trial) = self.trial.take().filter(|trial| trial.calls >= WINDOW_CALLS) else { return };
        let (mean, base) = (trial.mean(), self.base.unwrap_or_default());
        // Of fewer calls such a difference may be chance. A base that is a quarter too long shows as 0.8.
        if mean < 0.85 * base && trial.calls >= TRIAL_CALLS {
            // The base was too long, and so the trial's limit may have been too large: once more.
            self.base = Some(mean);
            self.begin_trial(now);
        } else {
            // Near what was known it is that, and chance.
            self.base = Some(if mean < 1.5 * base { base + 0.25 * (mean - base) } else { mean });
        }
    }

    /// The limit that counts now.
    fn current(&self, settings: &LimitSettings) -> u32 {
        let limit = self.limit.round() as u32;
        self.trial.map_or(limit, |trial| trial.in_flight_most.min(limit)).clamp(settings.min, settings.max)
    }
}

impl LimitPermit {
    /// The call was answered, well or not: how long it took says how loaded the service is.
    pub fn answered(self) {
        self.answered_at(clock::now());
    }

    /// As [`answered`](Self::answered), at a time of the caller's.
    pub fn answered_at(mut self, now: Instant) {
        self.end(now, false);
    }

    /// The call failed in a way that says overload: it was not answered in time, or refused further on.
    pub fn overloaded(mut self) {
        self.end(clock::now(), true);
    }

    fn end(&mut self, now: Instant, is_overload: bool) {
        self.is_over = true;
        let in_flight = self.limit.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.limit.observe(self.began, now, in_flight, is_overload);
    }
}

impl Drop for LimitPermit {
    fn drop(&mut self) {
        if !self.is_over {
            self.limit.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
