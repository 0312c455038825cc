//! Whether the calling thread stands in a system's tokio runtime already.

use std::cell::Cell;

use tokio::runtime::{EnterGuard, Handle, Id};
use tokio::task;

use super::Runtime;

thread_local! {
    /// The last task on this thread that was found to stand in a system's runtime, and which.
    static KNOWN: Cell<Option<(task::Id, Id)>> = const { Cell::new(None) };
}

impl Runtime {
    /// Makes this runtime's timers, sockets and `tokio::spawn` those of the calling thread, until dropped; nothing
    /// if they are already.
    ///
    /// The answer is kept for as long as the same tokio task runs: a task that enters another runtime by hand while
    /// it runs is taken to stand where it was spawned.
    #[inline]
    pub(crate) fn enter_unless_in(&self) -> Option<EnterGuard<'_>> {
        let task = task::try_id();
        let known = KNOWN.get();
        if known.is_some() && known == task.map(|task| (task, self.tokio_id)) {
            return None;
        }
        self.enter_unless_current(task)
    }

    #[cold]
    fn enter_unless_current(&self, task: Option<task::Id>) -> Option<EnterGuard<'_>> {
        if Handle::try_current().is_ok_and(|current| current.id() == self.tokio_id) {
            KNOWN.set(task.map(|task| (task, self.tokio_id)));
            return None;
        }
        Some(self.enter())
    }
}
