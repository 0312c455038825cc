//! A sender and a receiver for this workspace's benches: the mailbox without unsafe.

use std::sync::Arc;

use super::{Begin, Mailbox, Overflow, Pop, Rest, Taken};

#[repr(align(64))]
struct Aligned<M>(Mailbox<M, ()>);

/// A new mailbox's two ends. `None`: unbounded.
pub fn mailbox<M: Send>(len_max: Option<usize>) -> (Sender<M>, Receiver<M>) {
    let mailbox = Arc::new(Aligned(Mailbox::new(len_max, Overflow::Reject, Begin::Running)));
    (Sender { mailbox: mailbox.clone() }, Receiver { mailbox })
}

/// Sends.
pub struct Sender<M> {
    mailbox: Arc<Aligned<M>>,
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Self {
        Sender { mailbox: self.mailbox.clone() }
    }
}

impl<M: Send> Sender<M> {
    /// Appends.
    ///
    /// # Errors
    ///
    /// Gives the message back when the mailbox is full.
    #[inline]
    pub fn try_push(&self, message: M) -> Result<(), M> {
        match self.mailbox.0.try_push(message) {
            Ok(_) => Ok(()),
            Err(super::TryPushError::Full(message) | super::TryPushError::Closed(message)) => Err(message),
        }
    }

    /// Appends as many from the front as there is room for; the rest stays. Whether the receiver was parked.
    pub fn try_push_many(&self, messages: &mut Vec<M>) -> bool {
        let pushed = self.mailbox.0.try_push_many(messages);
        pushed.is_ok_and(|pushed| pushed.must_wake && pushed.displaced.is_empty())
    }
}

/// Receives: the one consumer.
pub struct Receiver<M> {
    mailbox: Arc<Aligned<M>>,
}

impl<M: Send> Receiver<M> {
    /// The next message, if it is there.
    #[inline]
    pub fn try_pop(&mut self) -> Option<M> {
        // SAFETY: a receiver is not Clone, so this is the one consumer.
        match unsafe { self.mailbox.0.pop() } {
            Pop::Item(message) => Some(message),
            Pop::Empty | Pop::Busy => None,
        }
    }

    /// Gives the role up, so that the next push is told to wake; false when there is something to take.
    pub fn rest(&mut self) -> bool {
        // SAFETY: as in `try_pop`; the handle keeps the mailbox.
        unsafe { self.mailbox.0.release() == Rest::Resting }
    }

    /// Takes the role again, after a wake.
    ///
    /// # Panics
    ///
    /// If nobody was told to wake.
    pub fn wake(&mut self) {
        assert!(matches!(self.mailbox.0.claim().take(), Taken::Claimed { .. }), "a push was told to wake");
    }
}
