//! A thread of its own, pinned to a core, with one worker.
//!
//! **What it is.** A [`Runtime`] with a queue of its own, whose worker is polled by a thread that does nothing else.
//! No other worker takes from it, and it takes from no other. What runs there stands in the system's tokio runtime, whose
//! timers, sockets and tasks it uses: this thread has none of them, and only parks.
//!
//! **Cost.** A thread. What is scheduled from elsewhere goes through its injector, and wakes the thread if it sleeps.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};

use super::seam::Seam;
use super::worker::Runtime;
use crate::sync::Mutex;

/// A pinned thread and its queue. Closing the queue ends the thread.
pub(crate) struct Pinned {
    runtime: Arc<Runtime>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Pinned {
    /// Starts the thread on the core `cpu`, counted as the operating system does. Elsewhere than on Linux it is pinned
    /// to none.
    ///
    /// # Errors
    ///
    /// When there is no such core for this process, or no thread is to be had.
    pub(crate) fn start(cpu: usize, tokio: &Handle, seam: Arc<dyn Seam>) -> io::Result<Self> {
        let (runtime, worker) = Runtime::with_own_worker(tokio.clone(), seam);
        let (begun, has_begun) = sync_channel(1);
        let system = tokio.clone();
        let name = format!("ostraca-core-{cpu}");
        let thread = thread::Builder::new().name(name).spawn(move || {
            let ready = pin_to(cpu).and_then(|()| Builder::new_current_thread().build());
            let parker = match ready {
                Ok(parker) => parker,
                // The starter waits for this and nothing else.
                Err(error) => return drop(begun.send(Err(error))),
            };
            drop(begun.send(Ok(())));
            let mut worker = pin!(worker);
            parker.block_on(std::future::poll_fn(|cx| {
                let _entered = system.enter();
                worker.as_mut().poll(cx)
            }));
        })?;
        let ready = has_begun.recv().map_err(io::Error::other).flatten();
        let pinned = Pinned { runtime, thread: Mutex::new(Some(thread)) };
        match ready {
            Ok(()) => Ok(pinned),
            Err(error) => {
                pinned.join();
                Err(error)
            }
        }
    }

    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Waits for the thread's end. Its queue is closed, and no handler blocks it.
    pub(crate) fn join(&self) {
        let thread = self.thread.lock().take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // One that panicked has said so.
            let _ended = thread.join();
        }
    }
}

/// Lets the calling thread run on one core only.
#[cfg(target_os = "linux")]
fn pin_to(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: a set of bits, for which all zeros are a value: the empty set.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number is below the size of the set.
    unsafe { libc::CPU_SET(cpu, &mut cores) };
    // SAFETY: 0 is the calling thread, and the set is as large as is said.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&cores), &raw const cores) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_cpu: usize) -> io::Result<()> {
    Ok(())
}
