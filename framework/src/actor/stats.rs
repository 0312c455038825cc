//! What each cell counts. Written by its runner, pulled by the monitor.

use std::sync::OnceLock;
use std::time::Instant;

use super::batch::Batched;
use super::lifecycle::Failure;
use crate::stats::{Counter, SharedCounter};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// One cell's counters of what happens all the time. Whoever holds the claim writes them: no atomic addition.
#[derive(Default)]
pub(crate) struct CellStats {
    /// Messages whose handler ended.
    pub(crate) handled: Counter,
    /// Runs on an asker's thread.
    pub(crate) inline_runs: Counter,
}

/// What a runner shows of its cell besides its counts: the high-water mark of the mailbox and the state, in five bytes
/// that a cell has to spare.
#[derive(Default)]
pub(crate) struct Shown {
    mailbox_high_water: AtomicU32,
    state: AtomicU8,
}

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

impl Shown {
    /// Only who holds the claim calls this, as the next.
    pub(crate) fn set_state(&self, state: ActorState) {
        // ORDERING: Relaxed; it says nothing about other memory.
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// So many messages were seen waiting.
    #[inline(always)]
    pub(crate) fn saw_waiting(&self, len: u64) {
        // ORDERING: Relaxed, both; there is one writer, and readers want the number alone.
        if len > u64::from(self.mailbox_high_water.load(Ordering::Relaxed)) {
            self.mailbox_high_water.store(u32::try_from(len).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
    }

    pub(crate) fn state(&self) -> ActorState {
        // ORDERING: Relaxed; as above.
        ActorState::ALL[usize::from(self.state.load(Ordering::Relaxed))]
    }

    pub(crate) fn mailbox_high_water(&self) -> usize {
        // ORDERING: Relaxed; as above.
        self.mailbox_high_water.load(Ordering::Relaxed) as usize
    }
}

/// And of what most actors never do; made by the first that does.
#[derive(Default)]
pub(crate) struct RareStats {
    /// Messages whose handler panicked, or was dropped half way.
    pub(crate) failed: Counter,
    /// Messages that their handler answered by an `Err`.
    pub(crate) refused: Counter,
    /// Of those refused and failed, how many of each handler.
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
    /// Those of each handler. What stopped actors had is [kept](super::commons::Retired) by name.
    pub(crate) batched: Batched,
}

/// What went wrong, by handler; made by the first that does.
#[derive(Default)]
pub(crate) struct ByHandler(OnceLock<Box<[Errors]>>);

/// What went wrong in one handler.
#[derive(Default)]
pub(crate) struct Errors {
    pub(crate) refused: Counter,
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

impl CellStats {
    /// Adds another's counts; for sums that one thread writes.
    pub(crate) fn add(&self, other: &CellStats) {
        self.handled.add(other.handled.value());
        self.inline_runs.add(other.inline_runs.value());
    }
}

impl RareStats {
    /// Adds another's counts; for sums that one thread writes.
    pub(crate) fn add(&self, other: &RareStats) {
        self.failed.add(other.failed.value());
        self.refused.add(other.refused.value());
        self.dropped.add(other.dropped.value());
        self.restarts.add(other.restarts.value());
        self.batches.add(other.batches.value());
        self.batch_items.add(other.batch_items.value());
    }
}
