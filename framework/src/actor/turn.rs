//! One call of a handler, and what it came to.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr::NonNull;

use super::cell::FutureSlot;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The right to run one message. [`Actor::handle`](crate::Actor::handle) uses it up by saying how it ran.
pub struct Turn<'a> {
    slot: NonNull<FutureSlot>,
    lives: PhantomData<&'a mut ()>,
}

/// How a message was handled. Made by [`Turn`].
#[must_use]
pub struct Handled<'a> {
    pub(super) is_done: bool,
    lives: PhantomData<&'a mut ()>,
}

impl<'a> Turn<'a> {
    /// # Safety
    ///
    /// The slot is free, and is the caller's until the turn is used up; a future that it holds then is dropped
    /// before `'a` ends.
    #[inline]
    pub(super) unsafe fn new(slot: &mut FutureSlot) -> Self {
        Turn { slot: NonNull::from(slot), lives: PhantomData }
    }

    /// The handler ran to its end.
    #[inline]
    pub fn done(self) -> Handled<'a> {
        Handled { is_done: true, lives: PhantomData }
    }

    /// The handler goes on as a future that the cell polls; no other message runs before it is done.
    pub fn run(self, future: impl Future<Output = ()> + Send + 'a) -> Handled<'a> {
        let mut slot = self.slot;
        // SAFETY: the slot is this turn's.
        let slot = unsafe { slot.as_mut() };
        // SAFETY: whoever made the turn drops the future before `'a` ends.
        unsafe { slot.put(future) };
        Handled { is_done: false, lives: PhantomData }
    }
}
