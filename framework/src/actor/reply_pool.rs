//! Memory for reply slots: each thread keeps a few of those it freed.
//!
//! **What it is.** A free list a thread and size class, linked through the free memory itself. An asker most often
//! frees the slot that it took, on the same thread; so in steady state an ask allocates nothing.
//!
//! **Cost.** A few instructions, no atomic. A thread keeps at most [`KEPT_MAX`] slots a class, and gives them back
//! when it ends.
//!
//! **Bad at.** Slots that always come from one thread and go to another: those are allocated and freed.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Bytes a slot, by class; what is larger is not kept. Whole cache lines: two slots never share one.
const CLASSES: [usize; 3] = [64, 128, 256];
const LINE: usize = 64;
/// Slots that a thread keeps of each class. None under loom and
/// AddressSanitizer, which watch each slot's memory.
const KEPT_MAX: usize = if cfg!(any(ostraca_loom, ostraca_asan)) { 0 } else { 256 };

thread_local! {
    static POOL: Pool = const { Pool([const { Class { first: Cell::new(ptr::null_mut()), len: Cell::new(0) } }; 3]) };
}

struct Pool([Class; CLASSES.len()]);

struct Class {
    first: Cell<*mut Free>,
    len: Cell<usize>,
}

struct Free {
    next: *mut Free,
}

/// Where the slots `T` are kept, by their size.
struct Place<T>(std::marker::PhantomData<T>);

impl<T> Place<T> {
    const CLASS: Option<usize> = {
        assert!(align_of::<T>() <= LINE);
        let mut class = 0;
        while class < CLASSES.len() && CLASSES[class] < size_of::<T>() {
            class += 1;
        }
        if class < CLASSES.len() { Some(class) } else { None }
    };

    const LAYOUT: Layout = {
        let bytes = match Self::CLASS {
            Some(class) => CLASSES[class],
            None => size_of::<T>(),
        };
        match Layout::from_size_align(bytes, LINE) {
            Ok(layout) => layout,
            Err(_) => panic!("a slot is larger than memory"),
        }
    };
}

/// Puts `value` into memory of its own.
#[inline]
pub(super) fn place<T>(value: T) -> NonNull<T> {
    let kept = Place::<T>::CLASS.and_then(|class| POOL.try_with(|pool| pool.0[class].take()).ok().flatten());
    let memory = kept.unwrap_or_else(|| allocate(Place::<T>::LAYOUT)).cast();
    // SAFETY: memory of T's layout or more, and nobody else's.
    unsafe { memory.write(value) };
    memory
}

/// Drops the value and keeps or frees its memory.
///
/// # Safety
///
/// `value` came from [`place`] and is not used again.
#[inline]
pub(super) unsafe fn free<T>(value: NonNull<T>) {
    // SAFETY: the caller gives the value up.
    unsafe { value.drop_in_place() };
    let memory = value.cast();
    let is_kept = Place::<T>::CLASS
        .is_some_and(|class| POOL.try_with(|pool| pool.0[class].keep(memory)).unwrap_or(false));
    if !is_kept {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(memory.as_ptr().cast(), Place::<T>::LAYOUT) };
    }
}

#[cold]
fn allocate(layout: Layout) -> NonNull<Free> {
    // SAFETY: the layout's size is not 0: a slot has a state.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Class {
    #[inline]
    fn take(&self) -> Option<NonNull<Free>> {
        let first = NonNull::new(self.first.get())?;
        // SAFETY: what is in the list is this thread's, and was written by `keep`.
        self.first.set(unsafe { first.as_ref() }.next);
        self.len.set(self.len.get() - 1);
        Some(first)
    }

    #[inline]
    fn keep(&self, memory: NonNull<Free>) -> bool {
        if self.len.get() >= KEPT_MAX {
            return false;
        }
        // SAFETY: the caller's memory is large enough and nobody else's.
        unsafe { memory.write(Free { next: self.first.get() }) };
        self.first.set(memory.as_ptr());
        self.len.set(self.len.get() + 1);
        true
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for (class, bytes) in self.0.iter().zip(CLASSES) {
            let layout = Layout::from_size_align(bytes, LINE).expect("a class is a valid layout");
            while let Some(memory) = class.take() {
                // SAFETY: what is in the list was allocated with its class's layout.
                unsafe { dealloc(memory.as_ptr().cast(), layout) };
            }
        }
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_freed_slot_is_taken_again_by_its_class_only() {
        let (small, large) = (place([1u8; 10]), place([2u8; 100]));
        // SAFETY: both came from `place`.
        unsafe { free(small) };
        // SAFETY: as above.
        unsafe { free(large) };
        let again = place([3u64; 12]);
        assert_eq!(again.cast::<u8>(), large.cast::<u8>(), "96 bytes lie where 100 did");
        let other = place([4u8; 64]);
        assert_eq!(other.cast::<u8>(), small.cast::<u8>());
        // SAFETY: both came from `place`.
        unsafe { free(again) };
        // SAFETY: as above.
        unsafe { free(other) };
    }

    #[test]
    fn a_thread_keeps_no_more_than_its_limit() {
        let all: Vec<_> = (0..KEPT_MAX + 10).map(|n| place([n; 4])).collect();
        for value in all {
            // SAFETY: it came from `place`.
            unsafe { free(value) };
        }
        assert_eq!(POOL.with(|pool| pool.0[0].len.get()), KEPT_MAX);
    }

    #[test]
    fn what_is_larger_than_every_class_and_what_drops_are_freed() {
        let counted = std::sync::Arc::new(());
        let value = place((counted.clone(), [0u8; 1000]));
        // SAFETY: it came from `place`.
        unsafe { free(value) };
        assert_eq!(std::sync::Arc::strong_count(&counted), 1);
    }
}
