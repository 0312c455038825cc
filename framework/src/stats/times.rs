//! How times are distributed, to within a 128th: for what many threads measure now and then.
//!
//! ```text
//!   0 1 .. 127 | 128 129 .. 255 | 256 258 .. 510 | ..      each octave in 128 steps: below 256 exact
//!   row 0        row 1            row 2                    a row is made by the first time that falls into it
//! ```
//!
//! **What it is.** As a [`Histogram`](super::Histogram), but sixteen times as fine, and for samples: a time is recorded
//! with a weight, the number of those that it stands for.
//!
//! **Guarantees.** A quantile is no less than the exact one of what was recorded, and less than 0.8 % greater.
//!
//! **Cost.** Three atomic additions. 1 KB an octave that has any, so 10 to 20 KB.
//!
//! **Source.** The log-linear buckets of HdrHistogram.

use std::sync::OnceLock;

use super::Distribution;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Steps an octave, as a power of two.
const BITS: u32 = 7;
const STEPS: usize = 1 << BITS;
/// The greatest value that is told apart: as nanoseconds, 18 minutes.
const VALUE_MAX: u64 = (1 << 40) - 1;
const ROWS: usize = row_of(VALUE_MAX) + 1;

/// Weighted counts by value. Any thread writes, any thread reads.
#[derive(Debug)]
pub(crate) struct TimesCells {
    sum: AtomicU64,
    max: AtomicU64,
    rows: [OnceLock<Box<[AtomicU64; STEPS]>>; ROWS],
}

impl Default for TimesCells {
    fn default() -> Self {
        let rows = [const { OnceLock::new() }; ROWS];
        TimesCells { sum: AtomicU64::new(0), max: AtomicU64::new(0), rows }
    }
}

const fn row_of(value: u64) -> usize {
    if value < STEPS as u64 { 0 } else { (value.ilog2() - BITS) as usize + 1 }
}

/// Where in its row.
const fn step_of(value: u64, row: usize) -> usize {
    if row == 0 { value as usize } else { (value >> (row - 1)) as usize - STEPS }
}

/// The greatest value of a step.
const fn last_of(row: usize, step: usize) -> u64 {
    if row == 0 { step as u64 } else { (((STEPS + step + 1) as u64) << (row - 1)) - 1 }
}

impl TimesCells {
    /// Counts a time of so many nanoseconds `weight` times; a greater one than 2^40 as that.
    pub(crate) fn record(&self, nanos: u64, weight: u64) {
        let value = nanos.min(VALUE_MAX);
        // ORDERING: Relaxed, all; counts say nothing about other memory.
        self.sum.fetch_add(value.saturating_mul(weight), Ordering::Relaxed);
        if value > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(value, Ordering::Relaxed);
        }
        let row = row_of(value);
        let steps = self.rows[row].get_or_init(|| Box::new([const { AtomicU64::new(0) }; STEPS]));
        steps[step_of(value, row)].fetch_add(weight, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Distribution {
        let rows = self.rows.iter().enumerate().filter_map(|(row, steps)| Some((row, steps.get()?)));
        let counted = rows.flat_map(|(row, steps)| {
            // ORDERING: Relaxed, as the other two; as above.
            let counts = steps.iter().map(|count| count.load(Ordering::Relaxed)).enumerate();
            counts.map(move |(step, count)| (last_of(row, step), count))
        });
        let buckets = counted.filter(|(_, count)| *count > 0).collect();
        let (sum, max) = (self.sum.load(Ordering::Relaxed), self.max.load(Ordering::Relaxed));
        Distribution::of(buckets, sum, max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_step_that_ends_within_a_128th_of_it() {
        for value in (0..100_000).chain([1 << 33, VALUE_MAX - 1, VALUE_MAX]) {
            let row = row_of(value);
            let last = last_of(row, step_of(value, row));
            assert!(last >= value && last <= value + value / 128, "{value}: {last}");
            assert!(value >= 256 || last == value, "{value}: {last}");
            assert_eq!((row_of(last), step_of(last, row)), (row, step_of(value, row)));
        }
    }

    /// Against the sorted values themselves.
    #[test]
    fn quantiles_are_within_one_percent_of_the_exact_ones() {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut values: Vec<u64> = (0..20_000)
            .map(|_| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Over nine octaves, as times are: many short ones, a long tail.
                ((random >> 40) + 1_000) << ((random >> 33) % 9)
            })
            .collect();
        let cells = TimesCells::default();
        values.iter().for_each(|&value| cells.record(value, 1));
        values.sort_unstable();
        let read = cells.read();
        for part in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = ((part * values.len() as f64).ceil() as usize).max(1);
            let (exact, said) = (values[rank - 1] as f64, read.quantile(part).unwrap() as f64);
            assert!(said >= exact && said <= exact * 1.01, "{part}: {said} of {exact}");
        }
        assert_eq!(read.count(), 20_000);
        assert_eq!(read.sum(), values.iter().sum::<u64>());
        assert_eq!(read.max(), values[19_999]);
    }

    #[test]
    fn a_weight_counts_as_so_many() {
        let cells = TimesCells::default();
        cells.record(10, 99);
        cells.record(1_000_000, 1);
        let read = cells.read();
        assert_eq!((read.count(), read.sum()), (100, 99 * 10 + 1_000_000));
        assert_eq!((read.quantile(0.99), read.quantile(1.0)), (Some(10), Some(1_000_000)));
    }

    #[test]
    fn what_came_since_is_what_was_recorded_since() {
        let (cells, later) = (TimesCells::default(), TimesCells::default());
        [5, 900, 900, 70_000].iter().for_each(|&value| cells.record(value, 3));
        let before = cells.read();
        [900, 31, 70_000_000].iter().for_each(|&value| {
            cells.record(value, 2);
            later.record(value, 2);
        });
        assert_eq!(cells.read().since(&before), later.read());
        assert_eq!(before.since(&before).count(), 0);
        assert_eq!(before.since(&before).quantiles(), None);
    }
}
