//! Chance with a seed, for load.

use std::time::Duration;

/// xorshift64 (Marsaglia, 2003). The seed is not 0.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1, without 0.
    pub fn part(&mut self) -> f64 {
        ((self.draw() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// The time until the next of so many a second that come at random.
    pub fn gap(&mut self, per_second: f64) -> Duration {
        Duration::from_secs_f64(-self.part().ln() / per_second)
    }
}
