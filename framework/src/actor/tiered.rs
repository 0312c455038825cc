//! Keyed reads through tiers: from the memory without a message, from a tier behind it, or from the owner.
//!
//! One reader of a key asks the owner, and the others wait for what it gets. What the owner's turn invalidates
//! outdates a read that is on its way, so that nothing older is kept.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use super::context::Context;
use super::error::AskError;
use super::lifecycle::StartError;
use super::refs::ActorRef;
use super::request::{Request, earlier};
use super::route::Target;
use super::{Actor, Handles, Message};
use crate::cache::{Accessor, BoxFuture, Core, Kept, LoadError, Loaded, Source, Stamp, Versioned, Want};
use crate::coop;

/// A message that asks the owner for one value of a keyed accessor with tiers. `#[cached]` writes it.
pub trait TieredMessage<A: Handles<Self>>: Message<Refusal = std::convert::Infallible> + Sized {
    /// The key.
    type Key: Hash + Eq + Clone + Send + Sync + 'static;

    /// The message for a key.
    fn from_key(key: Self::Key) -> Self;

    /// Where the values are.
    fn accessor(views: &A::Views) -> &Accessor<Self::Key, Self::Reply>;
}

/// Makes an accessor's cache at the actor's first start.
pub fn open_accessor<A, K, V>(
    ctx: &Context<A>,
    method: &'static str,
    accessor: &Accessor<K, V>,
) -> Result<(), StartError>
where
    A: Actor,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let space = format!("{}.{method}", super::short_type_name::<A>());
    accessor.open(&space, ctx.commons().tiers()).map_err(StartError::from)
}

/// A keyed read on its way, through the accessor's tiers. A hit in memory is ready at the first poll and costs no
/// message.
///
/// # Cancellation
///
/// As a [`Request`]'s. If others wait for what it asked for, the next of them asks.
#[must_use = "a read does nothing until it is awaited"]
pub struct TieredRead<'a, A, M, B>
where
    A: Handles<M>,
    M: TieredMessage<A>,
{
    target: Target<'a, A>,
    key: B,
    want: Want,
    deadline: Option<Instant>,
    search: Option<Search<M::Reply>>,
    message: PhantomData<fn() -> M>,
}

type Search<V> = BoxFuture<'static, Result<Kept<V>, AskError>>;

impl<'a, A, M, B> TieredRead<'a, A, M, B>
where
    A: Handles<M>,
    M: TieredMessage<A, Reply: Clone + Send + Sync>,
    B: Borrow<M::Key> + Unpin,
{
    /// A read of `key` at `target`, which owns it.
    pub fn new(target: Target<'a, A>, key: B) -> Self {
        TieredRead { target, key, want: Want::Fresh, deadline: None, search: None, message: PhantomData }
    }

    /// Takes a value up to this old, whatever the lifetimes say.
    pub fn max_stale(self, age_max: Duration) -> Self {
        TieredRead { want: Want::Age(age_max), ..self }
    }

    /// Takes this state of the value or a newer one, also where it was made in another process.
    pub fn after(self, stamp: Stamp) -> Self {
        TieredRead { want: Want::After(stamp), ..self }
    }

    /// Asks the owner, whatever is cached.
    pub fn latest(self) -> Self {
        TieredRead { want: Want::Latest, ..self }
    }

    /// As [`Request::within`].
    pub fn within(self, limit: Duration) -> Self {
        let deadline = self.target.cell().now() + limit;
        self.by(deadline)
    }

    /// As [`Request::by`].
    pub fn by(mut self, deadline: impl Into<Instant>) -> Self {
        self.deadline = earlier(self.deadline, Some(deadline.into()));
        self
    }

    /// The value with its state.
    ///
    /// # Errors
    ///
    /// As of the read itself.
    pub async fn versioned(mut self) -> Result<Versioned<M::Reply>, AskError> {
        let Kept { value, stamp, made_at, .. } = std::future::poll_fn(|cx| self.poll_kept(cx)).await?;
        Ok(Versioned { value, stamp, made_at })
    }

    fn poll_kept(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Kept<M::Reply>, AskError>> {
        if self.search.is_none() {
            // As an ask does: a loop of hits must not starve its task's neighbours.
            let budget = ready!(coop::poll_spend(cx));
            let cell = self.target.cell();
            let key = self.key.borrow();
            let core = M::accessor(cell.views()).core();
            if self.want != Want::Latest
                && let Some(core) = core
                && let Some(kept) = core.at_once(key, self.want, core.clock.now())
            {
                budget.made_progress();
                return Poll::Ready(Ok(kept));
            }
            let owner = ActorRef::new(cell.clone());
            self.search = Some(self.begin(owner, core.cloned()));
        }
        let search = self.search.as_mut().expect("it has begun");
        search.as_mut().poll(cx)
    }

    /// The search, or a request where there is no cache before the first start.
    fn begin(&self, owner: ActorRef<A>, core: Option<Arc<Core<M::Key, M::Reply>>>) -> Search<M::Reply> {
        let (key, want, deadline) = (self.key.borrow().clone(), self.want, self.deadline);
        let owner = Arc::new(Owner { actor: owner, message: PhantomData::<fn() -> M> });
        let search = async move {
            match core {
                Some(core) => core.search(key, want, owner).await.map_err(ask_error),
                None => {
                    let value = owner.ask(key).await?;
                    Ok(Kept::unkept(value))
                }
            }
        };
        match deadline {
            None => Box::pin(search),
            Some(deadline) => Box::pin(async move {
                let limited = tokio::time::timeout_at(deadline.into(), search);
                limited.await.unwrap_or(Err(AskError::Deadline))
            }),
        }
    }
}

impl<A, M, B> Future for TieredRead<'_, A, M, B>
where
    A: Handles<M>,
    M: TieredMessage<A, Reply: Clone + Send + Sync>,
    B: Borrow<M::Key> + Unpin,
{
    type Output = Result<M::Reply, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let kept = ready!(self.get_mut().poll_kept(cx));
        // An accessor keeps values only: a tier that says "none" was written to by somebody else.
        Poll::Ready(kept.and_then(|kept| kept.value.ok_or(AskError::Unanswered)))
    }
}

/// The actor as the source of its accessor.
struct Owner<A: Actor, M> {
    actor: ActorRef<A>,
    message: PhantomData<fn() -> M>,
}

impl<A, M> Owner<A, M>
where
    A: Handles<M>,
    M: TieredMessage<A>,
{
    async fn ask(&self, key: M::Key) -> Result<M::Reply, AskError> {
        Request::new(Target::owned(&self.actor), M::from_key(key)).await
    }
}

impl<A, M> Source<M::Key, M::Reply> for Owner<A, M>
where
    A: Handles<M>,
    M: TieredMessage<A>,
{
    type Error = AskError;

    async fn load(&self, key: M::Key) -> Result<Loaded<M::Reply>, AskError> {
        self.ask(key).await.map(Loaded::new)
    }
}

fn ask_error(error: LoadError) -> AskError {
    match error {
        LoadError::Source(source) => {
            source.downcast_ref::<AskError>().copied().unwrap_or(AskError::Unanswered)
        }
        LoadError::TimedOut => AskError::Deadline,
        LoadError::Panicked => AskError::Panicked,
        LoadError::Behind => AskError::Unanswered,
    }
}

impl<A, M, B> fmt::Debug for TieredRead<'_, A, M, B>
where
    A: Handles<M>,
    M: TieredMessage<A>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredRead").field("want", &self.want).finish_non_exhaustive()
    }
}
