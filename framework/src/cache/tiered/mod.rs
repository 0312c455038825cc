//! A cache over tiers: memory, then a disk, a server, a cluster; then the source.

mod accessor;
mod builder;
mod core;
mod find;
mod read;
mod watch;
mod write;

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

pub use accessor::{Accessor, NoSuchTierError};
pub(crate) use accessor::{SystemTier, SystemTiers};
pub use builder::TieredBuilder;
pub(crate) use core::Core;
pub(crate) use find::Want;
pub use read::{Read, Versioned};
pub use write::{WriteError, Writes};

use super::clock::Clock;
use super::entry::Stamp;
use super::source::Loads;
use super::stats::TieredStats;
use write::Writer;

/// A cache over tiers. A clone is the same cache.
///
/// ```text
///   read ──> memory ──> tier ──> tier ──> source
///              │ fresh    │ fresh   │        └ stamped when the load began, put into every tier
///              └> value   └> value, copied into the tiers in front of it
/// ```
///
/// **Reading.** One search a key: those who miss it meanwhile wait for it; a leader that is cancelled or panics
/// gives the lead to the next. A copy past its lifetime is served while one refresh is on its way, and, longer, if the
/// source fails. A tier that is out of reach is a miss: calls have a time limit, and after a few outages none is made
/// until a probe has come through. So a read fails only if the source fails and nothing is left to serve.
///
/// **Order.** Every state of a key has a [`Stamp`], and in each tier only newer wins. A load is stamped when it
/// begins, a write when the source has it: a load that read what was there before a write is the older, in whatever order they
/// arrive. A removal is a state too. An invalidation also outdates the search that is on its way in this process: who waits
/// for it gets what it finds, but nothing of it is kept.
///
/// **Writing.** See [`Writes`] for the policies and what each can lose. What goes to a tier is on its way in an
/// outbox: in order a key, the newest in the place of the older, tried again until it arrives; a reader of this process sees
/// it there. If too much waits, the tier is cleared instead, so that it is empty rather than stale.
///
/// **A reader does not go back**: the memory only takes newer states, and a tier's entry that is older than what the
/// memory last had of the key is a miss. That is known for about as many keys as the memory holds.
///
/// **Cost.** A hit in memory is a hash, a lock that readers share, a clock and a clone; a miss boxes its future.
///
/// **Bad at.** Sources without versions that several processes write at once through [`Writes::Through`]: see
/// there. Values that are dear to clone: put them in an `Arc`. Tags that many values have, in memory: removing one
/// looks at every entry.
///
/// ```
/// use std::time::Duration;
/// use ostraca::cache::{Lifetime, TieredCache, from_fn};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let prices = TieredCache::builder("prices")
///     .memory(10_000, Lifetime::fresh(Duration::from_secs(5)).stale(Duration::from_secs(60)))
///     .build(from_fn(|product: u64| async move { Ok::<_, std::io::Error>(product * 100) }));
/// assert_eq!(prices.get(&7).await?, Some(700));
/// assert_eq!(prices.get(&7).await?, Some(700));
/// let stats = prices.stats();
/// assert_eq!((stats.hits, stats.misses, stats.loads), (1, 1, 1));
/// # Ok(())
/// # }
/// ```
pub struct TieredCache<K, V> {
    core: Arc<Core<K, V>>,
    source: Arc<dyn Loads<K, V>>,
    writer: Arc<Writer<K, V>>,
}

impl<K, V> TieredCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Begins a cache. Its name is that of its space in every tier: caches of one name share entries, also those of
    /// other processes.
    pub fn builder(name: impl Into<Arc<str>>) -> TieredBuilder<K, V> {
        TieredBuilder::new(name.into())
    }

    /// Reads `key`, as fresh as the lifetimes say. `None` if the source has none.
    ///
    /// # Errors
    ///
    /// When the source fails and no tier has anything left to serve.
    ///
    /// # Cancellation
    ///
    /// Dropping it gives a search that it leads to the next who waits.
    pub fn get<'a>(&'a self, key: &'a K) -> Read<'a, K, V> {
        Read::new(self, key)
    }

    /// The name of its space.
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// Its time, and where its stamps come from.
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// What it has done.
    pub fn stats(&self) -> TieredStats {
        TieredStats { behind: self.writer.waiting(), ..self.core.stats() }
    }

    /// Nothing older than this is served from now on: the source may have gone back, as an owner does that lost its
    /// state. Begins an epoch.
    pub fn restart(&self) -> Stamp {
        self.core.restart()
    }
}

impl<K, V> Clone for TieredCache<K, V> {
    fn clone(&self) -> Self {
        TieredCache { core: self.core.clone(), source: self.source.clone(), writer: self.writer.clone() }
    }
}

impl<K, V> fmt::Debug for TieredCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredCache").field("name", &self.core.name).finish_non_exhaustive()
    }
}
