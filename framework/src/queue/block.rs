//! A block of slots, the unit that the queue grows by and recycles.

use std::mem::MaybeUninit;
use std::ptr;

use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::sync::{LeakCheck, UnsafeCell};

/// Slots a block. Small under loom, so that models cross its edge.
pub(super) const BLOCK_LEN: usize = if cfg!(ostraca_loom) { 2 } else { 32 };

/// ```text
///   start ..= start + BLOCK_LEN - 1: the tickets whose messages are here
///   prev <── this ──> next
/// ```
pub(super) struct Block<T> {
    place: UnsafeCell<Place<T>>,
    pub(super) next: AtomicPtr<Block<T>>,
    /// The tail when everybody had been sent past this block; 0: nobody has said yet. A producer and the consumer
    /// can both say; either is right.
    ///
    /// ORDERING: Relaxed everywhere. A producer that stores it holds a ticket before both numbers and stamps it
    /// afterwards; the consumer goes by it only once head has reached it, so it has read that stamp.
    pub(super) horizon: AtomicU64,
    /// The next block of the consumer's list of those it has left.
    pub(super) left_after: UnsafeCell<*mut Block<T>>,
    slots: [Slot<T>; BLOCK_LEN],
    _leaks: LeakCheck,
}

/// Where a block stands. Written only while nobody else can reach the block; in a cell, so that loom reports
/// whoever still can.
struct Place<T> {
    start: u64,
    prev: *mut Block<T>,
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
            place: UnsafeCell::new(Place { start, prev }),
            next: AtomicPtr::new(ptr::null_mut()),
            horizon: AtomicU64::new(0),
            left_after: UnsafeCell::new(ptr::null_mut()),
            slots,
            _leaks: LeakCheck::new(),
        }))
    }

    /// Puts a block that nobody else can reach where `start` is.
    pub(super) fn reuse(&mut self, start: u64, prev: *mut Block<T>) {
        // SAFETY: the reference is exclusive.
        self.place.with_mut(|place| unsafe { place.write(Place { start, prev }) });
        // ORDERING: Relaxed, both; the block is published by the Release that links it.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.horizon.store(0, Ordering::Relaxed);
    }

    /// The ticket of the first slot.
    pub(super) fn start(&self) -> u64 {
        // SAFETY: who holds a reference reached the block, and it is not moved while anybody can.
        self.place.with(|place| unsafe { (*place).start })
    }

    /// The block before. It can be gone: only for those whose ticket is before this block.
    pub(super) fn prev(&self) -> *mut Block<T> {
        // SAFETY: as in `start`.
        self.place.with(|place| unsafe { (*place).prev })
    }

    /// How far into the block `ticket` is, which is not before it.
    pub(super) fn offset(&self, ticket: u64) -> u64 {
        ticket - self.start()
    }

    pub(super) fn holds(&self, ticket: u64) -> bool {
        ticket.wrapping_sub(self.start()) < BLOCK_LEN as u64
    }

    fn slot(&self, ticket: u64) -> &Slot<T> {
        &self.slots[self.offset(ticket) as usize]
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
