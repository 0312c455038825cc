//! What an actor knows of its supervisor, and what a supervisor knows of its actors.

use std::sync::Arc;
use std::time::Duration;

use super::lifecycle::{ActorId, Exit, Failure, Label, StopReason};
use super::settings::Restart;
use super::stats::CellStats;
use crate::cache::CacheStats;

/// A supervisor, as its children see it. Called by the child's runner, so an implementation decides at once and
/// does not wait.
pub(crate) trait Parent: Send + Sync {
    /// A new child, before it starts. False: no children are taken any more.
    fn adopt(&self, child: Arc<dyn AnyCell>) -> bool;

    /// A child failed; its state is dropped, its mailbox kept.
    fn failed(&self, child: ActorId, restart: &Restart, failure: &Failure) -> Verdict;

    /// A child stopped for good.
    fn stopped(&self, child: &Label, reason: &StopReason);

    /// The children, in the order of their start.
    fn children(&self) -> Vec<Arc<dyn AnyCell>>;
}

/// What becomes of a failed child.
pub(crate) enum Verdict {
    /// It is started again after a while.
    Restart {
        /// How long after.
        after: Duration,
    },
    /// It is given up.
    GiveUp,
}

/// Orders to a cell, on the lane that never waits behind users' messages.
pub(crate) enum Control {
    /// Stop when the current handler has ended; what is queued is dropped.
    Stop(StopReason),
    /// Take no more messages, handle what is queued, then stop.
    Drain(StopReason),
    /// Stop now; a suspended handler is dropped half way.
    Kill(StopReason),
    /// Start again: the wait after a failure is over.
    Restart,
    /// All children have stopped.
    ChildrenStopped,
    /// A child was given up: this actor fails.
    Escalated(Failure),
}

/// A cell whose actor type is forgotten.
pub(crate) trait AnyCell: Send + Sync {
    fn label(&self) -> &Label;
    fn stats(&self) -> &CellStats;
    fn exit(&self) -> &Exit;
    fn mailbox_len(&self) -> usize;
    /// The keyed caches, by the name of their method.
    fn caches(&self) -> Vec<(&'static str, CacheStats)>;
    fn order(&self, control: Control);
    fn as_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync>;
}
