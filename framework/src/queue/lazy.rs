//! A box that is made when somebody first needs it, by whoever that is. One pointer.

use std::ptr;

use crate::sync::atomic::{AtomicPtr, Ordering};

pub(crate) struct LazyBox<T> {
    made: AtomicPtr<T>,
}

// SAFETY: it owns its value as a box does.
unsafe impl<T: Send> Send for LazyBox<T> {}
// SAFETY: it lends its value out, and takes one in from whichever thread makes it.
unsafe impl<T: Send + Sync> Sync for LazyBox<T> {}

impl<T> LazyBox<T> {
    pub(crate) fn new() -> Self {
        LazyBox { made: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // ORDERING: Acquire; pairs with the Release in `get_or_make`: sees the value.
        let made = self.made.load(Ordering::Acquire);
        // SAFETY: null, or a value that lives as long as `self`.
        unsafe { made.as_ref() }
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let new = Box::into_raw(Box::new(make()));
        // ORDERING: Release; publishes the value. Acquire on failure; sees the value of the one that won.
        let won = match self.made.compare_exchange(ptr::null_mut(), new, Ordering::Release, Ordering::Acquire)
        {
            Ok(_) => new,
            Err(won) => {
                // SAFETY: it came from a box, and nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
                won
            }
        };
        // SAFETY: it lives as long as `self`.
        unsafe { &*won }
    }
}

impl<T> Drop for LazyBox<T> {
    fn drop(&mut self) {
        // ORDERING: Relaxed; alone.
        let made = self.made.load(Ordering::Relaxed);
        if !made.is_null() {
            // SAFETY: it came from a box, and is dropped once.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

#[cfg(all(test, ostraca_loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;

    use super::*;
    use crate::sync::LeakCheck;

    /// Both see one value, whole; the other one is freed.
    #[test]
    fn loom_two_that_need_it_at_once_get_the_same_one() {
        loom::model(|| {
            let lazy = Arc::new(LazyBox::new());
            let get = |lazy: &LazyBox<(UnsafeCell<u32>, LeakCheck)>, mine| {
                let made = lazy.get_or_make(|| (UnsafeCell::new(mine), LeakCheck::new()));
                // SAFETY: nobody writes it after it was made. Loom reports one that was not published.
                made.0.with(|value| unsafe { *value })
            };
            let other = {
                let lazy = lazy.clone();
                loom::thread::spawn(move || get(&lazy, 1))
            };
            let mine = get(&lazy, 2);
            let seen = lazy.get().expect("it is made");
            // SAFETY: as above.
            assert_eq!(seen.0.with(|value| unsafe { *value }), mine);
            assert_eq!(other.join().expect("it does not panic"), mine);
        });
    }
}
