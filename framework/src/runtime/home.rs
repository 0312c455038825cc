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
        if self.is_known_here() { None } else { self.enter_unless_current() }
    }

    /// Whether the calling thread is known to stand in this runtime. It may stand there unknown.
    #[inline]
    pub(crate) fn is_known_here(&self) -> bool {
        task::try_id().is_some_and(|task| KNOWN.get() == Some((task, self.tokio_id)))
    }

    #[inline(never)]
    fn enter_unless_current(&self) -> Option<EnterGuard<'_>> {
        // Outside a task the answer could not be kept, and to find it costs what entering does.
        if let Some(task) = task::try_id()
            && Handle::try_current().is_ok_and(|current| current.id() == self.tokio_id)
        {
            KNOWN.set(Some((task, self.tokio_id)));
            return None;
        }
        Some(self.enter())
    }
}
