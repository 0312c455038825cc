//! What each cell counts. Written by its runner, pulled by the monitor.

use crate::stats::{Counter, SharedCounter};

/// One cell's counters. Those that whoever holds the claim writes need no atomic addition.
#[derive(Default)]
pub(crate) struct CellStats {
    /// Messages whose handler ended.
    pub(crate) handled: Counter,
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
    /// Runs on an asker's thread.
    pub(crate) inline_runs: Counter,
}

impl CellStats {
    /// Adds another's counts; for sums that one thread writes.
    pub(crate) fn add(&self, other: &CellStats) {
        self.handled.add(other.handled.value());
        self.failed.add(other.failed.value());
        self.dropped.add(other.dropped.value());
        self.restarts.add(other.restarts.value());
        self.batches.add(other.batches.value());
        self.batch_items.add(other.batch_items.value());
        self.inline_runs.add(other.inline_runs.value());
    }
}
