//! A bounded map that evicts: moka's W-TinyLFU, for who asks for it by the feature `moka`. The twin of `map.rs`.

use std::hash::Hash;
use std::sync::Arc;

use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::sync::Mutex;

/// At most `capacity` entries, once it has come to count them: moka does so at every few operations.
pub(super) struct Map<K, T> {
    cache: Cache<K, T>,
    /// What moka threw out since the last insertion.
    evicted: Evicted<K, T>,
}

/// What an insertion put out of its place.
pub(super) struct Displaced<K, T> {
    pub(super) evicted: Vec<(K, T)>,
}

type Evicted<K, T> = Arc<Mutex<Vec<(K, T)>>>;

impl<K, T> Map<K, T>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(super) fn new(capacity: usize) -> Self {
        let evicted: Evicted<K, T> = Arc::default();
        let told = evicted.clone();
        let listen = move |key: Arc<K>, value, cause| {
            if cause == RemovalCause::Size {
                told.lock().push(((*key).clone(), value));
            }
        };
        let cache = Cache::builder().max_capacity(capacity as u64).eviction_listener(listen).build();
        Map { cache, evicted }
    }

    #[inline]
    pub(super) fn get(&self, key: &K) -> Option<T> {
        self.cache.get(key)
    }

    /// Puts it in, and gives what had to make room: perhaps what was put in, where the rest is wanted more.
    pub(super) fn insert(&self, key: &K, value: T) -> Displaced<K, T> {
        self.cache.insert(key.clone(), value);
        self.cache.run_pending_tasks();
        Displaced { evicted: std::mem::take(&mut *self.evicted.lock()) }
    }

    pub(super) fn remove(&self, key: &K) -> Option<T> {
        self.cache.remove(key)
    }

    pub(super) fn keys_where(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<K> {
        let wanted = self.cache.iter().filter(|(_, value)| is_wanted(value));
        wanted.map(|(key, _)| (*key).clone()).collect()
    }

    /// A copy of everything.
    pub(super) fn all(&self) -> Vec<(K, T)> {
        self.cache.iter().map(|(key, value)| ((*key).clone(), value)).collect()
    }

    /// Takes everything out. Not by `invalidate_all`, which goes by a clock: what came in its own moment stays.
    pub(super) fn drain(&self) -> Vec<(K, T)> {
        let keys: Vec<_> = self.cache.iter().map(|(key, _)| key).collect();
        let removed =
            keys.into_iter().filter_map(|key| self.cache.remove(&*key).map(|value| ((*key).clone(), value)));
        removed.collect()
    }

    pub(super) fn len(&self) -> usize {
        self.cache.run_pending_tasks();
        self.cache.entry_count() as usize
    }
}
