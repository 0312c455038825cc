//! What the strategies are tuned by. All times are nanoseconds, as moments are.

use std::time::Duration;

use crate::stats::nanos;

use super::load::TICK_BITS;

/// A whole step of an `f32`'s exponent, in its bits.
const MANTISSA_BITS: u32 = f32::MANTISSA_DIGITS - 1;
/// Steps are kept finer than that, for ticks are short.
const PER_TICK_SHIFT: u32 = 20;

/// The tuning of one pool.
#[derive(Clone, Debug)]
pub struct Settings {
    /// By how much each tick lowers the logarithm of an estimate: see `kept_after`.
    per_tick: u64,
    pub(super) is_serial: bool,
    pub(super) penalty: u64,
    pub(super) slow_start: u64,
    pub(super) failures_max: u32,
    pub(super) ejection_min: u64,
    pub(super) ejection_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            per_tick: 0,
            is_serial: false,
            penalty: nanos(Duration::from_secs(1)),
            slow_start: nanos(Duration::from_secs(5)),
            failures_max: 5,
            ejection_min: nanos(Duration::from_secs(1)),
            ejection_max: nanos(Duration::from_secs(60)),
        }
        // Finagle's and tower's decay of 10 s, as a half-life.
        .half_life(Duration::from_secs(7))
    }
}

impl Settings {
    /// How long until an estimate of a replica that is not called is half of what it was.
    #[must_use]
    pub fn half_life(mut self, half_life: Duration) -> Self {
        let tick = 1 << TICK_BITS;
        self.per_tick = tick * (1 << (MANTISSA_BITS + PER_TICK_SHIFT)) / nanos(half_life).max(tick);
        self
    }

    /// Members handle one call at a time: a call waits for those before it.
    #[must_use]
    pub fn serial(mut self, is_serial: bool) -> Self {
        self.is_serial = is_serial;
        self
    }

    /// What a failure counts as, at least, in the estimate of a call's cost.
    #[must_use]
    pub fn penalty(mut self, penalty: Duration) -> Self {
        self.penalty = nanos(penalty);
        self
    }

    /// How long a replica that joins takes to come to its full share.
    #[must_use]
    pub fn slow_start(mut self, slow_start: Duration) -> Self {
        self.slow_start = nanos(slow_start);
        self
    }

    /// How many failures in a row eject a replica; at least 1.
    #[must_use]
    pub fn failures_max(mut self, failures_max: u32) -> Self {
        self.failures_max = failures_max.max(1);
        self
    }

    /// How long it is out the first time, and at most.
    #[must_use]
    pub fn ejection(mut self, min: Duration, max: Duration) -> Self {
        self.ejection_min = nanos(min).max(1);
        self.ejection_max = nanos(max).max(self.ejection_min);
        self
    }

    /// What is left of an estimate after so many ticks: 2 to the power of minus the half-lives, linear between two
    /// whole ones (6 % above it at most). The exponent of an `f32` does it: its bits, as a whole number, are the
    /// logarithm to the base of 2 in just that approximation.
    pub(super) fn kept_after(&self, ticks: u32) -> f32 {
        let less = u64::from(ticks).saturating_mul(self.per_tick) >> PER_TICK_SHIFT;
        f32::from_bits(u64::from(1f32.to_bits()).saturating_sub(less) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_halves_with_each_half_life() {
        let settings = Settings::default().half_life(Duration::from_nanos(1_000 << TICK_BITS));
        for (ticks, kept) in [(0, 1.0), (500, 0.75), (1_000, 0.5), (2_000, 0.25), (3_000, 0.125)] {
            assert!(
                (settings.kept_after(ticks) - kept).abs() < 1e-3,
                "{ticks}: {}",
                settings.kept_after(ticks)
            );
        }
        assert_eq!(settings.kept_after(u32::MAX), 0.0);
    }
}
