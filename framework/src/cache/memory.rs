//! The memory in front of a cache's tiers: values as they are, by key.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::entry::{Stamp, Timestamp};
use super::map::Map;
use crate::stats::{SharedCounter, Striped};
use crate::sync::Mutex;

/// What is known of a key, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Kept<V> {
    /// Nothing if the source has none.
    pub(crate) value: Option<V>,
    pub(crate) stamp: Stamp,
    pub(crate) made_at: Timestamp,
    pub(super) fresh_until: Timestamp,
    /// Served until then while it is being refreshed.
    pub(super) stale_until: Timestamp,
    /// Served until then if the source fails.
    pub(super) keep_until: Timestamp,
    /// The source failed: it is not asked again before.
    pub(super) retry_at: Timestamp,
    pub(super) tags: Option<Arc<[Arc<str>]>>,
}

impl<V> Kept<V> {
    /// A value that is kept nowhere.
    pub(crate) fn unkept(value: V) -> Self {
        let never = Timestamp::default();
        Kept {
            value: Some(value),
            stamp: Stamp::MIN,
            made_at: never,
            fresh_until: never,
            stale_until: never,
            keep_until: never,
            retry_at: never,
            tags: None,
        }
    }

    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.fresh_until
    }

    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().flat_map(|tags| tags.iter()).any(|has| **has == *tag)
    }
}

/// Values by key, and what stamps the last keys had that it holds no more.
pub(super) struct Memory<K, V> {
    kept: Map<K, Kept<V>>,
    lookups: Striped<Lookups>,
    evictions: SharedCounter,
    seen: Seen<K>,
}

#[derive(Default)]
struct Lookups {
    hits: SharedCounter,
    misses: SharedCounter,
}

impl<K, V> Memory<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(capacity: usize) -> Self {
        Memory {
            kept: Map::new(capacity.max(1)),
            lookups: Striped::default(),
            evictions: SharedCounter::default(),
            seen: Seen::new(capacity),
        }
    }

    /// What is kept of `key`, if it passes. Counted.
    #[inline]
    pub(super) fn find(&self, key: &K, passes: impl FnOnce(&Kept<V>) -> bool) -> Option<Kept<V>> {
        let found = self.kept.get(key).filter(passes);
        let lookups = self.lookups.mine();
        let counter = if found.is_some() { &lookups.hits } else { &lookups.misses };
        counter.add(1);
        found
    }

    /// What is kept of `key`, whatever it is. Not counted.
    pub(super) fn peek(&self, key: &K) -> Option<Kept<V>> {
        self.kept.get(key)
    }

    /// Keeps it, unless something newer is kept. The caller sees to it that nobody else inserts or removes this
    /// key meanwhile, and drops what is returned outside its lock: a value's `Drop` may do as it likes.
    pub(super) fn insert(&self, key: &K, kept: Kept<V>) -> impl Sized + use<K, V> {
        let there = self.kept.get(key);
        // What is older than what was here last, or was given to somebody, is a step back as well.
        if there.as_ref().is_some_and(|there| there.stamp > kept.stamp) || self.seen(key) > kept.stamp {
            return (there, Err(kept));
        }
        let displaced = self.kept.insert(key, kept);
        for (evicted, kept) in &displaced.evicted {
            self.evictions.add(1);
            self.seen.note(evicted, kept.stamp);
        }
        (there, Ok(displaced))
    }

    /// Takes `key` out. What is returned is dropped outside the caller's lock, as above.
    pub(super) fn remove(&self, key: &K) -> Option<Kept<V>> {
        let kept = self.kept.remove(key)?;
        self.seen.note(key, kept.stamp);
        Some(kept)
    }

    pub(super) fn remove_tag(&self, tag: &str, below: Stamp) {
        let tagged = self.kept.keys_where(|kept| kept.stamp < below && kept.has_tag(tag));
        tagged.iter().for_each(|key| drop(self.remove(key)));
    }

    /// Takes everything out.
    pub(super) fn clear(&self) {
        // Before they go: a search that finds the memory empty must find the stamps.
        for (key, kept) in self.kept.all() {
            self.seen.note(&key, kept.stamp);
        }
        for (key, kept) in self.kept.drain() {
            self.seen.note(&key, kept.stamp);
        }
    }

    /// Somebody is given this state without its being kept here: nothing older is, from now on. The caller sees to it
    /// that nobody else inserts or removes this key meanwhile.
    pub(super) fn given(&self, key: &K, stamp: Stamp) -> Option<Kept<V>> {
        self.seen.note(key, stamp);
        let is_older = self.kept.get(key).is_some_and(|there| there.stamp < stamp);
        if is_older { self.kept.remove(key) } else { None }
    }

    /// The stamp that `key` had when it was last here, as far as that is still known: what is older would be a step
    /// back for somebody.
    pub(super) fn seen(&self, key: &K) -> Stamp {
        self.seen.of(key)
    }

    /// The newest state that somebody may have been given before now, as far as that is still known.
    pub(super) fn floor(&self, key: &K) -> Stamp {
        // In this order: what goes in between is found among what was seen.
        let there = self.kept.get(key).map_or(Stamp::MIN, |kept| kept.stamp);
        self.seen(key).max(there)
    }

    pub(super) fn hits(&self) -> u64 {
        self.lookups.sum(|lookups| lookups.hits.value())
    }

    pub(super) fn misses(&self) -> u64 {
        self.lookups.sum(|lookups| lookups.misses.value())
    }

    pub(super) fn evictions(&self) -> u64 {
        self.evictions.value()
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// What one entry takes, without what it points to.
    pub(super) fn entry_size() -> usize {
        size_of::<K>() + size_of::<Kept<V>>()
    }
}

/// Stamps of keys that left the memory: a table of about as many as the memory holds, in sets of eight.
///
/// A tier may be behind what was here: a write that has not reached it yet, a server restored from a snapshot. For the
/// keys in this table such an entry is a miss. A key whose place another one took is not guarded any more: of a set the
/// one that came first gives way.
struct Seen<K> {
    sets: Box<[Mutex<Set<K>>]>,
    hasher: std::hash::RandomState,
}

struct Set<K> {
    places: [Option<(K, Stamp)>; WAYS],
    /// Which gives way next.
    oldest: usize,
}

/// In sets of one, a few of a hundred keys would share theirs with another, and be guarded at no time.
const WAYS: usize = 8;
/// More than enough for any memory, and bounded for huge ones.
const SEEN_LEN_MAX: usize = 1 << 20;

impl<K: Hash + Eq + Clone> Seen<K> {
    fn new(capacity: usize) -> Self {
        let len = capacity.clamp(64, SEEN_LEN_MAX).next_power_of_two();
        let set = || Mutex::new(Set { places: std::array::from_fn(|_| None), oldest: 0 });
        Seen { sets: (0..len / WAYS).map(|_| set()).collect(), hasher: std::hash::RandomState::new() }
    }

    fn set(&self, key: &K) -> &Mutex<Set<K>> {
        &self.sets[self.hasher.hash_one(key) as usize & (self.sets.len() - 1)]
    }

    fn note(&self, key: &K, stamp: Stamp) {
        let mut set = self.set(key).lock();
        if let Some((_, before)) = set.places.iter_mut().flatten().find(|(of, _)| of == key) {
            *before = stamp.max(*before);
            return;
        }
        let at = set.oldest;
        set.oldest = (at + 1) % WAYS;
        let displaced = set.places[at].replace((key.clone(), stamp));
        // A key's `Drop` may do as it likes.
        drop(set);
        drop(displaced);
    }

    fn of(&self, key: &K) -> Stamp {
        let set = self.set(key).lock();
        set.places.iter().flatten().find(|(of, _)| of == key).map_or(Stamp::MIN, |(_, stamp)| *stamp)
    }
}
