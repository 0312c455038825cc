//! A keyed accessor of an actor: a cache whose source is whoever reads brings, and whose tiers are the system's.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use super::super::entry::Stamp;
use super::super::keyed::CacheStats;
use super::super::lifetime::Lifetime;
use super::super::slot::{Origin, Slot};
use super::super::source::BoxFuture;
use super::super::stats::TieredStats;
use super::super::tier::Store;
#[cfg(feature = "codec")]
use super::builder::Coded;
use super::builder::TieredBuilder;
use super::core::{Core, Wire};
#[cfg(feature = "codec")]
use crate::codec::{Format, Storable};
use crate::sync::Mutex;

/// A tier that every actor of a system may use.
#[derive(Clone)]
pub(crate) struct SystemTier {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lifetime: Lifetime,
}

/// The tiers that a system's accessors may use, and what is on its way to them: it outlives the actors.
#[derive(Default)]
pub(crate) struct SystemTiers {
    tiers: Vec<SystemTier>,
    opened: Mutex<Vec<Arc<dyn Drains>>>,
}

/// A cache whose outboxes can be emptied.
trait Drains: Send + Sync {
    fn drain(&self) -> BoxFuture<'_, ()>;
    fn is_drained(&self) -> bool;
}

impl<K, V> Drains for Core<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(Core::drain(self))
    }

    fn is_drained(&self) -> bool {
        self.slots.iter().all(Slot::is_drained)
    }
}

impl SystemTiers {
    pub(crate) fn new(tiers: Vec<SystemTier>) -> Self {
        SystemTiers { tiers, opened: Mutex::default() }
    }

    /// Which are out of reach, and why.
    pub(crate) fn outages(&self) -> Vec<String> {
        let outage = |tier: &SystemTier| Some(format!("{}: {}", tier.store.name(), tier.store.outage()?));
        self.tiers.iter().filter_map(outage).collect()
    }

    /// Keeps a cache until it is drained, however soon its actor is gone.
    fn keep(&self, cache: Arc<dyn Drains>) {
        let mut opened = self.opened.lock();
        let gone: Vec<_> =
            opened.extract_if(.., |cache| Arc::strong_count(cache) == 1 && cache.is_drained()).collect();
        opened.push(cache);
        drop(opened);
        drop(gone);
    }

    /// Empties all outboxes, and lets the tiers make it last.
    pub(crate) async fn drain(&self) {
        let opened = self.opened.lock().clone();
        for cache in opened {
            cache.drain().await;
        }
    }
}

/// An accessor names a tier that its system has not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the accessor `{accessor}` names the tier `{tier}`, which the system has not: give its builder `.tier(..)`"
)]
pub struct NoSuchTierError {
    accessor: Arc<str>,
    tier: &'static str,
}

/// The values of a keyed `#[cached]` method that has more than a memory. Generated code makes it; handlers use it as
/// `ctx.views().price`.
pub struct Accessor<K, V> {
    capacity: usize,
    lifetime: Lifetime,
    negative: Duration,
    is_negative: fn(&V) -> bool,
    tiers: Wanted,
    wire: fn() -> AnyWire<K, V>,
    /// Made at the actor's first start.
    core: OnceLock<Arc<Core<K, V>>>,
    /// Set by the first start.
    is_started: OnceLock<()>,
}

/// How values are encoded, if there are tiers.
type AnyWire<K, V> = Option<Box<dyn Wire<K, V>>>;

/// Which of the system's tiers.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "codec"), allow(dead_code, reason = "tiers behind the memory need the codec"))]
enum Wanted {
    None,
    All,
    Named(&'static [&'static str]),
}

impl<K, V> Accessor<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Values that are fresh for `ttl`, so many of them in memory.
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Accessor {
            capacity,
            lifetime: Lifetime::fresh(ttl),
            negative: Duration::MAX,
            is_negative: |_| false,
            tiers: Wanted::None,
            wire: || None,
            core: OnceLock::new(),
            is_started: OnceLock::new(),
        }
    }

    /// Served for so long after that, while the owner is asked.
    #[must_use]
    pub fn stale(mut self, stale: Duration) -> Self {
        self.lifetime = self.lifetime.stale(stale);
        self
    }

    /// With the system's tiers of these names behind the memory; with all of them if none is named.
    #[cfg(feature = "codec")]
    #[must_use]
    pub fn tiers(mut self, names: &'static [&'static str]) -> Self
    where
        K: Storable,
        V: Storable,
    {
        self.tiers = if names.is_empty() { Wanted::All } else { Wanted::Named(names) };
        self.wire = || Some(Box::new(Coded(Format::default())));
        self
    }

    /// Makes the cache, once, over the system's tiers.
    pub(crate) fn open(&self, space: &str, system: &SystemTiers) -> Result<(), NoSuchTierError> {
        if self.core.get().is_some() {
            return Ok(());
        }
        let found: Vec<&SystemTier> = match self.tiers {
            Wanted::None => Vec::new(),
            Wanted::All => system.tiers.iter().collect(),
            Wanted::Named(names) => {
                let find = |tier: &&'static str| {
                    let found = system.tiers.iter().find(|there| there.store.name() == *tier);
                    found.ok_or_else(|| NoSuchTierError { accessor: space.into(), tier })
                };
                names.iter().map(find).collect::<Result<_, _>>()?
            }
        };
        let mut builder = TieredBuilder::new(space.into()).memory(self.capacity, self.lifetime);
        builder = builder.negative_where(self.negative, self.is_negative);
        for tier in found {
            builder = builder.system_tier(tier, (self.wire)());
        }
        let core = self.core.get_or_init(|| builder.build_core(Handle::current()));
        if !core.slots.is_empty() {
            system.keep(core.clone());
        }
        Ok(())
    }

    /// Nothing before the first start.
    pub(crate) fn core(&self) -> Option<&Arc<Core<K, V>>> {
        self.core.get()
    }

    /// Takes `key` out of every tier. No read of this process is answered by what was there, from now on; the tiers behind the memory get
    /// it in the background.
    pub fn invalidate(&self, key: &K) {
        if let Some(core) = self.core.get() {
            // On their way is enough: reads of this process see them there.
            drop(core.remove(key, core.clock.stamp()));
        }
    }

    /// Puts in a value that the owner has just made. The time is the cache's own.
    pub fn insert(&self, key: K, value: V, _now: std::time::Instant) {
        if let Some(core) = self.core.get() {
            let kept = core.kept(&key, Some(value), core.clock.stamp(), core.clock.now());
            drop(core.write(&key, kept, Origin::Write));
        }
    }

    /// Takes everything out of every tier: of all shards that share it.
    pub fn clear(&self) {
        if let Some(core) = self.core.get() {
            drop(core.clear(core.clock.stamp()));
        }
    }

    /// A state above all so far: a read [`after`](crate::TieredRead::after) it sees what was written before.
    pub fn stamp(&self) -> Stamp {
        self.core.get().map_or(Stamp::MIN, |core| core.clock.stamp())
    }

    /// The owner has started. If it is not the first time, it has lost its state: nothing older is served, whatever tier
    /// has it. What another process left in the tiers is.
    pub fn restart(&self) {
        if self.is_started.set(()).is_err()
            && let Some(core) = self.core.get()
        {
            core.restart();
        }
    }

    /// Its numbers, as of a cache in memory: what was served stale is a hit.
    pub fn stats(&self) -> CacheStats {
        let Some(core) = self.core.get() else { return CacheStats::default() };
        let stats = core.stats();
        CacheStats {
            hits: stats.hits + stats.stale,
            misses: stats.misses,
            fills: stats.loads - stats.load_errors,
            evictions: stats.tiers[0].evictions.unwrap_or_default(),
            len: stats.tiers[0].len.unwrap_or_default() as usize,
        }
    }

    /// All its numbers, tier by tier; nothing before the first start.
    pub fn tiered_stats(&self) -> TieredStats {
        self.core.get().map_or_else(TieredStats::default, |core| core.stats())
    }
}

impl<K, T> Accessor<K, Option<T>> {
    /// That there is none is fresh for so long.
    #[must_use]
    pub fn negative(mut self, negative: Duration) -> Self {
        self.negative = negative;
        self.is_negative = Option::is_none;
        self
    }
}

impl<K, V> fmt::Debug for Accessor<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accessor").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}
