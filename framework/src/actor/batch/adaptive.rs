//! When holding a batch open for more messages pays: `wait_max = adaptive`.
//!
//! **The cost of a call** is learned as t(n) = a + b n by least squares with exponential forgetting (Ljung and
//! Söderström, "Theory and Practice of Recursive Identification", 1983, section 2.5; two parameters, so the weighted
//! sums themselves are kept and solved, which is the same and needs no start value).
//!
//! **What waiting is worth.** A message that comes while n others are held saves the `a` of a call of its own and the
//! wait for the call under way; each of the n waits the gap until it comes. So one more is worth waiting for while
//! n · gap < a / 2, where `gap` is how far apart messages came while batches were held open lately. The half is what
//! keeps it from waiting where an open stream of messages makes both sides equal: there n = rate · t(n), and
//! n · gap = t(n) > a. It waits where callers come back together as soon as they have been answered, who otherwise fall
//! into two halves that wait for one another. This is the ski-rental bound of online algorithms too: to hold a batch no
//! longer than `a` never costs more than twice what one who knew the future would pay.
//!
//! **How it knows the gap** without waiting: it does wait, for at most a quarter of `a`, at one batch in sixteen.
//!
//! **Cost.** A clock reading before and after a call, and a few floating point operations. A batch that is held for less
//! than a millisecond, which timers do not tell, takes turns with whatever else is ready.

use std::time::Duration;

/// What an earlier call or wait counts, when there is a new one.
const FORGET: f64 = 0.96;
/// Calls before the cost is believed.
const CALLS_MIN: u32 = 4;
/// The spread of lengths, relative and squared, from which on the two parts of the cost can be told apart.
const SPREAD_MIN: f64 = 0.003;
/// A call that took so many times what was expected counts as that: most often the machine was elsewhere.
const OUTLIER: f64 = 8.0;
/// One batch in this many is held open to see how messages come.
const PROBE_EVERY: u32 = 16;
/// The part of `a` that a probe lasts at most.
const PROBE: f64 = 0.25;
/// The part of `a` that a message may cost the others.
const WORTH: f64 = 0.5;
/// After this many gaps without a message no more are expected.
const SILENT_GAPS: f64 = 4.0;
/// Below this `a`, in seconds, to wait costs more than it saves.
const COST_MIN: f64 = 20e-6;

/// The cost of a call as a + b n, in seconds.
#[derive(Debug, Default)]
pub(super) struct Cost {
    a: f64,
    b: f64,
    /// There were calls of different lengths.
    is_told_apart: bool,
    seen: u32,
    weight: f64,
    n: f64,
    nn: f64,
    t: f64,
    nt: f64,
}

impl Cost {
    /// A call with `len` messages took so long.
    pub(super) fn observe(&mut self, len: usize, took: Duration) {
        let (n, mut t) = (len as f64, took.as_secs_f64());
        if self.seen >= CALLS_MIN {
            t = t.min(OUTLIER * (self.a + self.b * n));
        }
        self.seen = self.seen.saturating_add(1);
        self.weight = FORGET * self.weight + 1.0;
        self.n = FORGET * self.n + n;
        self.nn = FORGET * self.nn + n * n;
        self.t = FORGET * self.t + t;
        self.nt = FORGET * self.nt + n * t;
        let spread = self.weight * self.nn - self.n * self.n;
        if spread > SPREAD_MIN * self.n * self.n {
            self.is_told_apart = true;
            self.b = ((self.weight * self.nt - self.n * self.t) / spread).max(0.0);
            self.a = (self.t - self.b * self.n) / self.weight;
            if self.a < 0.0 {
                (self.a, self.b) = (0.0, self.t / self.n);
            }
            return;
        }
        // Of one length alone only the sum is known: the parts keep their ratio.
        let expected = self.a * self.weight + self.b * self.n;
        if expected > 0.0 {
            let scale = self.t / expected;
            (self.a, self.b) = (self.a * scale, self.b * scale);
        } else {
            // For who asks how long a call takes, the safe side.
            (self.a, self.b) = (self.t / self.weight, 0.0);
        }
    }

    /// How long a call with so many messages takes, as far as is known.
    pub(super) fn expected(&self, len: usize) -> Duration {
        Duration::from_secs_f64(self.a + self.b * len as f64)
    }

    /// What a call costs beside its messages, in seconds; none before enough calls were seen.
    fn fixed(&self) -> Option<f64> {
        // Of one length alone it may be all or nothing.
        let a = if self.is_told_apart { self.a } else { 0.5 * self.a };
        (self.seen >= CALLS_MIN && a >= COST_MIN).then_some(a)
    }
}

/// How messages come while batches are held open.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    seconds: f64,
    count: f64,
    batches: u32,
}

/// How a batch that has taken all that was queued is held open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    is_probe: bool,
}

impl Arrivals {
    /// A batch begins.
    pub(super) fn begin(&mut self) -> Held {
        self.batches = self.batches.wrapping_add(1);
        Held { is_probe: self.batches.is_multiple_of(PROBE_EVERY) }
    }

    /// How much longer a batch of `len` messages is held open, that was held for `held` so far and saw nobody come for
    /// `silent`. None: it is closed.
    pub(super) fn patience(
        &self,
        how: Held,
        cost: &Cost,
        len: usize,
        held: Duration,
        silent: Duration,
    ) -> Option<Duration> {
        let a = cost.fixed()?;
        let (held, silent) = (held.as_secs_f64(), silent.as_secs_f64());
        let probe = if how.is_probe { PROBE * a - held } else { 0.0 };
        let paying = match self.gap() {
            Some(gap) if len as f64 * gap < WORTH * a => (SILENT_GAPS * gap - silent).min(a - held),
            _ => 0.0,
        };
        let left = probe.max(paying);
        (left > 0.0).then(|| Duration::from_secs_f64(left))
    }

    /// A batch was held open so long, and so many messages came.
    pub(super) fn observe(&mut self, held: Duration, came: usize) {
        self.seconds = FORGET * self.seconds + held.as_secs_f64();
        self.count = FORGET * self.count + came as f64;
    }

    /// Seconds from one message to the next. None if none ever came.
    fn gap(&self) -> Option<f64> {
        (self.count > 0.01).then(|| self.seconds / self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn learned(a: f64, b: f64, lens: impl IntoIterator<Item = usize>) -> Cost {
        let mut cost = Cost::default();
        for len in lens {
            cost.observe(len, Duration::from_secs_f64(a + b * len as f64));
        }
        cost
    }

    #[test]
    fn the_two_parts_of_the_cost_are_told_apart() {
        let cost = learned(5e-3, 1e-4, (0..40).map(|at| 1 + at * 7 % 30));
        assert!((cost.a - 5e-3).abs() < 1e-6 && (cost.b - 1e-4).abs() < 1e-8, "{cost:?}");
        assert_eq!(cost.expected(50).as_micros(), 10_000);
    }

    #[test]
    fn a_cost_that_changes_is_learned_anew() {
        let mut cost = learned(5e-3, 1e-4, (0..40).map(|at| 1 + at % 30));
        for at in 0..200 {
            let len = 1 + at % 30;
            cost.observe(len, Duration::from_secs_f64(1e-3 + 2e-4 * len as f64));
        }
        assert!((cost.a - 1e-3).abs() < 1e-4, "{cost:?}");
    }

    #[test]
    fn of_one_length_the_parts_keep_their_ratio() {
        let mut cost = learned(4e-3, 1e-4, (0..40).map(|at| 1 + at % 30));
        (0..400).for_each(|_| cost.observe(20, 6 * MS));
        (0..400).for_each(|_| cost.observe(20, 12 * MS));
        assert!((cost.expected(20).as_secs_f64() - 12e-3).abs() < 1e-5, "{cost:?}");
        assert!((cost.a / cost.b - 40.0).abs() < 4.0, "{cost:?}");
    }

    #[test]
    fn one_slow_call_changes_little() {
        let mut cost = learned(5e-3, 0.0, (0..40).map(|at| 1 + at % 30));
        cost.observe(10, 10_000 * MS);
        assert!(cost.a < 10e-3, "{cost:?}");
    }

    #[test]
    fn nobody_is_waited_for_who_is_not_worth_it_and_none_longer_than_the_fixed_cost() {
        let cost = learned(8e-3, 1e-4, (0..40).map(|at| 1 + at % 30));
        let (mut arrivals, plain) = (Arrivals::default(), Held { is_probe: false });
        assert_eq!(arrivals.patience(plain, &cost, 1, Duration::ZERO, Duration::ZERO), None);
        // A probe, of a quarter.
        let probe = arrivals.patience(Held { is_probe: true }, &cost, 1, Duration::ZERO, Duration::ZERO);
        assert!((probe.unwrap().as_secs_f64() - 2e-3).abs() < 1e-5);
        // Ten came within a millisecond: 30 at hand may wait 0.1 ms each for one more.
        arrivals.observe(MS, 10);
        let left = arrivals.patience(plain, &cost, 30, MS, Duration::ZERO).unwrap();
        assert!((left.as_secs_f64() - 0.4e-3).abs() < 1e-6, "four gaps: {left:?}");
        assert_eq!(arrivals.patience(plain, &cost, 30, MS, MS), None, "nobody comes any more");
        assert_eq!(arrivals.patience(plain, &cost, 60, MS, Duration::ZERO), None, "too many would wait");
        assert_eq!(arrivals.patience(plain, &cost, 2, 9 * MS, Duration::ZERO), None, "longer than a");
        (0..200).for_each(|_| arrivals.observe(MS, 0));
        assert_eq!(arrivals.patience(plain, &cost, 30, MS, Duration::ZERO), None, "they come no more");
    }

    #[test]
    fn one_batch_in_sixteen_is_a_probe() {
        let mut arrivals = Arrivals::default();
        assert_eq!((0..160).filter(|_| arrivals.begin().is_probe).count(), 10);
    }
}
