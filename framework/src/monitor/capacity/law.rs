//! The universal scalability law: its values, its peak, and how it is learned from samples.
//!
//! With y = N/X the law is linear in its unknowns: y = a + b(N−1) + cN(N−1), where a = 1/λ, b = σ/λ and c = κ/λ. So it
//! is fitted by weighted least squares, without start values and without iterations. Few samples over a short range
//! cannot tell three unknowns apart, so that the simplest law is taken that explains them (Schwarz's criterion, 1978);
//! c is not below zero, since nothing gains from the number of pairs.
//!
//! The interval is that of the bootstrap over pairs: the samples are drawn anew, with repetitions, and the law is
//! learned from each draw, its shape included.

use super::{Estimate, Law};

/// A moment's load: so many at work, so many messages a second, of so many messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) n: f64,
    pub(super) x: f64,
    pub(super) messages: f64,
}

/// Samples below which nothing is said.
const SAMPLES_MIN: usize = 5;
/// Draws of the bootstrap.
const DRAWS: usize = 200;
/// The error of a sample that does not go away with more messages in it, relative and squared.
const NOISE: f64 = 0.01 * 0.01;
/// How many at work at once tell what pairs cost.
const PAIRS_FROM: f64 = 2.0;
/// The half interval, relative, that is left when the samples agree: load that was never there may do what they do not
/// show. A choice: the peaks of `compare capacity`'s three kinds of work lay 1.5, 5.0 and 1.0 % from what was foretold, and
/// samples that agree leave 1 or 2 %.
const HALF_MIN: f64 = 0.08;

impl Law {
    /// Messages a second with so many at work.
    pub fn throughput(&self, n: f64) -> f64 {
        let Law { lambda, sigma, kappa } = *self;
        let slowed = 1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0);
        if n > 0.0 && slowed > 0.0 { lambda * n / slowed } else { 0.0 }
    }

    /// How many at work do most, up to `n_max`; beyond that more do less.
    pub fn best_concurrency(&self, n_max: f64) -> f64 {
        let best = if self.kappa > 0.0 { ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt() } else { n_max };
        best.min(n_max)
    }

    /// The most messages a second, with up to `n_max` at work.
    pub fn peak(&self, n_max: f64) -> f64 {
        self.throughput(self.best_concurrency(n_max))
    }

    /// How many at work do `per_second`, the fewest. None if no number up to `n_max` does.
    pub fn concurrency_for(&self, per_second: f64, n_max: f64) -> Option<f64> {
        let (mut low, mut high) = (0.0, self.best_concurrency(n_max));
        if self.throughput(high) < per_second {
            return None;
        }
        // It grows up to there.
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.throughput(middle) < per_second { low = middle } else { high = middle }
        }
        Some(high)
    }
}

/// Learns the law, and the peak with up to `n_max` at work.
pub(super) fn learn(samples: &[Sample], n_max: f64) -> Option<(Law, Estimate)> {
    let samples: Vec<Sample> =
        samples.iter().copied().filter(|sample| sample.n > 0.0 && sample.x > 0.0).collect();
    if samples.len() < SAMPLES_MIN {
        return None;
    }
    let law = fit(&samples, n_max)?;
    let value = law.peak(n_max);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut drawn = samples.clone();
    let mut peaks = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        for place in &mut drawn {
            *place = samples[(next(&mut random) % samples.len() as u64) as usize];
        }
        peaks.extend(fit(&drawn, n_max).map(|law| law.peak(n_max)));
    }
    peaks.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| peaks.get((part * peaks.len() as f64) as usize).copied().unwrap_or(value);
    let (low, high) = (at(0.05).min(value * (1.0 - HALF_MIN)), at(0.95).max(value * (1.0 + HALF_MIN)));
    Some((law, Estimate { value, low, high }))
}

/// xorshift64 (Marsaglia, 2003): the draws are the same each time, so that an estimate does not tremble.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The shapes of the law, the simplest first: which of b and c are there.
const SHAPES: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// The simplest law that explains the samples. None if none of them is positive up to `n_max`.
fn fit(samples: &[Sample], n_max: f64) -> Option<Law> {
    let most = samples.iter().map(|sample| sample.n).fold(0.0, f64::max);
    // What pairs cost cannot be seen before there are any.
    let can_be_seen = |shape: &&(bool, bool)| !shape.1 || most >= PAIRS_FROM;
    let fitted = SHAPES.iter().filter(can_be_seen).filter_map(|&shape| {
        let (abc, error) = solve(samples, shape)?;
        let unknowns = 1 + usize::from(shape.0) + usize::from(shape.1);
        let count = samples.len() as f64;
        // Twice what Schwarz asks: samples of one second are not independent of those of the next.
        let criterion = count * (error / count).max(1e-12).ln() + 2.0 * unknowns as f64 * count.ln();
        Some((criterion, law_of(abc, n_max)?))
    });
    fitted.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, law)| law)
}

/// The law of these coefficients, if it is one: each message takes time at any load.
fn law_of([a, b, c]: [f64; 3], n_max: f64) -> Option<Law> {
    let y = |n: f64| a + b * (n - 1.0) + c * n * (n - 1.0);
    let is_law = a > 0.0 && c >= 0.0 && y(n_max) > 0.0 && y(n_max.min(0.1)) > 0.0;
    is_law.then(|| Law { lambda: 1.0 / a, sigma: b / a, kappa: c / a })
}

/// The coefficients of one shape by weighted least squares, and the sum of the squared errors, relative.
fn solve(samples: &[Sample], (has_b, has_c): (bool, bool)) -> Option<([f64; 3], f64)> {
    let columns = |n: f64| {
        let mut row = [1.0, n - 1.0, n * (n - 1.0)];
        row[1] *= f64::from(u8::from(has_b));
        row[2] *= f64::from(u8::from(has_c));
        row
    };
    // A sample of few messages is worth less: their number varies by its root.
    let weight_of = |sample: &Sample| {
        let y = sample.n / sample.x;
        1.0 / (y * y) / (1.0 / sample.messages.max(1.0) + NOISE)
    };
    let mut normal = [[0.0; 4]; 3];
    let mut weights = 0.0;
    for sample in samples {
        let (row, y, weight) = (columns(sample.n), sample.n / sample.x, weight_of(sample));
        weights += weight * y * y;
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += weight * row[i] * row[j];
            }
            normal[i][3] += weight * row[i] * y;
        }
    }
    // What is left out is zero.
    for (i, is_there) in [(1, has_b), (2, has_c)] {
        if !is_there {
            normal[i] = [0.0; 4];
            normal[i][i] = 1.0;
        }
    }
    let abc = eliminate(normal)?;
    let error: f64 = samples
        .iter()
        .map(|sample| {
            let row = columns(sample.n);
            let y = sample.n / sample.x;
            let fitted = abc[0] * row[0] + abc[1] * row[1] + abc[2] * row[2];
            weight_of(sample) * (y - fitted).powi(2)
        })
        .sum();
    // In parts of a sample's value, so that shapes and draws compare.
    Some((abc, error / weights * samples.len() as f64))
}

/// Gauss's elimination with pivots.
fn eliminate(mut rows: [[f64; 4]; 3]) -> Option<[f64; 3]> {
    for at in 0..3 {
        let pivot = (at..3).max_by(|&i, &j| rows[i][at].abs().total_cmp(&rows[j][at].abs()))?;
        rows.swap(at, pivot);
        let scale = rows[at][at];
        if scale.abs() < 1e-12 * rows[at].iter().map(|value| value.abs()).fold(1e-300, f64::max) {
            return None;
        }
        let pivot_row = rows[at];
        for other in (0..3).filter(|&other| other != at) {
            let factor = rows[other][at] / scale;
            for (value, pivot) in rows[other].iter_mut().zip(pivot_row) {
                *value -= factor * pivot;
            }
        }
    }
    Some([rows[0][3] / rows[0][0], rows[1][3] / rows[1][1], rows[2][3] / rows[2][2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples of a law over these concurrencies, each off by up to `noise`, relative.
    fn samples(law: Law, ns: impl Iterator<Item = f64>, noise: f64, seed: u64) -> Vec<Sample> {
        let mut random = seed;
        let mut off = || 1.0 + noise * ((next(&mut random) % 2_001) as f64 / 1_000.0 - 1.0);
        ns.map(|n| Sample { n, x: law.throughput(n) * off(), messages: 1e4 }).collect()
    }

    fn up_to(n_max: f64, count: usize) -> impl Iterator<Item = f64> {
        (1..=count).map(move |at| n_max * at as f64 / count as f64)
    }

    #[test]
    fn a_law_is_found_again_from_its_own_values() {
        for law in [
            Law { lambda: 995.65, sigma: 0.02671, kappa: 0.000769 },
            Law { lambda: 40.0, sigma: 0.2, kappa: 0.0 },
            Law { lambda: 7.0, sigma: 0.0, kappa: 0.0 },
        ] {
            let (found, _) = learn(&samples(law, up_to(32.0, 20), 0.0, 1), 64.0).unwrap();
            assert!((found.lambda / law.lambda - 1.0).abs() < 1e-6, "{found:?}");
            assert!((found.sigma - law.sigma).abs() < 1e-6, "{found:?}");
            assert!((found.kappa - law.kappa).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn the_peak_is_where_more_do_less() {
        // Gunther's own example has its peak at 35.
        let law = Law { lambda: 995.65, sigma: 0.02671, kappa: 0.000769 };
        assert!((law.best_concurrency(1_000.0) - 35.6).abs() < 0.1);
        assert!((law.peak(1_000.0) - 12_341.0).abs() < 20.0, "{}", law.peak(1_000.0));
        assert_eq!(law.best_concurrency(8.0), 8.0);
        let n = law.concurrency_for(8_000.0, 1_000.0).unwrap();
        assert!((law.throughput(n) - 8_000.0).abs() < 1e-3);
        assert_eq!(law.concurrency_for(13_000.0, 1_000.0), None);
    }

    #[test]
    fn from_the_lower_60_percent_the_peak_is_foretold_within_10_and_the_interval_covers_it() {
        let laws = [
            Law { lambda: 1_000.0, sigma: 0.0, kappa: 0.0 },
            Law { lambda: 1_000.0, sigma: 0.05, kappa: 0.0 },
            Law { lambda: 1_000.0, sigma: 0.02, kappa: 0.002 },
        ];
        let (mut covered, mut close, mut all) = (0, 0, 0);
        for law in laws {
            for seed in 1..=40 {
                let peak = law.peak(16.0);
                let known = law.concurrency_for(0.6 * peak, 16.0).unwrap();
                let seen = samples(law, up_to(known, 120), 0.02, seed * 7_919);
                let (_, estimate) = learn(&seen, 16.0).unwrap();
                covered += usize::from((estimate.low..=estimate.high).contains(&peak));
                close += usize::from((estimate.value / peak - 1.0).abs() < 0.10);
                all += 1;
            }
        }
        assert!(covered * 10 >= all * 9, "{covered} of {all} covered");
        assert!(close * 10 >= all * 9, "{close} of {all} within 10 %");
    }

    #[test]
    fn of_too_few_samples_and_of_none_that_count_nothing_is_said() {
        let law = Law { lambda: 10.0, sigma: 0.0, kappa: 0.0 };
        assert_eq!(learn(&samples(law, up_to(1.0, 4), 0.0, 1), 2.0), None);
        let idle = [Sample { n: 0.0, x: 0.0, messages: 0.0 }; 10];
        assert_eq!(learn(&idle, 2.0), None);
    }

    #[test]
    fn a_service_that_gains_from_load_is_one_too() {
        let law = Law { lambda: 100.0, sigma: -0.1, kappa: 0.0 };
        let (found, estimate) = learn(&samples(law, up_to(1.2, 12), 0.0, 3), 2.0).unwrap();
        assert!((found.sigma + 0.1).abs() < 1e-6, "{found:?}");
        assert!((estimate.value / law.peak(2.0) - 1.0).abs() < 1e-6);
    }
}
