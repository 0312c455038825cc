//! SIGTERM and SIGINT, listened for on a thread of their own: handlers that block every thread of the runtime keep
//! nobody from stopping the process.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::handle::{State, System};
use super::stop::StopReport;
use crate::sync::atomic::Ordering;

impl System {
    /// Serves until SIGTERM, SIGINT (Ctrl-C) or a [`stop`](Self::stop) from elsewhere, then stops in order.
    ///
    /// The process ends: where a handler blocks its thread beyond the stop's deadline, a return from `main` would wait
    /// for that thread, so within a second after the deadline the process is ended with status 1, wherever `main` is
    /// then. The log names the actors.
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened to.
    ///
    /// # Cancellation
    ///
    /// Dropped, it listens to signals no longer.
    pub async fn run_until_signal(&self) -> io::Result<StopReport> {
        let mut state = self.0.state.subscribe();
        let signals = Signals::listen(self)?;
        // ORDERING: Relaxed; read by the watchdog of a stop that ends much later.
        self.0.ends_process.store(true, Ordering::Relaxed);
        // The sender is in `self`: it cannot be gone.
        drop(state.wait_for(|&state| state != State::Running).await);
        drop(signals);
        Ok(self.stop().await)
    }
}

/// The listening thread. Dropped, it ends.
struct Signals {
    cancel: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Listens from here on; a signal begins the stop.
    fn listen(system: &System) -> io::Result<Self> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (cancel, cancelled) = oneshot::channel();
        let (listens, is_listening) = mpsc::sync_channel(1);
        let inner = std::sync::Arc::downgrade(&system.0);
        let thread = thread::Builder::new().name("ostraca-signals".into()).spawn(move || {
            tokio.block_on(async {
                let signals = signal(SignalKind::terminate())
                    .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
                let (mut terminate, mut interrupt) = match signals {
                    Ok(signals) => signals,
                    // The caller waits for this and nothing else.
                    Err(error) => return drop(listens.send(Err(error))),
                };
                drop(listens.send(Ok(())));
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                    _ = cancelled => return,
                };
                if let Some(inner) = inner.upgrade() {
                    tracing::info!(target: "ostraca::system", system = %inner.name, "{name}: stopping");
                    System(inner).begin_stop();
                }
            });
        })?;
        let signals = Signals { cancel: Some(cancel), thread: Some(thread) };
        is_listening.recv().map_err(io::Error::other)??;
        Ok(signals)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        drop(self.cancel.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once. One that panicked has said so.
            let _ended = thread.join();
        }
    }
}
