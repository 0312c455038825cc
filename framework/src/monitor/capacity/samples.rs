//! Samples of one law, over the range of loads that there were: the last few of each load.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Estimate;
use super::Law;
use super::law::{Sample, learn};
use crate::monitor::last::keep_last;

/// Each range of loads is a tenth wide, and keeps so many of the last samples.
const WIDTH: f64 = 0.095;
const KEPT: usize = 8;
/// A sample of longer ago is of another program.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// Loads from here on are told apart.
const N_MIN: f64 = 0.01;
const BINS: usize = 128;

#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    bins: Vec<VecDeque<(Instant, Sample)>>,
}

impl Samples {
    /// A moment with so many at work.
    pub(super) fn push(&mut self, now: Instant, sample: Sample) {
        if sample.n < N_MIN || sample.x <= 0.0 {
            return;
        }
        let bin = (((sample.n / N_MIN).ln() / WIDTH) as usize).min(BINS - 1);
        if self.bins.len() <= bin {
            self.bins.resize_with(bin + 1, VecDeque::new);
        }
        keep_last(&mut self.bins[bin], KEPT, (now, sample));
    }

    fn all(&self, now: Instant) -> Vec<Sample> {
        let is_new = |at: Instant| now.saturating_duration_since(at) < AGE_MAX;
        let kept = self.bins.iter().flatten().filter(|(at, _)| is_new(*at));
        kept.map(|(_, sample)| *sample).collect()
    }

    /// The peak with up to `n_max` at work, a part of which works without any message, whatever the load: timers, and
    /// whatever else the process does. That part is not the law's.
    pub(super) fn peak_beside_others(&self, now: Instant, n_max: f64) -> Option<Estimate> {
        let samples = self.all(now);
        let least = samples.iter().map(|sample| sample.n).fold(f64::MAX, f64::min);
        let idle = intercept(&samples)?.clamp(0.0, 0.9 * least);
        let beside = samples.iter().map(|sample| Sample { n: sample.n - idle, ..*sample });
        let most = samples.iter().map(|sample| sample.n).fold(0.0, f64::max);
        if most < 0.1 * n_max { None } else { Some(learn(&beside.collect::<Vec<_>>(), n_max - idle)?.1) }
    }

    /// The law, and the peak with up to `n_max` at work.
    pub(super) fn law(&self, now: Instant, n_max: f64) -> Option<(Law, Estimate)> {
        let samples = self.all(now);
        // Of a load that was never a tenth of what there could be, the rest is a guess.
        let most = samples.iter().map(|sample| sample.n).fold(0.0, f64::max);
        if most < 0.1 * n_max { None } else { learn(&samples, n_max) }
    }
}

/// Where a line through the samples has no messages: how many are at work then.
fn intercept(samples: &[Sample]) -> Option<f64> {
    let count = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, n) = (mean(|sample| sample.x), mean(|sample| sample.n));
    let xx: f64 = samples.iter().map(|sample| (sample.x - x).powi(2)).sum();
    let xn: f64 = samples.iter().map(|sample| (sample.x - x) * (sample.n - n)).sum();
    (xx > 0.0).then(|| n - x * xn / xx)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: f64) -> Sample {
        Sample { n, x: 100.0 * n, messages: 1e3 }
    }

    #[test]
    fn a_load_that_lasts_does_not_displace_what_is_known_of_others() {
        let now = Instant::now();
        let mut samples = Samples::default();
        for at in 1..=10 {
            samples.push(now, sample(0.1 * f64::from(at)));
        }
        for _ in 0..10_000 {
            samples.push(now, sample(0.5));
        }
        let kept: usize = samples.bins.iter().map(VecDeque::len).sum();
        assert!(kept <= 9 + KEPT, "{kept}");
        let (law, estimate) = samples.law(now, 2.0).unwrap();
        assert!((law.lambda - 100.0).abs() < 1e-6 && (estimate.value - 200.0).abs() < 1e-6);
    }

    #[test]
    fn what_works_without_messages_is_not_the_laws() {
        let now = Instant::now();
        let mut samples = Samples::default();
        for at in 1..=10 {
            let x = 100.0 * f64::from(at);
            samples.push(now, Sample { n: 0.2 + x / 1_000.0, x, messages: 1e3 });
        }
        let peak = samples.peak_beside_others(now, 2.0).unwrap();
        assert!((peak.value - 1_800.0).abs() < 20.0, "{peak:?}");
    }

    #[test]
    fn of_a_little_load_nothing_is_said_and_what_is_old_is_forgotten() {
        let now = Instant::now();
        let mut samples = Samples::default();
        (1..=10).for_each(|at| samples.push(now, sample(0.01 * f64::from(at))));
        assert_eq!(samples.law(now, 2.0), None);
        assert!(samples.law(now, 1.0).is_some());
        assert_eq!(samples.law(now + AGE_MAX, 1.0), None);
    }
}
