//! What each cell counts. Written by its runner, pulled by the monitor.

use crate::stats::Counter;

/// One cell's counters. Each is written by whoever holds the claim, so none needs an atomic addition.
#[derive(Default)]
pub(crate) struct CellStats {
    /// Messages whose handler ended.
    pub(crate) handled: Counter,
    /// Messages whose handler panicked, or was dropped half way.
    pub(crate) failed: Counter,
    /// Messages dropped before they ran.
    pub(crate) dropped: Counter,
    /// Starts after the first.
    pub(crate) restarts: Counter,
    /// Calls of batched handlers.
    pub(crate) batches: Counter,
    /// Messages in them.
    pub(crate) batch_items: Counter,
    /// Runs on an asker's thread.
    pub(crate) inline_runs: Counter,
}
