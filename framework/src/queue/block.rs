//! A block of slots, the unit that the queue grows by and recycles.

use std::mem::MaybeUninit;
use std::ptr;

use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Slots a block. Small under loom, so that models cross its edge.
pub(super) const BLOCK_LEN: usize = if cfg!(ostraca_loom) { 2 } else { 32 };

/// ```text
///   start ..= start + BLOCK_LEN - 1: the tickets whose messages are here
///   prev <── this ──> next      prev is set before the block is linked, and never again while it is
/// ```
pub(super) struct Block<T> {
    pub(super) start: u64,
    pub(super) prev: *mut Block<T>,
    pub(super) next: AtomicPtr<Block<T>>,
    /// The tail when everybody had been sent past this block; 0: nobody has said yet.
    pub(super) horizon: AtomicU64,
    /// The next block of the consumer's list of those it has left.
    pub(super) left_after: UnsafeCell<*mut Block<T>>,
    slots: [Slot<T>; BLOCK_LEN],
}

/// Ready when `stamp` is its ticket + 1. Stamps are absolute, so a recycled block needs no reset: a stale stamp
/// is never equal to a later ticket's.
struct Slot<T> {
    stamp: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Block<T> {
    pub(super) fn allocate(start: u64, prev: *mut Block<T>) -> *mut Block<T> {
        let slots = std::array::from_fn(|_| Slot {
            stamp: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        });
        Box::into_raw(Box::new(Block {
            start,
            prev,
            next: AtomicPtr::new(ptr::null_mut()),
            horizon: AtomicU64::new(0),
            left_after: UnsafeCell::new(ptr::null_mut()),
            slots,
        }))
    }

    /// Makes a block that nobody else can reach ready for `start`.
    pub(super) fn reuse(&mut self, start: u64, prev: *mut Block<T>) {
        self.start = start;
        self.prev = prev;
        // ORDERING: Relaxed, both; the block is published by the Release that links it.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.horizon.store(0, Ordering::Relaxed);
    }

    pub(super) fn holds(&self, ticket: u64) -> bool {
        ticket.wrapping_sub(self.start) < BLOCK_LEN as u64
    }

    fn slot(&self, ticket: u64) -> &Slot<T> {
        &self.slots[(ticket - self.start) as usize]
    }

    /// Fills a slot and shows it to the consumer.
    ///
    /// # Safety
    ///
    /// The caller holds `ticket`, which is in this block, and calls once.
    pub(super) unsafe fn write(&self, ticket: u64, value: T) {
        let slot = self.slot(ticket);
        // SAFETY: the ticket makes the slot the caller's until the stamp.
        slot.value.with_mut(|place| unsafe { (*place).write(value) });
        // ORDERING: Release; pairs with the Acquire in `is_ready`. Publishes the value.
        slot.stamp.store(ticket + 1, Ordering::Release);
    }

    pub(super) fn is_ready(&self, ticket: u64) -> bool {
        // ORDERING: Acquire; pairs with the Release in `write`.
        self.slot(ticket).stamp.load(Ordering::Acquire) == ticket + 1
    }

    /// # Safety
    ///
    /// The caller is the consumer, and `ticket` is ready and was not read before.
    pub(super) unsafe fn read(&self, ticket: u64) -> T {
        // SAFETY: ready, and read once.
        self.slot(ticket).value.with(|place| unsafe { place.cast::<T>().read() })
    }

    /// # Safety
    ///
    /// The caller is the consumer, and `ticket` is ready and is not read while the reference is used.
    pub(super) unsafe fn peek(&self, ticket: u64) -> &T {
        // SAFETY: ready, and the producer that wrote it is done with it.
        self.slot(ticket).value.with(|place| unsafe { &*place.cast::<T>() })
    }
}
