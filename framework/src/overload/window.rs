//! Rates over the last while, by fixed buckets.
//!
//! linkerd2-proxy moved its success rate from an EWMA to these: an average by weights forgets by the number of calls, and
//! says at low traffic what was true long ago.

use std::time::{Duration, Instant};

const BUCKETS: usize = 10;

/// Counts of the last `span`, in ten buckets that expire one by one.
#[derive(Debug)]
pub(super) struct Window {
    span: Duration,
    epoch: Instant,
    /// The bucket that the last call was counted in, by its number since the epoch; and when it ends: calls are many,
    /// buckets few.
    at: u64,
    at_ends: Instant,
    buckets: [Counts; BUCKETS],
}

/// What came of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

impl Window {
    pub(super) fn new(span: Duration, now: Instant) -> Self {
        Window { span, epoch: now, at: 0, at_ends: now, buckets: [Counts::default(); BUCKETS] }
    }

    pub(super) fn add(&mut self, now: Instant, counts: Counts) {
        self.expire(now);
        let bucket = &mut self.buckets[self.at as usize % BUCKETS];
        bucket.calls += counts.calls;
        bucket.failed += counts.failed;
        bucket.slow += counts.slow;
    }

    pub(super) fn sum(&mut self, now: Instant) -> Counts {
        self.expire(now);
        self.buckets.iter().fold(Counts::default(), |sum, bucket| Counts {
            calls: sum.calls + bucket.calls,
            failed: sum.failed + bucket.failed,
            slow: sum.slow + bucket.slow,
        })
    }

    pub(super) fn clear(&mut self) {
        self.buckets = [Counts::default(); BUCKETS];
    }

    fn expire(&mut self, now: Instant) {
        if now < self.at_ends {
            return;
        }
        let bucket = (self.span / BUCKETS as u32).max(Duration::from_nanos(1));
        let since = now.saturating_duration_since(self.epoch).as_nanos();
        let at = (since / bucket.as_nanos()) as u64;
        let passed = at.saturating_sub(self.at);
        for step in 1..=passed.min(BUCKETS as u64) {
            self.buckets[(self.at + step) as usize % BUCKETS] = Counts::default();
        }
        self.at = self.at.max(at);
        let left = bucket.as_nanos() - since % bucket.as_nanos();
        self.at_ends = now.max(self.epoch) + Duration::from_nanos(left as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_span_is_forgotten() {
        let start = Instant::now();
        let mut window = Window::new(Duration::from_secs(10), start);
        let one = Counts { calls: 1, failed: 1, slow: 0 };
        for second in 0..20 {
            window.add(start + Duration::from_secs(second), one);
        }
        assert_eq!(window.sum(start + Duration::from_secs(19)).calls, 10);
        assert_eq!(window.sum(start + Duration::from_secs(24)).calls, 5);
        assert_eq!(window.sum(start + Duration::from_secs(99)), Counts::default());
    }
}
