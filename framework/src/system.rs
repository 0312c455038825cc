//! The system: starts everything, roots the tree of actors, stops in order.
//!
//! **What it is.** A [`System`] is a handle: clone it freely. Two systems in one process share nothing. When the
//! last handle is dropped, everything it runs is closed at once; [`System::stop`] does it in order.
//!
//! **The order of a stop.** First the hooks of [`System::on_stop`] (HTTP takes no more requests and finishes
//! those it has), then the actors, those started last first: each takes no more messages, handles what is
//! queued, stops its children, runs `#[stop]`. What has not stopped by the deadline is killed, and named.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::actor::{
    Actor, ActorRef, AnyCell, AnyParent, AnyRef, AskError, Birth, Cell, Commons, Control, DeadLetter, Inline,
    Label, Parent, ReplyRx, Restart, SpawnError, StartOn, StopReason, reply_pair,
};
use crate::monitor::Monitor;
use crate::runtime::{Machine, Runtime, Seam};
use crate::shard::{Placement, Shards, ThisProcess};
use crate::supervisor::{Home, OneForOne, Strategy, SupervisorSpec};
use crate::sync::Mutex;

/// How long killed actors are waited for: a plain handler that blocks its thread cannot be killed.
const KILL_GRACE: Duration = Duration::from_millis(500);

/// A running system of actors.
#[derive(Clone)]
pub struct System(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    commons: Arc<Commons>,
    root: Arc<OneForOne>,
    /// The root, as its children know it.
    parent: Arc<AnyParent>,
    given_up: Arc<Mutex<Vec<GivenUp>>>,
    names: Arc<Mutex<HashMap<Arc<str>, Named>>>,
    on_stop: Mutex<Vec<Hook>>,
    stop_deadline: Duration,
    started_at: Instant,
    state: watch::Sender<State>,
    report: Mutex<Option<StopReport>>,
    monitor: OnceLock<Monitor>,
}

type Hook = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who has a name; nobody yet while the actor starts.
type Named = Option<AnyRef>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Stopping,
    Stopped,
}

/// An actor that failed too often and was given up: the system goes on without it, and is not ready.
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// Which actor.
    pub actor: Label,
    /// Why.
    pub reason: StopReason,
}

/// Whether a system is ready for work, and if not, why.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// It takes no new work: it is stopping, or has stopped.
    pub is_stopping: bool,
    /// Actors that were given up.
    pub given_up: Vec<GivenUp>,
}

impl Readiness {
    /// Whether requests may be sent here.
    pub fn is_ready(&self) -> bool {
        !self.is_stopping && self.given_up.is_empty()
    }
}

/// What a stop came to.
#[derive(Clone, Debug)]
pub struct StopReport {
    /// How long it took.
    pub took: Duration,
    /// Actors that had not stopped by the deadline and were killed.
    pub killed: Vec<Label>,
    /// Of those, actors whose handler blocks its thread: they end when it does.
    pub blocked: Vec<Label>,
}

impl StopReport {
    /// Whether every actor stopped in order.
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty()
    }
}

/// Why a system did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartSystemError {
    /// There is no tokio runtime.
    #[error(
        "no tokio runtime: start the system inside one (`#[tokio::main]`), or give it a handle: `.tokio(handle)`"
    )]
    NoRuntime,
}

/// Settings of a system.
#[derive(Clone, Debug)]
pub struct SystemBuilder {
    name: Arc<str>,
    tokio: Option<Handle>,
    workers: Option<usize>,
    stop_deadline: Duration,
}

impl System {
    /// A system with other settings than the default ones.
    pub fn builder() -> SystemBuilder {
        SystemBuilder {
            name: "ostraca".into(),
            tokio: None,
            workers: None,
            stop_deadline: Duration::from_secs(10),
        }
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
        let name = name.into();
        let taken = {
            let mut names = self.0.names.lock();
            let taken = names.contains_key(&name);
            if !taken {
                names.insert(name.clone(), None);
            }
            taken
        };
        if taken {
            return Err(SpawnError::NameTaken(name.to_string()));
        }
        let mut reserved = Reserved { names: &self.0.names, name: Some(name.clone()) };
        let actor = self.spawn_as::<A>(Some(name.clone()), args).await?;
        reserved.name = None;
        let cell = ActorRef::cell(&actor).clone();
        self.0.names.lock().insert(name.clone(), Some(cell.clone().into()));
        let names = self.0.names.clone();
        cell.exit().watch(move |_| drop(names.lock().remove(&name)));
        Ok(actor)
    }

    /// The actor with a name, if it is there and is an `A`.
    pub fn lookup<A: Actor>(&self, name: &str) -> Option<ActorRef<A>> {
        let cell = self.0.names.lock().get(name)?.clone()?;
        Cell::downcast(cell).map(ActorRef::new)
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
        assert!(len > 0, "a service has at least one shard");
        let placement = ThisProcess;
        let mut starting = Vec::with_capacity(len);
        for shard in (0..len).filter(|&shard| placement.is_here(shard, len)) {
            // On the workers, so that starts that compute run side by side.
            starting.push(self.begin_spawn::<A>(None, Some(shard), args.clone(), StartOn::Workers));
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
            None => Ok(Shards::new(shards)),
            Some(error) => {
                shards.iter().for_each(ActorRef::stop);
                Err(error)
            }
        }
    }

    /// A supervisor at the top of the tree, to be given children and [started](SupervisorSpec::start).
    pub fn supervisor(&self, strategy: Strategy, restart: Restart) -> SupervisorSpec<Home> {
        let home = Home::new(self.0.commons.clone(), self.0.parent.clone());
        SupervisorSpec::at(home, strategy, restart)
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
        let birth = Birth { parent: self.0.parent.clone(), name, shard };
        let cell = Cell::spawn(&self.0.commons, birth, args, start_on, started)?;
        Ok(Starting { actor: ActorRef::new(cell), outcome })
    }

    /// Adds a hook that a stop runs before it stops the actors: whatever brings work in, stops doing so. Hooks
    /// run side by side; one that is not done by the stop's deadline is left behind.
    pub fn on_stop(&self, hook: impl Future<Output = ()> + Send + 'static) {
        self.0.on_stop.lock().push(Box::pin(hook));
    }

    /// Stops everything in order, within the builder's `stop_deadline`. Called again, it waits for the stop that
    /// is under way and gives the same report. Where the runtime is lost, before it or on the way, its actors went
    /// with it, and the report names none.
    ///
    /// # Cancellation
    ///
    /// The stop goes on when this future is dropped.
    pub async fn stop(&self) -> StopReport {
        let is_first = self.0.state.send_if_modified(|state| {
            let is_first = *state == State::Running;
            if is_first {
                *state = State::Stopping;
            }
            is_first
        });
        if is_first {
            let stopping = Stopping { system: self.clone(), began: Instant::now() };
            self.0.commons.runtime.spawn(async move { stopping.system.run_stop().await });
        }
        let mut state = self.0.state.subscribe();
        // The sender is in `self`: it cannot be gone.
        drop(state.wait_for(|&state| state == State::Stopped).await);
        self.0.report.lock().clone().expect("a stopped system has its report")
    }

    /// Serves until SIGTERM, SIGINT (Ctrl-C) or a [`stop`](Self::stop) from elsewhere, then stops in order.
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened to.
    pub async fn run_until_signal(&self) -> std::io::Result<StopReport> {
        let mut state = self.0.state.subscribe();
        let signal = signal()?;
        tokio::select! {
            name = signal => tracing::info!(target: "ostraca::system", system = %self.0.name, "{name}: stopping"),
            _ = state.wait_for(|&state| state != State::Running) => {}
        }
        Ok(self.stop().await)
    }

    async fn run_stop(&self) {
        let began = Instant::now();
        let deadline = tokio::time::Instant::now() + self.0.stop_deadline;
        self.0.root.close();
        self.run_hooks(deadline).await;
        let groups = by_type(self.0.root.children());
        let in_order = async {
            drain_in_order(groups).await;
            // Those whose parent was killed and who have not come to their own end yet.
            wait_for_all(&self.0.commons.cells()).await;
        };
        let drained = tokio::time::timeout_at(deadline, in_order).await;
        let (killed, blocked) = match drained {
            Ok(()) => (Vec::new(), Vec::new()),
            Err(_) => self.kill_rest().await,
        };
        self.0.commons.runtime.close();
        let report = StopReport { took: began.elapsed(), killed, blocked };
        tracing::info!(
            target: "ostraca::system", system = %self.0.name, took_ms = report.took.as_millis(),
            killed = report.killed.len(), "stopped",
        );
        *self.0.report.lock() = Some(report);
        self.0.state.send_replace(State::Stopped);
    }

    async fn run_hooks(&self, deadline: tokio::time::Instant) {
        let hooks = std::mem::take(&mut *self.0.on_stop.lock());
        let mut running = tokio::task::JoinSet::new();
        for hook in hooks {
            running.spawn(hook);
        }
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, all).await.is_err() {
            tracing::warn!(target: "ostraca::system", "a stop hook was not done by the deadline: left behind");
        }
    }

    async fn kill_rest(&self) -> (Vec<Label>, Vec<Label>) {
        let rest = self.0.commons.cells();
        let mut killed = Vec::new();
        for cell in &rest {
            tracing::warn!(target: "ostraca::system", actor = %cell.label(), "not stopped by the deadline: killed");
            killed.push(cell.label());
            cell.order(Control::Kill(StopReason::Killed));
        }
        let mut blocked = Vec::new();
        if tokio::time::timeout(KILL_GRACE, wait_for_all(&rest)).await.is_err() {
            for cell in rest.iter().filter(|cell| cell.exit().reason().is_none()) {
                tracing::error!(
                    target: "ostraca::system", actor = %cell.label(),
                    "its handler blocks its thread and cannot be killed",
                );
                blocked.push(cell.label());
            }
        }
        (killed, blocked)
    }

    /// Whether this system is ready for work.
    pub fn readiness(&self) -> Readiness {
        Readiness {
            is_stopping: *self.0.state.borrow() != State::Running,
            given_up: self.0.given_up.lock().clone(),
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
        let start = || Monitor::start(&self.0.commons, self.0.parent.clone(), self.0.started_at);
        self.0.monitor.get_or_init(start)
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
        self.commons.runtime.close();
        close_all(&self.commons);
    }
}

impl SystemBuilder {
    /// The system's name, in logs and metrics.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The tokio runtime to run on; by default the caller's.
    #[must_use]
    pub fn tokio(mut self, handle: Handle) -> Self {
        self.tokio = Some(handle);
        self
    }

    /// How many worker tasks run actors; by default as many as the runtime has threads.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers.max(1));
        self
    }

    /// How long a stop may take before what is left is killed.before what is left is killed; 10 s by default.
    #[must_use]
    pub fn stop_deadline(mut self, deadline: Duration) -> Self {
        self.stop_deadline = deadline;
        self
    }

    /// Starts the system.
    ///
    /// # Errors
    ///
    /// When no tokio runtime was given and the caller is in none.
    pub fn start(self) -> Result<System, StartSystemError> {
        let tokio = self.tokio.clone().or_else(|| Handle::try_current().ok());
        let tokio = tokio.ok_or(StartSystemError::NoRuntime)?;
        let workers = self.workers.unwrap_or_else(|| tokio.metrics().num_workers());
        Ok(self.start_on(tokio, workers, Arc::new(Machine::new()), None))
    }

    pub(crate) fn start_on(
        self,
        tokio: Handle,
        workers: usize,
        seam: Arc<dyn Seam>,
        inline: Option<Inline>,
    ) -> System {
        let runtime = Runtime::start(tokio, workers, seam);
        let commons = Arc::new(Commons::new(runtime, inline, OneForOne::of_actor));
        let lost = Arc::downgrade(&commons);
        commons.runtime.on_lost(move || {
            if let Some(commons) = lost.upgrade() {
                close_all(&commons);
            }
        });
        let given_up = Arc::new(Mutex::new(Vec::new()));
        let list = given_up.clone();
        let on_given_up = move |actor: &Label, reason: &StopReason| {
            tracing::error!(target: "ostraca::system", actor = %actor, "{reason}: the system is not ready");
            list.lock().push(GivenUp { actor: actor.clone(), reason: reason.clone() });
        };
        let root = OneForOne::new(commons.clone(), Box::new(on_given_up));
        System(Arc::new(Inner {
            name: self.name,
            parent: AnyParent::new(root.clone()),
            root,
            given_up,
            names: Arc::new(Mutex::new(HashMap::new())),
            on_stop: Mutex::new(Vec::new()),
            stop_deadline: self.stop_deadline,
            started_at: commons.now(),
            state: watch::Sender::new(State::Running),
            report: Mutex::new(None),
            monitor: OnceLock::new(),
            commons,
        }))
    }
}

/// A stop under way. A runtime that is dropped drops it unfinished: whoever waits for the stop is let go.
struct Stopping {
    system: System,
    began: Instant,
}

impl Drop for Stopping {
    fn drop(&mut self) {
        let System(inner) = &self.system;
        if *inner.state.borrow() != State::Stopped {
            let report = StopReport { took: self.began.elapsed(), killed: Vec::new(), blocked: Vec::new() };
            *inner.report.lock() = Some(report);
            inner.state.send_replace(State::Stopped);
        }
    }
}

/// Kills every cell; on a closed runtime each is let go where this runs.
fn close_all(commons: &Commons) {
    for cell in commons.cells() {
        cell.order(Control::Kill(StopReason::RuntimeLost));
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
    let Starting { actor, mut outcome } = starting?;
    std::future::poll_fn(|cx| outcome.poll(cx)).await;
    let reason = match outcome.take() {
        Ok(()) => return Ok(actor),
        Err(AskError::Refused(reason)) => reason,
        Err(_) => StopReason::RuntimeLost,
    };
    Err(SpawnError::NotStarted { actor: ActorRef::label(&actor), reason })
}

/// A name that goes back when its actor does not start.
struct Reserved<'a> {
    names: &'a Mutex<HashMap<Arc<str>, Named>>,
    name: Option<Arc<str>>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.names.lock().remove(&name);
        }
    }
}

/// Actors in the order of their stop: those started last first, neighbours of one type (shards) together.
fn by_type(children: Vec<AnyRef>) -> Vec<Vec<AnyRef>> {
    let mut groups: Vec<Vec<AnyRef>> = Vec::new();
    for child in children.into_iter().rev() {
        match groups.last_mut() {
            Some(group) if group[0].type_name() == child.type_name() => group.push(child),
            _ => groups.push(vec![child]),
        }
    }
    groups
}

async fn drain_in_order(groups: Vec<Vec<AnyRef>>) {
    for group in groups {
        for cell in &group {
            cell.order(Control::Drain(StopReason::SystemStopped));
        }
        wait_for_all(&group).await;
    }
}

async fn wait_for_all(cells: &[AnyRef]) {
    for cell in cells {
        cell.exit().wait().await;
    }
}

/// The next SIGTERM or SIGINT, by name.
fn signal() -> std::io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
