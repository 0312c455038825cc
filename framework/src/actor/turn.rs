//! One call of a handler, and what it came to.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The right to run one message. [`Actor::handle`](crate::Actor::handle) uses it up by saying how it ran.
pub struct Turn<'a>(PhantomData<&'a mut ()>);

/// How a message was handled. Made by [`Turn`].
#[must_use]
pub struct Handled<'a>(pub(super) Outcome<'a>);

pub(super) enum Outcome<'a> {
    Done,
    Later(BoxFuture<'a, ()>),
}

impl<'a> Turn<'a> {
    pub(super) fn new() -> Self {
        Turn(PhantomData)
    }

    /// The handler ran to its end.
    pub fn done(self) -> Handled<'a> {
        Handled(Outcome::Done)
    }

    /// The handler goes on as a future that the cell polls; no other message runs before it is done.
    pub fn run(self, future: impl Future<Output = ()> + Send + 'a) -> Handled<'a> {
        Handled(Outcome::Later(Box::pin(future)))
    }
}
