//! The pool of buffers.

use std::fmt;
use std::sync::{Arc, Weak};

use super::class;
use super::depot::{Block, Counts, Depot, DepotRef};
use super::local::CLASSES_MAX;
use super::pooled::PooledBuf;
use super::thread;
use crate::stats::{BufferNumbers, BufferSource, SharedCounter};

/// Buffers of size classes, used again and again within a byte budget. Clones are one pool.
///
/// What it guarantees, costs and is bad at stands on the [module's page](self).
///
/// ```
/// use std::io::Write;
/// use ostraca::buf::BufferPool;
///
/// let pool = BufferPool::default();
/// let mut buf = pool.get(1_000);
/// write!(buf, "{} potsherds", 6_000).unwrap();
/// let bytes: bytes::Bytes = buf.freeze(); // no copy; the memory comes back when the last clone goes
/// assert_eq!(bytes, "6000 potsherds");
/// drop(bytes);
/// assert_eq!(pool.stats().live_bytes(), 0);
/// ```
#[derive(Clone)]
pub struct BufferPool {
    shared: Arc<Shared>,
}

/// Settings of a [`BufferPool`].
#[derive(Clone, Debug)]
pub struct BufferPoolSettings {
    name: Arc<str>,
    bytes_max: usize,
    wipes: bool,
}

struct Shared {
    name: Arc<str>,
    depot: DepotRef,
    wipes: bool,
    refused: SharedCounter,
}

/// Why [`BufferPool::try_get`] has no buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryGetError {
    /// The buffers that exist use up the pool's budget.
    #[error("the pool's budget of {bytes_max} bytes has no room for a buffer of {bytes}")]
    Spent {
        /// The bytes that the buffer would have.
        bytes: usize,
        /// The budget.
        bytes_max: usize,
    },
    /// No class is so large.
    #[error("{bytes} bytes are more than the {bytes_max} of the largest class")]
    TooLarge {
        /// The bytes that were asked for.
        bytes: usize,
        /// The bytes of the largest class.
        bytes_max: usize,
    },
}

/// What a [`BufferPool`] has done, and holds.
///
/// Exact when its users rest; of one that works, each number is of some moment of the reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferStats {
    /// Its size classes, the smallest first.
    pub classes: Vec<BufferClassStats>,
    /// The budget: what the buffers of all classes have at most, those in use and idle ones.
    pub bytes_max: usize,
    /// What they have.
    pub held_bytes: usize,
    /// Times that [`BufferPool::try_get`] had no buffer within the budget.
    pub refused: u64,
    /// Buffers that were no class's, as they were too large or the budget was spent.
    pub unpooled: u64,
    /// Those of them that are in use.
    pub unpooled_live: u64,
    /// The bytes of these.
    pub unpooled_live_bytes: u64,
}

/// One size class of [`BufferStats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferClassStats {
    /// The bytes of each buffer.
    pub bytes: usize,
    /// Gets that got a buffer that was there.
    pub hits: u64,
    /// Gets for which the allocator was asked.
    pub misses: u64,
    /// Buffers in use.
    pub live: u64,
    /// Buffers that wait: in threads' magazines and in the depot.
    pub idle: u64,
    /// Buffers that were given back to the allocator.
    pub freed: u64,
}

impl Default for BufferPoolSettings {
    /// The name `buffers`, a budget of 64 MiB; buffers are not wiped.
    fn default() -> Self {
        BufferPoolSettings { name: Arc::from("buffers"), bytes_max: 64 << 20, wipes: false }
    }
}

impl BufferPoolSettings {
    /// What the pool is called where several are shown.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The budget: how many bytes the pool's buffers have at most, those in use and idle ones together.
    #[must_use]
    pub fn bytes_max(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// Whether a buffer is overwritten with zeros when it is given back.
    ///
    /// For secrets, and against the mistakes of those who read what they have not written
    /// ([`PooledBuf::fill_with`]). It costs a pass over all of the buffer.
    #[must_use]
    pub fn wipes(mut self, wipes: bool) -> Self {
        self.wipes = wipes;
        self
    }
}

impl BufferPool {
    /// The largest buffer that is used again: 1 MiB.
    pub const LEN_MAX: usize = class::BYTES_MAX;

    /// A pool with these settings.
    #[must_use]
    pub fn new(settings: BufferPoolSettings) -> Self {
        let BufferPoolSettings { name, bytes_max, wipes } = settings;
        let dispose = |block: Block, number: usize| {
            // SAFETY: it was made as a block of this class, and the depot gives it up.
            unsafe { class::free(block.0, class::bytes(number)) };
        };
        let depot = DepotRef::new((0..CLASSES_MAX).map(class::bytes), bytes_max, Box::new(dispose));
        BufferPool { shared: Arc::new(Shared { name, depot, wipes, refused: SharedCounter::default() }) }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// An empty buffer with room for `capacity` bytes.
    ///
    /// One that is too large for every class, or for which the budget has no room, comes from the allocator, goes back
    /// to it, and is counted as unpooled.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, capacity: usize) -> PooledBuf {
        PooledBuf::get(&self.shared.depot, capacity, self.shared.wipes)
    }

    /// An empty buffer with room for `capacity` bytes, within the budget.
    ///
    /// # Errors
    ///
    /// The budget has no room, or no class is so large.
    pub fn try_get(&self, capacity: usize) -> Result<PooledBuf, TryGetError> {
        let Some(number) = class::of(capacity) else {
            return Err(TryGetError::TooLarge { bytes: capacity, bytes_max: Self::LEN_MAX });
        };
        let spent =
            || TryGetError::Spent { bytes: class::bytes(number), bytes_max: self.shared.depot.bytes_max() };
        PooledBuf::get_pooled(&self.shared.depot, number, self.shared.wipes).ok_or_else(spent)
    }

    /// A buffer of `len` zeros.
    #[must_use]
    pub fn zeroed(&self, len: usize) -> PooledBuf {
        let mut buf = self.get(len);
        buf.resize(len, 0);
        buf
    }

    /// A buffer with these bytes.
    #[must_use]
    pub fn copied(&self, bytes: &[u8]) -> PooledBuf {
        let mut buf = self.get(bytes.len());
        buf.extend_from_slice(bytes);
        buf
    }

    /// Gives idle buffers that were not needed since the last trim back to the allocator; says how many bytes.
    ///
    /// Called now and then it lets the pool follow the load down. A class that is used does the same by itself, each
    /// thousand times that buffers came back to the depot.
    pub fn trim(&self) -> usize {
        Depot::trim(&self.shared.depot)
    }

    /// Gives all idle buffers in the depot back to the allocator; says how many bytes. A thread does so with the
    /// buffers of its magazines when it next gives one of the class back.
    pub fn clear(&self) -> usize {
        Depot::clear(&self.shared.depot)
    }

    /// What it has done, and holds.
    #[must_use]
    pub fn stats(&self) -> BufferStats {
        self.shared.stats()
    }

    /// Its numbers for a monitor: `monitor.add_buffers(pool.source())`. They are shown as long as the pool has a handle.
    #[must_use]
    pub fn source(&self) -> Weak<dyn BufferSource> {
        let shared: Weak<Shared> = Arc::downgrade(&self.shared);
        shared
    }
}

impl Default for BufferPool {
    fn default() -> Self {
        BufferPool::new(BufferPoolSettings::default())
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depot = &self.shared.depot;
        f.debug_struct("BufferPool")
            .field("name", &self.name())
            .field("held_bytes", &depot.held())
            .field("bytes_max", &depot.bytes_max())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn stats(&self) -> BufferStats {
        let depot = &self.depot;
        let unpooled = depot.unpooled();
        // What ends is read before what begins, as in the depot.
        let (freed, bytes_freed) = (unpooled.freed.value(), unpooled.bytes_freed.value());
        BufferStats {
            classes: depot.counts().into_iter().map(BufferClassStats::from).collect(),
            bytes_max: depot.bytes_max(),
            held_bytes: depot.held(),
            refused: self.refused.value(),
            unpooled: unpooled.made.value(),
            unpooled_live: unpooled.made.value().saturating_sub(freed),
            unpooled_live_bytes: unpooled.bytes_made.value().saturating_sub(bytes_freed),
        }
    }
}

impl BufferSource for Shared {
    fn numbers(&self) -> BufferNumbers {
        let stats = self.stats();
        let sum = |of: fn(&BufferClassStats) -> u64| stats.classes.iter().map(of).sum::<u64>();
        let mut numbers = BufferNumbers::named(self.name.clone());
        numbers.in_use = sum(|class| class.live);
        numbers.free = sum(|class| class.idle);
        numbers.bytes = stats.held_bytes as u64;
        numbers.bytes_max = Some(stats.bytes_max as u64);
        numbers.taken = sum(|class| class.hits + class.misses) + stats.unpooled;
        numbers.allocated = sum(|class| class.misses) + stats.unpooled;
        numbers.refused = Some(stats.refused);
        numbers
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        Depot::close(&self.depot);
        thread::leave_closed();
    }
}

impl BufferStats {
    /// The bytes of the buffers in use, unpooled ones not among them.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.classes.iter().map(BufferClassStats::live_bytes).sum()
    }

    /// What part of the bytes that are held is in use, from 0 to 1. None where nothing is held.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        part(self.live_bytes(), self.held_bytes as u64)
    }

    /// What part of the gets got a buffer that was there, from 0 to 1; unpooled ones did not. None before the first.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let hits = self.classes.iter().map(|class| class.hits).sum::<u64>();
        let misses = self.classes.iter().map(|class| class.misses).sum::<u64>();
        part(hits, hits + misses + self.unpooled)
    }
}

impl BufferClassStats {
    /// The bytes of its buffers in use.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live * self.bytes as u64
    }

    /// What part of its buffers is in use, from 0 to 1. None where it has none.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        part(self.live, self.live + self.idle)
    }
}

impl From<Counts> for BufferClassStats {
    fn from(counts: Counts) -> Self {
        BufferClassStats {
            bytes: counts.bytes,
            hits: counts.hits(),
            misses: counts.made,
            live: counts.live(),
            idle: counts.idle(),
            freed: counts.disposed,
        }
    }
}

fn part(of: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| of as f64 / whole as f64)
}
