//! What others may read without asking: published views, keyed caches, and tiers behind them. Knows no actor, usable
//! alone.
//!
//! - A [`View`] is one value that its owner publishes and anybody reads, wait-free.
//! - A [`KeyedCache`] holds values by key, each with the time it was filled at, bounded in number.
//! - A [`TieredCache`] is a memory over any stack of [`Tier`]s over a [`Source`]: see there for what it
//!   promises, and [`Tier`] for what a place of one's own has to. The rest of this page is about the other two.
//!
//! **Guarantees.** A reader of a view never sees an older version after a newer one. A cached value is never
//! served older than the reader allows, nor after a [`clear`](KeyedCache::clear) if its fill began before it.
//! What a reader gets is a clone: it cannot change under the reader.
//!
//! **Cost.** A view: two loads if it is a plain number, else a pointer load, two exchanges and the clone; publishing an
//! unchanged value, one comparison. A cache: a hash, a shard's read lock, the clone, and two counters on lines that few
//! threads share.
//!
//! **Bad at.** Values that are expensive to clone: put them in an `Arc`. Reading two views at one moment: each
//! is consistent in itself only. Freeing old entries: a value past its lifetime stays until its key is filled
//! anew or its place is needed.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use ostraca::cache::{KeyedCache, View};
//!
//! let total = View::default();
//! assert!(total.publish(42));
//! assert!(!total.publish(42)); // unchanged
//! assert_eq!((total.read(), total.version()), (Some(42), 1));
//!
//! let balances = KeyedCache::new(1_000, Duration::from_secs(5));
//! let now = Instant::now();
//! balances.insert("alice", 900, now);
//! let later = now + Duration::from_secs(6);
//! assert_eq!(balances.get(&"alice", balances.ttl(), later), None);
//! assert_eq!(balances.get(&"alice", Duration::from_secs(60), later), Some(900));
//! ```

mod clock;
#[cfg(feature = "disk")]
mod disk;
mod entry;
mod flights;
#[cfg(feature = "codec")]
mod frame;
mod keyed;
mod lifetime;
#[cfg(not(feature = "moka"))]
mod map;
#[cfg(feature = "moka")]
#[path = "map_moka.rs"]
mod map;
mod map_store;
mod memory;
mod outbox;
mod panics;
#[cfg(feature = "redis")]
mod redis;
#[cfg_attr(not(feature = "codec"), allow(dead_code, reason = "tiers behind the memory need the codec"))]
mod slot;
mod source;
mod stats;
mod tier;
#[cfg(any(test, feature = "internals"))]
pub mod tier_contract;
mod tiered;
mod view;
mod word;

#[cfg(feature = "redis")]
pub use self::redis::{RedisBuilder, RedisStore, RedisUrlError};
pub use clock::Clock;
#[cfg(feature = "disk")]
pub use disk::{Disk, DiskError};
pub use entry::{Body, Entry, Stamp, Timestamp};
pub use keyed::{CacheStats, Fill, KeyedCache};
pub use lifetime::Lifetime;
pub use map_store::MapStore;
pub use source::{FromFn, LoadError, Loaded, Source, from_fn};
pub use stats::{TierStats, TieredStats};
pub use tier::{Put, Store, Tier, TierError, TierFuture, Usage, Watcher};
pub use tiered::{
    Accessor, NoSuchTierError, Read, TieredBuilder, TieredCache, Versioned, WriteError, Writes,
};
pub use view::View;

pub(crate) use memory::Kept;
pub(crate) use source::BoxFuture;
pub(crate) use tiered::{Core, SystemTier, SystemTiers, Want};
