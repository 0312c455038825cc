//! The users' lane: the lock-free queue, or a locked ring where the oldest message may be dropped.

use super::Pushed;
use super::ring::Ring;
use crate::queue::{Pop, Queue};

pub(super) enum Lane<M> {
    Free(Queue<M>),
    Ring(Box<Ring<M>>),
}

impl<M> Lane<M> {
    pub(super) fn free() -> Self {
        Lane::Free(Queue::new())
    }

    pub(super) fn ring(len_max: usize) -> Self {
        Lane::Ring(Box::new(Ring::new(len_max)))
    }

    /// False for a ring, which makes room itself.
    pub(super) fn refuses_when_full(&self) -> bool {
        matches!(self, Lane::Free(_))
    }

    pub(super) fn push(&self, message: M) -> Result<Pushed<M>, M> {
        match self {
            Lane::Free(queue) => {
                queue.push(message).map(|pushed| Pushed { must_wake: pushed.must_wake, displaced: None })
            }
            Lane::Ring(ring) => ring.push(message),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Lane::Free(queue) => queue.len(),
            Lane::Ring(ring) => ring.len(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Lane::Free(queue) => queue.is_closed(),
            Lane::Ring(ring) => ring.is_closed(),
        }
    }

    pub(super) fn close(&self) {
        match self {
            Lane::Free(queue) => queue.close(),
            Lane::Ring(ring) => ring.close(),
        }
    }

    /// # Safety
    ///
    /// As [`Mailbox::pop`](super::Mailbox::pop).
    pub(super) unsafe fn pop(&self) -> Pop<M> {
        match self {
            // SAFETY: the caller's duty is passed on unchanged.
            Lane::Free(queue) => unsafe { queue.pop() },
            Lane::Ring(ring) => ring.pop(),
        }
    }

    /// # Safety
    ///
    /// As [`Mailbox::pop`](super::Mailbox::pop).
    pub(super) unsafe fn pop_if(&self, wanted: impl FnOnce(&M) -> bool) -> Option<M> {
        let queue = match self {
            Lane::Free(queue) => queue,
            Lane::Ring(ring) => return ring.pop_if(wanted),
        };
        // SAFETY: the caller's duty is passed on unchanged; the reference ends with this statement.
        let take = unsafe { queue.peek() }.is_some_and(wanted);
        if !take {
            return None;
        }
        // SAFETY: the caller's duty is passed on unchanged.
        match unsafe { queue.pop() } {
            Pop::Item(message) => Some(message),
            Pop::Empty | Pop::Busy => unreachable!("the head was published, and nobody else pops"),
        }
    }

    /// # Safety
    ///
    /// As [`Mailbox::pop`](super::Mailbox::pop).
    pub(super) unsafe fn park(&self) -> bool {
        match self {
            // SAFETY: the caller's duty is passed on unchanged.
            Lane::Free(queue) => unsafe { queue.park() },
            Lane::Ring(ring) => ring.park(),
        }
    }
}
