//! Rates from successive readings of a count.

use std::time::{Duration, Instant};

/// After this long a change of pace shows by 63 %.
const TIME_CONSTANT: Duration = Duration::from_secs(5);

/// How fast a count grows: an exponentially weighted moving average over its readings, which need not come at
/// even intervals.
///
/// There is no rate before the second reading: nothing is assumed about the time before the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rate {
    last: Option<(Instant, u64)>,
    per_second: Option<f64>,
}

impl Rate {
    /// Takes a reading. One at the time of the last, or before, is left out.
    pub(crate) fn read(&mut self, now: Instant, count: u64) {
        let Some((before, counted)) = self.last else {
            self.last = Some((now, count));
            return;
        };
        let seconds = now.saturating_duration_since(before).as_secs_f64();
        if seconds == 0.0 {
            return;
        }
        if count == counted && self.per_second == Some(0.0) {
            // Most of ten thousand actors have nothing to do: no exponential for them.
            self.last = Some((now, count));
            return;
        }
        let since = count.saturating_sub(counted) as f64 / seconds;
        // A first-order low-pass filter, for readings at uneven intervals.
        let weight = 1.0 - (-seconds / TIME_CONSTANT.as_secs_f64()).exp();
        self.per_second = Some(self.per_second.map_or(since, |rate| rate + weight * (since - rate)));
        self.last = Some((now, count));
    }

    /// The rate, once there were two readings.
    pub(crate) fn per_second(&self) -> Option<f64> {
        self.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn there_is_no_rate_before_the_second_reading() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        rate.read(Instant::now(), 1_000_000);
        assert_eq!(rate.per_second(), None);
    }

    #[test]
    fn an_even_pace_is_its_rate_at_uneven_readings() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for second in [0, 1, 2, 7, 8, 30] {
            rate.read(after(start, second), 100 * second);
        }
        assert!((rate.per_second().unwrap() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_change_of_pace_shows_by_63_percent_after_the_time_constant() {
        let start = Instant::now();
        let mut rate = Rate::default();
        rate.read(start, 0);
        rate.read(after(start, 1), 0);
        for second in 2..=6 {
            rate.read(after(start, second), 100 * (second - 1));
        }
        let expected = 100.0 * (1.0 - (-1.0f64).exp());
        assert!((rate.per_second().unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn a_reading_at_the_same_instant_changes_nothing() {
        let start = Instant::now();
        let mut rate = Rate::default();
        rate.read(start, 0);
        rate.read(after(start, 1), 10);
        rate.read(after(start, 1), 1_000);
        assert_eq!(rate.per_second(), Some(10.0));
    }
}
