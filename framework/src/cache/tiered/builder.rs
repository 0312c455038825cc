//! A cache's settings.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::super::clock::Clock;
use super::super::flights::Flights;
use super::super::lifetime::Lifetime;
use super::super::memory::Memory;
use super::super::slot::Slot;
use super::super::source::Source;
use super::super::stats::ReadCounts;
#[cfg(feature = "codec")]
use super::super::tier::Store;
use super::super::tier::{Tier, Watcher};
use super::TieredCache;
use super::accessor::SystemTier;
use super::core::{Core, Floors, Rules, Wire};
use super::watch::Watch;
use super::write::{Writer, Writes};
#[cfg(feature = "codec")]
use crate::codec::{Format, Storable, key_from_bytes, key_to_bytes};
use crate::sync::Mutex;

/// Settings of a [`TieredCache`], and its making.
#[must_use = "a builder makes nothing until `build`"]
pub struct TieredBuilder<K, V> {
    name: Arc<str>,
    capacity: usize,
    lifetime: Lifetime,
    tiers: Vec<Layer>,
    wire: Option<Box<dyn Wire<K, V>>>,
    rules: Rules,
    is_negative: fn(&V) -> bool,
    writes: Writes,
    clock: Option<Clock>,
}

/// A tier to be.
struct Layer {
    name: Arc<str>,
    tier: Arc<dyn Tier>,
    lifetime: Lifetime,
    time_max: Duration,
}

/// Entries of the memory where nothing else is said.
const CAPACITY: usize = 10_000;
/// How long a call of a tier may take where nothing else is said.
const TIER_TIME_MAX: Duration = Duration::from_millis(100);
/// Keys on their way to one tier.
const OUTBOX_LEN_MAX: usize = 10_000;

impl<K, V> TieredBuilder<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(name: Arc<str>) -> Self {
        TieredBuilder {
            name,
            capacity: CAPACITY,
            lifetime: Lifetime::fresh(Duration::from_secs(60)),
            tiers: Vec::new(),
            wire: None,
            rules: Rules {
                negative: Duration::ZERO,
                jitter: 0.0,
                load_time_max: Duration::from_secs(10),
                retry_after: Duration::from_secs(1),
            },
            is_negative: |_| false,
            writes: Writes::Through,
            clock: None,
        }
    }

    /// How many entries the memory holds, and how long it serves one; 10,000 for a minute by default.
    pub fn memory(mut self, capacity: usize, lifetime: Lifetime) -> Self {
        (self.capacity, self.lifetime) = (capacity, lifetime);
        self
    }

    /// Adds a tier behind those there are. A call of it may take 100 ms; see [`tier_within`](Self::tier_within).
    #[cfg(feature = "codec")]
    pub fn tier(self, store: &(impl Store + ?Sized), lifetime: Lifetime) -> Self
    where
        K: Storable,
        V: Storable,
    {
        self.tier_within(TIER_TIME_MAX, store, lifetime)
    }

    /// Adds a tier a call of which may take up to `time_max`: then it is a miss.
    #[cfg(feature = "codec")]
    pub fn tier_within(
        mut self,
        time_max: Duration,
        store: &(impl Store + ?Sized),
        lifetime: Lifetime,
    ) -> Self
    where
        K: Storable,
        V: Storable,
    {
        self.wire.get_or_insert_with(|| Box::new(Coded(Format::default())));
        let (name, tier) = (store.name().into(), store.tier(&self.name));
        self.tiers.push(Layer { name, tier, lifetime, time_max });
        self
    }

    /// How values are encoded for the tiers: their schema, and limits.
    #[cfg(feature = "codec")]
    pub fn format(mut self, format: Format) -> Self
    where
        K: Storable,
        V: Storable,
    {
        self.wire = Some(Box::new(Coded(format)));
        self
    }

    /// Remembers for so long that the source has no value; by default not at all.
    pub fn negative(mut self, lifetime: Duration) -> Self {
        self.rules.negative = lifetime;
        self
    }

    /// Shortens every lifetime by up to this share of it, from 0 to 1, so that what came together does not expire
    /// together; by default not.
    ///
    /// # Panics
    ///
    /// When it is not from 0 to 1.
    pub fn jitter(mut self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "a jitter is a share from 0 to 1, not {share}");
        self.rules.jitter = share;
        self
    }

    /// How long a load may take before everybody who waits for it gets an error; 10 s by default.
    pub fn load_within(mut self, time_max: Duration) -> Self {
        self.rules.load_time_max = time_max;
        self
    }

    /// How long a source that failed is left alone, while there is something to serve; 1 s by default.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.rules.retry_after = wait;
        self
    }

    /// How writes reach the source; [`Writes::Through`] by default.
    pub fn writes(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    /// A clock shared with other caches; by default one of its own.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Which values say that there is none, and how long these are remembered.
    pub(super) fn negative_where(mut self, lifetime: Duration, is_negative: fn(&V) -> bool) -> Self {
        (self.rules.negative, self.is_negative) = (lifetime, is_negative);
        self
    }

    /// A tier of a system, for an accessor that can encode its values.
    pub(super) fn system_tier(mut self, tier: &SystemTier, wire: Option<Box<dyn Wire<K, V>>>) -> Self {
        let (name, of_space) = (tier.store.name().into(), tier.store.tier(&self.name));
        let layer = Layer { name, tier: of_space, lifetime: tier.lifetime, time_max: TIER_TIME_MAX };
        self.tiers.push(layer);
        self.wire = wire;
        self
    }

    /// Makes the cache.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn build(self, source: impl Source<K, V>) -> TieredCache<K, V> {
        let (writes, handle) = (self.writes, Handle::current());
        let core = self.build_core(handle.clone());
        let source = Arc::new(source);
        let writer = Writer::new(writes, &core, source.clone(), handle);
        // There is one builder of this core.
        let _first = core.pending.set(writer.clone());
        TieredCache { core, source, writer }
    }

    pub(crate) fn build_core(self, handle: Handle) -> Arc<Core<K, V>> {
        let clock = self.clock.unwrap_or_default();
        let slot = |Layer { name, tier, lifetime, time_max }| {
            Slot::new(name, tier, lifetime, time_max, OUTBOX_LEN_MAX, clock.clone(), handle.clone())
        };
        let core = Arc::new(Core {
            name: self.name,
            memory: Memory::new(self.capacity),
            lifetime: self.lifetime,
            slots: self.tiers.into_iter().map(slot).collect(),
            wire: self.wire,
            rules: self.rules,
            is_negative: self.is_negative,
            flights: Flights::new(),
            counts: ReadCounts::default(),
            floors: Mutex::new(Floors::default()),
            pending: OnceLock::new(),
            watchers: OnceLock::new(),
            handle,
            tasks: Mutex::new(JoinSet::new()),
            clock,
        });
        let watch = |index| -> Arc<dyn Watcher> { Arc::new(Watch { core: Arc::downgrade(&core), index }) };
        let watchers = core.watchers.get_or_init(|| (0..core.slots.len()).map(watch).collect());
        core.slots.iter().zip(watchers).for_each(|(slot, watcher)| slot.watch(Arc::downgrade(watcher)));
        core
    }
}

/// Values in a codec's format.
#[cfg(feature = "codec")]
pub(super) struct Coded(pub(super) Format);

#[cfg(feature = "codec")]
impl<K: Storable, V: Storable> Wire<K, V> for Coded {
    fn key(&self, key: &K) -> Option<Arc<[u8]>> {
        key_to_bytes(key).ok().map(Into::into)
    }

    fn key_back(&self, bytes: &[u8]) -> Option<K> {
        key_from_bytes(bytes).ok()
    }

    fn value(&self, value: &V) -> Option<Arc<[u8]>> {
        self.0.encode(value).ok().map(Into::into)
    }

    fn value_back(&self, bytes: &[u8]) -> Option<V> {
        self.0.decode(bytes).ok()
    }
}

impl<K, V> fmt::Debug for TieredBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
