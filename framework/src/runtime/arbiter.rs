//! A pinned thread that is one of actix's `Arbiter` threads.
//!
//! The worker is one of the arbiter's tasks. It gives way every 50 microseconds, as on a thread of its own, so that the
//! actors of actix that live there have their turns. When the worker's queue is closed it ends the arbiter, and what
//! still runs there with it; when actix's system stops, it takes the worker along, whose cells are then abandoned: their
//! askers are told.

use std::future::Future;
use std::io;
use std::sync::mpsc::sync_channel;
use std::thread::{self, ThreadId};

use actix_rt::{Arbiter, System};
use tokio::runtime::Builder;

use super::bound;
use super::pinned::Standing;

/// Whether the calling thread is in an actix system, whose arbiter it can be.
pub(super) fn is_possible() -> bool {
    System::is_registered()
}

/// Starts an arbiter on a core, and the worker on it.
pub(super) fn start(
    core: usize,
    worker: impl Future<Output = ()> + Send + 'static,
) -> io::Result<(Arbiter, (ThreadId, Standing))> {
    let (begun, has_begun) = sync_channel(1);
    let arbiter = Arbiter::try_with_tokio_rt(move || {
        let standing = Standing::take(core);
        // Sent before `try_with_tokio_rt` returns, and there is room.
        drop(begun.send((thread::current().id(), standing)));
        Builder::new_current_thread().enable_all().build()
    })?;
    let standing = has_begun.recv().map_err(io::Error::other)?;
    arbiter.spawn(async {
        worker.await;
        bound::drop_all();
        Arbiter::current().stop();
    });
    Ok((arbiter, standing))
}
