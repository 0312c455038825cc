//! A thread of its own, pinned to a core, with one worker.
//!
//! **What it is.** A [`Runtime`] with a queue of its own, whose worker is polled by a thread that does little else.
//! No other worker takes from it, and it takes from no other. What runs there stands in the system's tokio runtime, whose
//! timers, sockets and tasks it uses. A thread of ours has none of them, and only parks. One of actix's `Arbiter` threads
//! (feature `actix`, where the system is started in an actix system) has its own: actix's actors run there beside ours.
//!
//! **Guarantees.** The thread tries for its core before anything runs there, and reads back what the kernel made of it.
//! One that is refused runs all the same. What is bound to the thread ([`ThreadBound`](super::ThreadBound)) is dropped there, at its end.
//!
//! **Cost.** A thread. What is scheduled from elsewhere goes through its injector, and wakes the thread if it sleeps.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle, ThreadId};

use tokio::runtime::{Builder, Handle};

#[cfg(feature = "actix")]
use super::arbiter;
use super::bound;
use super::cores::{CpuSet, pin_to, read_back};
use super::seam::Seam;
use super::worker::Runtime;
use crate::sync::Mutex;

/// A pinned thread and its queue. Closing the queue ends the thread.
pub(crate) struct Pinned {
    runtime: Arc<Runtime>,
    standing: Standing,
    id: ThreadId,
    thread: Mutex<Option<Thread>>,
}

enum Thread {
    Own(JoinHandle<()>),
    #[cfg(feature = "actix")]
    Arbiter(actix_rt::Arbiter),
}

/// Where a thread stands.
#[derive(Debug)]
pub(crate) struct Standing {
    /// What the kernel lets it run on.
    pub(crate) mask: Option<CpuSet>,
    /// Why it was not pinned.
    pub(crate) refusal: Option<io::Error>,
}

impl Standing {
    /// Pins the calling thread, and looks what came of it.
    pub(super) fn take(core: usize) -> Self {
        let refusal = pin_to(core).err();
        Standing { mask: read_back(), refusal }
    }
}

impl Pinned {
    /// Starts the thread on a core, counted as the operating system does; where that is refused, on any.
    ///
    /// # Errors
    ///
    /// When no thread is to be had.
    pub(crate) fn start(core: usize, tokio: &Handle, seam: Arc<dyn Seam>) -> io::Result<Self> {
        let (runtime, worker) = Runtime::with_own_worker(tokio.clone(), seam);
        let worker = Within { system: tokio.clone(), worker };
        #[cfg(feature = "actix")]
        if arbiter::is_possible() {
            let (arbiter, (id, standing)) = arbiter::start(core, worker)?;
            return Ok(Pinned { runtime, standing, id, thread: Mutex::new(Some(Thread::Arbiter(arbiter))) });
        }
        let (begun, has_begun) = sync_channel(1);
        let name = format!("ostraca-core-{core}");
        let thread = thread::Builder::new().name(name).spawn(move || {
            let standing = Standing::take(core);
            let parker = match Builder::new_current_thread().build() {
                Ok(parker) => parker,
                // The starter waits for this and nothing else.
                Err(error) => return drop(begun.send(Err(error))),
            };
            drop(begun.send(Ok(standing)));
            parker.block_on(pin!(worker));
            bound::drop_all();
        })?;
        let id = thread.thread().id();
        match has_begun.recv().map_err(io::Error::other).flatten() {
            Ok(standing) => {
                Ok(Pinned { runtime, standing, id, thread: Mutex::new(Some(Thread::Own(thread))) })
            }
            Err(error) => {
                // It ends by itself.
                let _ended = thread.join();
                Err(error)
            }
        }
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn is_arbiter(&self) -> bool {
        match *self.thread.lock() {
            #[cfg(feature = "actix")]
            Some(Thread::Arbiter(_)) => true,
            _ => false,
        }
    }

    /// Waits for the thread's end. Its queue is closed, and no handler blocks it.
    pub(crate) fn join(&self) {
        if thread::current().id() == self.id {
            return;
        }
        // One that panicked has said so.
        let _ended = match self.thread.lock().take() {
            Some(Thread::Own(thread)) => thread.join(),
            #[cfg(feature = "actix")]
            Some(Thread::Arbiter(arbiter)) => arbiter.join(),
            None => Ok(()),
        };
    }
}

/// A worker that is polled within the system's tokio runtime, on a thread that is not that runtime's.
pub(super) struct Within<F> {
    system: Handle,
    worker: F,
}

impl<F: Future<Output = ()> + Unpin> Future for Within<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Within { system, worker } = &mut *self;
        let _entered = system.enter();
        Pin::new(worker).poll(cx)
    }
}
