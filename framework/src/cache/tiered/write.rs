//! Writes: to the source and the tiers, in the order that the policy says; and removals.

use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::super::entry::Stamp;
use super::super::memory::Kept;
use super::super::outbox::{Limits, Outbox};
use super::super::panics::catch_panic;
use super::super::slot::Origin;
use super::super::source::{LoadError, Stores};
use super::TieredCache;
use super::core::{Core, Pending};

/// In which order a write reaches the source and the tiers, and so what it can lose.
///
/// | policy | when `put` returns | what can be lost | what can be stale |
/// |---|---|---|---|
/// | `Through` | the source has it, and each tier that is up | nothing | another process's memory, until the tier has told it; two processes that write one key at once without versions |
/// | `Behind` | the memory has it | what waits when the process is killed: at most `keys_max` keys, the last value of each; a stop drains them | the source and other processes, until it has arrived |
/// | `Around` | the source has it, and no tier has the key | nothing | nothing but what `Through` says of other memories |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// To the source, then to the tiers.
    Through,
    /// To the memory; to the source in the background, in order a key, the newest in the place of those that wait, tried
    /// until it has arrived; then to the other tiers. A full queue lets `put` wait. Not for a source with versions.
    Behind {
        /// Keys that may wait.
        keys_max: usize,
    },
    /// To the source; what the tiers have of the key is removed. The next reader loads it.
    Around,
}

/// Why a write was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The source failed, or was given up waiting for: whether it has the value is not known, and the tiers have dropped
    /// the key.
    #[error("the source did not take it: {0}")]
    Source(LoadError),
}

/// Before a failed write is tried again; doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Writes to the source at a time, of different keys.
const WORKERS_MAX: usize = 8;
/// Keys spread over this many locks.
const LOCKS: usize = 64;

pub(super) struct Writer<K, V> {
    writes: Writes,
    source: Arc<dyn Stores<K, V>>,
    behind: Option<Outbox<K, Kept<V>>>,
    /// Writes of one key follow each other, so that the stamps are in the order in which the source has them.
    order: [tokio::sync::Mutex<()>; LOCKS],
    hasher: RandomState,
}

impl<K, V> Writer<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(
        writes: Writes,
        core: &Arc<Core<K, V>>,
        source: Arc<dyn Stores<K, V>>,
        handle: Handle,
    ) -> Arc<Self> {
        let behind = match writes {
            Writes::Through | Writes::Around => None,
            Writes::Behind { keys_max } => Some(outbox(keys_max, core, &source, handle)),
        };
        let order = std::array::from_fn(|_| tokio::sync::Mutex::new(()));
        Arc::new(Writer { writes, source, behind, order, hasher: RandomState::new() })
    }

    pub(super) fn waiting(&self) -> usize {
        self.behind.as_ref().map_or(0, Outbox::len)
    }

    fn order(&self, key: &K) -> &tokio::sync::Mutex<()> {
        &self.order[self.hasher.hash_one(key) as usize % LOCKS]
    }
}

impl<K, V> Pending<K, V> for Writer<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn of(&self, key: &K) -> Option<Kept<V>> {
        self.behind.as_ref()?.peek(key)
    }
}

/// Writes to the source; what it has goes on to the tiers.
fn outbox<K, V>(
    keys_max: usize,
    core: &Arc<Core<K, V>>,
    source: &Arc<dyn Stores<K, V>>,
    handle: Handle,
) -> Outbox<K, Kept<V>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let limits = Limits {
        len_max: keys_max.max(1),
        workers_max: WORKERS_MAX,
        backoff_min: RETRY_MIN,
        backoff_max: RETRY_MAX,
    };
    // Weakly: the cache owns the outbox, through the writer.
    let (core, source) = (Arc::downgrade(core), source.clone());
    let deliver = move |key: K, kept: Kept<V>| -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let (core, source) = (core.clone(), source.clone());
        Box::pin(async move {
            if let Err(error) = store(&*source, key.clone(), kept.value.clone()).await {
                tracing::warn!(target: "ostraca::cache", "a write is tried again: {error}");
                return false;
            }
            if let Some(core) = core.upgrade() {
                let kept = Kept { stamp: core.clock.stamp(), ..kept };
                // On its way is enough: nobody waits for the tiers.
                let encoded = core.encoded(&key, kept.value.as_ref());
                let _on_its_way = core.send(&key, &kept, encoded.as_ref(), Origin::Write);
            }
            true
        })
    };
    Outbox::new(handle, limits, Box::new(deliver))
}

async fn store<K, V>(
    source: &dyn Stores<K, V>,
    key: K,
    value: Option<V>,
) -> Result<Option<Stamp>, LoadError> {
    catch_panic(source.store(key, value)).await.unwrap_or(Err(LoadError::Panicked))
}

impl<K, V> TieredCache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Writes `value` by the cache's [`Writes`] policy, and gives the state it made: a read
    /// [`after`](super::Read::after) it sees the write.
    ///
    /// # Errors
    ///
    /// When the source fails. With [`Writes::Behind`] never.
    ///
    /// # Cancellation
    ///
    /// Dropping it ends the wait; a write that has begun goes on.
    pub async fn put(&self, key: &K, value: V) -> Result<Stamp, WriteError> {
        self.write(key, Some(value)).await
    }

    /// As [`put`](Self::put), of nothing: the source has no value any more.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    ///
    /// # Cancellation
    ///
    /// As [`put`](Self::put).
    pub async fn delete(&self, key: &K) -> Result<Stamp, WriteError> {
        self.write(key, None).await
    }

    async fn write(&self, key: &K, value: Option<V>) -> Result<Stamp, WriteError> {
        if let Some(behind) = &self.writer.behind {
            return Ok(self.write_behind(behind, key, value).await);
        }
        let (cache, key) = (self.clone(), key.clone());
        // A task of its own: dropped between the source and the tiers, it would leave them stale.
        let written = self.core.handle.spawn(async move { cache.write_now(&key, value).await });
        written.await.unwrap_or(Err(WriteError::Source(LoadError::Panicked)))
    }

    async fn write_now(&self, key: &K, value: Option<V>) -> Result<Stamp, WriteError> {
        let core = &self.core;
        let order = self.writer.order(key).lock().await;
        let stored = store(&*self.writer.source, key.clone(), value.clone()).await;
        // Stamped when the source has it: a load that read what was there before began before.
        let (stamp, sent) = match &stored {
            Ok(version) if self.writer.writes == Writes::Through => {
                let stamp = version.unwrap_or_else(|| core.clock.stamp());
                let origin = if version.is_some() { Origin::Versioned } else { Origin::Write };
                let kept = core.kept(key, value, stamp, core.clock.now());
                (stamp, core.write(key, kept, origin))
            }
            Ok(version) => {
                let stamp = version.unwrap_or_else(|| core.clock.stamp());
                (stamp, core.remove(key, stamp))
            }
            Err(_) => {
                let stamp = core.clock.stamp();
                (stamp, core.remove(key, stamp))
            }
        };
        drop(order);
        core.arrived(sent).await;
        stored.map(|_| stamp).map_err(WriteError::Source)
    }

    async fn write_behind(&self, behind: &Outbox<K, Kept<V>>, key: &K, value: Option<V>) -> Stamp {
        let core = &self.core;
        loop {
            behind.room(key).await;
            let pushed = core.flights.outdate(key, || {
                let stamp = core.clock.stamp();
                let kept = core.kept(key, value.clone(), stamp, core.clock.now());
                behind.push(key.clone(), kept.clone()).ok()?;
                Some((stamp, core.memory.insert(key, kept)))
            });
            // Another took the room in between.
            if let Some((stamp, displaced)) = pushed {
                drop(displaced);
                return stamp;
            }
        }
    }

    /// Takes in a value that the caller has written to the source already.
    pub async fn update(&self, key: &K, value: V) -> Stamp {
        let stamp = self.core.clock.stamp();
        self.update_at(key, value, stamp).await;
        stamp
    }

    /// As [`update`](Self::update), with the source's own state of it. What is older than what is there is left out.
    pub async fn update_at(&self, key: &K, value: V, stamp: Stamp) {
        let core = &self.core;
        let kept = core.kept(key, Some(value), stamp, core.clock.now());
        core.arrived(core.write(key, kept, Origin::Versioned)).await;
    }

    /// Removes `key` from every tier, after its value in the source was changed by other means. When it returns, no
    /// read of this process is answered by what was there before; tiers that are out of reach get it later.
    pub async fn invalidate(&self, key: &K) -> Stamp {
        let stamp = self.core.clock.stamp();
        self.core.arrived(self.core.remove(key, stamp)).await;
        stamp
    }

    /// Removes every value with this tag from every tier, as [`invalidate`](Self::invalidate) does one.
    pub async fn remove_tag(&self, tag: impl Into<Arc<str>>) -> Stamp {
        let (tag, stamp) = (tag.into(), self.core.clock.stamp());
        self.core.arrived(self.core.remove_tag(&tag, stamp)).await;
        stamp
    }

    /// Removes everything from every tier, as [`invalidate`](Self::invalidate) does one.
    pub async fn clear(&self) -> Stamp {
        let stamp = self.core.clock.stamp();
        self.core.arrived(self.core.clear(stamp)).await;
        stamp
    }

    /// Waits until all that is on its way has arrived: in the source, then in the tiers. For a stop, before which
    /// nobody writes any more; a source that fails keeps it waiting, so give it a deadline.
    pub async fn drain(&self) {
        if let Some(behind) = &self.writer.behind {
            behind.drain().await;
        }
        self.core.drain().await;
    }
}
