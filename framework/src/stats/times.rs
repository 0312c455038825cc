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
//! **Cost.** Three atomic additions, on lines that nobody else writes where each few threads have [cells of their
//! own](super::Striped). 1 KB an octave that has any, so 10 to 20 KB.
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

/// Weighted counts by value. Any thread writes, any thread reads. From a cache line's beginning, so that two threads that
/// have one each do not meet.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct TimesCells {
    sum: AtomicU64,
    max: AtomicU64,
    rows: [OnceLock<Box<Row>>; ROWS],
}

/// The counts of an octave.
#[derive(Debug)]
#[repr(align(64))]
struct Row([AtomicU64; STEPS]);

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
        let counts = self.rows[row].get_or_init(|| Box::new(Row([const { AtomicU64::new(0) }; STEPS])));
        counts.0[step_of(value, row)].fetch_add(weight, Ordering::Relaxed);
    }

    /// All of them together.
    pub(crate) fn read<'a>(all: impl Iterator<Item = &'a TimesCells> + Clone) -> Distribution {
        let mut buckets = Vec::new();
        for row in 0..ROWS {
            let mut counts = [0; STEPS];
            for cells in all.clone().filter_map(|cells| cells.rows[row].get()) {
                // ORDERING: Relaxed, as the other two; as above.
                let both = counts.iter_mut().zip(&cells.0);
                both.for_each(|(sum, count): (&mut u64, _)| *sum += count.load(Ordering::Relaxed));
            }
            let counted = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
            buckets.extend(counted.map(|(step, count)| (last_of(row, step), count)));
        }
        let sum = all.clone().map(|cells| cells.sum.load(Ordering::Relaxed)).sum();
        let max = all.map(|cells| cells.max.load(Ordering::Relaxed)).max();
        Distribution::of(buckets, sum, max.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &TimesCells) -> Distribution {
        TimesCells::read([cells].into_iter())
    }

    #[test]
    fn cells_of_several_threads_read_as_those_of_one() {
        let (one, other, both) = (TimesCells::default(), TimesCells::default(), TimesCells::default());
        for (at, value) in [40, 300, 7_000_000, 41, 300, 12].into_iter().enumerate() {
            if at % 2 == 0 { &one } else { &other }.record(value, 2);
            both.record(value, 2);
        }
        assert_eq!(TimesCells::read([&one, &other].into_iter()), read(&both));
        assert_eq!(TimesCells::read(std::iter::empty()), Distribution::default());
    }

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
        let read = read(&cells);
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
        let read = read(&cells);
        assert_eq!((read.count(), read.sum()), (100, 99 * 10 + 1_000_000));
        assert_eq!((read.quantile(0.99), read.quantile(1.0)), (Some(10), Some(1_000_000)));
    }

    #[test]
    fn what_came_since_is_what_was_recorded_since() {
        let (cells, later) = (TimesCells::default(), TimesCells::default());
        [5, 900, 900, 70_000].iter().for_each(|&value| cells.record(value, 3));
        let before = read(&cells);
        [900, 31, 70_000_000].iter().for_each(|&value| {
            cells.record(value, 2);
            later.record(value, 2);
        });
        assert_eq!(read(&cells).since(&before), read(&later));
        assert_eq!(before.since(&before).count(), 0);
        assert_eq!(before.since(&before).quantiles(), None);
    }
}
