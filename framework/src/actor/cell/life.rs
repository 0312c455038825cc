//! What the runner keeps between two activations.

use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::super::Actor;
use super::super::lifecycle::StopReason;
use super::super::reply::RawReply;
use super::super::scope::Suspended;

/// Told once whether the first start succeeded.
pub(crate) type Started = RawReply<(), StopReason>;

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

/// What user code runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Start,
    /// The handler of this index.
    Handler(usize),
    Stop,
    /// Between two messages.
    Drop,
}

impl At {
    pub(super) fn name<A: Actor>(self) -> &'static str {
        match self {
            At::Start => "start",
            At::Handler(index) => A::HANDLERS[index].name(),
            At::Stop => "stop",
            At::Drop => "drop",
        }
    }

    /// A handler that takes `&self`.
    pub(super) fn reads_only<A: Actor>(self) -> bool {
        matches!(self, At::Handler(index) if A::HANDLERS[index].is_read())
    }
}

pub(super) struct Life<A: Actor> {
    pub(super) phase: Phase,
    pub(super) args: A::Args,
    pub(super) started: Option<Started>,
    pub(super) at: At,
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
            at: At::Start,
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

/// A handler slower than this is not to run on askers' threads.
const SLOW: Duration = Duration::from_micros(50);
/// For how long after two slow ones.
const SLOW_FOR: Duration = Duration::from_secs(1);
/// Two slow ones count when they come within this many that were timed. One alone is most often a thread that the
/// machine stopped in the middle: where others compete for its processors, each such stop would turn asking where
/// the asker stands off for a second.
const SLOW_WITHIN: u8 = 64;
/// The clock is read for one message in this many.
const SAMPLED: u8 = 16;

/// How fast plain handlers run, from one message in sixteen.
#[derive(Default)]
pub(super) struct Pace {
    /// Messages until the next that is timed; 0: the next one is.
    untimed: u8,
    is_measured: bool,
    /// While this is not 0, another slow one is the second; counts down with each that is timed.
    suspect: u8,
    slow_until: Option<Instant>,
}

impl Pace {
    /// Whether the next message is to be timed.
    #[inline]
    pub(super) fn samples(&mut self) -> bool {
        if self.untimed > 0 {
            self.untimed -= 1;
            return false;
        }
        self.untimed = SAMPLED - 1;
        true
    }

    pub(super) fn measured(&mut self, start: Instant, end: Instant) {
        self.is_measured = true;
        self.suspect = self.suspect.saturating_sub(1);
        if end.saturating_duration_since(start) > SLOW {
            if self.suspect > 0 {
                self.slow_until = Some(end + SLOW_FOR);
            }
            self.suspect = SLOW_WITHIN;
        }
    }

    /// Whether an asker may run the handlers: they were measured and were not slow lately.
    #[inline]
    pub(super) fn is_quick(&mut self, now: impl FnOnce() -> Instant) -> bool {
        if self.slow_until.is_some_and(|until| now() >= until) {
            self.slow_until = None;
        }
        self.is_measured && self.slow_until.is_none()
    }
}
