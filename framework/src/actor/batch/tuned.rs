//! Two settings of a batched handler that somebody else may change while it runs: the monitor's tuner.
//!
//! ```text
//!   tuner ── len_max, wait_max ──> [ tuned | own | in hand ] <── own, in hand ── runner, once a batch
//! ```
//!
//! **Cost.** Two loads and two stores a batch, on a line that counts it anyway.

use std::time::Duration;

use crate::stats::nanos;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What one handler of one actor is told, and what it says of itself. Numbers, that say nothing about other memory:
/// every access is Relaxed.
#[derive(Debug, Default)]
pub(crate) struct Tuned {
    /// 0: its own.
    len_max: AtomicU32,
    /// In nanoseconds, one more than it is; 0: its own.
    wait_max: AtomicU64,
    own_len_max: AtomicU32,
    /// As above; 0: it does not wait, or as long as it likes.
    own_wait_max: AtomicU64,
    in_hand: AtomicU32,
}

impl Tuned {
    /// The longest batch, of a handler whose own is this.
    #[inline]
    pub(super) fn len_max(&self, own: usize) -> usize {
        // ORDERING: Relaxed, here and below; see the type.
        self.own_len_max.store(own as u32, Ordering::Relaxed);
        match self.len_max.load(Ordering::Relaxed) {
            0 => own,
            len_max => len_max as usize,
        }
    }

    /// How long it is held open, of a handler whose own is this.
    pub(super) fn wait_max(&self, own: Duration) -> Duration {
        self.own_wait_max.store(coded(own), Ordering::Relaxed);
        decoded(self.wait_max.load(Ordering::Relaxed)).unwrap_or(own)
    }

    /// So many messages are held, or in the handler.
    #[inline]
    pub(in crate::actor) fn hold(&self, len: usize) {
        self.in_hand.store(len as u32, Ordering::Relaxed);
    }

    pub(crate) fn in_hand(&self) -> usize {
        self.in_hand.load(Ordering::Relaxed) as usize
    }

    pub(crate) fn set_len_max(&self, len_max: usize) {
        self.len_max.store(u32::try_from(len_max).unwrap_or(u32::MAX).max(1), Ordering::Relaxed);
    }

    pub(crate) fn set_wait_max(&self, wait_max: Duration) {
        self.wait_max.store(coded(wait_max), Ordering::Relaxed);
    }

    /// The longest batch now. None before the first.
    pub(crate) fn current_len_max(&self) -> Option<usize> {
        let own = self.own_len_max.load(Ordering::Relaxed);
        let tuned = self.len_max.load(Ordering::Relaxed);
        (own > 0).then_some(if tuned > 0 { tuned } else { own } as usize)
    }

    /// How long a batch is held open now. None if it is not, or its handler decides.
    pub(crate) fn current_wait_max(&self) -> Option<Duration> {
        let own = decoded(self.own_wait_max.load(Ordering::Relaxed))?;
        Some(decoded(self.wait_max.load(Ordering::Relaxed)).unwrap_or(own))
    }
}

fn coded(wait: Duration) -> u64 {
    nanos(wait).saturating_add(1)
}

fn decoded(coded: u64) -> Option<Duration> {
    coded.checked_sub(1).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_has_its_own_settings_until_others_are_set() {
        let tuned = Tuned::default();
        assert_eq!((tuned.current_len_max(), tuned.current_wait_max()), (None, None));
        let ms = Duration::from_millis;
        assert_eq!((tuned.len_max(64), tuned.wait_max(ms(2))), (64, ms(2)));
        assert_eq!((tuned.current_len_max(), tuned.current_wait_max()), (Some(64), Some(ms(2))));
        tuned.set_len_max(8);
        tuned.set_wait_max(Duration::ZERO);
        assert_eq!((tuned.len_max(64), tuned.wait_max(ms(2))), (8, Duration::ZERO));
        assert_eq!((tuned.current_len_max(), tuned.current_wait_max()), (Some(8), Some(Duration::ZERO)));
    }
}
