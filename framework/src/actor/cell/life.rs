//! What the runner keeps between two activations.

use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::super::Actor;
use super::super::home::Leaving;
use super::super::lifecycle::StopReason;
use super::super::parent::{IncarnationEnd, Linked};
use super::super::reply::RawReply;
use super::super::scope::Suspended;
use super::super::stats::ActorState;
use super::super::trace::Traced;
use super::gather::Gathers;

/// Told once whether the first start succeeded; `nobody` if nobody waits for it.
pub(crate) type Started = RawReply<(), StopReason>;

/// Where an actor stands.
///
/// ```text
///   New ──> Starting ──> Running ──> StoppingChildren ──> Stopping ──> Closed
///              ^            │               (stop, drain done)
///              └── Down <───┘ (panic; children stopped; until the restart)
///                   ^                    │
///                   └────────────────────┘ (a supervisor decides what follows)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    New,
    Starting,
    Running,
    Down,
    StoppingChildren,
    Stopping,
    Closed,
}

impl Phase {
    /// As others are shown it.
    pub(super) fn state(self) -> ActorState {
        match self {
            Phase::New | Phase::Starting => ActorState::Starting,
            Phase::Running => ActorState::Running,
            Phase::Down => ActorState::Down,
            Phase::StoppingChildren | Phase::Stopping => ActorState::Stopping,
            Phase::Closed => ActorState::Stopped,
        }
    }
}

/// What user code runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Start,
    /// The handler of this index, or, between two messages, what it left.
    Handler(u16),
    Stop,
}

impl At {
    pub(super) fn name<A: Actor>(self) -> &'static str {
        match self {
            At::Start => "start",
            At::Handler(index) => A::HANDLERS[usize::from(index)].name(),
            At::Stop => "stop",
        }
    }

    /// A handler that takes `&self`.
    pub(super) fn reads_only<A: Actor>(self) -> bool {
        matches!(self, At::Handler(index) if A::HANDLERS[usize::from(index)].is_read())
    }
}

pub(super) struct Life<A: Actor> {
    pub(super) phase: Phase,
    /// The future has not been polled yet.
    pub(super) is_fresh: bool,
    pub(super) at: At,
    pub(super) pace: Pace,
    /// Leads nowhere once the first start is over, or if nobody waits for it.
    pub(super) started: Started,
    pub(super) cold: Option<Box<Cold>>,
    pub(super) args: A::Args,
}

/// What an actor keeps while something out of the ordinary goes on.
#[derive(Default)]
pub(super) struct Cold {
    pub(super) suspended: Suspended,
    /// The unfinished handler gathers messages.
    pub(super) gathers: Option<Gathers>,
    /// The span of the unfinished handler's message.
    pub(super) traced: Option<Traced>,
    /// Stop when the current handler has ended.
    pub(super) stop: Option<StopReason>,
    /// Stop when the mailbox, which is closed, is empty.
    pub(super) drain: Option<StopReason>,
    /// It was drained: its mailbox is closed, no incarnation follows.
    pub(super) is_last: bool,
    /// How this incarnation ended; told to the supervisor when the children have stopped.
    pub(super) end: Option<IncarnationEnd>,
    /// Who falls with this incarnation.
    pub(super) links: Vec<Linked>,
    /// It has left its home, and is not at the new one yet.
    pub(super) leaving: Vec<Leaving>,
    /// The task that waits before the next restart, or for the children to stop.
    pub(super) waiting: Option<AbortHandle>,
}

impl<A: Actor> Life<A> {
    pub(super) fn new(args: A::Args, started: Started) -> Self {
        Life {
            phase: Phase::New,
            is_fresh: false,
            at: At::Start,
            pace: Pace::default(),
            started,
            cold: None,
            args,
        }
    }

    pub(super) fn cold(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    /// The reason to stop, if there is one, and forgets it.
    #[inline]
    pub(super) fn take_stop(&mut self) -> Option<StopReason> {
        self.cold.as_mut()?.stop.take()
    }

    /// The reason to stop when the mailbox is empty, if there is one, and forgets it.
    #[inline]
    pub(super) fn take_drain(&mut self) -> Option<StopReason> {
        self.cold.as_mut()?.drain.take()
    }

    /// No incarnation follows this one.
    pub(super) fn is_last(&self) -> bool {
        self.cold.as_ref().is_some_and(|cold| cold.is_last)
    }

    #[inline]
    pub(super) fn is_ending(&self) -> bool {
        self.cold.as_ref().is_some_and(|cold| cold.stop.is_some() || cold.drain.is_some())
    }

    /// Whether askers leave the actor to the workers: it is ending, or a handler of it rests as if it were idle.
    #[inline]
    pub(super) fn keeps_askers_out(&self) -> bool {
        self.is_ending() || self.cold.as_ref().is_some_and(|cold| cold.gathers.is_some())
    }

    /// How the unfinished handler gathers, if it does; it is to say so again at the end of its poll.
    #[inline]
    pub(super) fn take_gathers(&mut self) -> Option<Gathers> {
        self.cold.as_mut()?.gathers.take()
    }

    /// Keeps the task that will bring the next control message, and ends the one before.
    pub(super) fn wait_for(&mut self, task: Option<AbortHandle>) {
        if task.is_none() && self.cold.is_none() {
            return;
        }
        if let Some(before) = std::mem::replace(&mut self.cold().waiting, task) {
            before.abort();
        }
    }
}

/// A handler slower than this is not to run on askers' threads.
const SLOW: Duration = Duration::from_micros(50);
/// For how long after two slow ones.
const SLOW_FOR_MILLIS: u32 = 1_000;
/// Two slow ones count when they come within this many that were timed. One alone is most often a thread that the
/// machine stopped in the middle: where others compete for its processors, each such stop would turn asking where
/// the asker stands off for a second.
const SLOW_WITHIN: u8 = 64;
/// Handlers that hardly count.
const SHORT: (Duration, u8) = (Duration::from_nanos(250), 128);
/// The clock is read for one message in so many: the more seldom the quicker the last was that was timed. So reading it,
/// and counting what it said, costs less than a nanosecond a message, and no more than some sixty microseconds of handlers go by without a look.
const STRIDES: [(Duration, u8); 4] =
    [SHORT, (Duration::from_micros(1), 64), (Duration::from_micros(4), 16), (Duration::from_micros(16), 4)];

/// And for one in this many where none could be timed.
const UNMEASURED: u8 = 16;

/// How fast plain handlers run, from some that are timed.
#[derive(Default)]
pub(super) struct Pace {
    /// Messages until the next that is timed; 0: the next one is.
    untimed: u8,
    /// How many the next that is timed stands for; 0: itself.
    stride: u8,
    is_measured: bool,
    /// While this is not 0, another slow one is the second; counts down with each that is timed.
    suspect: u8,
    /// In milliseconds of the system's time; 0: were not slow lately.
    slow_until: u32,
}

/// What a message stands for that was timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) weight: u32,
    /// None was timed before it.
    pub(super) is_first: bool,
}

impl Pace {
    /// Whether the next message is to be timed.
    #[inline]
    pub(super) fn samples(&mut self) -> bool {
        if self.untimed > 0 {
            self.untimed -= 1;
            return false;
        }
        // Until it was measured: one that waits never is.
        self.untimed = UNMEASURED - 1;
        true
    }

    /// The next message is timed as well.
    pub(super) fn sample_next(&mut self) {
        self.untimed = 0;
    }

    /// In a seeded run, whether an asker may run the handlers is no matter of time.
    pub(super) fn set_quick(&mut self, is_quick: bool) {
        self.is_measured = is_quick;
    }

    /// For how many messages the one stands that was just timed.
    pub(super) fn take_sample(&mut self) -> Sample {
        let stride = std::mem::replace(&mut self.stride, UNMEASURED);
        Sample { weight: stride.max(1).into(), is_first: !self.is_measured }
    }

    /// A handler that was timed took so long, its awaits included: what is as seldom as that is timed as often as what is
    /// as slow.
    pub(super) fn waited(&mut self, took: Duration) {
        self.set_stride(took);
    }

    fn set_stride(&mut self, took: Duration) {
        let stride = STRIDES.iter().find(|(quicker_than, _)| took < *quicker_than);
        self.stride = stride.map_or(1, |(_, stride)| *stride);
        self.untimed = self.stride - 1;
    }

    /// A message took from `start` to `end`; `millis` is the system's time.
    pub(super) fn measured(&mut self, start: Instant, end: Instant, millis: impl FnOnce() -> u32) {
        self.is_measured = true;
        self.suspect = self.suspect.saturating_sub(1);
        let took = end.saturating_duration_since(start);
        self.set_stride(took);
        if took > SLOW {
            if self.suspect > 0 {
                self.slow_until = millis().wrapping_add(SLOW_FOR_MILLIS) | 1;
            }
            self.suspect = SLOW_WITHIN;
        }
    }

    /// Whether the last handler that was timed took less than a quarter of a microsecond.
    #[inline]
    pub(super) fn is_short(&self) -> bool {
        self.stride == SHORT.1
    }

    /// Whether an asker may run the handlers: they were measured and were not slow lately.
    #[inline]
    pub(super) fn is_quick(&mut self, millis: impl FnOnce() -> u32) -> bool {
        if self.slow_until != 0 && millis().wrapping_sub(self.slow_until) < u32::MAX / 2 {
            self.slow_until = 0;
        }
        self.is_measured && self.slow_until == 0
    }
}
