//! What the runner keeps between two activations.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::super::Actor;
use super::super::lifecycle::{StartError, StopReason};
use super::super::scope::Suspended;
use super::super::turn::BoxFuture;

/// Told once whether the first start succeeded.
pub(crate) type Started = oneshot::Sender<Result<(), StopReason>>;

/// Where an actor stands.
///
/// ```text
///   New ──> Starting ──> Running ──> StoppingChildren ──> Stopping ──> Closed
///              ^            │               (stop, drain done)
///              └── Failed <─┘ (panic; children stopped; the wait before the restart)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    New,
    Starting,
    Running,
    Failed,
    StoppingChildren,
    Stopping,
    Closed,
}

/// A future that is not done yet. It borrows the cell's state and context.
pub(super) enum Unfinished<A> {
    Start(BoxFuture<'static, Result<A, StartError>>),
    Handler(BoxFuture<'static, ()>),
    Stop(BoxFuture<'static, ()>),
}

pub(super) struct Life<A: Actor> {
    pub(super) phase: Phase,
    pub(super) args: A::Args,
    pub(super) started: Option<Started>,
    /// What user code runs now: a handler's name, `start`, `stop`.
    pub(super) place: &'static str,
    /// The running handler takes `&self`.
    pub(super) reads_only: bool,
    /// The future has not been polled yet.
    pub(super) is_fresh: bool,
    pub(super) suspended: Suspended,
    /// Stop when the current handler has ended.
    pub(super) stop: Option<StopReason>,
    /// Stop when the mailbox, which is closed, is empty.
    pub(super) drain: Option<StopReason>,
    /// The task that waits before the next restart, or for the children to stop.
    pub(super) waiting: Option<AbortHandle>,
    pub(super) pace: Pace,
}

impl<A: Actor> Life<A> {
    pub(super) fn new(args: A::Args, started: Option<Started>) -> Self {
        Life {
            phase: Phase::New,
            args,
            started,
            place: "start",
            reads_only: false,
            is_fresh: false,
            suspended: Suspended::default(),
            stop: None,
            drain: None,
            waiting: None,
            pace: Pace::default(),
        }
    }

    /// Keeps the task that will bring the next control message, and ends the one before.
    pub(super) fn wait_for(&mut self, task: Option<AbortHandle>) {
        if let Some(before) = std::mem::replace(&mut self.waiting, task) {
            before.abort();
        }
    }
}

/// A handler slower than this is not run on askers' threads.
const SLOW: Duration = Duration::from_micros(50);
/// For how long after a slow one.
const SLOW_FOR: Duration = Duration::from_secs(1);
/// The clock is read for one message in this many.
const SAMPLED: u32 = 16;

/// How fast plain handlers run, from one message in sixteen.
#[derive(Default)]
pub(super) struct Pace {
    messages: u32,
    is_measured: bool,
    slow_until: Option<Instant>,
}

impl Pace {
    /// Whether the next message is to be timed.
    pub(super) fn samples(&mut self) -> bool {
        self.messages = self.messages.wrapping_add(1);
        !self.is_measured || self.messages.is_multiple_of(SAMPLED)
    }

    pub(super) fn measured(&mut self, start: Instant, end: Instant) {
        self.is_measured = true;
        if end.saturating_duration_since(start) > SLOW {
            self.slow_until = Some(end + SLOW_FOR);
        }
    }

    /// Whether an asker may run the handlers: they were measured and none was slow lately.
    pub(super) fn is_quick(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if self.slow_until.is_some_and(|until| now() >= until) {
            self.slow_until = None;
        }
        self.is_measured && self.slow_until.is_none()
    }
}
