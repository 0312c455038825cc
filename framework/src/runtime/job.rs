//! What a worker runs.

use std::ptr::NonNull;

use super::handle::{Counted, Handle};

/// Something a worker runs for one activation.
pub(crate) trait Runnable: Counted {
    /// Runs until there is nothing to do, the budget is gone, or it waits. The caller keeps a handle meanwhile.
    fn run(&self);

    /// The runtime is gone: lets go of everything, answering whoever waits.
    fn abandon(&self);
}

/// An entry of the run queue. It keeps the cell alive.
pub(crate) struct Job(Handle<dyn Runnable>);

impl Job {
    pub(super) fn run(self) {
        self.0.run();
    }

    pub(super) fn abandon(self) {
        self.0.abandon();
    }
}

impl<R: Runnable + 'static> From<Handle<R>> for Job {
    fn from(cell: Handle<R>) -> Self {
        let cell: NonNull<dyn Runnable> = cell.into_raw();
        // SAFETY: the handle's own pointer, named as one to a trait object.
        Job(unsafe { Handle::from_raw(cell) })
    }
}
