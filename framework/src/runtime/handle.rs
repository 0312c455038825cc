//! Counted references to what lies in a slab: one pointer, and a weak kind.
//!
//! **What it is.** As std's `Arc` and `Weak`, for values in a [`Slab`](super::Slab): the counts are the value's first
//! field, so that they share its first cache line and not one before it.
//!
//! **Guarantees.** The value is dropped when its last [`Handle`] goes, once; its memory when the last
//! [`WeakHandle`] goes as well. A weak one that is upgraded while the last strong one goes gets the value or nothing.
//!
//! **Cost.** An atomic addition to clone, a subtraction to drop.
//!
//! **Source.** The counts and their orderings are those of std's `Arc`, but for the upgrade's, which is Acquire there
//! for values that are made with a weak reference to themselves.

use std::ops::Deref;
use std::ptr::NonNull;

use super::slab::{self, Chunk};
use crate::sync::assert_alone;
use crate::sync::atomic::{AtomicU32, Ordering, fence};

/// The counts of a value in a slab, and where its memory goes.
pub(crate) struct Refs {
    strong: AtomicU32,
    /// Weak references, and one for all strong ones together.
    weak: AtomicU32,
    chunk: NonNull<Chunk>,
}

// SAFETY: the chunk is reached under its slab's lock only.
unsafe impl Send for Refs {}
// SAFETY: as above.
unsafe impl Sync for Refs {}

/// What a slab can hold.
///
/// # Safety
///
/// It is `#[repr(C)]`, and its first field is the [`Refs`] it was made with.
pub(crate) unsafe trait Counted: Send + Sync {}

/// More references than this are a leak in a loop: std's limit, for its half of the bits.
const COUNT_MAX: u32 = i32::MAX as u32;

impl Refs {
    pub(super) fn new(chunk: NonNull<Chunk>) -> Self {
        Refs { strong: AtomicU32::new(1), weak: AtomicU32::new(1), chunk }
    }

    /// The memory is about to be given back to the chunk that is returned.
    fn end(&mut self) -> NonNull<Chunk> {
        assert_alone(&mut self.strong);
        assert_alone(&mut self.weak);
        self.chunk
    }
}

fn refs<T: Counted + ?Sized>(value: NonNull<T>) -> NonNull<Refs> {
    value.cast()
}

fn count_up(count: &AtomicU32) {
    // ORDERING: Relaxed; who clones has a reference already, and hands the new one on by other means.
    if count.fetch_add(1, Ordering::Relaxed) > COUNT_MAX {
        // A count that wrapped would free what is in use.
        std::process::abort();
    }
}

/// A reference that keeps its value.
pub(crate) struct Handle<T: Counted + ?Sized>(NonNull<T>);

// SAFETY: as for `Arc`: the value is shared, and dropped by whoever is last; `Counted` demands Send and Sync.
unsafe impl<T: Counted + ?Sized> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T: Counted + ?Sized> Sync for Handle<T> {}

impl<T: Counted + ?Sized> Handle<T> {
    /// # Safety
    ///
    /// `value` came from [`into_raw`](Self::into_raw), with what it points to perhaps named by another type of the
    /// same value, and is not used again; or the slab has just made it.
    pub(crate) unsafe fn from_raw(value: NonNull<T>) -> Self {
        Handle(value)
    }

    /// Gives the reference up without counting down.
    pub(crate) fn into_raw(self) -> NonNull<T> {
        std::mem::ManuallyDrop::new(self).0
    }

    /// One more reference to what is referred to.
    ///
    /// # Safety
    ///
    /// `value` points to a value in a slab, that is kept by some handle during the call.
    pub(crate) unsafe fn from_kept(value: NonNull<T>) -> Self {
        // SAFETY: the caller's word.
        count_up(unsafe { &refs(value).as_ref().strong });
        Handle(value)
    }

    /// One more reference to what is borrowed.
    ///
    /// # Safety
    ///
    /// `value` lies in a slab, and is kept by some handle during the call.
    pub(crate) unsafe fn of(value: &T) -> Self
    where
        T: Sized,
    {
        // SAFETY: the caller's word.
        let value = unsafe { Self::place(value) };
        // SAFETY: as above.
        unsafe { Handle::from_kept(value) }
    }

    /// Where what is borrowed lies, for one that does not count.
    ///
    /// # Safety
    ///
    /// As [`of`](Self::of).
    #[inline]
    pub(crate) unsafe fn place(value: &T) -> NonNull<T>
    where
        T: Sized,
    {
        let refs = refs(NonNull::from(value));
        // SAFETY: `Counted`: the counts come first.
        let chunk = unsafe { refs.as_ref().chunk };
        // The pointer anew from the chunk's, whose memory it is: the borrowed one is for the value alone.
        chunk.cast::<u8>().map_addr(|_| refs.addr()).cast()
    }

    pub(crate) fn downgrade(&self) -> WeakHandle<T> {
        // SAFETY: the value is kept by this handle.
        count_up(unsafe { &refs(self.0).as_ref().weak });
        WeakHandle(self.0)
    }
}

impl<T: Counted + ?Sized> Deref for Handle<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: kept by this handle, and never borrowed mutably.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Counted + ?Sized> Clone for Handle<T> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: kept by this handle.
        unsafe { Handle::from_kept(self.0) }
    }
}

impl<T: Counted + ?Sized> Drop for Handle<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: kept by this handle until the count is down.
        let strong = unsafe { &refs(self.0).as_ref().strong };
        // ORDERING: Release; what this reference was used for happens before the value's drop.
        if strong.fetch_sub(1, Ordering::Release) == 1 {
            // ORDERING: Acquire; pairs with the Release of every other reference.
            fence(Ordering::Acquire);
            // SAFETY: this was the last one.
            unsafe { drop_value(self.0) };
        }
    }
}

/// # Safety
///
/// No strong reference is left.
#[cold]
unsafe fn drop_value<T: Counted + ?Sized>(value: NonNull<T>) {
    // The memory goes even when the value's drop panics.
    let memory = WeakHandle(value);
    // SAFETY: nobody has a reference to the value, and nobody gets one.
    unsafe { value.drop_in_place() };
    drop(memory);
}

/// A reference that keeps its value's memory, and not the value.
pub(crate) struct WeakHandle<T: Counted + ?Sized>(NonNull<T>);

// SAFETY: as for `Handle`.
unsafe impl<T: Counted + ?Sized> Send for WeakHandle<T> {}
// SAFETY: as above.
unsafe impl<T: Counted + ?Sized> Sync for WeakHandle<T> {}

impl<T: Counted + ?Sized> WeakHandle<T> {
    /// As [`Handle::from_raw`].
    ///
    /// # Safety
    ///
    /// As [`Handle::from_raw`], of [`into_raw`](Self::into_raw).
    pub(crate) unsafe fn from_raw(value: NonNull<T>) -> Self {
        WeakHandle(value)
    }

    /// Gives the reference up without counting down.
    pub(crate) fn into_raw(self) -> NonNull<T> {
        std::mem::ManuallyDrop::new(self).0
    }

    /// The value, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<Handle<T>> {
        // SAFETY: the memory is kept by this reference, and the counts have no drop.
        let strong = unsafe { &refs(self.0).as_ref().strong };
        // ORDERING: Relaxed; only a guess, checked by the exchange.
        let mut count = strong.load(Ordering::Relaxed);
        while count != 0 {
            assert!(count <= COUNT_MAX, "more references than can be");
            // ORDERING: Relaxed; as in `count_up`. The value was made before its first reference, weak ones included.
            match strong.compare_exchange_weak(count, count + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(Handle(self.0)),
                Err(seen) => count = seen,
            }
        }
        None
    }
}

impl<T: Counted + ?Sized> Clone for WeakHandle<T> {
    fn clone(&self) -> Self {
        // SAFETY: the memory is kept by this reference.
        count_up(unsafe { &refs(self.0).as_ref().weak });
        WeakHandle(self.0)
    }
}

impl<T: Counted + ?Sized> Drop for WeakHandle<T> {
    fn drop(&mut self) {
        let mut refs = refs(self.0);
        // SAFETY: the memory is kept by this reference until the count is down.
        let weak = unsafe { &refs.as_ref().weak };
        // ORDERING: Release; what this reference was used for happens before the memory is used again.
        if weak.fetch_sub(1, Ordering::Release) == 1 {
            // ORDERING: Acquire; pairs with the Release of every other reference.
            fence(Ordering::Acquire);
            // SAFETY: nobody else is left, and the counts have no drop.
            let chunk = unsafe { refs.as_mut() }.end();
            // SAFETY: the value lay in that chunk and is dropped.
            unsafe { slab::give_back(chunk, refs.addr().get()) };
        }
    }
}
