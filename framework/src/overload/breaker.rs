//! A circuit breaker: calls that would fail anyway are not made.
//!
//! ```text
//!             too many failed, or were slow                    its time is over
//!   Closed ──────────────────────────────────> Open ──────────────────────────────> HalfOpen
//!     ^                                          ^                                     │ │
//!     │                                          └── one failed, or they took too long ┘ │
//!     └───────────────────────────── all trials were answered ────────────────────────────┘
//! ```
//!
//! **Guarantees.** Each state but Closed has a cap in time. Open lasts [`open_for`](Breaker::open_for), doubled each time in
//! a row up to [`open_max`](Breaker::open_max). HalfOpen lets no more than [`trials`](Breaker::trials) calls through at a
//! time and ends within [`trial_max`](Breaker::trial_max), whatever became of them: a trial that never ends counts as
//! failed then (resilience4j waits for it for good: [#935], [#1389]). A permit that is dropped says nothing and gives its
//! place back; one that is dropped by a panic has failed. What calls of an earlier state come to does not count in a
//! later one. Failures and slow calls have thresholds of their own ([#667]).
//!
//! [#935]: https://github.com/resilience4j/resilience4j/issues/935
//! [#1389]: https://github.com/resilience4j/resilience4j/issues/1389
//! [#667]: https://github.com/resilience4j/resilience4j/issues/667

use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::clock;
use super::window::{Counts, Window};
use crate::sync::Mutex;

/// A circuit breaker. Clones are one breaker.
///
/// ```
/// use ostraca::overload::Breaker;
///
/// let breaker = Breaker::new().failures_in_a_row(3);
/// for _ in 0..3 {
///     breaker.try_acquire().unwrap().failed();
/// }
/// assert!(breaker.try_acquire().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Breaker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Clone, Debug)]
struct Settings {
    in_a_row: u32,
    failure_rate: f32,
    slow_rate: f32,
    slow_after: Duration,
    calls_min: u32,
    window: Duration,
    open_for: Duration,
    open_max: Duration,
    trials: u32,
    trial_max: Duration,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Counts states: a permit of an earlier one has no say.
    epoch: u64,
    in_a_row: u32,
    window: Window,
    /// How often in a row it opened.
    rounds: u32,
    opened: u64,
    refused: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { until: Instant, under_way: u32, answered: u32 },
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All calls.
    Closed,
    /// None.
    Open,
    /// A few, to see how they fare.
    HalfOpen,
}

/// What a breaker has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerNumbers {
    /// Its state now.
    pub state: BreakerState,
    /// How often it opened.
    pub opened: u64,
    /// Calls that it refused.
    pub refused: u64,
}

/// The breaker is open: the call was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the circuit breaker is open: try again in {} ms", .retry_after.as_millis())]
pub struct Open {
    /// After how long a call may be let through.
    pub retry_after: Duration,
}

/// The right to one call. Dropped without a word it gives itself back.
#[must_use = "say how the call ended: `answered` or `failed`"]
#[derive(Debug)]
pub struct BreakerPermit {
    breaker: Breaker,
    epoch: u64,
    began: Instant,
    is_over: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker::new()
    }
}

impl Breaker {
    /// Opens after 5 failures in a row, or when half of at least 20 calls of the last 10 s failed, or 9 of 10 took longer
    /// than 10 s; for 1 s the first time and a minute at most; then tries one call, for 10 s at most.
    pub fn new() -> Self {
        let settings = Settings {
            in_a_row: 5,
            failure_rate: 0.5,
            slow_rate: 0.9,
            slow_after: Duration::from_secs(10),
            calls_min: 20,
            window: Duration::from_secs(10),
            open_for: Duration::from_secs(1),
            open_max: Duration::from_secs(60),
            trials: 1,
            trial_max: Duration::from_secs(10),
        };
        Breaker::with(settings)
    }

    fn with(settings: Settings) -> Self {
        let inner = Inner {
            state: State::Closed,
            epoch: 0,
            in_a_row: 0,
            window: Window::new(settings.window, clock::now()),
            rounds: 0,
            opened: 0,
            refused: 0,
        };
        Breaker { shared: Arc::new(Shared { settings, inner: Mutex::new(inner) }) }
    }

    fn set(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Breaker::with(settings)
    }

    /// How many failures in a row open it; at least 1. As all of these it makes a new breaker, which knows no calls yet.
    #[must_use]
    pub fn failures_in_a_row(self, len: u32) -> Self {
        self.set(|settings| settings.in_a_row = len.max(1))
    }

    /// Which part of at least `calls_min` calls of the last `window` may fail. Of 1 or more no part opens it.
    #[must_use]
    pub fn failure_rate(self, rate: f32, calls_min: u32, window: Duration) -> Self {
        self.set(|settings| {
            (settings.failure_rate, settings.calls_min, settings.window) = (rate, calls_min.max(1), window);
        })
    }

    /// Which part of them may take longer than `slow_after`.
    #[must_use]
    pub fn slow_rate(self, rate: f32, slow_after: Duration) -> Self {
        self.set(|settings| (settings.slow_rate, settings.slow_after) = (rate, slow_after))
    }

    /// Which calls are slow; 9 of 10 open it, if [`slow_rate`](Self::slow_rate) says nothing else.
    #[must_use]
    pub fn slow_after(self, slow_after: Duration) -> Self {
        self.set(|settings| settings.slow_after = slow_after)
    }

    /// For how long it opens the first time.
    #[must_use]
    pub fn open_for(self, open_for: Duration) -> Self {
        self.set(|settings| {
            settings.open_for = open_for;
            settings.open_max = settings.open_max.max(open_for);
        })
    }

    /// For how long it opens at most.
    #[must_use]
    pub fn open_max(self, open_max: Duration) -> Self {
        self.set(|settings| settings.open_max = open_max.max(settings.open_for))
    }

    /// How many calls are tried, and how many must be answered, before it closes; at least 1.
    #[must_use]
    pub fn trials(self, trials: u32) -> Self {
        self.set(|settings| settings.trials = trials.max(1))
    }

    /// How long the trials may take together.
    #[must_use]
    pub fn trial_max(self, trial_max: Duration) -> Self {
        self.set(|settings| settings.trial_max = trial_max)
    }

    /// The right to a call.
    ///
    /// # Errors
    ///
    /// When it is open, or as many calls as are to be tried are under way.
    pub fn try_acquire(&self) -> Result<BreakerPermit, Open> {
        let now = clock::now();
        let mut inner = self.shared.inner.lock();
        let refused = inner.begin(now, &self.shared.settings);
        match refused {
            None => {
                let epoch = inner.epoch;
                drop(inner);
                Ok(BreakerPermit { breaker: self.clone(), epoch, began: now, is_over: false })
            }
            Some(until) => {
                inner.refused += 1;
                Err(Open { retry_after: until.saturating_duration_since(now) })
            }
        }
    }

    /// Whether a call that asks for a permit soon may get one. Takes none.
    pub fn is_passable(&self) -> bool {
        let now = clock::now();
        match self.shared.inner.lock().state {
            State::Closed => true,
            State::Open { until } => until <= now,
            State::HalfOpen { until, under_way, .. } => {
                until <= now || under_way < self.shared.settings.trials
            }
        }
    }

    /// What it has done up to now.
    pub fn numbers(&self) -> BreakerNumbers {
        let mut inner = self.shared.inner.lock();
        inner.pass(clock::now(), &self.shared.settings);
        let state = match inner.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        };
        BreakerNumbers { state, opened: inner.opened, refused: inner.refused }
    }
}

impl Inner {
    /// Goes on to the state that the time asks for.
    fn pass(&mut self, now: Instant, settings: &Settings) {
        match self.state {
            State::Open { until } if until <= now => {
                self.enter(State::HalfOpen { until: now + settings.trial_max, under_way: 0, answered: 0 });
            }
            // Nobody came, or who came has not ended: no trial was answered in time. One that nobody took says nothing.
            State::HalfOpen { until, under_way, .. } if until <= now => match under_way {
                0 => {
                    self.enter(State::HalfOpen { until: now + settings.trial_max, under_way: 0, answered: 0 })
                }
                _ => self.open(now, settings),
            },
            _ => {}
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }

    fn open(&mut self, now: Instant, settings: &Settings) {
        let times = 1u32 << self.rounds.min(20);
        let until = now + settings.open_for.saturating_mul(times).min(settings.open_max);
        self.rounds += 1;
        self.opened += 1;
        self.in_a_row = 0;
        self.window.clear();
        self.enter(State::Open { until });
    }

    /// `Some`: until when the call is refused.
    fn begin(&mut self, now: Instant, settings: &Settings) -> Option<Instant> {
        self.pass(now, settings);
        match &mut self.state {
            State::Closed => None,
            State::Open { until } => Some(*until),
            State::HalfOpen { until, under_way, answered } => {
                if *under_way + *answered >= settings.trials {
                    return Some(*until);
                }
                *under_way += 1;
                None
            }
        }
    }

    /// A call of this state ended.
    fn end(&mut self, now: Instant, took: Duration, is_failure: bool, settings: &Settings) {
        match &mut self.state {
            State::Closed => {
                let slow = u32::from(took > settings.slow_after);
                self.window.add(now, Counts { calls: 1, failed: u32::from(is_failure), slow });
                self.in_a_row = if is_failure { self.in_a_row + 1 } else { 0 };
                let Counts { calls, failed, slow } = self.window.sum(now);
                let is_over = |part: u32, rate: f32| {
                    calls >= settings.calls_min && rate < 1.0 && part as f32 >= rate * calls as f32
                };
                if self.in_a_row >= settings.in_a_row
                    || is_over(failed, settings.failure_rate)
                    || is_over(slow, settings.slow_rate)
                {
                    self.open(now, settings);
                } else if calls >= settings.calls_min {
                    // Well for as long as the verdict takes: it begins anew.
                    self.rounds = 0;
                }
            }
            State::HalfOpen { under_way, answered, .. } => {
                *under_way -= 1;
                if is_failure || took > settings.slow_after {
                    return self.open(now, settings);
                }
                *answered += 1;
                if *answered >= settings.trials {
                    self.enter(State::Closed);
                }
            }
            // A permit of this state does not exist.
            State::Open { .. } => {}
        }
    }
}

impl BreakerPermit {
    /// The call was answered.
    pub fn answered(self) {
        self.end(false);
    }

    /// The call failed.
    pub fn failed(self) {
        self.end(true);
    }

    fn end(mut self, is_failure: bool) {
        self.is_over = true;
        self.end_once(is_failure);
    }

    fn end_once(&self, is_failure: bool) {
        let now = clock::now();
        let mut inner = self.breaker.shared.inner.lock();
        inner.pass(now, &self.breaker.shared.settings);
        if inner.epoch == self.epoch {
            let took = now.saturating_duration_since(self.began);
            inner.end(now, took, is_failure, &self.breaker.shared.settings);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if std::thread::panicking() {
            return self.end_once(true);
        }
        let mut inner = self.breaker.shared.inner.lock();
        if inner.epoch == self.epoch
            && let State::HalfOpen { under_way, .. } = &mut inner.state
        {
            *under_way -= 1;
        }
    }
}
