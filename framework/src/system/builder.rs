//! Settings of a system, and its start.

use std::any::TypeId;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

#[cfg(feature = "toml")]
use super::config::File;
use super::config::{ConfigError, Outside, Sources};
use super::cores::{Cored, Wanted};
use super::handle::{Inner, State, System};
use super::readiness::GivenUp;
use super::stop::{Phase, close_all};
use crate::actor::{Actor, AnyParent, Commons, Inline, Label, PINNED_MAX, StopReason, short_type_name};
use crate::cache::{Lifetime, Store, SystemTier, SystemTiers};
use crate::monitor::MonitorSettings;
#[cfg(feature = "testkit")]
use crate::runtime::Seam;
use crate::runtime::cores::CpuSet;
use crate::runtime::{Machine, Runtime};
use crate::supervisor::OneForOne;
use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;

/// How long a stop may take where nothing else is said.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Settings of a system. What is set here wins over the environment, that over files: see [`config_env`](Self::config_env).
///
/// ```
/// # use ostraca::prelude::*;
/// use std::time::Duration;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::builder()
///     .name("shop")
///     .stop_deadline(Duration::from_secs(20))
///     .config_env() // OSTRACA_WORKERS=4
///     .start()?;
/// assert_eq!(system.name(), "shop");
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SystemBuilder {
    name: Option<Arc<str>>,
    tokio: Option<Handle>,
    workers: Option<usize>,
    pinned_cores: Option<Wanted>,
    machine_root: Option<PathBuf>,
    stop_deadline: Option<Duration>,
    monitor: MonitorSettings,
    tiers: Tiers,
    sources: Sources,
}

/// What lies behind the memory of accessors.
#[derive(Clone, Default)]
struct Tiers(Vec<SystemTier>);

impl fmt::Debug for Tiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|tier| tier.store.name())).finish()
    }
}

impl SystemBuilder {
    /// The system's name, in logs and metrics.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
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

    /// Starts a thread pinned to each of these processor cores, counted as the operating system does. Actors are run
    /// there that are [spawned](System::spawn_pinned) or [moved](crate::ActorRef::move_to) there; at most 255. Where the
    /// kernel refuses to pin them they run unpinned, with one warning: see [`System::cores`]. Started in an actix system
    /// (feature `actix`) they are `Arbiter`s of its.
    ///
    /// # Panics
    ///
    /// When there are more.
    #[must_use]
    pub fn pinned_cores(mut self, cores: impl IntoIterator<Item = usize>) -> Self {
        let cores = Vec::from_iter(cores);
        assert!(cores.len() <= PINNED_MAX, "a system has at most {PINNED_MAX} pinned cores");
        self.pinned_cores = Some(Wanted::These(cores));
        self
    }

    /// Starts at most `len_max` pinned threads on cores that the machine chooses: those that this process may use, no
    /// more than the time that its control group gives it, and one NUMA node after the other. At least one. For all the
    /// cores there are, name a number that no machine has, such as 255, which is the most there can be.
    ///
    /// # Panics
    ///
    /// When `len_max` is 0, or more than 255.
    #[must_use]
    pub fn pinned_cores_auto(mut self, len_max: usize) -> Self {
        assert!(
            (1..=PINNED_MAX).contains(&len_max),
            "a system has 1 to {PINNED_MAX} pinned cores, not {len_max}"
        );
        self.pinned_cores = Some(Wanted::Most(len_max));
        self
    }

    /// Reads the machine, its cores, nodes and limits, below this folder and not below `/`: for a container that sees
    /// its host's `/sys` elsewhere, and for tests. Threads are pinned on the machine that they run on in any case.
    #[must_use]
    pub fn machine_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.machine_root = Some(root.into());
        self
    }

    /// How long a stop may take before what is left is killed; 10 s by default.
    #[must_use]
    pub fn stop_deadline(mut self, deadline: Duration) -> Self {
        self.stop_deadline = Some(deadline);
        self
    }

    /// What the monitor measures, how often, and what it keeps. It begins with the first call of
    /// [`System::monitor`](crate::System::monitor).
    #[must_use]
    pub fn monitor(mut self, settings: MonitorSettings) -> Self {
        self.monitor = settings;
        self
    }

    /// Adds a tier behind those there are, for the keyed `#[cached]` methods that say `tiers`; its name is the store's. An
    /// actor's values are in the space of its type and method, `Catalog.product`, which all its shards share.
    #[must_use]
    pub fn tier(mut self, store: impl Store, lifetime: Lifetime) -> Self {
        self.tiers.0.push(SystemTier { store: Arc::new(store), lifetime });
        self
    }

    /// Lets the environment (`OSTRACA_WORKERS=4`) set what this builder does not; its module `config` has the keys.
    #[must_use]
    pub fn config_env(mut self) -> Self {
        self.sources.environment = true;
        self
    }

    /// Lets a TOML file set what neither this builder nor the environment does. Of several the one named first wins.
    #[cfg(feature = "toml")]
    #[must_use]
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.files.push(File::At(path.into()));
        self
    }

    /// As [`config_file`](Self::config_file), of a text that mistakes call `name`: defaults that are compiled in.
    #[cfg(feature = "toml")]
    #[must_use]
    pub fn config_text(mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        self.sources.files.push(File::Text { name: name.into(), text: text.into() });
        self
    }

    /// Lets the environment and files change the settings of an actor type, by its name without path and generics:
    /// `[actor.Ledger]`.
    #[must_use]
    pub fn configures<A: Actor>(mut self) -> Self {
        self.sources.actors.push((short_type_name::<A>(), TypeId::of::<A>()));
        self
    }

    /// Starts the system.
    ///
    /// # Errors
    ///
    /// When no tokio runtime was given and the caller is in none, or the configuration has mistakes.
    pub fn start(self) -> Result<System, StartSystemError> {
        let tokio = self.tokio.clone().or_else(|| Handle::try_current().ok());
        let tokio = tokio.ok_or(StartSystemError::NoRuntime)?;
        let outside = self.sources.read()?;
        let workers = self.workers.or(outside.workers).unwrap_or_else(|| tokio.metrics().num_workers());
        let seam = Arc::new(Machine::new());
        let wanted = self.pinned_cores.clone().or(outside.pinned_cores.clone());
        let cored = Cored::start(wanted, self.machine_root.as_deref(), &tokio, &seam)?;
        let runtime = Runtime::start(tokio, workers, seam);
        Ok(self.start_on(runtime, cored.queues(), cored, outside, None))
    }

    /// A system whose cells run only when they are stepped: a seeded run's. `cores` are the seams of its pinned cores,
    /// which have no threads either.
    #[cfg(feature = "testkit")]
    pub(crate) fn start_stepped(
        self,
        tokio: Handle,
        seam: Arc<dyn Seam>,
        cores: impl Iterator<Item = Arc<dyn Seam>>,
        inline: Inline,
    ) -> System {
        let queues = cores.map(|seam| Runtime::start(tokio.clone(), 0, seam)).collect();
        let runtime = Runtime::start(tokio, 0, seam);
        self.start_on(runtime, queues, Cored::default(), Outside::default(), Some(inline))
    }

    fn start_on(
        self,
        runtime: Arc<Runtime>,
        queues: Box<[Arc<Runtime>]>,
        cored: Cored,
        outside: Outside,
        inline: Option<Inline>,
    ) -> System {
        let commons = Arc::new(Commons::new(runtime, queues, inline, outside.actors, OneForOne::of_actor));
        let has_tiers = !self.tiers.0.is_empty();
        let tiers = Arc::new(SystemTiers::new(self.tiers.0));
        // Nobody else has it yet.
        let _first = commons.tiers.set(tiers.clone());
        let lost = Arc::downgrade(&commons);
        commons.runtime.on_lost(move || {
            if let Some(commons) = lost.upgrade() {
                commons.close_runtimes();
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
        let name = self.name.or(outside.name).unwrap_or_else(|| "ostraca".into());
        cored.cores.log(&name);
        let system = System(Arc::new(Inner {
            name,
            parent: AnyParent::new(root.clone()),
            root,
            given_up,
            cored,
            on_stop: Mutex::new(Vec::new()),
            stop_deadline: self.stop_deadline.or(outside.stop_deadline).unwrap_or(STOP_DEADLINE),
            ends_process: AtomicBool::new(false),
            started_at: commons.now(),
            state: watch::Sender::new(State::Running),
            report: Mutex::new(None),
            monitor: OnceLock::new(),
            monitor_settings: self.monitor.or(outside.monitor),
            commons,
        }));
        tracing::info!(target: "ostraca::system", system = %system.name(), "started");
        if has_tiers {
            system.on_stop(Phase::Flush, "cache tiers", async move { tiers.drain().await });
        }
        system
    }
}

/// Why a system did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartSystemError {
    /// The environment or a file says what is not allowed.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The machine has no such core.
    #[error("no thread can be pinned to core {core}: the machine has {online}")]
    NoCore {
        /// Which.
        core: usize,
        /// Those that there are.
        online: CpuSet,
    },
    /// There is no thread to be had.
    #[error("no thread for core {core}: {source}")]
    Thread {
        /// Whose.
        core: usize,
        /// Why.
        source: std::io::Error,
    },
    /// There is no tokio runtime.
    #[error(
        "no tokio runtime: start the system inside one (`#[tokio::main]`), or give it a handle: `.tokio(handle)`"
    )]
    NoRuntime,
}
