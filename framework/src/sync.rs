//! The one file that names `std::sync::atomic` or loom.
//!
//! Under `--cfg ostraca_loom` everything here is loom's, and models explore the interleavings; else it is the
//! standard library's, at no cost.

#[cfg(not(ostraca_loom))]
mod imp {
    pub(crate) mod atomic {
        pub(crate) use std::sync::atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        };
    }

    pub(crate) use std::hint;
    pub(crate) use std::thread;

    /// A mutex without poisoning: what it guards is left whole by whoever panics.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    #[cfg(test)]
    pub(crate) use super::counted::LeakCheck;

    /// Nothing here. In tests it counts what it lies in, and loom reports one that is never freed.
    #[cfg(not(test))]
    pub(crate) struct LeakCheck;

    #[cfg(not(test))]
    impl LeakCheck {
        pub(crate) fn new() -> Self {
            LeakCheck
        }
    }

    /// Nothing here. In models, an exclusive access: before memory goes, where loom would not see that another still
    /// looks at it.
    #[inline]
    pub(crate) fn assert_alone(_atomic: &mut atomic::AtomicU32) {}

    /// std's cell with loom's way of access.
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with<R>(&self, work: impl FnOnce(*const T) -> R) -> R {
            work(self.0.get())
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, work: impl FnOnce(*mut T) -> R) -> R {
            work(self.0.get())
        }
    }
}

#[cfg(ostraca_loom)]
mod imp {
    pub(crate) mod atomic {
        pub(crate) use loom::sync::atomic::{
            AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        };

        loom::lazy_static! {
            static ref FENCES: AtomicUsize = AtomicUsize::new(0);
        }

        /// Loom's fence happens together with what its thread did before. An access that orders nothing and that all
        /// fences share makes each a step of its own.
        pub(crate) fn fence(ordering: Ordering) {
            if ordering == Ordering::SeqCst {
                FENCES.fetch_add(1, Ordering::Relaxed);
            }
            loom::sync::atomic::fence(ordering);
        }
    }

    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::hint;
    pub(crate) use loom::thread;

    pub(crate) fn assert_alone(atomic: &mut atomic::AtomicU32) {
        atomic.with_mut(|_| ());
    }

    pub(crate) struct LeakCheck {
        _tracked: loom::alloc::Track<()>,
    }

    impl LeakCheck {
        pub(crate) fn new() -> Self {
            LeakCheck { _tracked: loom::alloc::Track::new(()) }
        }
    }

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("loom's mutex is never poisoned: a panic ends the model")
        }
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static COUNTS: Cell<Counts> = const { Cell::new(Counts { made: 0, freed: 0 }) };
    }

    /// What this thread has made and freed.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Counts {
        pub(crate) made: usize,
        pub(crate) freed: usize,
    }

    pub(crate) struct LeakCheck(());

    impl LeakCheck {
        pub(crate) fn new() -> Self {
            COUNTS.set(Counts { made: COUNTS.get().made + 1, ..COUNTS.get() });
            LeakCheck(())
        }

        pub(crate) fn counts() -> Counts {
            COUNTS.get()
        }
    }

    impl Drop for LeakCheck {
        fn drop(&mut self) {
            COUNTS.set(Counts { freed: COUNTS.get().freed + 1, ..COUNTS.get() });
        }
    }
}

pub(crate) use imp::*;
