//! What a worker runs.

use std::ptr::NonNull;

use super::handle::{Counted, Handle};

/// Something a worker runs for one activation.
///
/// # Safety
///
/// It is alive while an entry of the run queue names it, without a count for the entry: from the moment it is scheduled
/// until [`run`](Self::run) or [`abandon`](Self::abandon) is called.
pub(crate) unsafe trait Runnable: Counted {
    /// Runs until there is nothing to do, the budget is gone, or it waits. It may be gone when this returns.
    ///
    /// # Safety
    ///
    /// Once for each time that it was scheduled. `this` is the place that a handle of it has.
    unsafe fn run(this: NonNull<Self>)
    where
        Self: Sized;

    /// The runtime is gone: lets go of everything, answering whoever waits.
    ///
    /// # Safety
    ///
    /// As [`run`](Self::run), instead of it.
    unsafe fn abandon(this: NonNull<Self>)
    where
        Self: Sized;
}

/// An entry of the run queue.
pub(crate) struct Job {
    what: NonNull<()>,
    how: &'static How,
}

struct How {
    run: unsafe fn(NonNull<()>),
    abandon: unsafe fn(NonNull<()>),
}

// SAFETY: a `Runnable` is Send and Sync, as all that is `Counted`.
unsafe impl Send for Job {}

trait HowTo: Runnable + Sized + 'static {
    const HOW: &'static How = &How {
        // SAFETY: a job is made of its own type's place, and used once.
        run: |what| unsafe { Self::run(what.cast()) },
        // SAFETY: as above.
        abandon: |what| unsafe { Self::abandon(what.cast()) },
    };
}

impl<R: Runnable + 'static> HowTo for R {}

impl Job {
    /// An entry for what is borrowed.
    ///
    /// # Safety
    ///
    /// `what` lies in a slab, and its [`Runnable`] rules allow an entry now.
    #[inline]
    pub(crate) unsafe fn of<R: Runnable + 'static>(what: &R) -> Self {
        // SAFETY: the caller's word.
        Job { what: unsafe { Handle::place(what) }.cast(), how: R::HOW }
    }

    /// Of what it runs.
    pub(super) fn address(&self) -> usize {
        self.what.addr().get()
    }

    #[inline]
    pub(super) fn run(self) {
        // SAFETY: it was made of that type's place, and is used up.
        unsafe { (self.how.run)(self.what) };
    }

    pub(super) fn abandon(self) {
        // SAFETY: as above.
        unsafe { (self.how.abandon)(self.what) };
    }
}
