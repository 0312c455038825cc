//! A worker's own queue: a ring of fixed length that its worker fills, and that others take halves from.
//!
//! ```text
//!   head: two positions in one word                tail
//!     steal ──┐          real ──┐                    │
//!   ──────────▼─────────────────▼────────────────────▼──────────> positions, modulo the length a slot
//!    free     │ a thief reads   │ queued             │ free
//!             │ these now       │                    │
//! ```
//!
//! The worker pushes at `tail` and pops at `real`. A thief claims half by moving `real`, leaves `steal` where it
//! was so that the worker does not overwrite what is still being read, and moves `steal` up when it has read. While
//! the two differ no second thief comes in. Positions are 32 bits wide and wrap; only their differences count.
//!
//! **Guarantees.** First in, first out; each job is taken once. `push` and `pop` are lock-free (a failed exchange
//! means that a thief succeeded), and a thief that is preempted half way costs the ring the room it claimed, no more.
//!
//! **Costs.** A push is two loads and two stores; a pop is one uncontended exchange.
//!
//! The algorithm is that of tokio's `multi_thread` queue, which took it from Go's `runqget` and `runqgrab`.

use std::mem::MaybeUninit;

use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Entries a ring holds. Small under loom, so that models meet the wrap and the overflow.
#[cfg(not(ostraca_loom))]
pub(super) const RING_LEN: u32 = 256;
#[cfg(ostraca_loom)]
pub(super) const RING_LEN: u32 = 4;

pub(super) struct Ring<T> {
    head: AtomicU64,
    tail: AtomicU32,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

// SAFETY: a slot is written by the worker alone, and read by the one who claimed it in `head`.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: it owns its jobs, which are Send.
unsafe impl<T: Send> Send for Ring<T> {}

/// Both positions of `head`.
#[derive(Clone, Copy)]
struct Head {
    steal: u32,
    real: u32,
}

impl Head {
    fn unpack(word: u64) -> Self {
        Head { steal: (word >> 32) as u32, real: word as u32 }
    }

    fn pack(self) -> u64 {
        u64::from(self.steal) << 32 | u64::from(self.real)
    }

    fn at(position: u32) -> Self {
        Head { steal: position, real: position }
    }

    fn has_thief(self) -> bool {
        self.steal != self.real
    }
}

impl<T> Ring<T> {
    pub(super) fn new() -> Self {
        Self::starting_at(0)
    }

    /// An empty ring whose next position is `position`.
    pub(super) fn starting_at(position: u32) -> Self {
        Ring {
            head: AtomicU64::new(Head::at(position).pack()),
            tail: AtomicU32::new(position),
            slots: (0..RING_LEN).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
        }
    }

    /// Appends a job, or gives it back when there is no room.
    ///
    /// # Safety
    ///
    /// The caller is the ring's worker.
    #[inline]
    pub(super) unsafe fn push(&self, job: T) -> Result<(), T> {
        // ORDERING: Acquire; pairs with the Release by which a thief ends in `steal`: it has read the slot that is
        // written below.
        let head = Head::unpack(self.head.load(Ordering::Acquire));
        // ORDERING: Relaxed; only this thread writes it.
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(head.steal) >= RING_LEN {
            return Err(job);
        }
        // SAFETY: the position is free, and the caller alone fills positions.
        unsafe { self.write(tail, job) };
        // ORDERING: Release; pairs with the Acquire in `steal`. Publishes the slot.
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Takes the oldest job.
    ///
    /// # Safety
    ///
    /// The caller is the ring's worker.
    #[inline]
    pub(super) unsafe fn pop(&self) -> Option<T> {
        // SAFETY: the caller's duty.
        let (position, _) = unsafe { self.claim(1)? };
        // SAFETY: the position was just claimed.
        Some(unsafe { self.read(position) })
    }

    /// Takes the older half of a full ring, to make room. Empty when a thief is making room already.
    ///
    /// # Safety
    ///
    /// The caller is the ring's worker.
    #[cold]
    pub(super) unsafe fn pop_half(&self) -> Vec<T> {
        // ORDERING: Relaxed; only a guess, `claim` looks for itself.
        if Head::unpack(self.head.load(Ordering::Relaxed)).has_thief() {
            return Vec::new();
        }
        // SAFETY: the caller's duty.
        let Some((first, len)) = (unsafe { self.claim(RING_LEN / 2) }) else { return Vec::new() };
        // SAFETY: the positions were just claimed, and the caller is the only one who could fill them anew.
        (0..len).map(|offset| unsafe { self.read(first.wrapping_add(offset)) }).collect()
    }

    /// The worker's claim of up to `len_max` jobs: the first position and how many.
    ///
    /// # Safety
    ///
    /// The caller is the ring's worker.
    #[inline]
    unsafe fn claim(&self, len_max: u32) -> Option<(u32, u32)> {
        // ORDERING: Relaxed; the slots it leads to were written by this thread.
        let mut word = self.head.load(Ordering::Relaxed);
        loop {
            let head = Head::unpack(word);
            // ORDERING: Relaxed; only this thread writes it.
            let queued = self.tail.load(Ordering::Relaxed).wrapping_sub(head.real);
            if queued == 0 {
                return None;
            }
            let len = queued.min(len_max);
            let real = head.real.wrapping_add(len);
            // A thief that is reading keeps its place.
            let next = Head { steal: if head.has_thief() { head.steal } else { real }, real };
            // ORDERING: Release; pairs with the Acquire of `head` in `steal`. A thief that sees this position sees a
            // tail that is not behind it. Relaxed on failure; the loop looks again.
            match self.head.compare_exchange(word, next.pack(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Some((head.real, len)),
                Err(current) => word = current,
            }
        }
    }

    /// Hands the oldest half (at least one) of what is queued, or as much as is wanted of that, or all of it, to `sink`. How many. None, too, while
    /// another thief is at it. Anybody may call it.
    pub(super) fn steal(&self, share: Share, mut sink: impl FnMut(T)) -> u32 {
        // ORDERING: Acquire; pairs with the Release in `claim`: the tail loaded below is not behind this head.
        let mut word = self.head.load(Ordering::Acquire);
        let (first, len) = loop {
            let head = Head::unpack(word);
            // ORDERING: Acquire; pairs with the Release in `push`. Shows the slots.
            let queued = self.tail.load(Ordering::Acquire).wrapping_sub(head.real);
            if head.has_thief() || queued == 0 {
                return 0;
            }
            let len = match share {
                Share::Half { len_max } => (queued - queued / 2).min(len_max),
                Share::All => queued,
            };
            let claimed = Head { steal: head.steal, real: head.real.wrapping_add(len) };
            // ORDERING: Relaxed; it hands nothing over: the slots were shown by the tail, and the worker does not
            // write them before it sees `steal` move. Acquire on failure; as the first load.
            match self.head.compare_exchange(word, claimed.pack(), Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => break (head.real, len),
                Err(current) => word = current,
            }
        };
        for offset in 0..len {
            // SAFETY: the positions were just claimed, and are not written before `steal` moves below.
            sink(unsafe { self.read(first.wrapping_add(offset)) });
        }
        // The worker alone moves `real` meanwhile, so this catches up with it in a few rounds.
        // ORDERING: Relaxed; only a guess for the exchange.
        let mut word = self.head.load(Ordering::Relaxed);
        loop {
            let done = Head::at(Head::unpack(word).real);
            // ORDERING: Release; pairs with the Acquire in `push`: the slots are read before they are filled anew.
            match self.head.compare_exchange(word, done.pack(), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return len,
                Err(current) => word = current,
            }
        }
    }

    /// Whether jobs are queued. A guess for whoever is not the worker.
    pub(super) fn is_empty(&self) -> bool {
        // ORDERING: Relaxed, twice; a guess. Where it decides about sleep, fences on both sides order it.
        let head = Head::unpack(self.head.load(Ordering::Relaxed));
        head.real == self.tail.load(Ordering::Relaxed)
    }

    /// How many more jobs fit in.
    ///
    /// # Safety
    ///
    /// The caller is the ring's worker.
    pub(super) unsafe fn room(&self) -> u32 {
        // ORDERING: Relaxed, twice; `push` looks for itself, and only this thread lessens the room.
        let head = Head::unpack(self.head.load(Ordering::Relaxed));
        RING_LEN - self.tail.load(Ordering::Relaxed).wrapping_sub(head.steal)
    }

    /// # Safety
    ///
    /// Nobody else touches the position.
    unsafe fn write(&self, position: u32, job: T) {
        // SAFETY: the caller's duty.
        self.slot(position).with_mut(|slot| unsafe { slot.write(MaybeUninit::new(job)) });
    }

    /// # Safety
    ///
    /// The position was filled, the caller has claimed it, and reads it once.
    unsafe fn read(&self, position: u32) -> T {
        // SAFETY: the caller's duty.
        let job = self.slot(position).with(|slot| unsafe { slot.read() });
        // SAFETY: the position was filled.
        unsafe { job.assume_init() }
    }

    fn slot(&self, position: u32) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[(position % RING_LEN) as usize]
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: there is nobody else.
        while unsafe { self.pop() }.is_some() {}
    }
}

/// How much a thief takes.
#[derive(Clone, Copy)]
pub(super) enum Share {
    Half { len_max: u32 },
    All,
}
