//! What a message carries that is [timed](super::sampling) from when it was sent.

use std::num::NonZero;

/// When a message was sent, and for how many it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    sent_at: u64,
    weight: NonZero<u32>,
}

impl Stamp {
    pub(super) fn new(sent_at: u64, weight: u32) -> Option<Self> {
        NonZero::new(weight).map(|weight| Stamp { sent_at, weight })
    }

    /// By the system's clock, in nanoseconds.
    pub(super) fn sent_at(self) -> u64 {
        self.sent_at
    }

    pub(super) fn weight(self) -> u32 {
        self.weight.get()
    }

    pub(super) fn nanos_until(self, now: u64) -> u64 {
        now.saturating_sub(self.sent_at)
    }
}
