//! Every shard at once.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::shards::ShardMap;
use crate::actor::{Actor, AskError, Carries, Handles, Message, Methods, Reads, Request, Route, Target};

/// All shards of a service; dereferences to the methods, each of which gathers one answer a shard.
pub struct All<A: Actor>(A::Methods<Every<A>>);

/// The route to every shard of one state of the map.
pub struct Every<A: Actor>(pub(super) Arc<ShardMap<A>>);

impl<A: Actor> All<A> {
    pub(super) fn new(every: Every<A>) -> Self {
        All(A::Methods::new(every))
    }
}

impl<A: Actor> Deref for All<A> {
    type Target = A::Methods<Every<A>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<A: Actor> Clone for Every<A> {
    fn clone(&self) -> Self {
        Every(self.0.clone())
    }
}

impl<A: Actor> Route<A> for Every<A> {}

impl<A: Handles<M>, M: Message + Clone> Carries<A, M> for Every<A> {
    type Request<'a> = Gather<A, M>;

    fn request(&self, message: M) -> Gather<A, M> {
        let asks =
            self.0.iter().map(|shard| Ask::Running(Request::new(Target::owned(shard), message.clone())));
        Gather { asks: asks.collect() }
    }
}

impl<A: Actor> Reads<A> for Every<A> {
    type Read<T> = Vec<T>;

    fn read<T>(&self, view: impl Fn(&A::Views) -> T) -> Vec<T> {
        self.0.iter().map(|shard| shard.route().read(&view)).collect()
    }
}

/// One ask to every shard. Ready when all have answered or failed, in the order of the shards.
///
/// # Cancellation
///
/// Dropping it cancels the waits; shards that were asked run their handlers.
#[must_use = "a gather does nothing until it is awaited"]
pub struct Gather<A: Handles<M>, M: Message> {
    asks: Vec<Ask<A, M>>,
}

enum Ask<A: Handles<M>, M: Message> {
    Running(Request<'static, A, M>),
    Done(Answer<M>),
    Taken,
}

type Answer<M> = Result<<M as Message>::Reply, AskError<<M as Message>::Refusal>>;

// The requests are Unpin, and answers are only moved.
impl<A: Handles<M>, M: Message> Unpin for Gather<A, M> {}

impl<A: Handles<M>, M: Message> Gather<A, M> {
    /// Waits for each answer no longer than `limit` from now.
    pub fn within(self, limit: Duration) -> Self {
        self.each(|request| request.within(limit))
    }

    /// Waits for each answer no longer than until `deadline`.
    pub fn by(self, deadline: impl Into<Instant>) -> Self {
        let deadline = deadline.into();
        self.each(|request| request.by(deadline))
    }

    fn each(mut self, set: impl Fn(Request<'static, A, M>) -> Request<'static, A, M>) -> Self {
        for ask in &mut self.asks {
            if let Ask::Running(request) = std::mem::replace(ask, Ask::Taken) {
                *ask = Ask::Running(set(request));
            }
        }
        self
    }
}

impl<A: Handles<M>, M: Message> Future for Gather<A, M> {
    type Output = Vec<Answer<M>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let asks = &mut self.get_mut().asks;
        let mut is_ready = true;
        for ask in asks.iter_mut() {
            if let Ask::Running(request) = ask {
                match Pin::new(request).poll(cx) {
                    Poll::Ready(answer) => *ask = Ask::Done(answer),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if !is_ready {
            return Poll::Pending;
        }
        let answers = std::mem::take(asks).into_iter().map(|ask| match ask {
            Ask::Done(answer) => answer,
            Ask::Running(_) | Ask::Taken => unreachable!("every ask is done"),
        });
        Poll::Ready(answers.collect())
    }
}
