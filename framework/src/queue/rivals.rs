//! What the queue is measured against and checked with: two other ways to build one, each the best of its kind that
//! we could write.
//!
//! | | a mutex with batch swap | Vyukov's ring | [`Queue`](super::Queue) |
//! |---|---|---|---|
//! | a push | a lock | an exchange loop and a store | an exchange and a store |
//! | a pop | a lock a batch | a load and a store | a load |
//! | idle | a mutex and an empty vector | all its slots | 72 bytes |
//! | bound | easy | its length | soft |
//! | a push that is interrupted | holds up everybody | holds up the consumer | holds up the consumer |
//!
//! **Source.** D. Vyukov, "Bounded MPMC queue", 1024cores.net; its consumer's side here is one thread's.

use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, UnsafeCell};

/// The mutex: the consumer takes all that is there under one lock.
pub fn batches<T: Send>() -> (BatchSender<T>, BatchReceiver<T>) {
    let shared = Arc::new(Mutex::new(Vec::new()));
    (BatchSender { shared: shared.clone() }, BatchReceiver { shared, batch: Vec::new().into_iter() })
}

/// A producer of [`batches`].
pub struct BatchSender<T> {
    shared: Arc<Mutex<Vec<T>>>,
}

impl<T> Clone for BatchSender<T> {
    fn clone(&self) -> Self {
        BatchSender { shared: self.shared.clone() }
    }
}

impl<T: Send> BatchSender<T> {
    /// Appends.
    pub fn push(&self, value: T) {
        self.shared.lock().push(value);
    }
}

/// The consumer of [`batches`].
pub struct BatchReceiver<T> {
    shared: Arc<Mutex<Vec<T>>>,
    batch: std::vec::IntoIter<T>,
}

impl<T: Send> BatchReceiver<T> {
    /// The next message, if it is there.
    pub fn try_pop(&mut self) -> Option<T> {
        if let Some(value) = self.batch.next() {
            return Some(value);
        }
        self.batch = std::mem::take(&mut *self.shared.lock()).into_iter();
        self.batch.next()
    }
}

/// The ring, of `len` messages at most.
///
/// # Panics
///
/// If `len` is not a power of two.
pub fn ring<T: Send>(len: usize) -> (RingSender<T>, RingReceiver<T>) {
    assert!(len.is_power_of_two(), "a ring's length is a power of two");
    let slots = (0..len as u64)
        .map(|index| Slot { turn: AtomicU64::new(index), value: UnsafeCell::new(MaybeUninit::uninit()) });
    let ring = Arc::new(Ring { tail: Line(AtomicU64::new(0)), slots: slots.collect() });
    (RingSender { ring: ring.clone() }, RingReceiver { ring, head: 0 })
}

#[repr(align(64))]
struct Line<T>(T);

struct Ring<T> {
    tail: Line<AtomicU64>,
    slots: Box<[Slot<T>]>,
}

/// Free for ticket `turn`, or holds the message of ticket `turn - 1`.
struct Slot<T> {
    turn: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a slot is its producer's from the exchange to the stamp, and then the one receiver's until its stamp.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    fn slot(&self, ticket: u64) -> &Slot<T> {
        &self.slots[ticket as usize & (self.slots.len() - 1)]
    }
}

/// A producer of a [`ring`].
pub struct RingSender<T> {
    ring: Arc<Ring<T>>,
}

impl<T> Clone for RingSender<T> {
    fn clone(&self) -> Self {
        RingSender { ring: self.ring.clone() }
    }
}

impl<T: Send> RingSender<T> {
    /// Appends.
    ///
    /// # Errors
    ///
    /// Gives the value back when the ring is full.
    pub fn try_push(&self, value: T) -> Result<(), T> {
        // ORDERING: Relaxed; the exchange checks it.
        let mut ticket = self.ring.tail.0.load(Ordering::Relaxed);
        loop {
            let slot = self.ring.slot(ticket);
            // ORDERING: Acquire; pairs with the Release in `try_pop`: the value before was read.
            let turn = slot.turn.load(Ordering::Acquire);
            if turn < ticket {
                return Err(value);
            }
            if turn > ticket {
                // ORDERING: Relaxed; as above.
                ticket = self.ring.tail.0.load(Ordering::Relaxed);
                continue;
            }
            // ORDERING: Relaxed, both; the slot's own turn orders what is in it.
            let tail = &self.ring.tail.0;
            match tail.compare_exchange_weak(ticket, ticket + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    // SAFETY: the ticket makes the slot this thread's until the stamp.
                    slot.value.with_mut(|place| unsafe { (*place).write(value) });
                    // ORDERING: Release; publishes the value to the Acquire in `try_pop`.
                    slot.turn.store(ticket + 1, Ordering::Release);
                    return Ok(());
                }
                Err(seen) => ticket = seen,
            }
        }
    }
}

/// The consumer of a [`ring`].
pub struct RingReceiver<T> {
    ring: Arc<Ring<T>>,
    head: u64,
}

impl<T> RingReceiver<T> {
    /// The next message, if it is there.
    pub fn try_pop(&mut self) -> Option<T> {
        let slot = self.ring.slot(self.head);
        // ORDERING: Acquire; pairs with the Release in `try_push`: sees the value.
        if slot.turn.load(Ordering::Acquire) != self.head + 1 {
            return None;
        }
        // SAFETY: stamped for this ticket, and read once: the head moves on.
        let value = slot.value.with(|place| unsafe { place.cast::<T>().read() });
        // ORDERING: Release; pairs with the Acquire in `try_push`: the slot is free for the next round.
        slot.turn.store(self.head + self.ring.slots.len() as u64, Ordering::Release);
        self.head += 1;
        Some(value)
    }
}

impl<T> Drop for RingReceiver<T> {
    fn drop(&mut self) {
        // What senders push after this is leaked: in a rival that is enough.
        while self.try_pop().is_some() {}
    }
}

#[cfg(all(test, not(ostraca_loom)))]
#[path = "rivals_tests.rs"]
mod tests;
