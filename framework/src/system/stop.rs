//! The system's end: hooks, actors in order, what is killed.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::handle::{State, System};
use crate::actor::{AnyRef, Commons, Control, Label, Parent, StopReason};

/// How long killed actors are waited for: a plain handler that blocks its thread cannot be killed.
const KILL_GRACE: Duration = Duration::from_millis(500);

/// What a stop came to.
#[derive(Clone, Debug)]
pub struct StopReport {
    /// How long it took.
    pub took: Duration,
    /// Actors that had not stopped by the deadline and were killed.
    pub killed: Vec<Label>,
    /// Of those, actors whose handler blocks its thread: they end when it does.
    pub blocked: Vec<Label>,
}

impl StopReport {
    /// Whether every actor stopped in order.
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty()
    }
}

pub(super) type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

impl System {
    /// Adds a hook that a stop runs before it stops the actors: whatever brings work in, stops doing so. Hooks
    /// run side by side; one that is not done by the stop's deadline is left behind.
    pub fn on_stop(&self, hook: impl Future<Output = ()> + Send + 'static) {
        self.0.on_stop.lock().push(Box::pin(hook));
    }

    /// Stops everything in order, within the builder's `stop_deadline`. Called again, it waits for the stop that
    /// is under way and gives the same report. Where the runtime is lost, before it or on the way, its actors went
    /// with it, and the report names none.
    ///
    /// # Cancellation
    ///
    /// The stop goes on when this future is dropped.
    pub async fn stop(&self) -> StopReport {
        let is_first = self.0.state.send_if_modified(|state| {
            let is_first = *state == State::Running;
            if is_first {
                *state = State::Stopping;
            }
            is_first
        });
        if is_first {
            let stopping = Stopping { system: self.clone(), began: Instant::now() };
            self.0.commons.runtime.spawn(async move { stopping.system.run_stop().await });
        }
        let mut state = self.0.state.subscribe();
        // The sender is in `self`: it cannot be gone.
        drop(state.wait_for(|&state| state == State::Stopped).await);
        self.0.report.lock().clone().expect("a stopped system has its report")
    }

    /// Serves until SIGTERM, SIGINT (Ctrl-C) or a [`stop`](Self::stop) from elsewhere, then stops in order.
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened to.
    pub async fn run_until_signal(&self) -> std::io::Result<StopReport> {
        let mut state = self.0.state.subscribe();
        let signal = signal()?;
        tokio::select! {
            name = signal => tracing::info!(target: "ostraca::system", system = %self.0.name, "{name}: stopping"),
            _ = state.wait_for(|&state| state != State::Running) => {}
        }
        Ok(self.stop().await)
    }

    async fn run_stop(&self) {
        let began = Instant::now();
        let deadline = tokio::time::Instant::now() + self.0.stop_deadline;
        self.0.root.close();
        self.run_hooks(deadline).await;
        let groups = by_type(self.0.root.children());
        let in_order = async {
            drain_in_order(groups).await;
            // Those whose parent was killed and who have not come to their own end yet.
            wait_for_all(&self.0.commons.cells()).await;
        };
        let drained = tokio::time::timeout_at(deadline, in_order).await;
        let (killed, blocked) = match drained {
            Ok(()) => (Vec::new(), Vec::new()),
            Err(_) => self.kill_rest().await,
        };
        self.0.commons.runtime.close();
        let report = StopReport { took: began.elapsed(), killed, blocked };
        tracing::info!(
            target: "ostraca::system", system = %self.0.name, took_ms = report.took.as_millis(),
            killed = report.killed.len(), "stopped",
        );
        *self.0.report.lock() = Some(report);
        self.0.state.send_replace(State::Stopped);
    }

    async fn run_hooks(&self, deadline: tokio::time::Instant) {
        let hooks = std::mem::take(&mut *self.0.on_stop.lock());
        let mut running = tokio::task::JoinSet::new();
        for hook in hooks {
            running.spawn(hook);
        }
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, all).await.is_err() {
            tracing::warn!(target: "ostraca::system", "a stop hook was not done by the deadline: left behind");
        }
    }

    async fn kill_rest(&self) -> (Vec<Label>, Vec<Label>) {
        let rest = self.0.commons.cells();
        let mut killed = Vec::new();
        for cell in &rest {
            tracing::warn!(target: "ostraca::system", actor = %cell.label(), "not stopped by the deadline: killed");
            killed.push(cell.label());
            cell.order(Control::Kill(StopReason::Killed));
        }
        let mut blocked = Vec::new();
        if tokio::time::timeout(KILL_GRACE, wait_for_all(&rest)).await.is_err() {
            for cell in rest.iter().filter(|cell| cell.exit().reason().is_none()) {
                tracing::error!(
                    target: "ostraca::system", actor = %cell.label(),
                    "its handler blocks its thread and cannot be killed",
                );
                blocked.push(cell.label());
            }
        }
        (killed, blocked)
    }
}

/// A stop under way. A runtime that is dropped drops it unfinished: whoever waits for the stop is let go.
struct Stopping {
    system: System,
    began: Instant,
}

impl Drop for Stopping {
    fn drop(&mut self) {
        let System(inner) = &self.system;
        if *inner.state.borrow() != State::Stopped {
            let report = StopReport { took: self.began.elapsed(), killed: Vec::new(), blocked: Vec::new() };
            *inner.report.lock() = Some(report);
            inner.state.send_replace(State::Stopped);
        }
    }
}

/// Kills every cell; on a closed runtime each is let go where this runs.
pub(super) fn close_all(commons: &Commons) {
    for cell in commons.cells() {
        cell.order(Control::Kill(StopReason::RuntimeLost));
    }
}

/// Actors in the order of their stop: those started last first, neighbours of one type (shards) together.
fn by_type(children: Vec<AnyRef>) -> Vec<Vec<AnyRef>> {
    let mut groups: Vec<Vec<AnyRef>> = Vec::new();
    for child in children.into_iter().rev() {
        match groups.last_mut() {
            Some(group) if group[0].type_name() == child.type_name() => group.push(child),
            _ => groups.push(vec![child]),
        }
    }
    groups
}

async fn drain_in_order(groups: Vec<Vec<AnyRef>>) {
    for group in groups {
        for cell in &group {
            cell.order(Control::Drain(StopReason::SystemStopped));
        }
        wait_for_all(&group).await;
    }
}

async fn wait_for_all(cells: &[AnyRef]) {
    for cell in cells {
        cell.exit().wait().await;
    }
}

/// The next SIGTERM or SIGINT, by name.
fn signal() -> std::io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
