//! A pool as a value: what it will be when it is started.

use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::Balance;
use super::balance::{MEMBERS_MAX, Settings};
use super::handle::{By, ByKey, ByLoad, Pool};
use super::keeper::{self, Pace};
use super::replicas::{Makings, Replica, Replicas, child};
use crate::actor::{Actor, AnyParent, Commons, Restart, SpawnError};
use crate::supervisor::{Placed, Strategy, SupervisorSpec};

/// A pool that can be started: made by [`System::pool`](crate::System::pool).
#[must_use = "a pool that is not started has no replicas"]
pub struct PoolSpec<A: Actor, B: By = ByLoad> {
    commons: Arc<Commons>,
    parent: Arc<AnyParent>,
    args: A::Args,
    name: Option<Arc<str>>,
    bounds: Concurrency,
    balance: Balance,
    settings: Settings,
    pace: Pace,
    restart: Option<Restart>,
    refusals_fail: bool,
    weights: Box<[u32]>,
    by: PhantomData<fn() -> B>,
}

/// How many replicas a pool has: a number, `4`, or bounds, `2..=16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    pub(super) min: usize,
    pub(super) max: usize,
}

impl From<usize> for Concurrency {
    fn from(len: usize) -> Self {
        Concurrency { min: len, max: len }
    }
}

impl From<RangeInclusive<usize>> for Concurrency {
    fn from(bounds: RangeInclusive<usize>) -> Self {
        Concurrency { min: *bounds.start(), max: *bounds.end() }
    }
}

impl Concurrency {
    /// # Panics
    ///
    /// When the bounds are none.
    #[track_caller]
    pub(super) fn checked(self) -> Self {
        let Concurrency { min, max } = self;
        assert!(
            1 <= min && min <= max && max <= MEMBERS_MAX,
            "a pool has 1 to {MEMBERS_MAX} replicas, such as `2..=16`, not {min}..={max}"
        );
        self
    }

    /// As many as there are processors.
    pub(super) fn of_machine() -> Self {
        std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MEMBERS_MAX).into()
    }
}

impl<A: Actor> PoolSpec<A> {
    pub(crate) fn new(commons: Arc<Commons>, parent: Arc<AnyParent>, args: A::Args) -> Self {
        PoolSpec {
            commons,
            parent,
            args,
            name: None,
            bounds: Concurrency::of_machine(),
            balance: Balance::LeastLoaded,
            settings: Settings::default().serial(true),
            pace: Pace::default(),
            restart: None,
            refusals_fail: false,
            weights: Box::default(),
            by: PhantomData,
        }
    }

    /// Who gets the next call; the least loaded one if nothing is said.
    pub fn balance(mut self, balance: Balance) -> Self {
        self.balance = balance;
        self
    }

    /// The calls of one key go to one replica, as long as that has at most a tenth more than the mean load; then to the
    /// next in that key's order. Only messages with a `#[key]` can be sent then.
    pub fn by_key(self) -> PoolSpec<A, ByKey> {
        self.by_key_within(1.1)
    }

    /// As [`by_key`](Self::by_key), with at most `bound` times the mean load.
    ///
    /// # Panics
    ///
    /// When `bound` is below 1.
    pub fn by_key_within(self, bound: f32) -> PoolSpec<A, ByKey> {
        assert!(bound >= 1.0, "the bound of a replica's load is at least the mean: 1 or more, not {bound}");
        PoolSpec {
            commons: self.commons,
            parent: self.parent,
            args: self.args,
            name: self.name,
            bounds: self.bounds,
            balance: Balance::ByKey { bound },
            settings: self.settings,
            pace: self.pace,
            restart: self.restart,
            refusals_fail: self.refusals_fail,
            weights: self.weights,
            by: PhantomData,
        }
    }
}

impl<A: Actor, B: By> PoolSpec<A, B> {
    /// Its name, in the supervisor's label and the monitor's numbers.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many replicas: a number, or the bounds that load moves it between. As many as there are processors if
    /// nothing is said.
    ///
    /// # Panics
    ///
    /// When there would be none, or more than 1,024.
    #[track_caller]
    pub fn concurrency(mut self, bounds: impl Into<Concurrency>) -> Self {
        self.bounds = bounds.into().checked();
        self
    }

    /// How often the load is looked at, and for how long it must be low before a replica is taken away: 100 ms and 10 s
    /// if nothing is said. See [the module](super) for the signal.
    ///
    /// # Panics
    ///
    /// When `look` is zero.
    pub fn scaling(mut self, look: Duration, shrink_after: Duration) -> Self {
        assert!(!look.is_zero(), "a pool looks at its load every so often, not without end");
        self.pace = Pace { look, shrink_after };
        self
    }

    /// The replicas' weights, from the first on; with fewer than there are replicas they begin anew. All alike if
    /// nothing is said. Every strategy but round robin heeds them.
    pub fn weights(mut self, weights: impl IntoIterator<Item = u32>) -> Self {
        self.weights = weights.into_iter().collect();
        self
    }

    /// Restarts of all replicas together, before the pool is given up. If nothing is said, what the actor's own settings
    /// allow, times the largest number of replicas.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// A refusal (an `Err` that a handler returns) is a failure of the replica: where it says that the replica is not
    /// well and not that the message is wrong.
    pub fn refusals_fail(mut self) -> Self {
        self.refusals_fail = true;
        self
    }

    /// A replica handles many calls at once: its handlers answer later, through a `ReplyTo`. If nothing is said, one at
    /// a time, as handlers do that return their answer.
    pub fn many_at_once(mut self) -> Self {
        self.settings = self.settings.serial(false);
        self
    }

    /// How many failures in a row eject a replica, for how long the first time, and at most: 5, 1 s and 60 s if nothing
    /// is said. Each time in a row lasts twice as long.
    pub fn ejection(mut self, failures_max: u32, min: Duration, max: Duration) -> Self {
        self.settings = self.settings.failures_max(failures_max).ejection(min, max);
        self
    }

    /// How long a replica that joins, or comes back, takes to come to its full share; 5 s if nothing is said.
    pub fn slow_start(mut self, slow_start: Duration) -> Self {
        self.settings = self.settings.slow_start(slow_start);
        self
    }

    /// What a failure counts as at least in the adaptive strategy, and the half-life of what it knows of a replica: 1 s
    /// and 7 s if nothing is said.
    pub fn adaptive(mut self, penalty: Duration, half_life: Duration) -> Self {
        self.settings = self.settings.penalty(penalty).half_life(half_life);
        self
    }

    /// Starts the pool at the top of its system, and waits until its first replicas run.
    ///
    /// # Errors
    ///
    /// When a replica does not start: then those that did are stopped again. When the system is stopping.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves those replicas running that have started.
    pub async fn start(self) -> Result<Pool<A, B>, SpawnError> {
        let Concurrency { min, max } = self.bounds;
        let restart = self.restart.unwrap_or_else(|| {
            let one = self.commons.configured.settings::<A>().restart;
            Restart { max: one.max.saturating_mul(max as u32), ..one }
        });
        let placed = Placed::new(self.commons.clone(), self.parent.clone());
        let mut group = SupervisorSpec::at(placed, Strategy::OneForOne, restart);
        if let Some(name) = &self.name {
            group = group.named(name.clone());
        }
        for _ in 0..min {
            group = group.child_as::<A>(child(), self.args.clone());
        }
        let supervisor = group.start().await?;
        let started = supervisor.children();
        let first = started.iter().filter_map(|child| Replica::of(&supervisor, child.id)).collect();
        let makings = Makings {
            commons: self.commons.clone(),
            name: self.name,
            len_max: self.bounds.max,
            is_kept: min < max,
            supervisor,
            balance: self.balance,
            settings: self.settings,
            refusals_fail: self.refusals_fail,
            weights: self.weights,
            args: self.args,
        };
        let replicas = Replicas::new(makings, first);
        if min < max {
            keeper::start(&self.commons, self.parent, &replicas, self.bounds, self.pace)?;
        }
        Ok(Pool::new(replicas))
    }
}
