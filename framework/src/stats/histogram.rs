//! How values are distributed, to within a twelfth.
//!
//! ```text
//!   0 1 2 .. 7 | 8 9 .. 15 | 16 18 .. 30 | 32 36 .. 60 | ..      each octave in eight steps: below 16 exact
//! ```
//!
//! **Source.** The log-linear buckets of HdrHistogram, three bits wide.

use std::ops::AddAssign;
use std::time::Duration;

use crate::sync::atomic::{AtomicU32, Ordering};

use super::Counter;

/// Steps an octave, as a power of two.
const BITS: u32 = 3;
const STEPS: usize = 1 << BITS;
/// The greatest value that is told apart: as nanoseconds, 18 minutes.
const VALUE_MAX: u64 = (1 << 40) - 1;
const LEN: usize = bucket_of(VALUE_MAX) + 1;

/// Counts by value. One thread at a time writes, any thread reads: 1.2 KiB.
#[derive(Debug)]
pub(crate) struct Histogram {
    sum: Counter,
    max: Counter,
    buckets: [AtomicU32; LEN],
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = [const { AtomicU32::new(0) }; LEN];
        Histogram { sum: Counter::default(), max: Counter::default(), buckets }
    }
}

const fn bucket_of(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let octave = value.ilog2() - BITS;
    (octave as usize + 1) * STEPS + (value >> octave) as usize - STEPS
}

/// The greatest value in a bucket.
const fn last_of(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let octave = (bucket / STEPS - 1) as u32;
    (((bucket % STEPS + STEPS + 1) as u64) << octave) - 1
}

impl Histogram {
    /// Counts a value; a greater one than 2^40 as that. Only the owner calls this.
    pub(crate) fn record(&self, value: u64) {
        let value = value.min(VALUE_MAX);
        self.sum.add(value);
        self.max.add(value.saturating_sub(self.max.value()));
        let bucket = &self.buckets[bucket_of(value)];
        // ORDERING: Relaxed, and no atomic addition: as a `Counter`.
        bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Distribution {
        // ORDERING: Relaxed; counts say nothing about other memory.
        let counted = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).enumerate();
        let buckets: Vec<_> = counted
            .filter(|(_, count)| *count > 0)
            .map(|(bucket, count)| (last_of(bucket), u64::from(count)))
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Distribution { count, sum: self.sum.value(), max: self.max.value(), buckets }
    }
}

/// What values there were: counts of ranges, the small ones of single values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    count: u64,
    sum: u64,
    max: u64,
    /// The greatest value of a range, and how many were in it; only ranges that have any.
    buckets: Vec<(u64, u64)>,
}

impl Distribution {
    /// Of ranges in order, none of which is empty.
    pub(crate) fn of(buckets: Vec<(u64, u64)>, sum: u64, max: u64) -> Self {
        Distribution { count: buckets.iter().map(|(_, count)| count).sum(), sum, max, buckets }
    }

    /// Adds so many values of 0.
    pub(crate) fn add_zeros(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        self.count += count;
        match self.buckets.first_mut() {
            Some((0, zeros)) => *zeros += count,
            _ => self.buckets.insert(0, (0, count)),
        }
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The greatest; 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Their mean. `None` if there is none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// A value that is no less than this part of all, and at most a step greater than needed (a 128th of it for the
    /// times of handlers, an eighth for batches); `0.99` for the 99th percentile. `None` if there is none.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let rank = (part.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = self.buckets.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        reached.map(|(last, _)| (*last).min(self.max))
    }

    /// What matters of a distribution of times in nanoseconds. `None` if there is none.
    pub fn quantiles(&self) -> Option<Quantiles> {
        let at = |part| self.quantile(part).map(Duration::from_nanos);
        Some(Quantiles {
            count: self.count,
            mean: Duration::from_nanos(self.mean()? as u64),
            p50: at(0.5)?,
            p90: at(0.9)?,
            p99: at(0.99)?,
            p999: at(0.999)?,
            max: Duration::from_nanos(self.max),
        })
    }

    /// What came since an earlier reading of the same values. Its greatest value is that of its last range, unless it is
    /// the greatest of all.
    #[must_use]
    pub fn since(&self, earlier: &Distribution) -> Distribution {
        let mut before = earlier.buckets.iter().peekable();
        let newer = |&(last, count): &(u64, u64)| {
            while before.next_if(|(other, _)| *other < last).is_some() {}
            let counted = before.next_if(|(other, _)| *other == last).map_or(0, |(_, count)| *count);
            (count > counted).then(|| (last, count - counted))
        };
        let buckets: Vec<_> = self.buckets.iter().filter_map(newer).collect();
        let last = buckets.last().map_or(0, |(last, _)| *last);
        Distribution {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: self.sum.saturating_sub(earlier.sum),
            max: last.min(self.max),
            buckets,
        }
    }

    /// What it takes of memory besides itself, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<(u64, u64)>()
    }

    /// Each range that has values: the greatest value that would be in it, and how many are.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.buckets.iter().copied()
    }
}

/// What matters of a distribution of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quantiles {
    /// How many times there were.
    pub count: u64,
    /// Their mean.
    pub mean: Duration,
    /// Half of them are no greater.
    pub p50: Duration,
    /// Nine tenths are no greater.
    pub p90: Duration,
    /// 99 of a hundred are no greater.
    pub p99: Duration,
    /// 999 of a thousand are no greater.
    pub p999: Duration,
    /// The greatest.
    pub max: Duration,
}

impl AddAssign<&Distribution> for Distribution {
    fn add_assign(&mut self, other: &Distribution) {
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        for &(last, count) in &other.buckets {
            match self.buckets.binary_search_by_key(&last, |(last, _)| *last) {
                Ok(at) => self.buckets[at].1 += count,
                Err(at) => self.buckets.insert(at, (last, count)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_exact_and_others_within_an_eighth() {
        for value in (0..100_000).chain([1 << 33, VALUE_MAX]) {
            let last = last_of(bucket_of(value));
            assert!(last >= value && last <= value + value / 8, "{value}: {last}");
            assert!(value >= 16 || last == value, "{value}: {last}");
            assert_eq!(bucket_of(last), bucket_of(value));
            assert_eq!(bucket_of(last + 1), bucket_of(value) + 1);
        }
    }

    #[test]
    fn quantiles_are_reached_by_their_part_of_the_values() {
        let histogram = Histogram::default();
        assert_eq!(histogram.read().quantile(0.5), None);
        (1..=100).for_each(|value| histogram.record(value));
        let all = histogram.read();
        assert_eq!((all.count(), all.sum(), all.max()), (100, 5_050, 100));
        assert_eq!(all.quantile(0.0), Some(1));
        assert_eq!(all.quantile(0.1), Some(10));
        assert_eq!(all.quantile(1.0), Some(100));
        assert_eq!(all.buckets().map(|(_, count)| count).sum::<u64>(), 100);
    }

    #[test]
    fn two_add_up_to_what_one_would_have_counted() {
        let (one, other, both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for value in [3, 900, 12, 4_000_000_000, 3] {
            if value % 2 == 0 { &one } else { &other }.record(value);
            both.record(value);
        }
        let mut sum = one.read();
        sum += &other.read();
        assert_eq!(sum, both.read());
    }
}
