//! What a cache is made of, without its source.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::super::clock::Clock;
use super::super::entry::{Body, Entry, Stamp, Timestamp};
use super::super::flights::Flights;
use super::super::lifetime::Lifetime;
use super::super::memory::{Kept, Memory};
use super::super::slot::{OnItsWay, Origin, Slot};
use super::super::source::LoadError;
use super::super::stats::{ReadCounts, TierStats, TieredStats};
use super::super::tier::Watcher;
use crate::sync::Mutex;

/// How values and keys become bytes, for the tiers behind the memory. What cannot be encoded or read back is nothing.
pub(super) trait Wire<K, V>: Send + Sync {
    fn key(&self, key: &K) -> Option<Arc<[u8]>>;
    fn key_back(&self, bytes: &[u8]) -> Option<K>;
    fn value(&self, value: &V) -> Option<Arc<[u8]>>;
    fn value_back(&self, bytes: &[u8]) -> Option<V>;
}

/// A key and its value in bytes, alike for every tier. Made once, before any lock: a large value takes its time.
pub(super) struct Encoded {
    key: Arc<[u8]>,
    /// Nothing of a value that cannot be encoded.
    body: Option<Body>,
}

/// What is not a tier of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// How long it is known that the source has none; zero: not at all.
    pub(super) negative: Duration,
    /// By how much of itself a lifetime is shortened at most, so that what came together does not expire together.
    pub(super) jitter: f64,
    pub(super) load_time_max: Duration,
    /// How long what was served after an error is served before the source is asked again.
    pub(super) retry_after: Duration,
}

/// A cache without its source: whoever reads brings one.
pub(crate) struct Core<K, V> {
    pub(super) name: Arc<str>,
    pub(crate) clock: Clock,
    pub(super) memory: Memory<K, V>,
    pub(super) lifetime: Lifetime,
    pub(super) slots: Vec<Slot>,
    /// There if there are tiers.
    pub(super) wire: Option<Box<dyn Wire<K, V>>>,
    pub(super) rules: Rules,
    /// Whether a value says that there is none, where values say so themselves.
    pub(super) is_negative: fn(&V) -> bool,
    pub(super) flights: Flights<K, Result<Outcome<V>, LoadError>>,
    pub(super) counts: ReadCounts,
    pub(super) floors: Mutex<Floors>,
    /// Writes that the source has not got yet.
    pub(super) pending: OnceLock<Arc<dyn Pending<K, V>>>,
    /// Told by the tiers what others do to them.
    pub(super) watchers: OnceLock<Vec<Arc<dyn Watcher>>>,
    pub(super) handle: Handle,
    /// Refreshes; aborted with the cache.
    pub(super) tasks: Mutex<JoinSet<()>>,
}

/// What is older is not served, whatever tier has it.
#[derive(Default)]
pub(super) struct Floors {
    /// Since the last restart, or clear.
    all: Stamp,
    /// Since tags were removed: until then they are remembered, for entries that are still on their way.
    tags: HashMap<Arc<str>, (Stamp, Timestamp)>,
}

/// How long a removed tag is remembered: longer than a search may take.
const TAG_REMEMBERED: Duration = Duration::from_secs(60);
/// Removed tags that are remembered. For the sake of more, everything is cleared.
const TAGS_LEN_MAX: usize = 10_000;

/// What was written and is not in the source yet.
pub(super) trait Pending<K, V>: Send + Sync {
    fn of(&self, key: &K) -> Option<Kept<V>>;
}

/// What a search found.
#[derive(Clone)]
pub(super) struct Outcome<V> {
    pub(super) kept: Kept<V>,
    pub(super) is_stale: bool,
}

impl<K, V> Core<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stats(&self) -> TieredStats {
        let (counts, memory) = (&self.counts, &self.memory);
        let len = memory.len() as u64;
        let in_memory = TierStats {
            hits: memory.hits(),
            misses: memory.misses(),
            len: Some(len),
            bytes: Some(len * Memory::<K, V>::entry_size() as u64),
            evictions: Some(memory.evictions()),
            ..TierStats::named("memory")
        };
        let tiers = std::iter::once(in_memory).chain(self.slots.iter().map(Slot::stats)).collect();
        TieredStats {
            hits: memory.hits() + counts.hits_behind.value(),
            stale: counts.stale.value(),
            misses: counts.misses.value(),
            coalesced: counts.coalesced.value(),
            loads: counts.loads.value(),
            load_errors: counts.load_errors.value(),
            load_time: Duration::from_nanos(counts.load_nanos.value()),
            refreshes: counts.refreshes.value(),
            behind: 0,
            tiers,
        }
    }

    pub(super) fn key_bytes(&self, key: &K) -> Option<Arc<[u8]>> {
        self.wire.as_ref().and_then(|wire| wire.key(key))
    }

    /// The lifetime of `value` in a tier whose values live for `lifetime`.
    pub(super) fn lifetime_of(&self, value: Option<&V>, lifetime: Lifetime) -> Lifetime {
        match value {
            Some(value) if !(self.is_negative)(value) => lifetime,
            _ => lifetime.capped(self.rules.negative),
        }
    }

    /// `duration`, shortened by up to the jitter. Alike in every tier and process for one state of a key.
    fn jittered(&self, duration: Duration, key: &K, stamp: Stamp) -> Duration {
        if self.rules.jitter == 0.0 {
            return duration;
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((key, stamp.epoch, stamp.version));
        let share = hash as f64 / u64::MAX as f64;
        duration.mul_f64(1.0 - self.rules.jitter * share)
    }

    /// A state of `key` as the memory keeps it, with lifetimes that begin at `from`.
    pub(super) fn kept(&self, key: &K, value: Option<V>, stamp: Stamp, from: Timestamp) -> Kept<V> {
        let lifetime = self.lifetime_of(value.as_ref(), self.lifetime);
        let fresh_until = from.after(self.jittered(lifetime.fresh, key, stamp));
        Kept {
            value,
            stamp,
            made_at: from,
            fresh_until,
            stale_until: fresh_until.after(lifetime.stale),
            keep_until: fresh_until.after(lifetime.stale).after(lifetime.on_error),
            retry_at: Timestamp::default(),
            tags: None,
        }
    }

    /// What the tiers are sent of this key and value. Nothing if there are none, or the key cannot be encoded.
    pub(super) fn encoded(&self, key: &K, value: Option<&V>) -> Option<Encoded> {
        let key = self.key_bytes(key)?;
        let body = match value {
            Some(value) => self.wire.as_ref()?.value(value).map(Body::Value),
            None => Some(Body::Absent),
        };
        Some(Encoded { key, body })
    }

    /// A state for a tier; nothing if it is not to be kept there.
    fn entry_for(&self, slot: &Slot, key: &K, kept: &Kept<V>, body: Body, now: Timestamp) -> Option<Entry> {
        let lifetime = self.lifetime_of(kept.value.as_ref(), slot.lifetime);
        let fresh_until = kept.made_at.after(self.jittered(lifetime.fresh, key, kept.stamp));
        let keep_until = fresh_until.after(lifetime.stale).after(lifetime.on_error);
        let tags = kept.tags.iter().flat_map(|tags| tags.iter().cloned()).collect();
        let entry = Entry { stamp: kept.stamp, made_at: kept.made_at, fresh_until, keep_until, tags, body };
        entry.is_kept(now).then_some(entry)
    }

    /// Sends a state to every tier, its value as it was encoded. What cannot be put there is removed from there, if it
    /// was written.
    pub(super) fn send(
        &self,
        key: &K,
        kept: &Kept<V>,
        encoded: Option<&Encoded>,
        origin: Origin,
    ) -> Vec<(usize, OnItsWay)> {
        let Some(Encoded { key: bytes, body }) = encoded else { return Vec::new() };
        let now = self.clock.now();
        let send = |(index, slot): (usize, &Slot)| {
            let entry = body.as_ref().and_then(|body| self.entry_for(slot, key, kept, body.clone(), now));
            let on_its_way = match entry {
                Some(entry) => slot.put(bytes, entry, origin),
                None if origin == Origin::Fill => None,
                None => slot.remove(bytes, kept.stamp),
            };
            Some((index, on_its_way?))
        };
        self.slots.iter().enumerate().filter_map(send).collect()
    }

    /// Waits until what was sent has arrived, or for as long as each tier may take.
    pub(super) async fn arrived(&self, writes: Vec<(usize, OnItsWay)>) {
        for (index, write) in writes {
            self.slots[index].arrived(write).await;
        }
    }

    /// Puts a state into the memory and sends it on, and outdates the search for it.
    pub(super) fn write(&self, key: &K, kept: Kept<V>, origin: Origin) -> Vec<(usize, OnItsWay)> {
        let encoded = self.encoded(key, kept.value.as_ref());
        let (displaced, writes) = self.flights.outdate(key, || {
            let writes = self.send(key, &kept, encoded.as_ref(), origin);
            (self.memory.insert(key, kept), writes)
        });
        drop(displaced);
        writes
    }

    /// Removes `key` everywhere, as of `stamp`.
    pub(super) fn remove(&self, key: &K, stamp: Stamp) -> Vec<(usize, OnItsWay)> {
        let bytes = self.key_bytes(key);
        let (removed, writes) = self.flights.outdate(key, || {
            let removed = self.memory.remove(key);
            let slots = self.slots.iter().enumerate();
            let send = |(index, slot): (usize, &Slot)| Some((index, slot.remove(bytes.as_ref()?, stamp)?));
            (removed, slots.filter_map(send).collect())
        });
        drop(removed);
        writes
    }

    pub(super) fn remove_tag(&self, tag: &Arc<str>, stamp: Stamp) -> Vec<(usize, OnItsWay)> {
        if !self.remember_tag(tag, stamp) {
            return self.clear(stamp);
        }
        let slots = self.slots.iter().enumerate();
        let writes = slots.filter_map(|(index, slot)| Some((index, slot.remove_tag(tag, stamp)?))).collect();
        // After the floor is raised: a search that is not outdated here sees it.
        self.flights.outdate_all();
        self.memory.remove_tag(tag, stamp);
        writes
    }

    /// Raises the floor of a tag; false if too many are remembered.
    pub(super) fn remember_tag(&self, tag: &Arc<str>, stamp: Stamp) -> bool {
        let now = self.clock.now();
        let mut floors = self.floors.lock();
        if floors.tags.len() >= TAGS_LEN_MAX {
            let is_on_its_way = |tag: &Arc<str>| self.slots.iter().any(|slot| slot.removes_tag(tag));
            floors.tags.retain(|tag, (_, until)| now < *until || is_on_its_way(tag));
        }
        if floors.tags.len() >= TAGS_LEN_MAX {
            floors.tags.clear();
            return false;
        }
        let floor = floors.tags.entry(tag.clone()).or_default();
        *floor = (stamp.max(floor.0), now.after(TAG_REMEMBERED));
        true
    }

    pub(super) fn clear(&self, stamp: Stamp) -> Vec<(usize, OnItsWay)> {
        self.raise_floor(stamp);
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(index, slot)| Some((index, slot.remove_all(stamp)?))).collect()
    }

    /// From now on nothing older is served, whatever tier has it.
    pub(super) fn raise_floor(&self, stamp: Stamp) {
        let mut floors = self.floors.lock();
        floors.all = stamp.max(floors.all);
        drop(floors);
        // After the floor is raised: a search that is not outdated here sees it.
        self.flights.outdate_all();
        self.memory.clear();
    }

    /// Whether nothing was cleared since this entry.
    pub(super) fn is_above_floors(&self, entry: &Entry) -> bool {
        let floors = self.floors.lock();
        let is_above = |tag: &Arc<str>| floors.tags.get(tag).is_none_or(|(stamp, _)| entry.stamp >= *stamp);
        entry.stamp >= floors.all && entry.tags.iter().all(is_above)
    }

    pub(crate) fn restart(&self) -> Stamp {
        let epoch = self.clock.next_epoch();
        self.raise_floor(epoch);
        epoch
    }

    /// Runs a task that ends with the cache.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.handle);
    }

    pub(crate) async fn drain(&self) {
        for slot in &self.slots {
            slot.drain().await;
        }
    }
}
