//! The numbers of actors: by type, by handler, by actor.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::{ActorId, ActorState, BatchStats, Label};
use crate::cache::{CacheStats, TieredStats};
use crate::mailbox::Activity;
use crate::stats::{Distribution, Quantiles};

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
    /// Their handlers, in the order of their declaration; those that never had a message included.
    pub handlers: Vec<HandlerNumbers>,
    /// Their keyed caches, by the name of the method.
    pub caches: Vec<CacheNumbers>,
    /// Their batched handlers that had a batch, by the name of the method.
    pub batches: Vec<BatchNumbers>,
    /// Messages that have left a mailbox for a batch, which is held open, or runs.
    pub in_batches: usize,
}

impl TypeNumbers {
    /// What the handler of this name has done. `None` if there is no such handler.
    pub fn handler(&self, name: &str) -> Option<&HandlerNumbers> {
        self.handlers.iter().find(|numbers| numbers.handler == name)
    }

    /// What the batched handler of this name has done. `None` before its first batch.
    pub fn batches_of(&self, handler: &str) -> Option<&BatchStats> {
        self.batches.iter().find(|numbers| numbers.handler == handler).map(|numbers| &numbers.stats)
    }
}

/// One handler, over all actors of a type, those that have stopped included.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HandlerNumbers {
    /// The name of the method.
    pub handler: &'static str,
    /// Messages whose handler ended. Exact.
    pub handled: u64,
    /// Those of them that it answered by an `Err`. Exact.
    pub refused: u64,
    /// Messages that it panicked over, or was dropped in the middle of; not in `handled`. Exact.
    pub failed: u64,
    /// Messages handled a second: an average over the last few seconds. `None` before the second reading.
    pub handled_per_second: Option<f64>,
    /// Messages refused or failed a second, likewise.
    pub errors_per_second: Option<f64>,
    /// How long its messages, of those that were sampled, have waited before it began: from the moment they were sent.
    pub waiting: Option<Times>,
    /// How long it took, of those calls that were sampled: from its beginning to its end, its awaits included.
    pub handling: Option<Times>,
}

impl HandlerNumbers {
    /// Messages that were refused or failed.
    pub fn errors(&self) -> u64 {
        self.refused + self.failed
    }

    /// The part of all messages that were refused or failed. `None` if there was none.
    pub fn error_part(&self) -> Option<f64> {
        let all = self.handled + self.failed;
        (all > 0).then(|| self.errors() as f64 / all as f64)
    }
}

/// Times that were sampled. Each stands for as many messages as went by since the sample before.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Times {
    /// All since the start, in nanoseconds.
    pub all: Distribution,
    /// Those of the last interval; `None` if there were none, or before the second reading.
    pub recent: Option<Quantiles>,
}

impl Times {
    /// What matters of all since the start. `None` if there were none.
    pub fn quantiles(&self) -> Option<Quantiles> {
        self.all.quantiles()
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

impl CacheNumbers {
    /// Reads that found something, and those that did not, as its readers saw them: of one with tiers what any tier had
    /// is found, and the memory's own count is the first of them.
    pub(crate) fn reads(&self) -> (u64, u64) {
        match &self.tiered {
            Some(tiered) => (tiered.hits + tiered.stale, tiered.misses),
            None => (self.stats.hits, self.stats.misses),
        }
    }
}

/// One actor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ActorNumbers {
    /// Which; its shard is there too.
    pub label: Label,
    /// What it is doing.
    pub state: ActorState,
    /// Whether it runs, waits for a thread, or for something else.
    pub activity: Activity,
    /// The actor whose answer it waited for when it last suspended. `None` if it waited for something else.
    pub awaits: Option<ActorId>,
    /// The actor that supervises it. `None` for one at the top of the tree.
    pub parent: Option<ActorId>,
    /// The most messages that its mailbox takes. `None` if it is unbounded.
    pub mailbox_len_max: Option<usize>,
    /// Its last failure, if it had one.
    pub last_failure: Option<LastFailure>,
    /// What it has done.
    pub numbers: Numbers,
}

/// An actor's last failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastFailure {
    /// What the panic said, or the failed start, with where it was: `panicked in deposit: out of range`.
    pub text: Arc<str>,
    /// When, after the system's start.
    pub at: Duration,
}

/// What one or more actors have done since their start.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Numbers {
    /// Messages whose handler ended.
    pub handled: u64,
    /// Those of them that it answered by an `Err`.
    pub refused: u64,
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
    /// The most that were seen waiting at once, by whoever ran the actor and by the monitor; of several actors, of any
    /// one of them.
    pub mailbox_high_water: usize,
    /// Time that handlers ran, awaits left out: estimated from those that were timed. `None` if it is not sampled.
    pub busy: Option<Duration>,
    /// The part of the last few seconds that it was busy; of several actors the sum of their parts. `None` before the
    /// second reading.
    pub busy_part: Option<f64>,
    /// Messages handled a second: an average over the last few seconds. `None` before the second reading.
    pub handled_per_second: Option<f64>,
    /// Messages refused a second, likewise.
    pub refused_per_second: Option<f64>,
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
