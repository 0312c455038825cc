//! The handle of a running system.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::builder::{StartSystemError, SystemBuilder};
use super::cores::Cored;
use super::readiness::{GivenUp, Readiness};
use super::stop::{Hook, StopReport, close_all};
use crate::actor::{
    Actor, ActorRef, AnyParent, Birth, Cell, Commons, DeadLetter, LookupError, Name, ReplyRx, Restart,
    SpawnError, StartError, StartOn, StopReason, first_start, reply_pair, short_type_name,
};
use crate::monitor::{Monitor, MonitorSettings};
use crate::pool::{BlockingSpec, PoolSpec};
use crate::runtime::cores::{Cores, thread_of};
use crate::shard::{Placement, Shards, ThisProcess};
use crate::supervisor::{OneForOne, Placed, Strategy, SupervisorSpec};
use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;

/// A running system of actors.
#[derive(Clone)]
pub struct System(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: Arc<str>,
    pub(super) commons: Arc<Commons>,
    /// Threads pinned to cores.
    pub(super) cored: Cored,
    pub(super) root: Arc<OneForOne>,
    /// The root, as its children know it.
    pub(super) parent: Arc<AnyParent>,
    pub(super) given_up: Arc<Mutex<Vec<GivenUp>>>,
    pub(super) on_stop: Mutex<Vec<Hook>>,
    pub(super) stop_deadline: Duration,
    /// The process is this system's: a handler that blocks beyond the stop does not keep it.
    pub(super) ends_process: AtomicBool,
    pub(super) started_at: Instant,
    pub(super) state: watch::Sender<State>,
    pub(super) report: Mutex<Option<StopReport>>,
    pub(super) monitor: OnceLock<Monitor>,
    pub(super) monitor_settings: MonitorSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Stopping,
    Stopped,
}

impl System {
    /// A system with other settings than the default ones.
    pub fn builder() -> SystemBuilder {
        SystemBuilder::default()
    }

    /// Starts a system with default settings on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// When there is no such runtime.
    pub fn start() -> Result<System, StartSystemError> {
        Self::builder().start()
    }

    /// Spawns an actor at the top of the tree and waits for its start, which begins on the caller's thread: a plain
    /// `#[start]`, or one that does not wait, costs no hop to a worker.
    ///
    /// # Errors
    ///
    /// When its `#[start]` fails or panics, or the system is stopping. A first start is not tried again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the actor running, without a reference to it.
    pub async fn spawn<A: Actor>(&self, args: A::Args) -> Result<ActorRef<A>, SpawnError> {
        self.spawn_as(None, args).await
    }

    /// Spawns an actor under a name, by which [`lookup`](Self::lookup) finds it until it stops.
    ///
    /// # Errors
    ///
    /// When the name is taken, and as [`spawn`](Self::spawn).
    pub async fn spawn_named<A: Actor>(
        &self,
        name: impl Into<Arc<str>>,
        args: A::Args,
    ) -> Result<ActorRef<A>, SpawnError> {
        self.spawn_as(Some(name.into()), args).await
    }

    /// The actor with a name. It is found from its spawn on, also while it starts or waits for a restart, until it has
    /// stopped. Every lookup takes a lock: look up once and keep the reference.
    ///
    /// # Errors
    ///
    /// When there is none, or it is no `A`.
    pub fn lookup<A: Actor>(&self, name: &str) -> Result<ActorRef<A>, LookupError> {
        self.0.commons.names.find(name).map(ActorRef::new)
    }

    /// Spawns an actor on the thread pinned to a core, by its place among them: it starts there, and runs there until it
    /// is [moved](ActorRef::move_to). Its state may hold values that are [bound](crate::Bound) to that thread.
    ///
    /// # Errors
    ///
    /// When there is no such core, and as [`spawn`](Self::spawn).
    pub async fn spawn_pinned<A: Actor>(
        &self,
        core: usize,
        args: A::Args,
    ) -> Result<ActorRef<A>, SpawnError> {
        let start_on = self.pinned(core)?;
        finish_spawn(self.begin_spawn(None, None, args, start_on)).await
    }

    /// Spawns `len` shards of an actor, each supervised alone, and waits for their starts.
    ///
    /// # Errors
    ///
    /// When a shard does not start: then those that did are stopped again. As [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// When `len` is 0.
    pub async fn shards<A: Actor>(&self, len: usize, args: A::Args) -> Result<Shards<A>, SpawnError> {
        // On the workers, so that starts that compute run side by side.
        self.shards_on(len, args, |_| StartOn::Workers).await
    }

    /// As [`shards`](Self::shards), each on a pinned thread, where it starts: neighbours share one, and so a NUMA node.
    /// It pays for shards that are busy all the time; the book says when.
    ///
    /// # Errors
    ///
    /// When the system has no pinned cores, and as [`shards`](Self::shards).
    ///
    /// # Panics
    ///
    /// When `len` is 0.
    pub async fn shards_pinned<A: Actor>(&self, len: usize, args: A::Args) -> Result<Shards<A>, SpawnError> {
        self.pinned(0)?;
        let threads = self.0.commons.pinned.len();
        self.shards_on(len, args, |shard| StartOn::Pinned(thread_of(shard, len, threads))).await
    }

    /// A start on the pinned core of this number.
    fn pinned(&self, core: usize) -> Result<StartOn, SpawnError> {
        let pinned = self.0.commons.pinned.len();
        if core < pinned { Ok(StartOn::Pinned(core)) } else { Err(SpawnError::NoCore { core, pinned }) }
    }

    async fn shards_on<A: Actor>(
        &self,
        len: usize,
        args: A::Args,
        start_on: impl Fn(usize) -> StartOn,
    ) -> Result<Shards<A>, SpawnError> {
        assert!(len > 0, "a service has at least one shard");
        let placement = ThisProcess;
        let mut starting = Vec::with_capacity(len);
        for shard in (0..len).filter(|&shard| placement.is_here(shard, len)) {
            starting.push(self.begin_spawn::<A>(None, Some(shard), args.clone(), start_on(shard)));
        }
        let mut shards = Vec::with_capacity(len);
        let mut failed = None;
        for shard in starting {
            match finish_spawn(shard).await {
                Ok(shard) => shards.push(shard),
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        match failed {
            None => {
                tracing::info!(
                    target: "ostraca::system", system = %self.0.name, actor = short_type_name::<A>(), shards = len,
                    "all shards started",
                );
                Ok(Shards::new(shards))
            }
            Some(error) => {
                shards.iter().for_each(ActorRef::stop);
                Err(error)
            }
        }
    }

    /// A pool of replicas of an actor at the top of the tree, to be [started](PoolSpec::start). See [`pool`](crate::pool).
    pub fn pool<A: Actor>(&self, args: A::Args) -> PoolSpec<A> {
        PoolSpec::new(self.0.commons.clone(), self.0.parent.clone(), args)
    }

    /// A pool of threads for work that blocks, each with a state that `init` makes there, to be
    /// [started](BlockingSpec::start). See [`Blocking`](crate::pool::Blocking).
    pub fn blocking_pool<S: 'static>(
        &self,
        init: impl Fn() -> Result<S, StartError> + Send + Sync + 'static,
    ) -> BlockingSpec<S> {
        BlockingSpec::new(self.0.commons.clone(), self.0.parent.clone(), init)
    }

    /// A supervisor at the top of the tree, to be given children and [started](SupervisorSpec::start).
    pub fn supervisor(&self, strategy: Strategy, restart: Restart) -> SupervisorSpec<Placed> {
        let placed = Placed::new(self.0.commons.clone(), self.0.parent.clone());
        SupervisorSpec::at(placed, strategy, restart)
    }

    async fn spawn_as<A: Actor>(
        &self,
        name: Option<Arc<str>>,
        args: A::Args,
    ) -> Result<ActorRef<A>, SpawnError> {
        finish_spawn(self.begin_spawn(name, None, args, StartOn::Spawner)).await
    }

    fn begin_spawn<A: Actor>(
        &self,
        name: Option<Arc<str>>,
        shard: Option<usize>,
        args: A::Args,
        start_on: StartOn,
    ) -> Result<Starting<A>, SpawnError> {
        let (outcome, started) = reply_pair(None);
        let birth = Birth { parent: self.0.parent.clone(), name: name.map(Name::OfSystem), shard };
        let cell = Cell::spawn(&self.0.commons, birth, args, start_on, started)?;
        Ok(Starting { actor: ActorRef::new(cell), outcome })
    }

    /// Whether this system is ready for work.
    pub fn readiness(&self) -> Readiness {
        Readiness {
            is_stopping: *self.0.state.borrow() != State::Running,
            given_up: self.0.given_up.lock().clone(),
            without: self.0.commons.tiers.get().map(|tiers| tiers.outages()).unwrap_or_default(),
        }
    }

    /// Messages that ended without being handled, since the start.
    pub fn dead_letters_total(&self) -> u64 {
        self.0.commons.dead_letters.total()
    }

    /// The last dead letters, up to 256, oldest first.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.commons.dead_letters.recent()
    }

    /// The system's monitor, started by the first call.
    pub fn monitor(&self) -> &Monitor {
        let start = || {
            let Inner { commons, parent, started_at, monitor_settings, .. } = &*self.0;
            Monitor::start(commons, parent.clone(), *started_at, monitor_settings)
        };
        self.0.monitor.get_or_init(start)
    }

    /// The machine's processors as they were at the start, and the threads that were pinned to them, each with what the
    /// kernel said of it. A system without pinned threads did not look.
    pub fn cores(&self) -> &Cores {
        &self.0.cored.cores
    }

    /// The system's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How long it has been running.
    pub fn uptime(&self) -> Duration {
        self.0.commons.now().saturating_duration_since(self.0.started_at)
    }

    /// How long a stop may take before what is left is killed.
    pub fn stop_deadline(&self) -> Duration {
        self.0.stop_deadline
    }

    /// Ready when the stop begins: for what would keep a connection open beyond it.
    #[cfg(feature = "http")]
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut state = self.0.state.subscribe();
        async move {
            // Without a sender there is no system any more, which is a stop too.
            drop(state.wait_for(|&state| state != State::Running).await);
        }
    }

    /// What actors at the top of the tree stand under.
    #[cfg(feature = "actix")]
    pub(crate) fn parent(&self) -> Arc<AnyParent> {
        self.0.parent.clone()
    }

    #[cfg(any(feature = "actix", feature = "http", feature = "testkit"))]
    pub(crate) fn commons(&self) -> &Arc<Commons> {
        &self.0.commons
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("name", &self.0.name).field("state", &*self.0.state.borrow()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever still holds references: no ask hangs, no future stays.
        self.commons.close_runtimes();
        close_all(&self.commons);
    }
}

/// An actor whose start is not known to have succeeded.
struct Starting<A: Actor> {
    actor: ActorRef<A>,
    outcome: ReplyRx<(), StopReason>,
}

async fn finish_spawn<A: Actor>(
    starting: Result<Starting<A>, SpawnError>,
) -> Result<ActorRef<A>, SpawnError> {
    let Starting { actor, outcome } = starting?;
    first_start(outcome, || ActorRef::label(&actor)).await?;
    Ok(actor)
}
