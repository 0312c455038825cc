//! What a worker runs.

use std::sync::Arc;

/// Something a worker runs for one activation.
pub(crate) trait Runnable: Send + Sync {
    /// Runs until there is nothing to do, the budget is gone, or it waits.
    fn run(self: Arc<Self>);

    /// The runtime is gone: lets go of everything, answering whoever waits.
    fn abandon(self: Arc<Self>);
}

/// An entry of the run queue. It keeps the cell alive.
pub(crate) struct Job(Arc<dyn Runnable>);

impl Job {
    pub(super) fn run(self) {
        self.0.run();
    }

    pub(super) fn abandon(self) {
        self.0.abandon();
    }
}

impl<R: Runnable + 'static> From<Arc<R>> for Job {
    fn from(cell: Arc<R>) -> Self {
        Job(cell)
    }
}
