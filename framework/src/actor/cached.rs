//! Keyed reads: from the owner's cache without a message, or from the owner, who fills the cache.
//!
//! The owner fills within its turn, so what a write invalidates cannot be filled back by an older read that was
//! on its way.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use super::context::Context;
use super::error::AskError;
use super::request::{Request, earlier};
use super::route::Target;
use super::{Handles, Message};
use crate::cache::KeyedCache;
use crate::coop;

/// A message that asks the owner for one cached value. `#[cached]` on a method with a key writes it.
pub trait CachedMessage<A: Handles<Self>>: Message<Refusal = std::convert::Infallible> + Sized {
    /// The key.
    type Key: Hash + Eq + Clone + Send + Sync + 'static;

    /// The message for a key.
    fn from_key(key: Self::Key) -> Self;

    /// Where the values are.
    fn cache(views: &A::Views) -> &KeyedCache<Self::Key, Self::Reply>;
}

/// What the owner does with such a message: the value, computed unless a fresh one is cached, and cached.
pub fn fill<A, M>(ctx: &Context<A>, key: &M::Key, value: impl FnOnce(&M::Key) -> M::Reply) -> M::Reply
where
    A: Handles<M>,
    M: CachedMessage<A, Reply: Clone + Send + Sync>,
{
    let value = value(key);
    M::cache(ctx.views()).insert(key.clone(), value.clone(), ctx.now());
    value
}

/// A keyed read on its way. A hit is ready at the first poll and costs no message.
///
/// # Cancellation
///
/// As a [`Request`]'s.
#[must_use = "a read does nothing until it is awaited"]
pub struct Cached<'a, A, M, B>
where
    A: Handles<M>,
    M: CachedMessage<A>,
{
    read: Option<Read<'a, A, B>>,
    asked: Option<Request<'a, A, M>>,
    age_max: Option<Duration>,
    latest: bool,
    deadline: Option<Instant>,
}

struct Read<'a, A: super::Actor, B> {
    target: Target<'a, A>,
    key: B,
}

impl<'a, A, M, B> Cached<'a, A, M, B>
where
    A: Handles<M>,
    M: CachedMessage<A, Reply: Clone + Send + Sync>,
    B: Borrow<M::Key> + Unpin,
{
    /// A read of `key` at `target`, which owns it.
    pub fn new(target: Target<'a, A>, key: B) -> Self {
        let read = Some(Read { target, key });
        Cached { read, asked: None, age_max: None, latest: false, deadline: None }
    }

    /// Takes a value up to this old, whatever the accessor's `ttl` says.
    pub fn max_stale(mut self, age_max: Duration) -> Self {
        self.age_max = Some(age_max);
        self
    }

    /// Asks the owner, whatever is cached.
    pub fn latest(mut self) -> Self {
        self.latest = true;
        self
    }

    /// As [`Request::within`].
    pub fn within(self, limit: Duration) -> Self {
        let now = self.read.as_ref().map(|read| read.target.cell().now());
        match now {
            Some(now) => self.by(now + limit),
            None => self,
        }
    }

    /// As [`Request::by`].
    pub fn by(mut self, deadline: impl Into<Instant>) -> Self {
        self.deadline = earlier(self.deadline, Some(deadline.into()));
        self
    }

    /// A hit, or the request to the owner.
    fn begin(&mut self, read: Read<'a, A, B>) -> Option<M::Reply> {
        let key = read.key.borrow();
        if !self.latest {
            let cell = read.target.cell();
            let cache = M::cache(cell.views());
            let age_max = self.age_max.unwrap_or(cache.ttl());
            if let Some(value) = cache.get(key, age_max, cell.now()) {
                return Some(value);
            }
        }
        let message = M::from_key(key.clone());
        let mut request = Request::new(read.target, message);
        if let Some(deadline) = self.deadline {
            request = request.by(deadline);
        }
        self.asked = Some(request);
        None
    }
}

impl<A, M, B> Future for Cached<'_, A, M, B>
where
    A: Handles<M>,
    M: CachedMessage<A, Reply: Clone + Send + Sync>,
    B: Borrow<M::Key> + Unpin,
{
    type Output = Result<M::Reply, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.read.is_some() {
            // As an ask does: a loop of hits must not starve its task's neighbours.
            let budget = ready!(coop::poll_spend(cx));
            let read = this.read.take().expect("it was there");
            if let Some(value) = this.begin(read) {
                budget.made_progress();
                return Poll::Ready(Ok(value));
            }
        }
        let request = this.asked.as_mut().expect("a read was polled after it was done");
        let answer = ready!(Pin::new(request).poll(cx));
        this.asked = None;
        Poll::Ready(answer)
    }
}

impl<A, M, B> fmt::Debug for Cached<'_, A, M, B>
where
    A: Handles<M>,
    M: CachedMessage<A>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("age_max", &self.age_max).finish_non_exhaustive()
    }
}
