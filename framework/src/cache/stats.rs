//! What a cache and its tiers have done.

use std::sync::Arc;
use std::time::Duration;

use crate::stats::SharedCounter;

/// What a [`TieredCache`](super::TieredCache) has done since it was made.
///
/// `hits + stale + misses` are its reads, but for those that asked for the latest. Of the misses `coalesced` waited for another's search; the
/// others searched, and `loads` counts calls of the source, refreshes among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TieredStats {
    /// Reads answered from the memory or another tier, with what was fresh enough.
    pub hits: u64,
    /// Reads answered with what was past its lifetime, while it was refreshed or because the source failed.
    pub stale: u64,
    /// Reads that asked the source, or waited for somebody who searched.
    pub misses: u64,
    /// Of the misses, those that waited for another's search.
    pub coalesced: u64,
    /// Calls of the source.
    pub loads: u64,
    /// Of those, the ones that failed, took too long or panicked.
    pub load_errors: u64,
    /// The time that they took together.
    pub load_time: Duration,
    /// Refreshes begun in the background.
    pub refreshes: u64,
    /// Writes that wait for the source: [`Writes::Behind`](super::Writes::Behind).
    pub behind: usize,
    /// The memory first, then the others in their order.
    pub tiers: Vec<TierStats>,
}

impl TieredStats {
    /// The part of the reads that asked nobody, from 0 to 1. `None` before the first.
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits + self.stale + self.misses;
        (reads > 0).then(|| (self.hits + self.stale) as f64 / reads as f64)
    }

    /// What stays when the cache is gone: its counts, and nothing of what it holds.
    pub(crate) fn past(mut self) -> Self {
        self.behind = 0;
        for tier in &mut self.tiers {
            (tier.waiting, tier.is_up) = (0, true);
            (tier.len, tier.bytes) = (tier.len.map(|_| 0), tier.bytes.map(|_| 0));
        }
        self
    }

    /// The tier of this name.
    pub fn tier(&self, name: &str) -> Option<&TierStats> {
        self.tiers.iter().find(|tier| *tier.name == *name)
    }
}

/// The numbers of two caches of one name together, such as those of two shards. What a tier holds is counted once: the
/// caches share its space; each has a memory of its own.
impl std::ops::AddAssign for TieredStats {
    fn add_assign(&mut self, other: TieredStats) {
        self.hits += other.hits;
        self.stale += other.stale;
        self.misses += other.misses;
        self.coalesced += other.coalesced;
        self.loads += other.loads;
        self.load_errors += other.load_errors;
        self.load_time += other.load_time;
        self.refreshes += other.refreshes;
        self.behind += other.behind;
        for (index, tier) in other.tiers.into_iter().enumerate() {
            match self.tiers.iter_mut().find(|there| there.name == tier.name) {
                Some(there) => there.add(&tier, index == 0),
                None => self.tiers.push(tier),
            }
        }
    }
}

impl TierStats {
    fn add(&mut self, other: &TierStats, is_apart: bool) {
        self.is_up &= other.is_up;
        self.hits += other.hits;
        self.misses += other.misses;
        self.puts += other.puts;
        self.errors += other.errors;
        self.timeouts += other.timeouts;
        self.refused += other.refused;
        self.corrupt += other.corrupt;
        self.outdated += other.outdated;
        self.left_out += other.left_out;
        self.overflows += other.overflows;
        self.retries += other.retries;
        self.waiting += other.waiting;
        let join = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) if is_apart => Some(a + b),
            (Some(a), Some(b)) => Some(a.max(b)),
            (one, other) => one.or(other),
        };
        self.len = join(self.len, other.len);
        self.bytes = join(self.bytes, other.bytes);
        self.evictions = join(self.evictions, other.evictions);
    }
}

/// What one tier has done for one cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierStats {
    /// The store's name; `memory` for the memory.
    pub name: Arc<str>,
    /// Whether it is asked: not while it is out of reach.
    pub is_up: bool,
    /// Lookups that found what could be served.
    pub hits: u64,
    /// Lookups that did not, those that failed included.
    pub misses: u64,
    /// Entries put in.
    pub puts: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls that took too long.
    pub timeouts: u64,
    /// Calls not made because it was out of reach a moment ago.
    pub refused: u64,
    /// Entries that could not be read back.
    pub corrupt: u64,
    /// Entries that were older than what is there, or than what was read before.
    pub outdated: u64,
    /// Fills left out because too much is on its way.
    pub left_out: u64,
    /// Times that so much was on its way that the tier was cleared instead.
    pub overflows: u64,
    /// Deliveries repeated.
    pub retries: u64,
    /// Keys on their way.
    pub waiting: usize,
    /// Entries now; `None` where the tier cannot tell.
    pub len: Option<u64>,
    /// Bytes now. Of the memory: without what its keys and values point to.
    pub bytes: Option<u64>,
    /// Entries that made room for others.
    pub evictions: Option<u64>,
}

/// The counts of a tier.
#[derive(Default)]
pub(super) struct TierCounts {
    pub(super) hits: SharedCounter,
    pub(super) misses: SharedCounter,
    pub(super) puts: SharedCounter,
    pub(super) errors: SharedCounter,
    pub(super) timeouts: SharedCounter,
    pub(super) refused: SharedCounter,
    pub(super) corrupt: SharedCounter,
    pub(super) outdated: SharedCounter,
    pub(super) left_out: SharedCounter,
    pub(super) overflows: SharedCounter,
}

impl TierCounts {
    /// What is counted here; the rest is nothing.
    pub(super) fn read(&self) -> TierStats {
        TierStats {
            hits: self.hits.value(),
            misses: self.misses.value(),
            puts: self.puts.value(),
            errors: self.errors.value(),
            timeouts: self.timeouts.value(),
            refused: self.refused.value(),
            corrupt: self.corrupt.value(),
            outdated: self.outdated.value(),
            left_out: self.left_out.value(),
            overflows: self.overflows.value(),
            ..TierStats::named("")
        }
    }
}

impl TierStats {
    pub(super) fn named(name: &str) -> Self {
        TierStats {
            name: name.into(),
            is_up: true,
            hits: 0,
            misses: 0,
            puts: 0,
            errors: 0,
            timeouts: 0,
            refused: 0,
            corrupt: 0,
            outdated: 0,
            left_out: 0,
            overflows: 0,
            retries: 0,
            waiting: 0,
            len: None,
            bytes: None,
            evictions: None,
        }
    }
}

/// The counts of a cache as a whole.
#[derive(Default)]
pub(super) struct ReadCounts {
    /// Hits of tiers behind the memory; the memory counts its own.
    pub(super) hits_behind: SharedCounter,
    pub(super) stale: SharedCounter,
    pub(super) misses: SharedCounter,
    pub(super) coalesced: SharedCounter,
    pub(super) loads: SharedCounter,
    pub(super) load_errors: SharedCounter,
    pub(super) load_nanos: SharedCounter,
    pub(super) refreshes: SharedCounter,
}
