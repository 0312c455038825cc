//! How a runner takes a message out of the mailbox where it does not handle it in its place, and waits for one that is
//! half sent.

use super::super::Actor;
use super::super::scope::Place;
use super::runner::{Next, Runner};
use crate::mailbox::{Find, Pop};

/// How often the head is looked at again when its sender has taken its place and not yet filled it.
const BUSY_SPINS: u32 = 64;

impl<A: Actor> Runner<'_, A> {
    /// A sender has taken its place and not filled it yet. `None`: look again.
    #[cold]
    #[inline(never)]
    pub(super) fn wait_for_sender(&mut self) -> Option<Next> {
        for _ in 0..BUSY_SPINS {
            crate::sync::hint::spin_loop();
            // SAFETY: the claim is held, so this is the consumer.
            if !matches!(unsafe { self.cell.mailbox.find() }, Find::Busy) {
                return None;
            }
        }
        // It was interrupted in between: give it the processor.
        crate::sync::thread::yield_now();
        Some(Next::Requeue)
    }

    /// Takes a message out of the mailbox before it is handled.
    #[inline(never)]
    pub(super) fn pop_apart(&mut self) -> Result<A::Message, Next> {
        if self.place == Place::Asker {
            return self.pop_plain();
        }
        loop {
            // SAFETY: the claim is held, so this is the consumer.
            match unsafe { self.cell.mailbox.pop() } {
                Pop::Item(message) => return Ok(message),
                Pop::Empty => return Err(Next::Rest),
                Pop::Busy => match self.wait_for_sender() {
                    None => {}
                    Some(next) => return Err(next),
                },
            }
        }
    }

    /// An asker leaves what may wait, and what is half sent, to the workers.
    fn pop_plain(&mut self) -> Result<A::Message, Next> {
        let is_plain = |message: &A::Message| !A::HANDLERS[A::handler_of(message)].is_async();
        // SAFETY: the claim is held, so this is the consumer.
        let plain = unsafe { self.cell.mailbox.pop_if(is_plain) };
        plain.ok_or_else(|| if self.cell.mailbox.len() == 0 { Next::Rest } else { Next::Requeue })
    }
}
