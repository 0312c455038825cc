//! The system's end, in order.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::Instant as TokioInstant;

use super::handle::{State, System};
use super::watchdog::Watchdog;
use crate::actor::{AnyRef, Commons, Control, Label, Parent, StopReason};
use crate::supervisor::Supervisor;

/// How long killed actors are waited for: a plain handler that blocks its thread cannot be killed.
pub(super) const KILL_GRACE: Duration = Duration::from_millis(500);

/// When a hook runs in a stop. The hooks of one phase run side by side, and the next phase begins when all have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// First: what brings work in stops doing so, and ends what it has begun. HTTP is here.
    Intake,
    /// After all actors have stopped: what they left half way is written out, such as a batch.
    Flush,
    /// Last: what was written is made to last, and files and connections are closed.
    Sync,
}

/// What a stop came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StopReport {
    /// How long it took.
    pub took: Duration,
    /// Actors that had not stopped in time and were killed.
    pub killed: Vec<Label>,
    /// Of those, actors whose handler blocks its thread: they end when it does.
    pub blocked: Vec<Label>,
    /// Hooks that had not ended in time, or panicked.
    pub hooks_left: Vec<(Phase, Arc<str>)>,
}

impl StopReport {
    /// Whether every actor and every hook ended in order.
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty() && self.hooks_left.is_empty()
    }
}

/// What a user has a stop do.
pub(super) struct Hook {
    phase: Phase,
    name: Arc<str>,
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl System {
    /// Has a stop run `hook` in a phase. `name` is what the log and the report call it. One that has not ended when its
    /// time is over is dropped at its next await. A hook that is added when its phase has begun does not run.
    ///
    /// ```
    /// # use ostraca::prelude::*;
    /// use ostraca::Phase;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir();
    /// let system = System::start()?;
    /// let journal = tokio::fs::File::open(folder).await?;
    /// system.on_stop(Phase::Sync, "journal", async move {
    ///     if let Err(error) = journal.sync_all().await {
    ///         eprintln!("the journal may have lost its end: {error}");
    ///     }
    /// });
    /// assert!(system.stop().await.is_clean());
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_stop(
        &self,
        phase: Phase,
        name: impl Into<Arc<str>>,
        hook: impl Future<Output = ()> + Send + 'static,
    ) {
        self.0.on_stop.lock().push(Hook { phase, name: name.into(), work: Box::pin(hook) });
    }

    /// Stops everything in order, within the builder's `stop_deadline`. Called again, it waits for the stop that
    /// is under way and gives the same report. Where the runtime is lost, before it or on the way, its actors went
    /// with it, and the report names none.
    ///
    /// # Cancellation
    ///
    /// The stop goes on when this future is dropped.
    pub async fn stop(&self) -> StopReport {
        self.begin_stop();
        let mut state = self.0.state.subscribe();
        // The sender is in `self`: it cannot be gone.
        drop(state.wait_for(|&state| state == State::Stopped).await);
        self.0.report.lock().clone().expect("a stopped system has its report")
    }

    /// Begins the stop, once.
    pub(super) fn begin_stop(&self) {
        let is_first = self.0.state.send_if_modified(|state| {
            let is_first = *state == State::Running;
            if is_first {
                *state = State::Stopping;
            }
            is_first
        });
        if is_first {
            let stopping = Stopping { system: self.clone(), began: Instant::now() };
            let watchdog = Watchdog::start(self);
            self.0.commons.runtime.spawn(async move {
                stopping.system.run_stop().await;
                drop(stopping);
                drop(watchdog);
            });
        }
    }

    async fn run_stop(&self) {
        let began = Instant::now();
        let schedule = Schedule::new(self);
        self.0.root.close();
        let mut hooks_left = self.run_hooks(Phase::Intake, schedule.actors).await;
        let groups = in_stop_order(self.0.root.children());
        let in_order = async {
            drain_in_order(groups, schedule.actors).await;
            // Those whose parent was killed and who have not come to their own end yet.
            wait_for_all(&self.0.commons.cells()).await;
        };
        let drained = tokio::time::timeout_at(schedule.actors, in_order).await;
        let (killed, blocked) = match drained {
            Ok(()) => (Vec::new(), Vec::new()),
            Err(_) => self.kill_rest(schedule.grace).await,
        };
        hooks_left.extend(self.run_hooks(Phase::Flush, schedule.flush).await);
        hooks_left.extend(self.run_hooks(Phase::Sync, schedule.sync).await);
        self.0.commons.close_runtimes();
        if blocked.is_empty() {
            // Each ends when it sees that its queue is closed.
            self.0.cored.join();
        }
        self.end_stop(StopReport { took: began.elapsed(), killed, blocked, hooks_left });
    }

    /// Lets everybody go who waits for the stop, once.
    pub(super) fn end_stop(&self, report: StopReport) {
        let mut kept = self.0.report.lock();
        if kept.is_some() {
            return;
        }
        tracing::info!(
            target: "ostraca::system", system = %self.0.name, took_ms = report.took.as_millis(),
            killed = report.killed.len(), hooks_left = report.hooks_left.len(), "stopped",
        );
        *kept = Some(report);
        drop(kept);
        self.0.state.send_replace(State::Stopped);
    }

    /// Runs the hooks of a phase side by side, and gives those that did not end.
    async fn run_hooks(&self, phase: Phase, until: TokioInstant) -> Vec<(Phase, Arc<str>)> {
        let hooks: Vec<_> = self.0.on_stop.lock().extract_if(.., |hook| hook.phase == phase).collect();
        let mut running = tokio::task::JoinSet::new();
        let mut left = Vec::new();
        for Hook { name, work, .. } in hooks {
            left.push((phase, name.clone()));
            running.spawn(async move {
                work.await;
                name
            });
        }
        let all = async {
            while let Some(ended) = running.join_next().await {
                match ended {
                    Ok(name) => left.retain(|(_, other)| !Arc::ptr_eq(other, &name)),
                    Err(panic) => tracing::error!(target: "ostraca::system", ?phase, "a stop hook: {panic}"),
                }
            }
        };
        // Those that are left end with `running`, at their next await.
        let _ended = tokio::time::timeout_at(until, all).await;
        for (_, hook) in &left {
            tracing::warn!(target: "ostraca::system", ?phase, hook = &**hook, "a stop hook did not end: left behind");
        }
        left
    }

    async fn kill_rest(&self, grace: Duration) -> (Vec<Label>, Vec<Label>) {
        let rest = self.0.commons.cells();
        let killed = kill(&rest);
        let blocked = match tokio::time::timeout(grace, wait_for_all(&rest)).await {
            Ok(()) => Vec::new(),
            Err(_) => name_blocked(&rest),
        };
        (killed, blocked)
    }
}

/// Kills actors that have not stopped in time; logged.
pub(super) fn kill(rest: &[AnyRef]) -> Vec<Label> {
    let killed = rest.iter().map(|cell| {
        let label = cell.label();
        tracing::warn!(target: "ostraca::system", actor = %label, "not stopped by the deadline: killed");
        cell.order(Control::Kill(StopReason::Killed));
        label
    });
    killed.collect()
}

/// Those of killed actors that have not stopped; logged.
pub(super) fn name_blocked(killed: &[AnyRef]) -> Vec<Label> {
    let blocked = killed.iter().filter(|cell| cell.exit().reason().is_none()).map(|cell| cell.label());
    blocked
        .inspect(|label| {
            tracing::error!(
                target: "ostraca::system", actor = %label, "its handler blocks its thread and cannot be killed",
            );
        })
        .collect()
}

/// Until when each phase may take.
///
/// ```text
///   0 ── Intake, actors ────────────────── 3/4 ── killed ── Flush ─ 7/8 ─ Sync ── deadline
///   0 ── Intake, actors ────────────────────────────── deadline ── killed: KILL_GRACE       without later hooks
/// ```
struct Schedule {
    actors: TokioInstant,
    grace: Duration,
    flush: TokioInstant,
    sync: TokioInstant,
}

impl Schedule {
    fn new(system: &System) -> Self {
        let limit = system.0.stop_deadline;
        let has_later = system.0.on_stop.lock().iter().any(|hook| hook.phase > Phase::Intake);
        let begin = TokioInstant::now();
        let (actors, grace) = match has_later {
            true => (limit * 3 / 4, KILL_GRACE.min(limit / 16)),
            false => (limit, KILL_GRACE),
        };
        Schedule { actors: begin + actors, grace, flush: begin + limit * 7 / 8, sync: begin + limit }
    }
}

/// A stop under way. A runtime that is dropped drops it unfinished: whoever waits for the stop is let go.
struct Stopping {
    system: System,
    began: Instant,
}

impl Drop for Stopping {
    fn drop(&mut self) {
        let (killed, blocked, hooks_left) = Default::default();
        self.system.end_stop(StopReport { took: self.began.elapsed(), killed, blocked, hooks_left });
    }
}

/// Kills every cell; on a closed runtime each is let go where this runs.
pub(super) fn close_all(commons: &Commons) {
    for cell in commons.cells() {
        cell.order(Control::Kill(StopReason::RuntimeLost));
    }
}

/// Actors in the order of their stop: those started last first, neighbours of one type (shards) together. Supervisors
/// are of one type whatever they hold, and what was started later may need what was before: each is by itself.
fn in_stop_order(children: Vec<AnyRef>) -> Vec<Vec<AnyRef>> {
    let mut groups: Vec<Vec<AnyRef>> = Vec::new();
    for child in children.into_iter().rev() {
        let this_type = child.actor_type();
        match groups.last_mut() {
            Some(group) if group[0].actor_type() == this_type && this_type != TypeId::of::<Supervisor>() => {
                group.push(child);
            }
            _ => groups.push(vec![child]),
        }
    }
    groups
}

/// Drains one group after the other. One that has not stopped after half of the time that is left holds the next up no
/// longer: it is one stuck actor, and the others are to empty their mailboxes.
async fn drain_in_order(groups: Vec<Vec<AnyRef>>, until: TokioInstant) {
    for group in &groups {
        for cell in group {
            cell.order(Control::Drain(StopReason::SystemStopped));
        }
        let half = until.saturating_duration_since(TokioInstant::now()) / 2;
        let _stopped = tokio::time::timeout(half, wait_for_all(group)).await;
    }
    for group in &groups {
        wait_for_all(group).await;
    }
}

async fn wait_for_all(cells: &[AnyRef]) {
    for cell in cells {
        cell.exit().wait().await;
    }
}
