//! A reference that only knows that its actor takes one kind of message.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cell::CellRef;
use super::error::{AskError, SendError, TellError};
use super::lifecycle::Label;
use super::parent::AnyCell;
use super::refs::ActorRef;
use super::request::Request;
use super::route::Target;
use super::turn::BoxFuture;
use super::{Handles, Message};

/// Some actor that takes `M`: what one keeps when the actor's type does not matter, or must not be known.
///
/// ```
/// # use ostraca::prelude::*;
/// # struct Counter { count: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[start] fn start() -> Self { Counter { count: 0 } }
/// #     #[handler] fn add(&mut self, by: u64) -> u64 { self.count += by; self.count }
/// # }
/// # use ostraca::Recipient;
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// # let counter = system.spawn::<Counter>(()).await?;
/// let adds: Recipient<Add> = ActorRef::recipient(&counter);
/// adds.request(Add { by: 2 }).tell()?;
/// assert_eq!(adds.request(Add { by: 3 }).await?, 5);
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// The verbs are those of a [`Request`]; waiting for an answer or for room costs a boxed future.
pub struct Recipient<M: Message>(Arc<dyn Takes<M>>);

/// What a recipient needs of a cell, or of whatever else takes messages.
pub(crate) trait Takes<M: Message>: Send + Sync {
    fn label(&self) -> Label;
    fn tell(&self, message: M) -> Result<(), TellError<M>>;
    fn send(&self, message: M, limit: Limit) -> BoxFuture<'_, Result<(), SendError<M>>>;
    fn ask(&self, message: M, limit: Limit) -> BoxFuture<'_, Result<M::Reply, AskError<M::Refusal>>>;
}

/// How long a request may wait.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limit {
    within: Option<Duration>,
    by: Option<Instant>,
}

#[cfg(feature = "actix")]
impl Limit {
    /// The deadline of a request that is made now: its own, or that of the ask being handled.
    pub(crate) fn deadline(self, now: Instant) -> Option<Instant> {
        let own = super::earlier(self.within.map(|within| now + within), self.by);
        super::earlier(own, super::inherited_deadline())
    }
}

struct Local<A: Handles<M>, M: Message> {
    cell: CellRef<A>,
    message: PhantomData<fn(M)>,
}

impl<A: Handles<M>, M: Message> Local<A, M> {
    fn request(&self, message: M, limit: Limit) -> Request<'_, A, M> {
        let mut request = Request::new(Target::of(&self.cell), message);
        if let Some(within) = limit.within {
            request = request.within(within);
        }
        if let Some(by) = limit.by {
            request = request.by(by);
        }
        request
    }
}

impl<A: Handles<M>, M: Message> Takes<M> for Local<A, M> {
    fn label(&self) -> Label {
        AnyCell::label(&*self.cell)
    }

    fn tell(&self, message: M) -> Result<(), TellError<M>> {
        self.request(message, Limit::default()).tell()
    }

    fn send(&self, message: M, limit: Limit) -> BoxFuture<'_, Result<(), SendError<M>>> {
        Box::pin(self.request(message, limit).send())
    }

    fn ask(&self, message: M, limit: Limit) -> BoxFuture<'_, Result<M::Reply, AskError<M::Refusal>>> {
        Box::pin(self.request(message, limit))
    }
}

impl<M: Message> Recipient<M> {
    /// A reference to something that is no actor of ours.
    #[cfg(feature = "actix")]
    pub(crate) fn over(takes: Arc<dyn Takes<M>>) -> Self {
        Recipient(takes)
    }

    pub(super) fn new<A: Handles<M>>(cell: CellRef<A>) -> Self {
        Recipient(Arc::new(Local { cell, message: PhantomData }))
    }

    /// A request of `message`.
    pub fn request(&self, message: M) -> RecipientRequest<'_, M> {
        RecipientRequest { recipient: self, message, limit: Limit::default() }
    }

    /// How the actor is called in logs and errors.
    pub fn label(&self) -> Label {
        self.0.label()
    }
}

impl<M: Message, A: Handles<M>> From<&ActorRef<A>> for Recipient<M> {
    fn from(actor: &ActorRef<A>) -> Self {
        ActorRef::recipient(actor)
    }
}

impl<M: Message> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Recipient(self.0.clone())
    }
}

impl<M: Message> fmt::Debug for Recipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.label())
    }
}

/// A message on its way through a [`Recipient`].
#[must_use = "a request does nothing until it is awaited, told or sent"]
pub struct RecipientRequest<'a, M: Message> {
    recipient: &'a Recipient<M>,
    message: M,
    limit: Limit,
}

impl<M: Message> RecipientRequest<'_, M> {
    /// As [`Request::within`].
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit.within = Some(limit);
        self
    }

    /// As [`Request::by`].
    pub fn by(mut self, deadline: impl Into<Instant>) -> Self {
        self.limit.by = Some(deadline.into());
        self
    }

    /// As [`Request::tell`].
    ///
    /// # Errors
    ///
    /// Gives the message back when the mailbox is full or the actor has stopped.
    pub fn tell(self) -> Result<(), TellError<M>> {
        self.recipient.0.tell(self.message)
    }

    /// As [`Request::send`].
    ///
    /// # Errors
    ///
    /// Gives the message back when there is no room before the deadline, or the actor has stopped.
    pub async fn send(self) -> Result<(), SendError<M>> {
        self.recipient.0.send(self.message, self.limit).await
    }
}

impl<'a, M: Message> IntoFuture for RecipientRequest<'a, M> {
    type Output = <Self::IntoFuture as Future>::Output;
    type IntoFuture = BoxFuture<'a, Result<M::Reply, AskError<M::Refusal>>>;

    fn into_future(self) -> Self::IntoFuture {
        self.recipient.0.ask(self.message, self.limit)
    }
}
