//! The blocks that the consumer has left and producers may still look at, oldest first.
//!
//! ```text
//!   oldest ──> .. ──> newest        linked by `left_after`; each waits for the head to reach its horizon
//! ```

use std::ptr;

use super::block::Block;
use crate::sync::atomic::Ordering;

pub(super) struct Left<T> {
    oldest: *mut Block<T>,
    newest: *mut Block<T>,
}

impl<T> Left<T> {
    pub(super) fn new() -> Self {
        Left { oldest: ptr::null_mut(), newest: ptr::null_mut() }
    }

    /// # Safety
    ///
    /// The block is alive, and stays so until it is popped.
    pub(super) unsafe fn push(&mut self, block: *mut Block<T>) {
        // SAFETY: alive.
        unsafe { &*block }.left_after.with_mut(|after| {
            // SAFETY: a block's place in the list is the consumer's alone.
            unsafe { *after = ptr::null_mut() }
        });
        // SAFETY: blocks of the list are alive.
        match unsafe { self.newest.as_ref() } {
            None => self.oldest = block,
            // SAFETY: as above.
            Some(newest) => newest.left_after.with_mut(|after| unsafe { *after = block }),
        }
        self.newest = block;
    }

    /// Takes the oldest block if `head` has reached its horizon.
    pub(super) fn pop_if_past(&mut self, head: u64) -> Option<*mut Block<T>> {
        // SAFETY: blocks of the list are alive.
        let block = unsafe { self.oldest.as_ref() }?;
        // ORDERING: Relaxed; see `Block::horizon`.
        if block.horizon.load(Ordering::Relaxed) > head {
            return None;
        }
        let popped = self.oldest;
        // SAFETY: its place in the list is the consumer's alone.
        self.oldest = block.left_after.with(|after| unsafe { *after });
        if self.oldest.is_null() {
            self.newest = ptr::null_mut();
        }
        Some(popped)
    }

    #[cfg(all(test, not(ostraca_loom)))]
    pub(super) fn len(&self) -> usize {
        let mut count = 0;
        let mut next = self.oldest;
        // SAFETY: blocks of the list are alive.
        while let Some(block) = unsafe { next.as_ref() } {
            // SAFETY: its place in the list is the consumer's alone.
            next = block.left_after.with(|after| unsafe { *after });
            count += 1;
        }
        count
    }
}
