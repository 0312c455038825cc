//! Values by key, each with the time it was filled at.

use std::fmt;
use std::hash::Hash;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Options, OptionsBuilder, UnitWeighter};

use crate::stats::{SharedCounter, Striped};
use crate::sync::atomic::{AtomicU64, Ordering};

/// A bounded cache in memory whose readers say how old a value may be.
///
/// **What it is.** quick_cache's variant of S3-FIFO (Yang and others, "FIFO queues are all you need for cache
/// eviction", SOSP 2023), with the time and the epoch of its fill in each entry. Time comes in as an argument:
/// this module reads no clock.
///
/// **Guarantees.** [`get`](Self::get) never gives a value older than its `age_max`, nor one whose fill began
/// before the last [`clear`](Self::clear). It holds at most `capacity` entries, rounded up to fill its parts
/// (a few for each core) evenly.
///
/// **Bad at.** Fills that race with invalidations: one [`invalidate`](Self::invalidate) does not stop a fill of
/// its key that is on its way. Let one place do both, in order, as an actor's turn does.
pub struct KeyedCache<K, V> {
    entries: Entries<K, V>,
    ttl: Duration,
    epoch: AtomicU64,
    lookups: Striped<Lookups>,
    fills: SharedCounter,
    evictions: SharedCounter,
}

type Entries<K, V> = Cache<K, Entry<V>, UnitWeighter, DefaultHashBuilder, HandOut>;

#[derive(Clone)]
struct Entry<V> {
    value: V,
    filled_at: Instant,
    epoch: u64,
}

#[derive(Default)]
struct Lookups {
    hits: SharedCounter,
    misses: SharedCounter,
}

/// What a cache has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Lookups that found a value young enough.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Values put in.
    pub fills: u64,
    /// Values that made room for others.
    pub evictions: u64,
    /// Entries now, those past their lifetime included.
    pub len: usize,
}

impl CacheStats {
    /// The part of the lookups that were hits, from 0 to 1. `None` before the first lookup.
    pub fn hit_ratio(&self) -> Option<f64> {
        let lookups = self.hits + self.misses;
        (lookups > 0).then(|| self.hits as f64 / lookups as f64)
    }
}

/// The numbers of two caches together.
impl std::ops::AddAssign for CacheStats {
    fn add_assign(&mut self, other: CacheStats) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.fills += other.fills;
        self.evictions += other.evictions;
        self.len += other.len;
    }
}

/// How a memory of so many entries evicts.
pub(super) fn options(capacity: usize) -> Options {
    OptionsBuilder::new()
        .estimated_items_capacity(capacity)
        .weight_capacity(capacity as u64)
        // quick_cache leaves 3 % to entries that were read once, as S3-FIFO's authors did for caches of millions. Of 500
        // entries that is 15: 1.5 points more misses (`compare cache`, misses/500), and none fewer of 4,000.
        .hot_allocation(0.9)
        .build()
        .expect("both capacities are set")
}

impl<K, V> KeyedCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync,
{
    /// A cache of `capacity` entries (at least 1), whose values live for `ttl` unless a reader says
    /// otherwise. Memory is taken as entries come.
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        let capacity = capacity.max(1);
        KeyedCache {
            entries: Cache::with_options(
                options(capacity),
                UnitWeighter,
                DefaultHashBuilder::default(),
                HandOut,
            ),
            ttl,
            epoch: AtomicU64::new(0),
            lookups: Striped::default(),
            fills: SharedCounter::default(),
            evictions: SharedCounter::default(),
        }
    }

    /// The value of `key` if it is at most `age_max` old at the time `now`.
    pub fn get(&self, key: &K, age_max: Duration, now: Instant) -> Option<V> {
        // ORDERING: Acquire; pairs with the AcqRel in `clear`. A reader that knows of a clear sees its epoch.
        let epoch = self.epoch.load(Ordering::Acquire);
        let fresh = |entry: &Entry<V>| {
            entry.epoch == epoch && now.saturating_duration_since(entry.filled_at) <= age_max
        };
        let value = self.entries.get(key).filter(fresh).map(|entry| entry.value);
        let lookups = self.lookups.mine();
        let counter = if value.is_some() { &lookups.hits } else { &lookups.misses };
        counter.add(1);
        value
    }

    /// Puts in the value of `key`, read at the time `now`. For a value that took a while to come by, see
    /// [`begin_fill`](Self::begin_fill).
    pub fn insert(&self, key: K, value: V, now: Instant) {
        self.begin_fill(now).insert(key, value);
    }

    /// Begins a fill, before the value is read from where it comes from. `now` is when: the value counts as
    /// that old.
    pub fn begin_fill(&self, now: Instant) -> Fill<'_, K, V> {
        // ORDERING: Acquire; pairs with the AcqRel in `clear`. What is read for this fill is read after it.
        let epoch = self.epoch.load(Ordering::Acquire);
        Fill { cache: self, epoch, filled_at: now }
    }

    /// Takes `key` out.
    pub fn invalidate(&self, key: &K) {
        self.entries.remove(key);
    }

    /// Takes everything out, at once for all readers. A fill that began before is not served after.
    pub fn clear(&self) {
        // ORDERING: AcqRel; Release pairs with the loads in `get` and `begin_fill`, which then see the epoch;
        // Acquire keeps the removal below from coming first.
        self.epoch.fetch_add(1, Ordering::AcqRel);
        // Not `Cache::clear`, which drops values under a shard's lock: a value's `Drop` may do as it likes.
        self.entries.drain().for_each(drop);
    }

    /// How long a value lives unless a reader says otherwise.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// What the cache has done so far.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.lookups.sum(|lookups| lookups.hits.value()),
            misses: self.lookups.sum(|lookups| lookups.misses.value()),
            fills: self.fills.value(),
            evictions: self.evictions.value(),
            len: self.entries.len(),
        }
    }
}

/// A fill that has begun. Dropping it fills nothing.
#[must_use = "a fill does nothing until its value is inserted"]
pub struct Fill<'a, K, V> {
    cache: &'a KeyedCache<K, V>,
    epoch: u64,
    filled_at: Instant,
}

impl<K, V> Fill<'_, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync,
{
    /// Puts the value in, unless the cache was cleared meanwhile.
    pub fn insert(self, key: K, value: V) {
        let Fill { cache, epoch, filled_at } = self;
        // ORDERING: Acquire; pairs with the AcqRel in `clear`. Only saves the room: `get` compares as well.
        if cache.epoch.load(Ordering::Acquire) != epoch {
            return;
        }
        // Dropped at the end, outside the shard's lock: a value's `Drop` may do as it likes.
        let mut displaced = Vec::new();
        let inserted = key.clone();
        cache.entries.insert_with_lifecycle(key, Entry { value, filled_at, epoch }, &mut displaced);
        cache.fills.add(1);
        let evicted = displaced.iter().filter(|(key, _)| *key != inserted).count();
        cache.evictions.add(evicted as u64);
    }
}

impl<K, V> fmt::Debug for KeyedCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCache").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

/// Hands entries that were evicted, or replaced under their key, out of the lock.
#[derive(Clone)]
struct HandOut;

impl<K, V> Lifecycle<K, Entry<V>> for HandOut {
    type RequestState = Vec<(K, Entry<V>)>;

    fn on_evict(&self, displaced: &mut Self::RequestState, key: K, entry: Entry<V>) {
        displaced.push((key, entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const TTL: Duration = Duration::from_secs(5);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_value_is_served_up_to_the_age_that_its_reader_allows() {
        let cache = KeyedCache::new(10, TTL);
        let start = Instant::now();
        cache.insert(1, "one", start);
        assert_eq!(cache.get(&1, TTL, start + seconds(5)), Some("one"));
        assert_eq!(cache.get(&1, TTL, start + seconds(6)), None);
        assert_eq!(cache.get(&1, seconds(60), start + seconds(6)), Some("one"), "an older one was allowed");
        assert_eq!(cache.get(&1, seconds(1), start + seconds(5)), None, "a younger one was wanted");
    }

    #[test]
    fn a_fill_counts_as_old_as_its_beginning() {
        let cache = KeyedCache::new(10, TTL);
        let start = Instant::now();
        let fill = cache.begin_fill(start);
        fill.insert(1, "one");
        assert_eq!(cache.get(&1, seconds(1), start + seconds(2)), None);
    }

    #[test]
    fn a_fill_that_began_before_a_clear_is_not_served_after() {
        let cache = KeyedCache::new(10, TTL);
        let now = Instant::now();
        cache.insert(1, "old", now);
        let fill = cache.begin_fill(now);
        cache.clear();
        assert_eq!(cache.get(&1, TTL, now), None);
        fill.insert(1, "older than the clear");
        assert_eq!(cache.get(&1, TTL, now), None);
        cache.insert(1, "new", now);
        assert_eq!(cache.get(&1, TTL, now), Some("new"));
    }

    #[test]
    fn an_entry_of_an_old_epoch_is_a_miss_even_if_it_got_in() {
        let cache = KeyedCache::new(10, TTL);
        let now = Instant::now();
        // As a fill that looked at the epoch just before the clear, and got in just after it.
        let entry = Entry { value: "old", filled_at: now, epoch: 0 };
        cache.clear();
        cache.entries.insert(1, entry);
        assert_eq!(cache.get(&1, TTL, now), None);
    }

    #[test]
    fn an_invalidated_key_is_a_miss_and_its_neighbour_is_not() {
        let cache = KeyedCache::new(10, TTL);
        let now = Instant::now();
        cache.insert(1, "one", now);
        cache.insert(2, "two", now);
        cache.invalidate(&1);
        assert_eq!((cache.get(&1, TTL, now), cache.get(&2, TTL, now)), (None, Some("two")));
    }

    #[test]
    fn the_statistics_of_a_scripted_run_are_exact() {
        let cache = KeyedCache::new(10, TTL);
        let now = Instant::now();
        assert_eq!(cache.stats().hit_ratio(), None);
        cache.get(&1, TTL, now);
        cache.insert(1, "one", now);
        for _ in 0..3 {
            cache.get(&1, TTL, now);
        }
        cache.insert(1, "uno", now);
        let expected = CacheStats { hits: 3, misses: 1, fills: 2, evictions: 0, len: 1 };
        assert_eq!(cache.stats(), expected);
        assert_eq!(cache.stats().hit_ratio(), Some(0.75));
        cache.clear();
        assert_eq!(cache.stats(), CacheStats { len: 0, ..expected });
    }

    #[test]
    fn a_full_cache_evicts_and_counts_it() {
        let cache = KeyedCache::new(100, TTL);
        let now = Instant::now();
        (0..1_000).for_each(|key| cache.insert(key, key, now));
        let stats = cache.stats();
        assert!(stats.len <= 128, "{} entries of 100", stats.len);
        assert_eq!(stats.evictions, 1_000 - stats.len as u64);
    }

    #[test]
    fn a_value_whose_drop_uses_the_cache_does_not_deadlock() {
        #[derive(Clone)]
        struct Reads(Arc<KeyedCache<u64, Reads>>);
        impl Drop for Reads {
            fn drop(&mut self) {
                self.0.entries.contains_key(&1);
            }
        }
        let cache = Arc::new(KeyedCache::new(1, TTL));
        let now = Instant::now();
        (0..100).for_each(|key| cache.insert(key, Reads(cache.clone()), now));
        assert!(cache.stats().evictions > 0);
        (0..3).for_each(|_| cache.insert(1, Reads(cache.clone()), now));
        cache.invalidate(&1);
        cache.insert(1, Reads(cache.clone()), now);
        cache.clear();
    }

    #[test]
    fn a_reader_of_one_key_never_goes_back() {
        let cache = KeyedCache::new(10, TTL);
        let now = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < 20_000u64 {
                        let value = cache.get(&1, TTL, now).unwrap_or(seen);
                        assert!(value >= seen, "{value} after {seen}");
                        seen = value;
                    }
                });
            }
            for value in 1..=20_000 {
                cache.invalidate(&1);
                cache.insert(1, value, now);
            }
        });
    }
}
