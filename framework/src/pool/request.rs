//! A request to a pool: what a method on its reference gives.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::replicas::{Replicas, Underway};
use crate::actor::{
    Actor, ActorRef, AskError, Handles, Message, ReplyTo, Request, SendError, Target, TellError, earlier,
};

/// A message on its way to one of a pool's replicas, which is picked when it is sent: at its first poll, by
/// [`tell`](Self::tell), [`send`](Self::send) or [`forward`](Self::forward).
///
/// The verbs are those of [`Request`]. A message that nobody waits for goes to another replica where the one that was
/// picked has no room.
///
/// # Cancellation
///
/// As of [`Request`]. To the strategy a call that is dropped has taken at least as long as it was waited for.
#[must_use = "a request does nothing until it is awaited, told or sent"]
pub struct PoolRequest<'a, A: Handles<M>, M: Message> {
    replicas: &'a Replicas<A>,
    key: u64,
    deadline: Option<Instant>,
    state: State<'a, A, M>,
}

enum State<'a, A: Handles<M>, M: Message> {
    Unsent(M),
    Asked { request: Request<'static, A, M>, under: Under<'a, A> },
    Over,
}

/// A call that is under way. Dropped before it has ended, its caller has left.
struct Under<'a, A: Actor> {
    replicas: &'a Replicas<A>,
    call: Underway<A>,
    is_over: bool,
}

impl<A: Actor> Drop for Under<'_, A> {
    fn drop(&mut self) {
        if !self.is_over {
            self.replicas.left(&self.call);
        }
    }
}

type Answer<M> = Result<<M as Message>::Reply, AskError<<M as Message>::Refusal>>;

// The request in it is Unpin, and a message is only moved.
impl<A: Handles<M>, M: Message> Unpin for PoolRequest<'_, A, M> {}

impl<'a, A: Handles<M>, M: Message> PoolRequest<'a, A, M> {
    pub(super) fn new(replicas: &'a Replicas<A>, key: u64, message: M) -> Self {
        PoolRequest { replicas, key, deadline: None, state: State::Unsent(message) }
    }

    /// Waits for room and for the answer no longer than `limit` from now.
    pub fn within(self, limit: Duration) -> Self {
        let deadline = self.replicas.commons().now() + limit;
        self.by(deadline)
    }

    /// Waits for room and for the answer no longer than until `deadline`.
    pub fn by(mut self, deadline: impl Into<Instant>) -> Self {
        self.deadline = earlier(self.deadline, Some(deadline.into()));
        self
    }

    /// Sends and does not wait: not for an answer, not for room. Of the replicas that have room the strategy's first.
    ///
    /// # Errors
    ///
    /// Gives the message back when every mailbox is full, or the pool has stopped.
    pub fn tell(self) -> Result<(), TellError<M>> {
        let (replicas, key, message) = self.into_unsent();
        replicas.tell_any(
            key,
            message,
            |actor, message| ActorRef::request(actor, message).tell(),
            |error| {
                let is_full = !matches!(error, TellError::Stopped(_));
                (error.into_inner(), is_full)
            },
            |message, was_full| if was_full { TellError::Full(message) } else { TellError::Stopped(message) },
        )
    }

    /// Sends and waits for room at the replica that was picked, not for an answer.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, the message was not sent.
    pub async fn send(self) -> Result<(), SendError<M>> {
        let deadline = self.deadline;
        let (replicas, key, message) = self.into_unsent();
        let mut under = Under { replicas, call: replicas.begin(key), is_over: false };
        let request = Request::new(Target::owned(&under.call.target().actor), message);
        let sent = limited(request, deadline).send().await;
        under.is_over = true;
        replicas.sent(&under.call, &sent);
        sent
    }

    /// As [`Request::forward`].
    ///
    /// # Errors
    ///
    /// Gives the message back when the mailbox of the replica that was picked is full or the pool has stopped; the
    /// asker is told so.
    pub fn forward(self, reply: ReplyTo<M::Reply, M::Refusal>) -> Result<(), TellError<M>> {
        let (replicas, key, message) = self.into_unsent();
        let call = replicas.begin(key);
        let sent = ActorRef::request(&call.target().actor, message).forward(reply);
        replicas.sent(&call, &sent);
        sent
    }

    fn into_unsent(self) -> (&'a Replicas<A>, u64, M) {
        let State::Unsent(message) = self.state else {
            panic!("a request that was polled cannot be told, sent or forwarded as well")
        };
        (self.replicas, self.key, message)
    }
}

fn limited<'a, A: Handles<M>, M: Message>(
    request: Request<'a, A, M>,
    deadline: Option<Instant>,
) -> Request<'a, A, M> {
    match deadline {
        Some(deadline) => request.by(deadline),
        None => request,
    }
}

impl<A: Handles<M>, M: Message> Future for PoolRequest<'_, A, M> {
    type Output = Answer<M>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<M>> {
        let this = self.get_mut();
        if let State::Unsent(_) = &this.state {
            let State::Unsent(message) = std::mem::replace(&mut this.state, State::Over) else {
                unreachable!("it was just looked at")
            };
            let call = this.replicas.begin(this.key);
            let request = Request::new(Target::owned(&call.target().actor), message);
            let request = limited(request, this.deadline);
            let under = Under { replicas: this.replicas, call, is_over: false };
            this.state = State::Asked { request, under };
        }
        let State::Asked { request, under } = &mut this.state else {
            panic!("a request was polled after it was done")
        };
        let Poll::Ready(answer) = Pin::new(request).poll(cx) else { return Poll::Pending };
        under.is_over = true;
        under.replicas.end(&under.call, &answer);
        this.state = State::Over;
        Poll::Ready(answer)
    }
}

impl<A: Handles<M>, M: Message> fmt::Debug for PoolRequest<'_, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolRequest").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
