//! A block of slots, the unit that the queue grows by and recycles.
//!
//! ```text
//!   [ place, next, horizon, len ][ stamp value ][ stamp value ] ..     prev <── this ──> next
//! ```
//!
//! The first block of a queue is small: most actors never have more than a few messages waiting, and many have only
//! ever had one. Blocks are not aligned to lines: the allocator's aligned ways cost more than the lines do (measured:
//! a backlog of two producers took four times as long).

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr;

use crate::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::sync::{LeakCheck, UnsafeCell};

/// Slots of a queue's first block. Small under loom, as below.
pub(super) const FIRST_LEN: usize = if cfg!(ostraca_loom) { 1 } else { 2 };
/// Slots of every other block. Small under loom, so that models cross its edge.
pub(super) const BLOCK_LEN: usize = if cfg!(ostraca_loom) { 2 } else { 32 };
/// How many slots ahead a producer asks for the line that it, or another, will write: the time that a line takes to
/// come from the consumer's core is then spent pushing.
const AHEAD_LEN: usize = 12;

/// The head of a block; the slots lie behind it in the same allocation. So it is passed as a pointer, and borrowed
/// only for the fields below.
#[repr(C)]
pub(super) struct Block<T> {
    place: UnsafeCell<Place<T>>,
    pub(super) next: AtomicPtr<Block<T>>,
    /// The tail when everybody had been sent past this block; 0: nobody has said yet. A producer and the consumer
    /// can both say; either is right.
    ///
    /// ORDERING: Relaxed everywhere. A producer that stores it holds a ticket before both numbers and stamps it
    /// afterwards; the consumer goes by it only once its position has reached it, so it has read that stamp.
    pub(super) horizon: AtomicU64,
    /// Of a spare: how many there are, down from it.
    pub(super) depth: AtomicU32,
    len: u32,
    _leaks: LeakCheck,
    /// Gives the head the alignment of what follows.
    slots: [Slot<T>; 0],
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
    /// A block of `len` slots for the tickets from `start` on.
    pub(super) fn allocate(start: u64, prev: *mut Block<T>, len: usize) -> *mut Block<T> {
        let layout = Self::layout(len);
        // SAFETY: the layout is not of size 0: it has the head in it.
        let block = unsafe { alloc(layout) }.cast::<Block<T>>();
        if block.is_null() {
            handle_alloc_error(layout);
        }
        let head = Block {
            place: UnsafeCell::new(Place { start, prev }),
            next: AtomicPtr::new(ptr::null_mut()),
            horizon: AtomicU64::new(0),
            depth: AtomicU32::new(0),
            len: len as u32,
            _leaks: LeakCheck::new(),
            slots: [],
        };
        // SAFETY: it is allocated and aligned for a head.
        unsafe { block.write(head) };
        for index in 0..len {
            let slot = Slot { stamp: AtomicU64::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) };
            // SAFETY: `index` is below `len`.
            let place = unsafe { Self::slot_at(block, index) };
            // SAFETY: it is allocated and aligned for a slot.
            unsafe { place.write(slot) };
        }
        block
    }

    /// Frees the block. What is in its slots is not dropped.
    ///
    /// # Safety
    ///
    /// The block is the caller's alone, and is not used again.
    pub(super) unsafe fn free(block: *mut Block<T>) {
        // SAFETY: it is alive until below.
        let len = unsafe { &*block }.len as usize;
        for index in 0..len {
            // SAFETY: `index` is below `len`.
            let slot = unsafe { Self::slot_at(block, index) };
            // SAFETY: the caller's alone; the value in it is never dropped with it.
            unsafe { slot.drop_in_place() };
        }
        // SAFETY: the caller's alone.
        unsafe { block.drop_in_place() };
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(block.cast(), Self::layout(len)) };
    }

    fn layout(len: usize) -> Layout {
        let slots = Layout::array::<Slot<T>>(len).expect("a block is a few kilobytes");
        let (both, slots_at) = Layout::new::<Block<T>>().extend(slots).expect("a block is a few kilobytes");
        debug_assert_eq!(slots_at, size_of::<Block<T>>(), "the slots follow the head");
        both.pad_to_align()
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
    #[inline]
    pub(super) fn start(&self) -> u64 {
        // SAFETY: who holds a reference reached the block, and it is not moved while anybody can.
        self.place.with(|place| unsafe { (*place).start })
    }

    /// The block before. It can be gone: only for those whose ticket is before this block.
    pub(super) fn prev(&self) -> *mut Block<T> {
        // SAFETY: as in `start`.
        self.place.with(|place| unsafe { (*place).prev })
    }

    /// The ticket after the last slot.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.start() + u64::from(self.len)
    }

    /// How far into the block `ticket` is, if it is.
    #[inline]
    pub(super) fn offset(&self, ticket: u64) -> Option<usize> {
        let offset = ticket.wrapping_sub(self.start());
        (offset < u64::from(self.len)).then_some(offset as usize)
    }

    /// Whether it is like those that are kept for another time.
    pub(super) fn is_full_size(&self) -> bool {
        self.len as usize == BLOCK_LEN
    }

    /// # Safety
    ///
    /// The block is alive, and `index` is not above its length.
    #[inline]
    unsafe fn slot_at(block: *mut Block<T>, index: usize) -> *mut Slot<T> {
        // SAFETY: the slots follow the head in its allocation.
        let slots = unsafe { block.add(1) }.cast::<Slot<T>>();
        // SAFETY: the caller's duty.
        unsafe { slots.add(index) }
    }

    /// # Safety
    ///
    /// The block is alive while the reference is, and `offset` is below its length.
    #[inline]
    unsafe fn slot<'a>(block: *mut Block<T>, offset: usize) -> &'a Slot<T> {
        // SAFETY: the caller's duty is passed on.
        let slot = unsafe { Self::slot_at(block, offset) };
        // SAFETY: slots are written when the block is made.
        unsafe { &*slot }
    }

    /// Fills a slot and shows it to the consumer.
    ///
    /// # Safety
    ///
    /// The caller holds `ticket`, which is `offset` into this block, and calls once. `value` does not panic.
    #[inline(always)]
    pub(super) unsafe fn write(block: *mut Block<T>, offset: usize, ticket: u64, value: impl FnOnce() -> T) {
        // SAFETY: the ticket keeps the block, and is in it.
        let slot = unsafe { Self::slot(block, offset) };
        if offset + AHEAD_LEN < BLOCK_LEN {
            // Past the end it would take the consumer's lines away. (The first block is shorter: it is written once.)
            prefetch_for_writing(ptr::from_ref(slot).wrapping_add(AHEAD_LEN));
        }
        // SAFETY: the ticket makes the slot the caller's until the stamp.
        slot.value.with_mut(|place| unsafe { (*place).write(value()) });
        // ORDERING: Release; pairs with the Acquire in `is_ready`. Publishes the value.
        slot.stamp.store(ticket + 1, Ordering::Release);
    }

    /// Asks for the lines of the first slots, which producers are about to write.
    ///
    /// # Safety
    ///
    /// The block is alive.
    pub(super) unsafe fn expect_writes(block: *mut Block<T>) {
        // SAFETY: the caller's duty.
        let first = unsafe { Self::slot_at(block, 0) };
        for offset in 0..AHEAD_LEN {
            prefetch_for_writing(first.wrapping_add(offset));
        }
    }

    /// # Safety
    ///
    /// The block is alive, and `ticket` is `offset` into it.
    #[inline]
    pub(super) unsafe fn is_ready(block: *mut Block<T>, offset: usize, ticket: u64) -> bool {
        // SAFETY: the caller's duty is passed on.
        let slot = unsafe { Self::slot(block, offset) };
        // ORDERING: Acquire; pairs with the Release in `write`.
        slot.stamp.load(Ordering::Acquire) == ticket + 1
    }

    /// # Safety
    ///
    /// The caller is the consumer, and the slot is ready and was not read before.
    #[inline]
    pub(super) unsafe fn read(block: *mut Block<T>, offset: usize) -> T {
        // SAFETY: the caller's duty is passed on.
        let slot = unsafe { Self::slot(block, offset) };
        // SAFETY: ready, and read once.
        slot.value.with(|place| unsafe { place.cast::<T>().read() })
    }

    /// # Safety
    ///
    /// The caller is the consumer, and the slot is ready and is not read while the reference is used.
    pub(super) unsafe fn peek<'a>(block: *mut Block<T>, offset: usize) -> &'a T {
        // SAFETY: the caller's duty is passed on.
        let slot = unsafe { Self::slot(block, offset) };
        // SAFETY: ready, and the producer that wrote it is done with it.
        slot.value.with(|place| unsafe { &*place.cast::<T>() })
    }
}

/// A hint: any address will do, and nothing depends on it.
#[inline]
fn prefetch_for_writing<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(ostraca_loom)))]
    {
        // SAFETY: a prefetch never faults, whatever the address; processors that do not have it do nothing.
        unsafe { std::arch::asm!("prefetchw [{0}]", in(reg) place, options(nostack, preserves_flags)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(ostraca_loom))))]
    let _ = place;
}
