//! Objects that are used again.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use super::depot::{Block, Depot, DepotRef};
use super::thread;

/// Objects that are expensive to make, used again and again. Clones are one pool.
///
/// What comes back goes through the reset hook, which makes it as good as new or says that it is not worth keeping.
///
/// ```
/// use ostraca::buf::{ObjectPool, Reset};
///
/// let lines = ObjectPool::new(Vec::<String>::new, |lines| {
///     lines.clear();
///     // One that has become very large is not kept.
///     if lines.capacity() <= 1_024 { Reset::Keep } else { Reset::Discard }
/// });
/// let mut some = lines.get();
/// some.push("a jar of oil".to_owned());
/// drop(some);
/// assert!(lines.get().is_empty());
/// assert_eq!(lines.stats().hits, 1);
/// ```
///
/// **Guarantees.** An object that was reset is handed out to one user at a time. One whose hook panics is dropped, and
/// the panic goes on to who gave it back; one whose drop panics while it was idle is dropped quietly.
///
/// **Cost.** As of a [`BufferPool`](super::BufferPool), and the hook.
///
/// **Bad at.** Objects whose drop matters: idle ones are dropped when the pool is, but those in the magazines of other
/// threads when these end or come by.
pub struct ObjectPool<T: Send + 'static> {
    shared: Arc<Shared<T>>,
}

/// Settings of an [`ObjectPool`].
#[derive(Clone, Copy, Debug)]
pub struct ObjectPoolSettings {
    len_max: usize,
}

/// What the hook of an [`ObjectPool`] says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It is as good as new.
    Keep,
    /// It is dropped.
    Discard,
}

/// What an [`ObjectPool`] has done, and holds. Exact when its users rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectStats {
    /// Gets that got an object that was there.
    pub hits: u64,
    /// Gets for which one was made.
    pub misses: u64,
    /// Objects in use, those beyond the limit not among them.
    pub live: u64,
    /// Objects that wait.
    pub idle: u64,
    /// Objects that were dropped: discarded, trimmed, or too many.
    pub dropped: u64,
    /// Gets beyond the limit: these objects are dropped after use.
    pub unpooled: u64,
}

struct Shared<T> {
    depot: DepotRef,
    hooks: Arc<Hooks<T>>,
}

struct Hooks<T> {
    make: Box<dyn Fn() -> T + Send + Sync>,
    reset: Box<dyn Fn(&mut T) -> Reset + Send + Sync>,
}

/// An object in its place.
struct Slot<T> {
    value: T,
    hooks: Arc<Hooks<T>>,
    is_pooled: bool,
}

/// An object of an [`ObjectPool`], which goes back there when this is dropped.
pub struct Pooled<T: Send + 'static> {
    slot: NonNull<Slot<T>>,
    /// The block's own reference.
    depot: ManuallyDrop<DepotRef>,
}

// SAFETY: it owns the object, and may go wherever that may; the pool takes it back from any thread.
unsafe impl<T: Send + 'static> Send for Pooled<T> {}
// SAFETY: a shared one gives shared access to the object, no more.
unsafe impl<T: Send + Sync + 'static> Sync for Pooled<T> {}

/// An object pool has one class.
const CLASS: usize = 0;

impl Default for ObjectPoolSettings {
    /// At most 1,024 objects.
    fn default() -> Self {
        ObjectPoolSettings { len_max: 1_024 }
    }
}

impl ObjectPoolSettings {
    /// How many objects the pool has at most, those in use and idle ones together. What is got beyond is dropped after
    /// its use.
    #[must_use]
    pub fn len_max(mut self, len_max: usize) -> Self {
        self.len_max = len_max;
        self
    }
}

impl<T: Send + 'static> ObjectPool<T> {
    /// A pool of what `make` makes, and `reset` makes as good as new when it comes back.
    pub fn new(
        make: impl Fn() -> T + Send + Sync + 'static,
        reset: impl Fn(&mut T) -> Reset + Send + Sync + 'static,
    ) -> Self {
        ObjectPool::with_settings(ObjectPoolSettings::default(), make, reset)
    }

    /// As [`new`](Self::new), with settings.
    pub fn with_settings(
        settings: ObjectPoolSettings,
        make: impl Fn() -> T + Send + Sync + 'static,
        reset: impl Fn(&mut T) -> Reset + Send + Sync + 'static,
    ) -> Self {
        let bytes = size_of::<Slot<T>>();
        let dispose = |block: Block, _| {
            // SAFETY: made from a box of a slot, and the depot gives it up.
            let slot = unsafe { Box::from_raw(block.0.cast::<Slot<T>>().as_ptr()) };
            // Whoever happens to trim the pool is not to blame for this drop.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(slot)));
        };
        let bytes_max = settings.len_max.saturating_mul(bytes);
        let depot = DepotRef::new([bytes].into_iter(), bytes_max, Box::new(dispose));
        let hooks = Arc::new(Hooks { make: Box::new(make), reset: Box::new(reset) });
        ObjectPool { shared: Arc::new(Shared { depot, hooks }) }
    }

    /// An object: one that was reset, or a new one.
    ///
    /// # Panics
    ///
    /// When `make` does.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Pooled<T> {
        let Shared { depot, .. } = &*self.shared;
        match thread::get(depot, CLASS, || self.make(true).cast()) {
            Some(Block(block)) => {
                // SAFETY: the block has a reference of its own, which goes with it.
                let depot = unsafe { DepotRef::from_raw(depot.as_ptr()) };
                Pooled { slot: block.cast(), depot: ManuallyDrop::new(depot) }
            }
            None => self.get_unpooled(),
        }
    }

    #[cold]
    fn get_unpooled(&self) -> Pooled<T> {
        let depot = self.shared.depot.clone();
        let slot = self.make(false);
        depot.unpooled().made.add(1);
        Pooled { slot, depot: ManuallyDrop::new(depot) }
    }

    fn make(&self, is_pooled: bool) -> NonNull<Slot<T>> {
        let hooks = self.shared.hooks.clone();
        let value = (hooks.make)();
        NonNull::from(Box::leak(Box::new(Slot { value, hooks, is_pooled })))
    }

    /// Drops idle objects that were not needed since the last trim; says how many.
    pub fn trim(&self) -> usize {
        Depot::trim(&self.shared.depot) / size_of::<Slot<T>>()
    }

    /// Drops all idle objects of the depot; says how many. A thread does so with those of its magazine when it next
    /// gives one back.
    pub fn clear(&self) -> usize {
        Depot::clear(&self.shared.depot) / size_of::<Slot<T>>()
    }

    /// What it has done, and holds.
    #[must_use]
    pub fn stats(&self) -> ObjectStats {
        let depot = &self.shared.depot;
        let counts = depot.counts()[CLASS];
        ObjectStats {
            hits: counts.hits(),
            misses: counts.made,
            live: counts.live(),
            idle: counts.idle(),
            dropped: counts.disposed,
            unpooled: depot.unpooled().made.value(),
        }
    }
}

impl<T: Send + 'static> Clone for ObjectPool<T> {
    fn clone(&self) -> Self {
        ObjectPool { shared: self.shared.clone() }
    }
}

impl<T: Send + 'static> fmt::Debug for ObjectPool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectPool").field("stats", &self.stats()).finish()
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        Depot::close(&self.depot);
        thread::leave_closed();
    }
}

impl<T: Send + 'static> Pooled<T> {
    /// Takes the object out of the pool for good.
    #[must_use]
    pub fn into_inner(this: Self) -> T {
        let this = ManuallyDrop::new(this);
        // SAFETY: the slot is this one's, which is not used again.
        unsafe { take_out(this.slot, &this.depot) }.value
    }
}

impl<T: Send + 'static> Drop for Pooled<T> {
    #[inline]
    fn drop(&mut self) {
        let mut back = Back { slot: self.slot, depot: &self.depot, is_kept: false };
        // SAFETY: the object is this one's.
        let slot = unsafe { self.slot.as_mut() };
        back.is_kept = (slot.hooks.reset)(&mut slot.value) == Reset::Keep && slot.is_pooled;
    }
}

/// Brings an object back, also when its hook panics.
struct Back<'a, T> {
    slot: NonNull<Slot<T>>,
    depot: &'a DepotRef,
    is_kept: bool,
}

impl<T> Drop for Back<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_kept {
            thread::put(self.depot, CLASS, Block(self.slot.cast()));
        } else {
            self.discard();
        }
    }
}

impl<T> Back<'_, T> {
    #[cold]
    fn discard(&mut self) {
        // SAFETY: the slot is this one's, which is dropped.
        drop(unsafe { take_out(self.slot, self.depot) });
    }
}

/// Takes a slot out of its pool, with the reference that it has of its own.
///
/// # Safety
///
/// It is nobody else's, and is not used again; nor is its reference, which `depot` may be.
unsafe fn take_out<T>(slot: NonNull<Slot<T>>, depot: &DepotRef) -> Box<Slot<T>> {
    let depot = depot.clone();
    // SAFETY: made from a box of a slot, and nobody else's.
    let slot = unsafe { Box::from_raw(slot.as_ptr()) };
    if slot.is_pooled {
        depot.count_put(CLASS);
    }
    // SAFETY: the slot that it was counted for is the pool's no more.
    unsafe { Depot::count_disposed(&depot, slot.is_pooled.then_some(CLASS)) };
    slot
}

impl<T: Send + 'static> Deref for Pooled<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the object is this one's.
        &unsafe { self.slot.as_ref() }.value
    }
}

impl<T: Send + 'static> DerefMut for Pooled<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        &mut unsafe { self.slot.as_mut() }.value
    }
}

impl<T: fmt::Debug + Send + 'static> fmt::Debug for Pooled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
