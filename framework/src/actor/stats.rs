//! What each cell counts. Written by its runner, pulled by the monitor.

use super::batch::Batched;
use crate::stats::{Counter, SharedCounter};

/// One cell's counters of what happens all the time. Whoever holds the claim writes them: no atomic addition.
#[derive(Default)]
pub(crate) struct CellStats {
    /// Messages whose handler ended.
    pub(crate) handled: Counter,
    /// Runs on an asker's thread.
    pub(crate) inline_runs: Counter,
}

/// And of what most actors never do; made by the first that does.
#[derive(Default)]
pub(crate) struct RareStats {
    /// Messages whose handler panicked, or was dropped half way.
    pub(crate) failed: Counter,
    /// Messages dropped before they ran. A sender that makes room counts as well.
    pub(crate) dropped: SharedCounter,
    /// Starts after the first.
    pub(crate) restarts: Counter,
    /// Calls of batched handlers.
    pub(crate) batches: Counter,
    /// Messages in them.
    pub(crate) batch_items: Counter,
    /// Those of each handler. What stopped actors had is [kept](super::commons::Retired) by name.
    pub(crate) batched: Batched,
}

impl CellStats {
    /// Adds another's counts; for sums that one thread writes.
    pub(crate) fn add(&self, other: &CellStats) {
        self.handled.add(other.handled.value());
        self.inline_runs.add(other.inline_runs.value());
    }
}

impl RareStats {
    /// Adds another's counts; for sums that one thread writes.
    pub(crate) fn add(&self, other: &RareStats) {
        self.failed.add(other.failed.value());
        self.dropped.add(other.dropped.value());
        self.restarts.add(other.restarts.value());
        self.batches.add(other.batches.value());
        self.batch_items.add(other.batch_items.value());
    }
}
