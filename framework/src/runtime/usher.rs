//! Sees to it that a worker that another one wakes does not stay behind it.
//!
//! tokio puts a task that is woken on one of its threads into a slot of that thread, whence no other thread takes it: it
//! runs when the task that woke it returns. A worker goes on for a while, and the handler that it runs next may block
//! the thread for good; the worker that it woke to help would wait for it. But the slot holds one task: the next one that
//! is woken moves the first to a queue that other threads take from, and tokio wakes one of these. That next one is the
//! usher, a task that does nothing, one a worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::worker::Runtime;

/// The usher of one worker.
pub(super) struct Usher {
    pub(super) runtime: Arc<Runtime>,
    pub(super) worker: usize,
}

impl Future for Usher {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.runtime.queue.set_usher(self.worker, cx.waker());
        // Closed after this look, it is woken.
        if self.runtime.is_closed() { Poll::Ready(()) } else { Poll::Pending }
    }
}
