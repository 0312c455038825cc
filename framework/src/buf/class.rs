//! The size classes of buffers, and their memory.
//!
//! ```text
//!   class      0    1    2  ..   6  ..   10  ..   14
//!   bytes     64  128  256  .. 4 Ki .. 64 Ki ..  1 Mi
//! ```
//!
//! **Guarantees.** A block is zeroed when it is made and holds bytes that were written ever since: no memory of a buffer is
//! ever uninitialised. Blocks below a page lie on lines of their own.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::local::CLASSES_MAX;

/// Bytes of the smallest class.
pub(super) const BYTES_MIN: usize = 64;
/// Bytes of the largest class.
pub(super) const BYTES_MAX: usize = BYTES_MIN << (CLASSES_MAX - 1);

const PAGE: usize = 4_096;
const LINE: usize = 64;

/// The class for this many bytes; None where they are more than the largest class has.
#[inline]
pub(super) fn of(bytes: usize) -> Option<usize> {
    if bytes > BYTES_MAX {
        return None;
    }
    let doubled = bytes.max(BYTES_MIN).next_power_of_two();
    Some((doubled.trailing_zeros() - BYTES_MIN.trailing_zeros()) as usize)
}

/// Bytes of a class's blocks.
#[inline]
pub(super) fn bytes(class: usize) -> usize {
    BYTES_MIN << class
}

/// How many bytes are allocated: no allocation is of nothing.
fn layout(bytes: usize) -> Layout {
    // From a page on the allocator's own alignment: it takes zeroed memory from the system untouched then.
    let align = if bytes < PAGE { LINE } else { align_of::<u128>() };
    Layout::from_size_align(bytes.max(1), align).expect("a buffer is smaller than half of the addresses")
}

/// Zeroed memory.
pub(super) fn allocate(bytes: usize) -> NonNull<u8> {
    let layout = layout(bytes);
    // SAFETY: the layout's size is not 0.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// # Safety
///
/// It came from [`allocate`] of as many bytes, and is not used again.
pub(super) unsafe fn free(memory: NonNull<u8>, bytes: usize) {
    mark_in_use(memory, bytes);
    // SAFETY: the caller's word.
    unsafe { dealloc(memory.as_ptr(), layout(bytes)) };
}

/// Lets AddressSanitizer see any use of the memory as one after its end.
#[inline]
pub(super) fn mark_idle(memory: NonNull<u8>, bytes: usize) {
    #[cfg(ostraca_asan)]
    // SAFETY: the memory is the pool's.
    unsafe {
        __asan_poison_memory_region(memory.as_ptr().cast(), bytes);
    }
    let _ = (memory, bytes);
}

/// Undoes [`mark_idle`].
#[inline]
pub(super) fn mark_in_use(memory: NonNull<u8>, bytes: usize) {
    #[cfg(ostraca_asan)]
    // SAFETY: the memory is the pool's.
    unsafe {
        __asan_unpoison_memory_region(memory.as_ptr().cast(), bytes);
    }
    let _ = (memory, bytes);
}

#[cfg(ostraca_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(memory: *const std::ffi::c_void, bytes: usize);
    fn __asan_unpoison_memory_region(memory: *const std::ffi::c_void, bytes: usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_smallest_that_is_enough() {
        let sizes = [0, 1, 64, 65, 128, 129, 4_095, 4_096, 4_097, BYTES_MAX];
        let classes = sizes.map(|size| of(size).map(bytes));
        let expected = [64, 64, 64, 128, 128, 256, 4_096, 4_096, 8_192, 1 << 20];
        assert_eq!(classes, expected.map(Some));
        assert_eq!(of(BYTES_MAX + 1), None);
        assert_eq!(of(usize::MAX), None);
    }
}
