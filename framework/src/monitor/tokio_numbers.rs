//! What tokio says of the runtime that a system runs on: its stable metrics.

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};

/// The tokio runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokioNumbers {
    /// Its worker threads.
    pub workers: Option<usize>,
    /// Tasks that have not ended; the system's workers are among them.
    pub tasks: Option<usize>,
    /// Tasks that wait in its global queue.
    pub queue_len: Option<usize>,
    /// Time that its worker threads were not parked, together.
    pub busy: Option<Duration>,
    /// Times that a worker thread parked.
    pub parks: Option<u64>,
}

impl TokioNumbers {
    pub(super) fn read(tokio: &Handle) -> Self {
        let metrics = tokio.metrics();
        let (busy, parks) = parked(&metrics);
        TokioNumbers {
            workers: Some(metrics.num_workers()),
            tasks: Some(metrics.num_alive_tasks()),
            queue_len: Some(metrics.global_queue_depth()),
            busy,
            parks,
        }
    }
}

/// tokio counts these only where a processor has 64-bit atomics.
#[cfg(target_has_atomic = "64")]
fn parked(metrics: &RuntimeMetrics) -> (Option<Duration>, Option<u64>) {
    let workers = || 0..metrics.num_workers();
    let busy = workers().map(|worker| metrics.worker_total_busy_duration(worker)).sum();
    (Some(busy), Some(workers().map(|worker| metrics.worker_park_count(worker)).sum()))
}

#[cfg(not(target_has_atomic = "64"))]
fn parked(_metrics: &RuntimeMetrics) -> (Option<Duration>, Option<u64>) {
    (None, None)
}
