//! What a tier keeps: a value as bytes, with what is known of it.

use std::sync::Arc;
use std::time::Duration;

/// Which of two states of a key is the newer: first by `epoch`, then by `version`.
///
/// Where the source has versions of its own (a row's, a log's position), they are the `version`, and the order is
/// the source's. Where it has none, the cache stamps by its clock. An `epoch` outranks all versions of the epochs
/// before it: whoever owns the source takes a new one when its state may have gone back, as at a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Of the source's owner.
    pub epoch: u64,
    /// Within the epoch.
    pub version: u64,
}

impl Stamp {
    /// Older than every other.
    pub const MIN: Stamp = Stamp { epoch: 0, version: 0 };

    /// Of version `version`, in `epoch`.
    pub const fn new(epoch: u64, version: u64) -> Self {
        Stamp { epoch, version }
    }

    /// Bytes that compare as it does.
    #[cfg(feature = "codec")]
    pub(super) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.epoch) << 64 | u128::from(self.version)).to_be_bytes()
    }

    #[cfg(feature = "codec")]
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Stamp::new((number >> 64) as u64, number as u64)
    }
}

/// Milliseconds since 1970 in UTC: a time that other processes, and this one after a restart, understand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// So much later; the end of time if that is past it.
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }

    /// From `earlier` to this; nothing if it is the later one.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// What a tier keeps of one key.
///
/// ```text
///   made_at            fresh_until                    keep_until
///   |--- fresh ---------|--- stale: served while ------|--- nothing: a miss
///   the load began      |    refreshing or on errors   |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order of this key's states.
    pub stamp: Stamp,
    /// When the value was read from the source, or written: its age counts from here, in every tier.
    pub made_at: Timestamp,
    /// Until then it is served as it is.
    pub fresh_until: Timestamp,
    /// From then on it is as if it were not there. Not before `fresh_until`.
    pub keep_until: Timestamp,
    /// What it goes with: see [`Tier::remove_tag`](super::Tier::remove_tag).
    pub tags: Vec<Arc<str>>,
    /// The value.
    pub body: Body,
}

/// What there is to say of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A value, encoded.
    Value(Arc<[u8]>),
    /// The source has none: a negative entry.
    Absent,
    /// It was invalidated: a miss, which outranks every older value that is still on its way here.
    Removed,
}

impl Entry {
    /// Whether there is anything of it at `now`.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        now < self.keep_until
    }

    /// Whether it is newer than `other`, or as new and a removal where that is not: only what nothing outranks is kept.
    pub fn outranks(&self, other: &Entry) -> bool {
        let rank = |entry: &Entry| (entry.stamp, entry.body == Body::Removed);
        rank(self) > rank(other)
    }

    /// Whether it may be served as it is at `now`.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.fresh_until
    }
}
