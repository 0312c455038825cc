//! What a user says about a group: its strategy, and each child's manners.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::Restart;

/// Who is restarted with a child that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// It alone.
    OneForOne,
    /// All children: the others are stopped first, and then all are started.
    OneForAll,
    /// It and those that come after it.
    RestForOne,
}

/// When a child that ended is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartType {
    /// Always, a stop on request included.
    Permanent,
    /// When it failed or was killed.
    Transient,
    /// Never: it is forgotten.
    Temporary,
}

/// How long a child may take to stop in order, before it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopLimit {
    /// It is killed at once.
    Kill,
    /// So long.
    Within(Duration),
    /// As long as it needs.
    Unlimited,
}

/// Whether a supervisor ends when children that it cannot do without have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoShutdown {
    /// No; significant children are a mistake then.
    #[default]
    Never,
    /// When one significant child has ended by itself and is not restarted.
    AnySignificant,
    /// When the last of them has.
    AllSignificant,
}

/// How a child is supervised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildSpec {
    pub(super) name: Option<Arc<str>>,
    pub(super) restart: RestartType,
    /// `None`: as is usual for its kind.
    pub(super) stop: Option<StopLimit>,
    /// `None`: as long as it takes.
    pub(super) start: Option<Duration>,
    pub(super) is_significant: bool,
}

/// How long an actor has to stop if nothing else was said: OTP's time.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How long an ask in a `#[start]` without a limit of its own waits: OTP's time of a call.
pub(super) const ASK_IN_START_WITHIN: Duration = Duration::from_secs(5);

impl ChildSpec {
    const fn new(restart: RestartType) -> Self {
        ChildSpec { name: None, restart, stop: None, start: None, is_significant: false }
    }

    /// A child that is restarted however it ends.
    pub const fn permanent() -> Self {
        ChildSpec::new(RestartType::Permanent)
    }

    /// A child that is restarted when it failed or was killed.
    pub const fn transient() -> Self {
        ChildSpec::new(RestartType::Transient)
    }

    /// A child that is not restarted.
    pub const fn temporary() -> Self {
        ChildSpec::new(RestartType::Temporary)
    }

    /// Its name among its siblings, in labels and for [`SupervisorRef::actor_named`](super::SupervisorRef::actor_named).
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long it may take to stop. By default an actor has 5 s and a supervisor what it needs.
    #[must_use]
    pub const fn stop(mut self, limit: StopLimit) -> Self {
        self.stop = Some(limit);
        self
    }

    /// How long its `#[start]` may take in all, what it asks included. One that takes longer is ended, and has failed.
    /// By default it takes as long as it needs, but nothing that it asks may: each ask has 5 s.
    #[must_use]
    pub const fn start_within(mut self, limit: Duration) -> Self {
        self.start = Some(limit);
        self
    }

    /// Its end can be its supervisor's: see [`AutoShutdown`].
    #[must_use]
    pub const fn significant(mut self) -> Self {
        self.is_significant = true;
        self
    }

    /// Whether a supervisor that ends by `auto_shutdown` can have it: a permanent child does not end by itself, and one
    /// whose end nobody minds is not significant.
    pub(super) fn fits(&self, auto_shutdown: AutoShutdown) -> bool {
        let can_end_it = auto_shutdown != AutoShutdown::Never && self.restart != RestartType::Permanent;
        !self.is_significant || can_end_it
    }
}

/// What holds for the whole group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) strategy: Strategy,
    pub(super) restart: Restart,
    pub(super) auto_shutdown: AutoShutdown,
}

impl Plan {
    /// A group by this strategy, with these restarts for all of it.
    pub const fn new(strategy: Strategy, restart: Restart) -> Self {
        Plan { strategy, restart, auto_shutdown: AutoShutdown::Never }
    }

    /// Whether it ends with its significant children.
    #[must_use]
    pub const fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = auto_shutdown;
        self
    }
}
