//! A store in a map: for tests, and the shortest reading of what a tier is.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::entry::{Body, Entry, Stamp, Timestamp};
use super::tier::{Put, Store, Tier, TierError, TierFuture, Usage};
use crate::sync::Mutex;

/// Keeps entries in a map behind a lock, without a bound: for tests. It outlives the caches that use it, as a server
/// does.
#[derive(Clone, Default)]
pub struct MapStore {
    tiers: Arc<Mutex<HashMap<String, Arc<MapTier>>>>,
}

#[derive(Default)]
struct MapTier(Mutex<State>);

#[derive(Default)]
struct State {
    entries: HashMap<Vec<u8>, Entry>,
    tags: HashMap<Arc<str>, Stamp>,
    floor: Stamp,
}

impl State {
    /// What a new entry with these tags must reach.
    fn floor_of(&self, entry: &Entry) -> Stamp {
        let tags = entry.tags.iter().filter_map(|tag| self.tags.get(tag)).copied();
        tags.max().unwrap_or_default().max(self.floor)
    }
}

impl MapStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MapStore {
    fn name(&self) -> &str {
        "map"
    }

    fn tier(&self, space: &str) -> Arc<dyn Tier> {
        self.tiers.lock().entry(space.to_owned()).or_default().clone()
    }
}

fn ready<'a, T: Send + 'a>(value: Result<T, TierError>) -> TierFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Tier for MapTier {
    fn get<'a>(&'a self, key: &'a [u8], now: Timestamp) -> TierFuture<'a, Option<Entry>> {
        ready(Ok(self.0.lock().entries.get(key).filter(|entry| entry.is_kept(now)).cloned()))
    }

    fn put<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put> {
        let mut state = self.0.lock();
        let floor = state.floor_of(entry);
        if entry.stamp < floor {
            return ready(Ok(Put::Outdated(floor)));
        }
        if let Some(there) =
            state.entries.get(key).filter(|there| there.is_kept(now) && there.outranks(entry))
        {
            return ready(Ok(Put::Outdated(there.stamp)));
        }
        state.entries.insert(key.to_vec(), entry.clone());
        ready(Ok(Put::Stored))
    }

    fn remove_tag<'a>(&'a self, tag: &'a str, stamp: Stamp, _now: Timestamp) -> TierFuture<'a, ()> {
        let mut state = self.0.lock();
        let at = state.tags.entry(tag.into()).or_default();
        *at = stamp.max(*at);
        state.entries.retain(|_, entry| entry.stamp >= stamp || entry.tags.iter().all(|has| **has != *tag));
        ready(Ok(()))
    }

    fn clear(&self, stamp: Stamp, _now: Timestamp) -> TierFuture<'_, ()> {
        let mut state = self.0.lock();
        state.floor = stamp.max(state.floor);
        state.entries.retain(|_, entry| entry.stamp >= stamp);
        ready(Ok(()))
    }

    fn usage(&self) -> Usage {
        let state = self.0.lock();
        let size = |(key, entry): (&Vec<u8>, &Entry)| match &entry.body {
            Body::Value(value) => key.len() + value.len(),
            Body::Absent | Body::Removed => key.len(),
        };
        Usage {
            len: Some(state.entries.len() as u64),
            bytes: Some(state.entries.iter().map(size).sum::<usize>() as u64),
            evictions: Some(0),
        }
    }
}

impl fmt::Debug for MapStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapStore").finish_non_exhaustive()
    }
}
