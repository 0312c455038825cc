//! What all actors of one system have in common.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use super::Actor;
use super::batch::BatchStats;
use super::cell::TypeCommons;
use super::lifecycle::{ActorId, Label};
use super::names::Names;
use super::parent::{AnyCell, AnyParent, AnyRef, ChildSlot, Parent, WeakAnyRef};
use super::settings::{Configured, Inline};
use super::stats::{HandlerCounts, RareStats, Sampling, TypeTimes};
use crate::cache::{CacheStats, SystemTiers, TieredStats};
use crate::runtime::{Runtime, Slab};
use crate::stats::{BufferNumbers, BufferSource, LaneNumbers, LaneSource, PoolNumbers, SharedCounter, nanos};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The runtime, the memory, the register and the names of cells, the dead letters; and how an actor gets a supervisor for its
/// children.
pub(crate) struct Commons {
    pub(crate) runtime: Arc<Runtime>,
    /// The queues of the threads pinned to cores.
    pub(crate) pinned: Box<[Arc<Runtime>]>,
    pub(crate) slab: Slab,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) names: Names,
    /// A seeded run says once for all whether asks run on the asker's thread.
    pub(crate) inline: Option<Inline>,
    /// A cell that has caught up looks once more before it rests: not in a seeded run, where it would be one more
    /// step that does nothing.
    pub(crate) lingers: bool,
    /// What the system's configuration changes of actors' settings.
    pub(crate) configured: Configured,
    pub(crate) supervise: fn(&Arc<Commons>, Owner) -> Arc<AnyParent>,
    /// The tiers that accessors may use; set before the first actor.
    pub(crate) tiers: OnceLock<Arc<SystemTiers>>,
    /// What the monitor wants to be timed.
    pub(crate) sampling: Sampling,
    register: Mutex<Register>,
    types: Mutex<HashMap<TypeId, KnownType>>,
    pools: Sources<dyn PoolSource>,
    buffers: Sources<dyn BufferSource>,
    lanes: Sources<dyn LaneSource>,
    next_id: AtomicU64,
    made_at: Instant,
}

/// Who knows the cells that run, and what those that have stopped counted: under one lock, so that a census counts each
/// once.
#[derive(Default)]
struct Register {
    /// Every supervisor that may have children.
    supervisors: Vec<Weak<dyn Parent>>,
    /// At this length those that are gone are taken out.
    sweep_at: usize,
    retired: BTreeMap<&'static str, Retired>,
}

/// The way of a pool to another size.
pub(crate) type Resizing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A type of which there were actors.
struct KnownType {
    /// While there are any.
    commons: Weak<TypeCommons>,
    times: Arc<TypeTimes>,
}

/// A pool, as the monitor knows it.
pub(crate) trait PoolSource: Send + Sync {
    /// What it has done up to now.
    fn numbers(&self) -> PoolNumbers;

    /// Grows or shrinks it to so many; those that leave may be kept, to come back. `None`: it sees to that itself.
    fn resize(self: Arc<Self>, len: usize, keeps_spares: bool) -> Option<Resizing> {
        let _unused = (len, keeps_spares);
        None
    }
}

/// The counts of the stopped actors of one type.
#[derive(Default)]
pub(crate) struct Retired {
    pub(crate) inline_runs: u64,
    pub(crate) handlers: BTreeMap<&'static str, HandlerCounts>,
    pub(crate) rare: RareStats,
    pub(crate) caches: BTreeMap<&'static str, CacheStats>,
    pub(crate) batches: BTreeMap<&'static str, BatchStats>,
    pub(crate) tiered: BTreeMap<&'static str, TieredStats>,
}

/// The actor that a supervisor of children reports to.
pub(crate) type Owner = WeakAnyRef;

/// What the monitor reads as long as somebody keeps it, oldest first.
struct Sources<S: ?Sized>(Mutex<Vec<Weak<S>>>);

impl<S: ?Sized> Default for Sources<S> {
    fn default() -> Self {
        Sources(Mutex::default())
    }
}

impl<S: ?Sized> Sources<S> {
    fn enter(&self, source: Weak<S>) {
        let mut sources = self.0.lock();
        sources.retain(|known| known.strong_count() > 0);
        sources.push(source);
    }

    fn leave(&self, source: &Weak<S>) {
        self.0.lock().retain(|known| !known.ptr_eq(source));
    }

    /// Reads outside the lock: what a source does is its own.
    fn read<T>(&self, numbers: impl Fn(&S) -> T) -> Vec<T> {
        let sources: Vec<_> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        sources.iter().map(|source| numbers(source)).collect()
    }
}

impl Commons {
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        pinned: Box<[Arc<Runtime>]>,
        inline: Option<Inline>,
        configured: Configured,
        supervise: fn(&Arc<Commons>, Owner) -> Arc<AnyParent>,
    ) -> Self {
        Commons {
            slab: Slab::new(),
            dead_letters: DeadLetters::new(),
            names: Names::default(),
            lingers: inline.is_none(),
            inline,
            configured,
            supervise,
            tiers: OnceLock::new(),
            sampling: Sampling::default(),
            register: Mutex::default(),
            types: Mutex::default(),
            pools: Sources::default(),
            buffers: Sources::default(),
            lanes: Sources::default(),
            next_id: AtomicU64::new(1),
            made_at: runtime.now(),
            runtime,
            pinned,
        }
    }

    /// Whether this is a seeded run's.
    #[inline]
    pub(crate) fn is_seeded(&self) -> bool {
        !self.lingers
    }

    pub(crate) fn next_id(&self) -> ActorId {
        // ORDERING: Relaxed; only uniqueness matters.
        ActorId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// A supervisor, before it has children.
    pub(crate) fn enter(&self, supervisor: Weak<dyn Parent>) {
        let mut register = self.register.lock();
        if register.supervisors.len() >= register.sweep_at {
            register.supervisors.retain(|supervisor| supervisor.strong_count() > 0);
            register.sweep_at = 2 * register.supervisors.len() + 16;
        }
        register.supervisors.push(supervisor);
    }

    /// A cell stopped: its parent forgets it, and its counts stay.
    pub(super) fn leave(&self, cell: &dyn AnyCell, parent: &dyn Parent, slot: ChildSlot) {
        let mut register = self.register.lock();
        if parent.forget(slot) {
            let retired = register.retired.entry(cell.type_name()).or_default();
            retired.inline_runs += cell.stats().inline_runs.value();
            cell.each_handler(&mut |name, counts| *retired.handlers.entry(name).or_default() += counts);
            if let Some(rare) = cell.rare_stats_if_any() {
                retired.rare.add(rare);
            }
            for (name, stats) in cell.batches() {
                *retired.batches.entry(name).or_default() += &stats;
            }
            for (name, mut stats) in cell.caches() {
                stats.len = 0;
                *retired.caches.entry(name).or_default() += stats;
            }
            for (name, stats) in cell.tiered() {
                *retired.tiered.entry(name).or_default() += stats.past();
            }
        }
    }

    /// Every cell that has not stopped, oldest first.
    pub(crate) fn cells(&self) -> Vec<AnyRef> {
        self.census(|_, _| {})
    }

    /// Shows the counts of the stopped actors of each type, and returns those that run, oldest first.
    pub(crate) fn census(&self, mut retired: impl FnMut(&'static str, &Retired)) -> Vec<AnyRef> {
        let register = self.register.lock();
        register.retired.iter().for_each(|(type_name, counts)| retired(type_name, counts));
        let supervisors = register.supervisors.iter().filter_map(Weak::upgrade);
        let mut cells: Vec<_> = supervisors.flat_map(|supervisor| supervisor.children()).collect();
        drop(register);
        cells.sort_unstable_by_key(|cell| cell.id());
        cells
    }

    /// What the actors of one type have in common, from `make`, if there is none.
    pub(super) fn of_type(
        &self,
        id: TypeId,
        times: impl FnOnce() -> TypeTimes,
        make: impl FnOnce(Arc<TypeTimes>) -> TypeCommons,
    ) -> Arc<TypeCommons> {
        let mut types = self.types.lock();
        let known =
            types.entry(id).or_insert_with(|| KnownType { commons: Weak::new(), times: Arc::new(times()) });
        known.commons.upgrade().unwrap_or_else(|| {
            let commons = Arc::new(make(known.times.clone()));
            known.commons = Arc::downgrade(&commons);
            commons
        })
    }

    /// The times of every type of which there ever were actors.
    pub(crate) fn times(&self) -> Vec<Arc<TypeTimes>> {
        self.types.lock().values().map(|known| known.times.clone()).collect()
    }

    /// A pool that begins.
    pub(crate) fn enter_pool(&self, pool: Weak<dyn PoolSource>) {
        self.pools.enter(pool);
    }

    /// What the pools that somebody has references to have done, oldest first.
    pub(crate) fn pools(&self) -> Vec<PoolNumbers> {
        self.pools.read(|pool| pool.numbers())
    }

    /// A set of pooled buffers that begins.
    pub(crate) fn enter_buffers(&self, source: Weak<dyn BufferSource>) {
        self.buffers.enter(source);
    }

    /// What the sets of buffers that somebody keeps have done, oldest first.
    pub(crate) fn buffers(&self) -> Vec<BufferNumbers> {
        self.buffers.read(|source| source.numbers())
    }

    /// A file lane that begins, or begins again.
    #[cfg_attr(not(feature = "files"), expect(dead_code, reason = "there are no lanes"))]
    pub(crate) fn enter_lane(&self, lane: &Arc<dyn LaneSource>) {
        let lane = Arc::downgrade(lane);
        self.lanes.leave(&lane);
        self.lanes.enter(lane);
    }

    /// What the file lanes that somebody keeps have done, the last that began last.
    pub(crate) fn lanes(&self) -> Vec<LaneNumbers> {
        self.lanes.read(|lane| lane.numbers())
    }

    /// Whether asks of an idle `A` run where the asker stands.
    pub(super) fn inline_of<A: Actor>(&self) -> Inline {
        self.inline.unwrap_or_else(|| self.configured.settings::<A>().inline)
    }

    /// Ends all workers. What is queued, and what comes later, is abandoned.
    pub(crate) fn close_runtimes(&self) {
        self.runtime.close();
        self.pinned.iter().for_each(|pinned| pinned.close());
    }

    /// The tiers that accessors may use, in order.
    pub(super) fn tiers(&self) -> &SystemTiers {
        self.tiers.get_or_init(Arc::default)
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Nanoseconds since the system was made.
    pub(super) fn nanos(&self) -> u64 {
        self.nanos_at(self.now())
    }

    pub(super) fn nanos_at(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.made_at))
    }

    /// Milliseconds since the system was made, odd, so never 0; it wraps after 49 days.
    pub(super) fn millis(&self) -> u32 {
        self.now().saturating_duration_since(self.made_at).as_millis() as u32 | 1
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
    /// Its asker was gone when its batch was to run.
    Cancelled,
    /// Its asker's deadline was over when its batch was to run.
    Expired,
    /// It failed, after its batch did, alone as well.
    Quarantined,
    /// There was too much to do, or its handler's breaker was open.
    Shed,
    /// It went to an actor of another framework, which ended without a word of it: it may have run.
    Lost,
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadReason::Panicked => "its handler panicked",
            DeadReason::Killed => "the actor was killed half way through it",
            DeadReason::Stopped => "the actor stopped before it ran",
            DeadReason::Displaced => "it made room for a newer one",
            DeadReason::Cancelled => "nobody waited for it any more",
            DeadReason::Expired => "its deadline was over",
            DeadReason::Quarantined => "it failed in its batch, and alone",
            DeadReason::Shed => "it was shed under overload",
            DeadReason::Lost => "what had it ended without a word of it",
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
