//! What each cell counts. Written by its runner, pulled by the monitor.

use std::ops::AddAssign;
use std::sync::OnceLock;
use std::time::Instant;

use super::batch::Batched;
use super::cell::Handled;
use super::lifecycle::Failure;
use super::settings::HandlerInfo;
use crate::stats::{Counter, Distribution, SharedCounter, Striped, TimesCells};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// One cell's counters of what happens all the time. Whoever holds the claim writes them: no atomic addition.
pub(crate) struct CellStats {
    /// Messages whose handler ended, by handler.
    pub(super) handled: Handled,
    /// Runs on an asker's thread.
    pub(crate) inline_runs: Counter,
}

/// What one handler has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HandlerCounts {
    /// Messages whose handler ended.
    pub(crate) handled: u64,
    /// Those of them that it answered by an `Err`.
    pub(crate) refused: u64,
    /// Messages that it panicked over, or was dropped in the middle of.
    pub(crate) failed: u64,
}

impl AddAssign for HandlerCounts {
    fn add_assign(&mut self, other: Self) {
        self.handled += other.handled;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

/// What of all actors of a system is timed: nothing before there is a monitor.
#[derive(Default)]
pub(crate) struct Sampling {
    waiting: AtomicBool,
    handling: AtomicBool,
}

impl Sampling {
    pub(crate) fn set(&self, waiting: bool, handling: bool) {
        // ORDERING: Relaxed, all; nothing is read on the strength of it.
        self.waiting.store(waiting, Ordering::Relaxed);
        self.handling.store(handling, Ordering::Relaxed);
    }

    /// How long messages wait.
    pub(super) fn waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How long handlers take.
    pub(super) fn handling(&self) -> bool {
        self.handling.load(Ordering::Relaxed)
    }
}

/// The times of all actors of one type, by handler.
pub(crate) struct TypeTimes {
    pub(crate) type_name: &'static str,
    pub(crate) handlers: &'static [HandlerInfo],
    times: Box<[HandlerTimes]>,
}

/// Samples of one handler. Each few threads write their own: where two that call the same handler write to the same cache
/// lines, every sample waits for three of them to come over.
#[derive(Default)]
pub(crate) struct HandlerTimes(Striped<Samples>);

/// Those of a few threads, made by the first.
#[derive(Default)]
struct Samples {
    waiting: OnceLock<Box<TimesCells>>,
    handling: OnceLock<Box<TimesCells>>,
    /// Calls that were timed, with their weights, of messages that were in no mailbox: they waited for nothing.
    direct: SharedCounter,
}

impl TypeTimes {
    pub(super) fn new(type_name: &'static str, handlers: &'static [HandlerInfo]) -> Self {
        let times = handlers.iter().map(|_| HandlerTimes::default()).collect();
        TypeTimes { type_name, handlers, times }
    }

    pub(crate) fn of(&self, handler: usize) -> &HandlerTimes {
        &self.times[handler]
    }
}

impl HandlerTimes {
    /// A message has waited so long, and so have those that it stands for.
    pub(super) fn waited(&self, nanos: u64, weight: u32) {
        self.0.mine().waiting.get_or_init(Box::default).record(nanos, weight.into());
    }

    /// Its handler took so long. `is_direct`: it was in no mailbox.
    pub(super) fn took(&self, nanos: u64, weight: u32, is_direct: bool) {
        let samples = self.0.mine();
        samples.handling.get_or_init(Box::default).record(nanos, weight.into());
        if is_direct {
            samples.direct.add(weight.into());
        }
    }

    /// How long messages waited. `None` if none was sampled.
    pub(crate) fn waiting(&self) -> Option<Distribution> {
        let mut waiting = read(self.0.iter().filter_map(|samples| samples.waiting.get()));
        waiting.add_zeros(self.0.sum(|samples| samples.direct.value()));
        (waiting.count() > 0).then_some(waiting)
    }

    /// How long the handler took. `None` if no call was sampled.
    pub(crate) fn handling(&self) -> Option<Distribution> {
        let handling = read(self.0.iter().filter_map(|samples| samples.handling.get()));
        (handling.count() > 0).then_some(handling)
    }
}

fn read<'a>(of_threads: impl Iterator<Item = &'a Box<TimesCells>> + Clone) -> Distribution {
    TimesCells::read(of_threads.map(|cells| &**cells))
}

/// What an actor is doing, as its runner shows it. One byte, because a cell has no more to spare.
#[derive(Default)]
pub(crate) struct ShownState(AtomicU8);

/// The most messages that a runner has seen waiting.
#[derive(Default)]
pub(crate) struct HighWater(AtomicU32);

/// What an actor is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActorState {
    /// Its `#[start]` has not ended yet.
    #[default]
    Starting,
    /// It handles messages, or would if there were any.
    Running,
    /// A handler of it waits in an await.
    Suspended,
    /// It failed, or was stopped by its supervisor, and waits to be started again.
    Down,
    /// Its children stop, or its `#[stop]` runs.
    Stopping,
    /// It is gone.
    Stopped,
}

impl ActorState {
    const ALL: [ActorState; 6] = [
        ActorState::Starting,
        ActorState::Running,
        ActorState::Suspended,
        ActorState::Down,
        ActorState::Stopping,
        ActorState::Stopped,
    ];

    /// In one word, as pages show it.
    pub const fn name(self) -> &'static str {
        match self {
            ActorState::Starting => "starting",
            ActorState::Running => "running",
            ActorState::Suspended => "suspended",
            ActorState::Down => "down",
            ActorState::Stopping => "stopping",
            ActorState::Stopped => "stopped",
        }
    }
}

impl ShownState {
    /// Only who holds the claim calls this.
    pub(super) fn set(&self, state: ActorState) {
        // ORDERING: Relaxed; it says nothing about other memory.
        self.0.store(state as u8, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> ActorState {
        // ORDERING: Relaxed; as above.
        ActorState::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

impl HighWater {
    /// So many messages were seen waiting. Only who holds the claim calls this.
    #[inline(always)]
    pub(super) fn saw(&self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        // ORDERING: Relaxed, both; there is one writer, and readers want the number alone.
        if len > self.0.load(Ordering::Relaxed) {
            self.0.store(len, Ordering::Relaxed);
        }
    }

    pub(super) fn get(&self) -> usize {
        // ORDERING: Relaxed; as above.
        self.0.load(Ordering::Relaxed) as usize
    }
}

/// And of what most actors never do; made by the first that does.
#[derive(Default)]
pub(crate) struct RareStats {
    /// Time that handlers ran, in nanoseconds: estimated from those that were timed.
    pub(crate) busy: Counter,
    /// The unfinished handler, if it is one that is timed.
    pub(super) unfinished: Unfinished,
    /// Messages refused and failed, by handler.
    pub(crate) errors: ByHandler,
    /// The last failure, and when.
    pub(crate) last_failure: Mutex<Option<(Failure, Instant)>>,
    /// Messages dropped before they ran. A sender that makes room counts as well.
    pub(crate) dropped: SharedCounter,
    /// Starts after the first.
    pub(crate) restarts: Counter,
    /// Calls of batched handlers.
    pub(crate) batches: Counter,
    /// Messages in them.
    pub(crate) batch_items: Counter,
    /// The number of the actor whose answer the last suspended handler waits for; 0 if it waits for something else.
    pub(crate) awaited: AtomicU64,
    /// Those of each handler. What stopped actors had is [kept](super::commons::Retired) by name.
    pub(crate) batched: Batched,
}

/// When a handler began that goes on, and for how many calls it stands. Only the runner touches it.
#[derive(Default)]
pub(super) struct Unfinished {
    /// By the system's clock, in nanoseconds.
    began: AtomicU64,
    /// 0: there is none.
    weight: AtomicU32,
}

impl Unfinished {
    // ORDERING: Relaxed, all; only who holds the claim touches it.

    pub(super) fn begin(&self, began: u64, weight: u32) {
        self.began.store(began, Ordering::Relaxed);
        self.weight.store(weight, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.weight.store(0, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<(u64, u32)> {
        let weight = self.weight.load(Ordering::Relaxed);
        (weight > 0).then(|| (self.began.load(Ordering::Relaxed), weight))
    }
}

/// What went wrong, by handler; made by the first that does.
#[derive(Default)]
pub(crate) struct ByHandler(OnceLock<Box<[Errors]>>);

/// What went wrong in one handler.
#[derive(Default)]
pub(crate) struct Errors {
    /// Messages that it answered by an `Err`.
    pub(crate) refused: Counter,
    /// Messages that it panicked over, or was dropped in the middle of.
    pub(crate) failed: Counter,
}

impl ByHandler {
    /// Those of this handler, of `len` of the actor's.
    #[cold]
    pub(crate) fn of(&self, handler: usize, len: usize) -> &Errors {
        &self.0.get_or_init(|| (0..len).map(|_| Errors::default()).collect())[handler]
    }

    /// Those of every handler, if there are any.
    pub(crate) fn read(&self) -> &[Errors] {
        self.0.get().map_or(&[], |errors| errors)
    }
}

impl RareStats {
    /// Adds another's counts; for sums that one thread writes.
    pub(crate) fn add(&self, other: &RareStats) {
        self.busy.add(other.busy.value());
        self.dropped.add(other.dropped.value());
        self.restarts.add(other.restarts.value());
        self.batches.add(other.batches.value());
        self.batch_items.add(other.batch_items.value());
    }
}
