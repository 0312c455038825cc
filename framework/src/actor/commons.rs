//! What all actors of one system have in common.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::lifecycle::{ActorId, Label};
use super::parent::{AnyCell, Parent};
use super::settings::Inline;
use super::stats::CellStats;
use crate::cache::CacheStats;
use crate::runtime::Runtime;
use crate::stats::SharedCounter;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The runtime, the register of cells, the dead letters; and how an actor gets a supervisor for its children.
pub(crate) struct Commons {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) dead_letters: DeadLetters,
    /// A seeded run says once for all whether asks run on the asker's thread.
    pub(crate) inline: Option<Inline>,
    /// A cell that has caught up looks once more before it rests: not in a seeded run, where it would be one more
    /// step that does nothing.
    pub(crate) lingers: bool,
    pub(crate) supervise: fn(&Arc<Commons>, Owner) -> Arc<dyn Parent>,
    register: Mutex<Register>,
    next_id: AtomicU64,
}

/// The cells that run, and what those that have stopped counted: under one lock, so that a census counts each
/// once.
#[derive(Default)]
struct Register {
    cells: BTreeMap<ActorId, Weak<dyn AnyCell>>,
    retired: BTreeMap<&'static str, Retired>,
}

/// The counts of the stopped actors of one type.
#[derive(Default)]
pub(crate) struct Retired {
    pub(crate) stats: CellStats,
    pub(crate) caches: BTreeMap<&'static str, CacheStats>,
}

/// The actor that a supervisor of children reports to.
pub(crate) type Owner = Weak<dyn AnyCell>;

impl Commons {
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        inline: Option<Inline>,
        supervise: fn(&Arc<Commons>, Owner) -> Arc<dyn Parent>,
    ) -> Self {
        Commons {
            runtime,
            dead_letters: DeadLetters::new(),
            lingers: inline.is_none(),
            inline,
            supervise,
            register: Mutex::default(),
            next_id: AtomicU64::new(1),
        }
    }

    pub(crate) fn next_id(&self) -> ActorId {
        // ORDERING: Relaxed; only uniqueness matters.
        ActorId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn enter(&self, id: ActorId, cell: Weak<dyn AnyCell>) {
        self.register.lock().cells.insert(id, cell);
    }

    pub(super) fn leave(&self, cell: &dyn AnyCell) {
        let mut register = self.register.lock();
        if register.cells.remove(&cell.label().id()).is_some() {
            let retired = register.retired.entry(cell.label().type_name()).or_default();
            retired.stats.add(cell.stats());
            for (name, mut stats) in cell.caches() {
                stats.len = 0;
                *retired.caches.entry(name).or_default() += stats;
            }
        }
    }

    /// Every cell that has not stopped, oldest first.
    pub(crate) fn cells(&self) -> Vec<Arc<dyn AnyCell>> {
        self.census(|_, _| {})
    }

    /// Shows the counts of the stopped actors of each type, and returns those that run, oldest first.
    pub(crate) fn census(&self, mut retired: impl FnMut(&'static str, &Retired)) -> Vec<Arc<dyn AnyCell>> {
        let register = self.register.lock();
        register.retired.iter().for_each(|(type_name, counts)| retired(type_name, counts));
        register.cells.values().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }
}

/// Why a message became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadReason {
    /// Its handler panicked: the message is spent and will not run again.
    Panicked,
    /// Its handler was suspended when the actor was killed.
    Killed,
    /// It was queued when the actor stopped.
    Stopped,
    /// It made room for a newer one.
    Displaced,
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadReason::Panicked => "its handler panicked",
            DeadReason::Killed => "the actor was killed half way through it",
            DeadReason::Stopped => "the actor stopped before it ran",
            DeadReason::Displaced => "it made room for a newer one",
        })
    }
}

/// One or more messages of one handler that ended without being handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose message it was.
    pub actor: Label,
    /// The handler's name.
    pub handler: &'static str,
    /// Why it is dead.
    pub reason: DeadReason,
    /// How many messages: more than one for a batch.
    pub count: usize,
}

/// The dead letters of a system: a count, and the last ones.
pub(crate) struct DeadLetters {
    total: SharedCounter,
    recent: Mutex<VecDeque<DeadLetter>>,
}

/// How many dead letters are kept to be looked at.
const RECENT_LEN_MAX: usize = 256;

impl DeadLetters {
    fn new() -> Self {
        DeadLetters { total: SharedCounter::default(), recent: Mutex::new(VecDeque::new()) }
    }

    pub(crate) fn record(&self, letter: DeadLetter) {
        self.total.add(letter.count as u64);
        tracing::debug!(
            target: "ostraca::dead_letters",
            actor = %letter.actor, handler = letter.handler, count = letter.count, "{}", letter.reason,
        );
        let mut recent = self.recent.lock();
        if recent.len() == RECENT_LEN_MAX {
            recent.pop_front();
        }
        recent.push_back(letter);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.value()
    }

    pub(crate) fn recent(&self) -> Vec<DeadLetter> {
        self.recent.lock().iter().cloned().collect()
    }
}
