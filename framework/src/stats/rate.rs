//! Rates from successive readings of counts.

use std::time::{Duration, Instant};

/// After this long a change of pace shows by 63 %.
const TIME_CONSTANT: Duration = Duration::from_secs(5);

/// How fast counts grow that are read together: exponentially weighted moving averages over their readings, which need not
/// come at even intervals.
///
/// There is no rate before the second reading: nothing is assumed about the time before the first.
#[derive(Clone, Debug)]
pub(crate) struct Rates<const N: usize> {
    last: Option<(Instant, [u64; N])>,
    per_second: Option<[f64; N]>,
}

impl<const N: usize> Default for Rates<N> {
    fn default() -> Self {
        Rates { last: None, per_second: None }
    }
}

impl<const N: usize> Rates<N> {
    /// Takes a reading. One at the time of the last, or before, is left out.
    pub(crate) fn read(&mut self, now: Instant, counts: [u64; N]) {
        let Some((before, counted)) = self.last else {
            self.last = Some((now, counts));
            return;
        };
        let seconds = now.saturating_duration_since(before).as_secs_f64();
        if seconds == 0.0 {
            return;
        }
        self.last = Some((now, counts));
        if counts == counted && self.per_second == Some([0.0; N]) {
            // Most of ten thousand actors have nothing to do: no exponential for them.
            return;
        }
        let since: [f64; N] =
            std::array::from_fn(|at| counts[at].saturating_sub(counted[at]) as f64 / seconds);
        // A first-order low-pass filter, for readings at uneven intervals.
        let weight = 1.0 - (-seconds / TIME_CONSTANT.as_secs_f64()).exp();
        let rates = self.per_second.unwrap_or(since);
        self.per_second = Some(std::array::from_fn(|at| rates[at] + weight * (since[at] - rates[at])));
    }

    /// The rates, once there were two readings.
    pub(crate) fn per_second(&self) -> Option<[f64; N]> {
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
        let mut rate = Rates::default();
        assert_eq!(rate.per_second(), None);
        rate.read(Instant::now(), [1_000_000]);
        assert_eq!(rate.per_second(), None);
    }

    #[test]
    fn an_even_pace_is_its_rate_at_uneven_readings() {
        let start = Instant::now();
        let mut rate = Rates::default();
        for second in [0, 1, 2, 7, 8, 30] {
            rate.read(after(start, second), [100 * second, 7 * second]);
        }
        let [one, other] = rate.per_second().unwrap();
        assert!((one - 100.0).abs() < 1e-9 && (other - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_change_of_pace_shows_by_63_percent_after_the_time_constant() {
        let start = Instant::now();
        let mut rate = Rates::default();
        rate.read(start, [0]);
        rate.read(after(start, 1), [0]);
        for second in 2..=6 {
            rate.read(after(start, second), [100 * (second - 1)]);
        }
        let expected = 100.0 * (1.0 - (-1.0f64).exp());
        assert!((rate.per_second().unwrap()[0] - expected).abs() < 1e-9);
    }

    #[test]
    fn a_reading_at_the_same_instant_changes_nothing() {
        let start = Instant::now();
        let mut rate = Rates::default();
        rate.read(start, [0]);
        rate.read(after(start, 1), [10]);
        rate.read(after(start, 1), [1_000]);
        assert_eq!(rate.per_second(), Some([10.0]));
    }
}
