//! A bounded map that evicts: quick_cache's variant of S3-FIFO.

use std::hash::Hash;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter};

use super::keyed::options;

/// At most `capacity` entries, rounded up to fill its parts evenly.
pub(super) struct Map<K, T>(Cache<K, T, UnitWeighter, DefaultHashBuilder, HandOut>);

impl<K, T> Map<K, T>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(super) fn new(capacity: usize) -> Self {
        Map(Cache::with_options(options(capacity), UnitWeighter, DefaultHashBuilder::default(), HandOut))
    }

    #[inline]
    pub(super) fn get(&self, key: &K) -> Option<T> {
        self.0.get(key)
    }

    /// Puts it in, and gives what had to make room, and what was under its key.
    pub(super) fn insert(&self, key: &K, value: T) -> Displaced<K, T> {
        let mut displaced = Vec::new();
        self.0.insert_with_lifecycle(key.clone(), value, &mut displaced);
        let (replaced, evicted) = displaced.into_iter().partition(|(displaced, _)| displaced == key);
        Displaced { evicted, _replaced: replaced }
    }

    pub(super) fn remove(&self, key: &K) -> Option<T> {
        self.0.remove(key).map(|(_, value)| value)
    }

    pub(super) fn keys_where(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<K> {
        self.0.iter().filter(|(_, value)| is_wanted(value)).map(|(key, _)| key).collect()
    }

    /// A copy of everything.
    pub(super) fn all(&self) -> Vec<(K, T)> {
        self.0.iter().collect()
    }

    /// Takes everything out. Not `Cache::clear`, which drops values under a shard's lock.
    pub(super) fn drain(&self) -> Vec<(K, T)> {
        self.0.drain().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What an insertion put out of its place.
pub(super) struct Displaced<K, T> {
    pub(super) evicted: Vec<(K, T)>,
    /// For its drop alone, which the caller delays.
    _replaced: Vec<(K, T)>,
}

/// Hands entries that were evicted, or replaced under their key, out of the lock: a value's `Drop` may do as it
/// likes.
#[derive(Clone)]
struct HandOut;

impl<K, T> Lifecycle<K, T> for HandOut {
    type RequestState = Vec<(K, T)>;

    fn on_evict(&self, displaced: &mut Self::RequestState, key: K, value: T) {
        displaced.push((key, value));
    }
}
