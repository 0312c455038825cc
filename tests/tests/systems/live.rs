//! The allocator of this test: the system's, with the bytes that are in use counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

#[global_allocator]
static LIVE: Live = Live;

static BYTES: AtomicI64 = AtomicI64::new(0);

struct Live;

/// Bytes in use by the whole process.
pub(crate) fn bytes() -> i64 {
    BYTES.load(Ordering::SeqCst)
}

fn add(bytes: usize) {
    BYTES.fetch_add(bytes as i64, Ordering::Relaxed);
}

fn subtract(bytes: usize) {
    BYTES.fetch_sub(bytes as i64, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator; counting allocates nothing and does not unwind.
unsafe impl GlobalAlloc for Live {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's duty is passed on unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        subtract(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
