//! Settings of a system, and its start.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::handle::{Inner, State, System};
use super::readiness::GivenUp;
use super::stop::close_all;
use crate::actor::{AnyParent, Commons, Inline, Label, StopReason};
use crate::runtime::{Machine, Runtime, Seam};
use crate::supervisor::OneForOne;
use crate::sync::Mutex;

/// Settings of a system.
#[derive(Clone, Debug)]
pub struct SystemBuilder {
    name: Arc<str>,
    tokio: Option<Handle>,
    workers: Option<usize>,
    stop_deadline: Duration,
}

impl SystemBuilder {
    pub(super) fn new() -> Self {
        SystemBuilder {
            name: "ostraca".into(),
            tokio: None,
            workers: None,
            stop_deadline: Duration::from_secs(10),
        }
    }

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

    /// How long a stop may take before what is left is killed; 10 s by default.
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
