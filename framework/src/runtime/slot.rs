//! The job that a worker was given last, and runs next.
//!
//! ```text
//!             put (worker)
//!   EMPTY ──────────────────> FULL ───────────> TAKEN: a thief reads, or the worker exchanges
//!     ▲        take (worker)   │ ▲                │  │
//!     ├────────────────────────┘ └── exchanged ───┘  │
//!     └──────────────── the thief has read ──────────┘
//! ```
//!
//! Only the worker fills the slot; so it may read what it took after it has marked the slot EMPTY, and needs no
//! read-modify-write to fill an empty one. A thief reads in between, and the worker does not wait for it: what it
//! is given meanwhile goes to its ring.
//!
//! **Costs.** A load and a store to fill an empty slot; one uncontended exchange to take.

use std::mem::MaybeUninit;

use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicU32, Ordering};

const EMPTY: u32 = 0;
const FULL: u32 = 1;
const TAKEN: u32 = 2;

pub(super) struct Slot<T> {
    state: AtomicU32,
    job: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: `job` is written by the worker while the slot is not FULL, and read by the one who moved it from FULL.
unsafe impl<T: Send> Sync for Slot<T> {}
// SAFETY: it owns its job, which is Send.
unsafe impl<T: Send> Send for Slot<T> {}

/// What became of a job that was put into the slot.
pub(super) enum Put<T> {
    /// It is in the slot, which was empty.
    Filled,
    /// It is in the slot; this one was.
    Displaced(T),
    /// A thief is at the slot: here it is again.
    Busy(T),
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Slot { state: AtomicU32::new(EMPTY), job: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Puts a job in.
    ///
    /// # Safety
    ///
    /// The caller is the slot's worker.
    #[inline]
    pub(super) unsafe fn put(&self, job: T) -> Put<T> {
        // ORDERING: Acquire; pairs with the Release in `steal`: the thief has read what is overwritten below.
        match self.state.load(Ordering::Acquire) {
            EMPTY => {
                // SAFETY: the slot is empty, and the caller alone fills it.
                unsafe { self.fill(job) };
                Put::Filled
            }
            // ORDERING: Relaxed; the job that is read next was written by this thread.
            FULL if self.exchange(TAKEN, Ordering::Relaxed) => {
                // SAFETY: the slot was just claimed.
                let displaced = unsafe { self.read() };
                // SAFETY: it is claimed, and the caller alone fills it.
                unsafe { self.fill(job) };
                Put::Displaced(displaced)
            }
            _ => Put::Busy(job),
        }
    }

    /// Takes the job out.
    ///
    /// # Safety
    ///
    /// The caller is the slot's worker.
    #[inline]
    pub(super) unsafe fn take(&self) -> Option<T> {
        // ORDERING: Relaxed; the job that is read next was written by this thread.
        let taken = self.is_full() && self.exchange(EMPTY, Ordering::Relaxed);
        // SAFETY: it was FULL, and only the caller could fill it anew.
        taken.then(|| unsafe { self.read() })
    }

    /// Takes the job out. Anybody may call it.
    pub(super) fn steal(&self) -> Option<T> {
        // ORDERING: Acquire; pairs with the Release in `fill`. Shows the job.
        if !self.is_full() || !self.exchange(TAKEN, Ordering::Acquire) {
            return None;
        }
        // SAFETY: the slot was just claimed.
        let job = unsafe { self.read() };
        // ORDERING: Release; pairs with the Acquire in `put`: the job is read before it is overwritten.
        self.state.store(EMPTY, Ordering::Release);
        Some(job)
    }

    /// Whether a job is in. A guess.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        // ORDERING: Relaxed; a guess, checked by the exchange where it matters.
        self.state.load(Ordering::Relaxed) == FULL
    }

    #[inline]
    fn exchange(&self, next: u32, success: Ordering) -> bool {
        // ORDERING: `success` is the caller's; Relaxed on failure, upon which nothing is touched.
        self.state.compare_exchange(FULL, next, success, Ordering::Relaxed).is_ok()
    }

    /// # Safety
    ///
    /// The caller is the worker, and the slot is EMPTY or claimed by it.
    #[inline]
    unsafe fn fill(&self, job: T) {
        // SAFETY: the caller's duty.
        self.job.with_mut(|slot| unsafe { slot.write(MaybeUninit::new(job)) });
        // ORDERING: Release; pairs with the Acquire in `steal`. Publishes the job.
        self.state.store(FULL, Ordering::Release);
    }

    /// # Safety
    ///
    /// The caller moved the slot from FULL, and reads once.
    #[inline]
    unsafe fn read(&self) -> T {
        // SAFETY: the caller's duty.
        let job = self.job.with(|slot| unsafe { slot.read() });
        // SAFETY: the slot was FULL.
        unsafe { job.assume_init() }
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: there is nobody else.
        drop(unsafe { self.take() });
    }
}
