//! What one pull found.

use std::time::{Duration, Instant};

use super::process::Process;
use crate::actor::{BatchStats, Label};
use crate::cache::{CacheStats, TieredStats};
use crate::stats::PoolNumbers;

/// Actors that a snapshot lists. With more, the listing would take the monitor longer than a second, and the snapshot
/// more memory than the actors.
pub const ACTORS_LEN_MAX: usize = 10_000;

/// What all actors of a system have done up to one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken, by the system's clock.
    pub taken_at: Instant,
    /// How long the system had been running.
    pub uptime: Duration,
    /// Messages that ended without being handled, since the start.
    pub dead_letters: u64,
    /// All actors together, those that have stopped included.
    pub total: Numbers,
    /// By type of actor, in the order of their names; those that have stopped included.
    pub types: Vec<TypeNumbers>,
    /// Each actor that runs, oldest first, up to [`ACTORS_LEN_MAX`]. All of them are in `total` and `types`.
    pub actors: Vec<ActorNumbers>,
    /// How many more run than are in `actors`.
    pub actors_left_out: usize,
    /// Each pool that somebody has a reference to, oldest first.
    pub pools: Vec<PoolNumbers>,
    /// The process.
    pub process: Process,
}

impl Snapshot {
    /// The numbers of one type of actor, by its name without path and generics: `Ledger`. `None` if there never
    /// was one.
    pub fn of_type(&self, type_name: &str) -> Option<&TypeNumbers> {
        self.types.iter().find(|numbers| numbers.type_name == type_name)
    }

    /// The numbers of the first pool of actors of one type, or of threads with that state. `None` if there is none.
    pub fn pool_of(&self, type_name: &str) -> Option<&PoolNumbers> {
        self.pools.iter().find(|pool| pool.type_name == type_name)
    }
}

/// One type of actor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TypeNumbers {
    /// Its name, without path and generics.
    pub type_name: &'static str,
    /// How many run.
    pub running: usize,
    /// All of them together, those that have stopped included.
    pub numbers: Numbers,
    /// Their keyed caches, by the name of the method.
    pub caches: Vec<CacheNumbers>,
    /// Their batched handlers that had a batch, by the name of the method.
    pub batches: Vec<BatchNumbers>,
}

impl TypeNumbers {
    /// What the batched handler of this name has done. `None` before its first batch.
    pub fn batches_of(&self, handler: &str) -> Option<&BatchStats> {
        self.batches.iter().find(|numbers| numbers.handler == handler).map(|numbers| &numbers.stats)
    }
}

/// One batched handler, over all actors of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchNumbers {
    /// The name of the method.
    pub handler: &'static str,
    /// What it has done.
    pub stats: BatchStats,
}

/// One keyed cache, over all actors of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheNumbers {
    /// The name of the `#[cached]` method.
    pub name: &'static str,
    /// What it has done.
    pub stats: CacheStats,
    /// The same tier by tier, of a cache that has more than a memory.
    pub tiered: Option<TieredStats>,
}

/// One actor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ActorNumbers {
    /// Which.
    pub label: Label,
    /// What it has done.
    pub numbers: Numbers,
}

/// What one or more actors have done since their start.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Numbers {
    /// Messages whose handler ended.
    pub handled: u64,
    /// Messages whose handler panicked, or was dropped half way.
    pub failed: u64,
    /// Messages dropped before they ran.
    pub dropped: u64,
    /// Starts after the first.
    pub restarts: u64,
    /// Calls of batched handlers.
    pub batches: u64,
    /// Messages in them.
    pub batch_items: u64,
    /// Times that an actor ran on an asker's thread.
    pub inline_runs: u64,
    /// Messages waiting now.
    pub mailbox_len: usize,
    /// Messages handled a second: an average over the last few seconds. `None` before the second reading.
    pub handled_per_second: Option<f64>,
    /// Messages failed a second, likewise.
    pub failed_per_second: Option<f64>,
    /// All keyed caches together.
    pub cache: CacheStats,
}

impl Numbers {
    /// Messages a call of a batched handler. `None` before the first.
    pub fn batch_len_mean(&self) -> Option<f64> {
        (self.batches > 0).then(|| self.batch_items as f64 / self.batches as f64)
    }
}
