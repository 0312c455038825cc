//! How many messages each handler has handled: the word of a cell that is written at every message.
//!
//! ```text
//!   one handler      the number itself
//!   several          null, or where the numbers are: made by the first message     [ n0 | n1 | .. ]
//! ```
//!
//! A cell has four cache lines and no word to spare, and an actor with one handler has no use for a second number. Which
//! of the two it is, is known when the program is compiled.
//!
//! **Bad at.** Processors with 32-bit pointers: there the number of an actor with one handler wraps at 2^32.

use std::ptr;

use crate::stats::Counter;
use crate::sync::atomic::{AtomicPtr, Ordering};

/// The counts of one actor's handlers. One thread at a time writes, any thread reads.
pub(crate) struct Handled {
    word: AtomicPtr<Counter>,
}

// SAFETY: counters are Sync, and it owns them as a box does.
unsafe impl Send for Handled {}
// SAFETY: as above.
unsafe impl Sync for Handled {}

impl Handled {
    pub(super) const fn new() -> Self {
        Handled { word: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Adds. Only who holds the claim calls this, with a `handler` below `len`, and always with the same `len`.
    #[inline(always)]
    pub(super) fn add(&self, handler: usize, len: usize, n: u32) {
        // ORDERING: Relaxed; the writer is alone, and what it reads is its own.
        let word = self.word.load(Ordering::Relaxed);
        if len == 1 {
            let count = word.addr().wrapping_add(n as usize);
            // ORDERING: Relaxed; as a `Counter`.
            return self.word.store(ptr::without_provenance_mut(count), Ordering::Relaxed);
        }
        let counters = if word.is_null() { self.make(len) } else { word };
        debug_assert!(handler < len, "a message's handler is one of the actor's");
        // SAFETY: there are `len` of them, and `handler` is below that.
        let counter = unsafe { counters.add(handler) };
        // SAFETY: they live as long as `self`, and are only ever borrowed shared.
        unsafe { &*counter }.add(n.into());
    }

    #[cold]
    fn make(&self, len: usize) -> *mut Counter {
        let counters: Box<[Counter]> = (0..len).map(|_| Counter::default()).collect();
        let counters = Box::into_raw(counters).cast::<Counter>();
        // ORDERING: Release; pairs with the Acquire in `read`: shows that they are 0.
        self.word.store(counters, Ordering::Release);
        counters
    }

    /// What this handler has handled, of `len`.
    pub(super) fn read(&self, handler: usize, len: usize) -> u64 {
        // ORDERING: Acquire; pairs with the Release in `make`.
        let word = self.word.load(Ordering::Acquire);
        if len == 1 {
            return word.addr() as u64;
        }
        if word.is_null() || handler >= len {
            return 0;
        }
        // SAFETY: as in `add`.
        let counter = unsafe { word.add(handler) };
        // SAFETY: as in `add`.
        unsafe { &*counter }.value()
    }

    /// Frees what was made.
    pub(super) fn free(&mut self, len: usize) {
        // ORDERING: Relaxed; alone.
        let word = self.word.load(Ordering::Relaxed);
        if len > 1 && !word.is_null() {
            *self = Handled::new();
            let counters = ptr::slice_from_raw_parts_mut(word, len);
            // SAFETY: made as a box of so many, and forgotten above.
            drop(unsafe { Box::from_raw(counters) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_handler_counts_in_the_word_and_several_where_it_points() {
        for len in [1, 2, 5] {
            let mut handled = Handled::new();
            assert_eq!(handled.read(len - 1, len), 0);
            (0..len).for_each(|handler| handled.add(handler, len, handler as u32 + 3));
            handled.add(len - 1, len, 100);
            let read: Vec<_> = (0..len).map(|handler| handled.read(handler, len)).collect();
            let expected: Vec<_> = (0..len)
                .map(|handler| handler as u64 + 3 + if handler == len - 1 { 100 } else { 0 })
                .collect();
            assert_eq!(read, expected);
            handled.free(len);
        }
    }
}
