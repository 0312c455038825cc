//! The consumer's half of the queue.
//!
//! ```text
//!   oldest ──> left ──> left ──> block ──> ..        linked by `next`; those before `block` are left, and each is
//!                                                    given back when the position has reached its horizon
//!
//!   head ── lag ──> position ── known ──> what the tail was when the consumer last looked
//! ```

use std::ptr;

use super::block::Block;
use super::claim::Rest;
use super::mpsc::{Find, Found};
use super::senders::Senders;
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicU64, Ordering};

/// How many messages the published head can be behind the position.
pub(super) const HEAD_LAG_MAX: u8 = if cfg!(ostraca_loom) { 2 } else { 16 };
/// A queue with a limit below this has no such lag: there it would be felt.
const LAG_LIMIT_MIN: u64 = 256;

/// All that the consumer touches but the blocks.
#[repr(C)]
pub(super) struct Consumer<T> {
    /// The position, as the others were last told it.
    head: AtomicU64,
    cursor: UnsafeCell<Cursor<T>>,
}

/// The consumer's alone.
struct Cursor<T> {
    /// How far the position, the ticket of the next message, is past the head.
    lag: u8,
    /// How far it may be: 1, so that a pop leaves none, or [`HEAD_LAG_MAX`].
    lag_max: u8,
    /// Blocks given back since the last rest.
    given: u16,
    /// So many messages from the position on are there, or about to be. The consumer looks at no slot that producers
    /// may just be writing in a row, and not at the tail at every message: both would take lines from them.
    known: u32,
    /// The block that holds the position, or that the position has just left; null before the first message.
    block: *mut Block<T>,
    /// The oldest block that is not given back; null as `block` is.
    oldest: *mut Block<T>,
}

impl<T> Consumer<T> {
    pub(super) fn new(limit: u64) -> Self {
        let lag_max = if limit < LAG_LIMIT_MIN { 1 } else { HEAD_LAG_MAX };
        let (block, oldest) = (ptr::null_mut(), ptr::null_mut());
        let cursor = Cursor { lag: 0, lag_max, given: 0, known: 0, block, oldest };
        Consumer { head: AtomicU64::new(0), cursor: UnsafeCell::new(cursor) }
    }

    /// As far as it was published.
    pub(super) fn head(&self) -> u64 {
        // ORDERING: Relaxed; only the number is read. Who must not miss one takes a step in the tail's order.
        self.head.load(Ordering::Relaxed)
    }

    /// # Safety
    ///
    /// The caller is the only consumer, what the one before it did happens before, and it has no other such reference.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "the caller's duty makes it unique")]
    unsafe fn cursor(&self) -> &mut Cursor<T> {
        // SAFETY: the caller's duty.
        self.cursor.with_mut(|cursor| unsafe { &mut *cursor })
    }

    #[inline]
    fn position(&self, cursor: &Cursor<T>) -> u64 {
        // ORDERING: Relaxed; only the consumer writes it, and consumers are ordered by the callers' duty.
        self.head.load(Ordering::Relaxed) + u64::from(cursor.lag)
    }

    #[inline]
    fn publish(&self, cursor: &mut Cursor<T>) {
        let position = self.position(cursor);
        cursor.lag = 0;
        // ORDERING: Relaxed; only the number is read, as in `head`.
        self.head.store(position, Ordering::Relaxed);
    }

    /// # Safety
    ///
    /// As [`Queue::find`](super::Queue::find), as for all below; `senders` is the other half of this queue.
    /// Whether the next message is known to be there, or about to be.
    #[inline(always)]
    pub(super) unsafe fn knows_next(&self) -> bool {
        // SAFETY: the caller's duty.
        unsafe { self.cursor() }.known != 0
    }

    /// How many messages are known to be there, or about to be.
    #[inline(always)]
    pub(super) unsafe fn known(&self) -> u32 {
        // SAFETY: the caller's duty.
        unsafe { self.cursor() }.known
    }

    /// Messages are there, or about to be, up to the ticket `end`: so the claim said. Only at the beginning of a turn.
    #[inline(always)]
    pub(super) unsafe fn expect(&self, end: u64) {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        let new = end - self.position(cursor);
        cursor.known = u32::try_from(new).unwrap_or(u32::MAX);
    }

    #[inline(always)]
    pub(super) unsafe fn find(&self, senders: &Senders<T>) -> Find {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        if cursor.known == 0 && !self.look(senders, cursor) {
            return Find::Empty;
        }
        // SAFETY: the caller's duty is passed on.
        match unsafe { self.find_ready(senders, cursor) } {
            Some(offset) => Find::Item(Found { offset }),
            None => Find::Busy,
        }
    }

    #[inline(always)]
    pub(super) unsafe fn take(&self, found: Found) -> T {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        // The position moves on before anything of the caller's can run: nothing is delivered twice.
        cursor.known -= 1;
        cursor.lag += 1;
        if cursor.lag == cursor.lag_max {
            self.publish(cursor);
        }
        // SAFETY: ready, and read once, as the position is past it.
        unsafe { Block::read(cursor.block, found.offset) }
    }

    #[inline(always)]
    pub(super) unsafe fn peek(&self, found: &Found) -> &T {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        // SAFETY: ready, and the caller takes it later.
        unsafe { Block::peek(cursor.block, found.offset) }
    }

    /// Has come to the end of what it knew: looks at the tail again. False when there is nothing new.
    #[inline(never)]
    fn look(&self, senders: &Senders<T>, cursor: &mut Cursor<T>) -> bool {
        self.publish(cursor);
        let new = senders.claim.end() - self.position(cursor);
        cursor.known = u32::try_from(new).unwrap_or(u32::MAX);
        new != 0
    }

    /// Where in the cursor's block the next message is, if it is there yet.
    #[inline(always)]
    unsafe fn find_ready(&self, senders: &Senders<T>, cursor: &mut Cursor<T>) -> Option<usize> {
        let position = self.position(cursor);
        // SAFETY: null, or alive.
        let offset = unsafe { cursor.block.as_ref() }.and_then(|block| block.offset(position));
        // SAFETY: the caller's duty is passed on.
        if let Some(offset) = offset.or_else(|| unsafe { cursor.find(senders, position) })
            // SAFETY: alive, and the position is in it.
            && unsafe { Block::is_ready(cursor.block, offset, position) }
        {
            return Some(offset);
        }
        self.publish_at_busy(cursor);
        None
    }

    #[cold]
    fn publish_at_busy(&self, cursor: &mut Cursor<T>) {
        self.publish(cursor);
    }

    #[inline]
    pub(super) unsafe fn publish_head(&self) {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        self.publish(cursor);
    }

    #[inline]
    pub(super) unsafe fn release(&self, senders: &Senders<T>) -> Rest {
        // SAFETY: the caller's duty is passed on.
        let position = unsafe { self.settle(senders) };
        senders.claim.release(position)
    }

    pub(super) unsafe fn release_unfinished(&self, senders: &Senders<T>) -> Rest {
        // SAFETY: the caller's duty is passed on.
        let position = unsafe { self.settle(senders) };
        senders.claim.release_unfinished(position)
    }

    /// Shows the position, which it returns, before a rest.
    #[inline]
    unsafe fn settle(&self, senders: &Senders<T>) -> u64 {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        self.publish(cursor);
        let position = self.position(cursor);
        if cursor.oldest != cursor.block || cursor.given > 1 {
            // SAFETY: the caller's duty is passed on.
            unsafe { self.tidy(senders, cursor, position) };
        }
        position
    }

    /// Gives back what can be given back, and lets go of memory that a flood has left.
    #[cold]
    #[inline(never)]
    unsafe fn tidy(&self, senders: &Senders<T>, cursor: &mut Cursor<T>, position: u64) {
        // SAFETY: the caller's duty is passed on.
        unsafe { cursor.give_back(senders, position) };
        if cursor.given > 1 && senders.claim.end() == position {
            cursor.given = 0;
            senders.trim();
        }
    }

    /// The ticket of the next message.
    #[inline(always)]
    pub(super) unsafe fn next(&self) -> u64 {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        self.position(cursor)
    }

    /// # Safety
    ///
    /// The caller has the queue to itself, and this is the end.
    pub(super) unsafe fn free_blocks(&self, senders: &Senders<T>) {
        // SAFETY: the caller's duty.
        let oldest = unsafe { self.cursor() }.oldest;
        // SAFETY: the caller's duty. Those that were left are linked to the others.
        unsafe { senders.free(oldest) };
    }

    #[cfg(all(test, not(ostraca_loom)))]
    pub(super) unsafe fn blocks_left(&self) -> usize {
        // SAFETY: the caller's duty.
        let cursor = unsafe { self.cursor() };
        let (mut count, mut next) = (0, cursor.oldest);
        while next != cursor.block {
            // SAFETY: blocks that are not given back are alive.
            next = unsafe { &*next }.next.load(Ordering::Relaxed);
            count += 1;
        }
        count
    }
}

impl<T> Cursor<T> {
    /// How far into the block the position is; finds the block first, and leaves the one before it behind.
    ///
    /// # Safety
    ///
    /// As [`Queue::find`](super::Queue::find), as for all below.
    #[cold]
    #[inline(never)]
    unsafe fn find(&mut self, senders: &Senders<T>, position: u64) -> Option<usize> {
        if self.block.is_null() {
            // SAFETY: the caller is the consumer, and no block was read.
            self.block = unsafe { senders.first() };
            self.oldest = self.block;
        }
        // SAFETY: null, or alive.
        let block = unsafe { self.block.as_ref() }?;
        if let Some(offset) = block.offset(position) {
            return Some(offset);
        }
        // ORDERING: Acquire; sees the fields of the block that a Release linked.
        let next = block.next.load(Ordering::Acquire);
        if next.is_null() {
            return None;
        }
        // SAFETY: the position is past the block.
        unsafe { senders.leave(self.block, next) };
        self.block = next;
        // SAFETY: the caller's duty is passed on.
        unsafe { self.give_back(senders, position) };
        Some(0)
    }

    /// Gives back the blocks whose horizon the position has reached.
    unsafe fn give_back(&mut self, senders: &Senders<T>, position: u64) {
        while self.oldest != self.block {
            // SAFETY: alive: not given back.
            let oldest = unsafe { &*self.oldest };
            // ORDERING: Relaxed; see `Block::horizon`.
            if oldest.horizon.load(Ordering::Relaxed) > position {
                return;
            }
            // ORDERING: Relaxed; the consumer has followed this link before.
            let next = oldest.next.load(Ordering::Relaxed);
            // SAFETY: no producer can reach it any more, and those who could are done (rules 3 and 4).
            unsafe { senders.give_back(self.oldest) };
            self.given = self.given.saturating_add(1);
            self.oldest = next;
        }
    }
}
