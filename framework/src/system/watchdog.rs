//! A thread that looks after a stop: where handlers block every thread of the runtime, nothing moves on it, not even
//! its timers, and the stop is one of the things that do not move.
//!
//! ```text
//!   deadline          + KILL_GRACE         + OVERDUE                       + LAST
//!   ── actors killed ──> stop reported      not reported: the watchdog       run_until_signal, and a handler blocks
//!                                           reports it, and who blocks       a thread still: the process is ended
//! ```
//!
//! It counts in real time, also where tokio's clock is paused. A seeded run has none.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::handle::System;
use super::stop::{StopReport, kill, name_blocked};
use crate::sync::atomic::Ordering;

/// When a stop is overdue, from its deadline. After `KILL_GRACE`.
const OVERDUE: Duration = Duration::from_millis(650);
/// When the process is ended in which a handler still blocks, from the stop's deadline.
const LAST: Duration = Duration::from_millis(800);

/// Dropped when the stop is over.
pub(super) struct Watchdog {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Looks after the stop of `system`, which begins now.
    pub(super) fn start(system: &System) -> Self {
        let (over, stopped) = channel();
        let thread = if system.0.commons.inline.is_some() {
            None
        } else {
            let watch = Watch { system: system.clone(), began: Instant::now() };
            match thread::Builder::new().name("ostraca-stop".into()).spawn(move || watch.run(&stopped)) {
                Ok(thread) => Some(thread),
                Err(error) => {
                    tracing::warn!(target: "ostraca::system", "nobody looks after this stop: {error}");
                    None
                }
            }
        };
        Watchdog { over: Some(over), thread }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.over.take());
        // It ends at once, unless it is to outlive this process's main thread.
        if let Some(thread) = self.thread.take_if(|thread| thread.thread().id() != thread::current().id()) {
            // Whoever waits for a system that has stopped finds no thread of it. One that panicked has said so.
            let _ended = thread.join();
        }
    }
}

struct Watch {
    system: System,
    began: Instant,
}

impl Watch {
    fn run(self, stopped: &Receiver<()>) {
        let overdue = self.system.stop_deadline() + OVERDUE;
        if stopped.recv_timeout(overdue.saturating_sub(self.began.elapsed()))
            == Err(RecvTimeoutError::Timeout)
        {
            self.take_over();
        }
        let has_blocked =
            self.system.0.report.lock().as_ref().is_some_and(|report| !report.blocked.is_empty());
        if has_blocked && self.ends_process() {
            let _unused = thread::Builder::new().name("ostraca-end".into()).spawn(move || self.end_process());
        }
    }

    /// Ends the stop in the place of the task that does not.
    fn take_over(&self) {
        let rest = self.system.0.commons.cells();
        // On a closed runtime each that nobody runs is let go here. The others are blocked.
        self.system.0.commons.close_runtimes();
        let killed = kill(&rest);
        let blocked = name_blocked(&rest);
        let report = StopReport { took: self.began.elapsed(), killed, blocked, hooks_left: Vec::new() };
        self.system.end_stop(report);
    }

    fn ends_process(&self) -> bool {
        // ORDERING: Relaxed; set long before, or by a call that came too late to count.
        self.system.0.ends_process.load(Ordering::Relaxed)
    }

    /// Gives `main` the rest of its time. If it returned, tokio still waits there for the blocked thread.
    fn end_process(&self) {
        let last = self.system.stop_deadline() + LAST;
        thread::sleep(last.saturating_sub(self.began.elapsed()));
        let rest = self.system.0.commons.cells();
        if !rest.is_empty() {
            name_blocked(&rest);
            tracing::error!(target: "ostraca::system", "the process ends without waiting for the above");
            std::process::exit(1);
        }
    }
}
