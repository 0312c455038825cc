//! The one seam for time, order and chance.
//!
//! In production it is the [`Machine`]'s. In a seeded run it is the test kit's: one thread, tokio's paused clock and a
//! printed seed, so that a run can be replayed. What such a run decides besides goes through its [`Sim`].

use std::sync::Arc;
use std::time::Instant;

use super::sim::Sim;
use crate::sync::Mutex;

/// Where a runtime takes its clock and its randomness from, and, in a seeded run, its order.
pub(crate) trait Seam: Send + Sync + 'static {
    /// The time now. Monotonic.
    fn now(&self) -> Instant {
        // tokio's clock, so that a test with paused time sees one clock and not two.
        tokio::time::Instant::now().into_std()
    }

    /// A random number, uniform over all `u64`.
    fn random(&self) -> u64;

    /// The seeded run, if this is one. Asked once, at the start.
    fn sim(&self) -> Option<Arc<dyn Sim>> {
        None
    }
}

/// The machine's clock, first come first served, and a random generator seeded by the machine.
pub(crate) struct Machine {
    rng: Mutex<SplitMix64>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        // std keys each RandomState from the operating system's entropy: enough for jitter.
        Machine { rng: Mutex::new(SplitMix64::new(RandomState::new().hash_one(0u8))) }
    }
}

impl Seam for Machine {
    fn random(&self) -> u64 {
        self.rng.lock().next()
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        SplitMix64(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
