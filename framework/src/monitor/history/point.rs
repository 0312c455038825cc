//! Points: as they are read, and as they are kept.

use std::time::Duration;

use crate::stats::{Distribution, Quantiles};

/// Octaves of a [`Heat`].
pub const HEAT_LEN: usize = 24;
/// The first of them is all up to 2 to the power of this, in nanoseconds: about a microsecond.
const HEAT_FIRST: u32 = 10;

/// How the times of a step are distributed, by octaves: for a heat map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heat([u8; HEAT_LEN]);

impl Heat {
    /// The greatest time of an octave; of the last that of all.
    pub fn until(octave: usize) -> Duration {
        if octave + 1 >= HEAT_LEN {
            Duration::MAX
        } else {
            Duration::from_nanos(1 << (HEAT_FIRST as usize + octave))
        }
    }

    /// The part of the step's times in each octave, in 255ths. What is not 0 was some.
    pub fn parts(&self) -> &[u8; HEAT_LEN] {
        &self.0
    }

    pub(super) fn of(times: &Distribution) -> Self {
        let mut counts = [0u64; HEAT_LEN];
        for (last, count) in times.buckets() {
            counts[octave_of(last)] += count;
        }
        let all = times.count().max(1);
        Heat(counts.map(|count| (u128::from(count) * 255).div_ceil(u128::from(all)) as u8))
    }
}

fn octave_of(nanos: u64) -> usize {
    let bits = u64::BITS - nanos.saturating_sub(1).leading_zeros();
    (bits.saturating_sub(HEAT_FIRST) as usize).min(HEAT_LEN - 1)
}

/// What came in one step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// When the step began, after the system's start.
    pub at: Duration,
    /// Messages whose handler ended.
    pub handled: u64,
    /// Those of them that it answered by an `Err`.
    pub refused: u64,
    /// Messages that it panicked over.
    pub failed: u64,
    /// Starts of actors after their first. 0 for a handler.
    pub restarts: u64,
    /// The most messages that were seen waiting at a pull, in all mailboxes together. 0 for a handler.
    pub mailbox_len: usize,
    /// Time that handlers ran. `None` if it was not sampled, and for a handler.
    pub busy: Option<Duration>,
    /// How long messages waited. `None` if there was no sample; for a type always.
    pub waiting: Option<Quantiles>,
    /// How long handlers took, likewise.
    pub handling: Option<Quantiles>,
    /// How the first are distributed.
    pub waiting_heat: Heat,
    /// And the second.
    pub handling_heat: Heat,
}

/// The process in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProcessPoint {
    /// When the step began, after the system's start.
    pub at: Duration,
    /// Processors that it kept busy, on average: 1.0 is one.
    pub cpus: Option<f64>,
    /// Memory in RAM, in bytes: the most at a pull.
    pub resident_bytes: Option<u64>,
    /// Threads: the most at a pull.
    pub threads: Option<u64>,
    /// Open file descriptors: the most at a pull.
    pub fds: Option<u64>,
    /// Messages that ended without being handled.
    pub dead_letters: u64,
}

/// A point as it is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packed {
    /// The step's number: `at` divided by the step.
    pub(super) step: u32,
    pub(super) handled: u32,
    pub(super) refused: u32,
    pub(super) failed: u32,
    pub(super) restarts: u32,
    pub(super) mailbox_len: u32,
    /// Seconds; negative: not sampled.
    pub(super) busy: f32,
}

/// A point's times as they are kept: apart, because types have none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PackedPair {
    pub(super) step: u32,
    pub(super) waiting: PackedTimes,
    pub(super) handling: PackedTimes,
}

/// Quantiles in seconds, and the heat.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PackedTimes {
    pub(super) count: u32,
    mean: f32,
    p50: f32,
    p90: f32,
    p99: f32,
    p999: f32,
    max: f32,
    heat: Heat,
}

impl PackedTimes {
    pub(super) fn of(times: &Distribution) -> Self {
        let Some(quantiles) = times.quantiles() else { return PackedTimes::default() };
        PackedTimes {
            count: packed(quantiles.count),
            mean: quantiles.mean.as_secs_f32(),
            p50: quantiles.p50.as_secs_f32(),
            p90: quantiles.p90.as_secs_f32(),
            p99: quantiles.p99.as_secs_f32(),
            p999: quantiles.p999.as_secs_f32(),
            max: quantiles.max.as_secs_f32(),
            heat: Heat::of(times),
        }
    }

    fn quantiles(&self) -> Option<Quantiles> {
        let at = Duration::from_secs_f32;
        (self.count > 0).then(|| Quantiles {
            count: self.count.into(),
            mean: at(self.mean),
            p50: at(self.p50),
            p90: at(self.p90),
            p99: at(self.p99),
            p999: at(self.p999),
            max: at(self.max),
        })
    }
}

impl Packed {
    /// With its times, if there are any.
    pub(super) fn point(&self, step: Duration, times: Option<PackedPair>) -> Point {
        let PackedPair { waiting, handling, .. } = times.unwrap_or_default();
        Point {
            at: step * self.step,
            handled: self.handled.into(),
            refused: self.refused.into(),
            failed: self.failed.into(),
            restarts: self.restarts.into(),
            mailbox_len: self.mailbox_len as usize,
            busy: (self.busy >= 0.0).then(|| Duration::from_secs_f32(self.busy)),
            waiting: waiting.quantiles(),
            handling: handling.quantiles(),
            waiting_heat: waiting.heat,
            handling_heat: handling.heat,
        }
    }
}

/// As much of it as fits: a step with more than four thousand million messages has that many.
pub(super) fn packed(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_takes_what_the_module_says() {
        assert_eq!((size_of::<Packed>(), size_of::<PackedPair>()), (28, 108));
    }

    #[test]
    fn every_time_is_in_the_octave_that_ends_with_it_or_after() {
        for nanos in [0, 1, 1_023, 1_024, 1_025, 1 << 20, (1 << 20) + 1, u64::MAX] {
            let octave = octave_of(nanos);
            assert!(Duration::from_nanos(nanos) <= Heat::until(octave), "{nanos}");
            assert!(octave == 0 || Duration::from_nanos(nanos) > Heat::until(octave - 1), "{nanos}");
        }
    }
}
