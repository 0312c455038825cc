//! A sender and a receiver for this workspace's benches: the queue without unsafe.

use std::sync::Arc;

use super::{Manners, Pop, Queue};
use crate::sync::hint;

/// The longest that a receiver waits before it looks at the tail again.
const SPINS_MAX: u32 = 256;

#[repr(align(64))]
struct Aligned<T>(Queue<T>);

/// A new queue's two ends.
pub fn queue<T: Send>() -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Aligned(Queue::new()));
    (Sender { queue: queue.clone() }, Receiver { queue, spins: 0, run: 0 })
}

/// Sends.
pub struct Sender<T> {
    queue: Arc<Aligned<T>>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { queue: self.queue.clone() }
    }
}

impl<T: Send> Sender<T> {
    /// Appends.
    #[inline]
    pub fn push(&self, value: T) {
        let ticket = self.queue.0.take_ticket_within_limit(Manners::GiveWay);
        let ticket = ticket.expect("nobody closes it, and it has no limit");
        // SAFETY: it was just taken.
        unsafe { self.queue.0.fill(ticket, || value) };
    }

    /// Appends all, one after the other.
    pub fn push_many(&self, values: &mut Vec<T>) {
        if !values.is_empty() {
            let pushed = self.queue.0.push_many(values, values.len());
            debug_assert!(pushed.is_some(), "nobody closes it");
        }
    }
}

/// Receives: the one consumer.
///
/// One that keeps pace with a stream and looks at every message as it comes takes a line from the producers at every
/// message. So when runs are long it waits before it looks for the next, up to a few microseconds; when little or
/// nothing has come in that time it no longer does. A cell does something else meanwhile instead.
pub struct Receiver<T> {
    queue: Arc<Aligned<T>>,
    spins: u32,
    /// What was taken since the last wait.
    run: u32,
}

impl<T: Send> Receiver<T> {
    /// The next message, if it is there.
    #[inline(always)]
    pub fn try_pop(&mut self) -> Option<T> {
        // SAFETY: a receiver is not Clone, so this is the one consumer.
        match unsafe { self.queue.0.pop() } {
            Pop::Item(value) => {
                self.run += 1;
                Some(value)
            }
            Pop::Empty | Pop::Busy => {
                self.linger();
                None
            }
        }
    }

    #[cold]
    fn linger(&mut self) {
        let was_worth_it = self.run >= (self.spins / 2).max(8);
        self.spins = if was_worth_it { (self.spins * 2).clamp(16, SPINS_MAX) } else { self.spins / 4 };
        self.run = 0;
        (0..self.spins).for_each(|_| hint::spin_loop());
    }
}
