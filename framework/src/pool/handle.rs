//! The reference to a pool.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use super::replicas::Replicas;
use super::request::PoolRequest;
use crate::actor::{Actor, ActorRef, Carries, Finds, Handles, Message, Methods, PoolSource, Route, Target};
use crate::shard::{Keyed, ShardKey, key_hash};
use crate::stats::PoolNumbers;
use crate::supervisor::SupervisorRef;

/// A reference to a pool of replicated actors: clone it, call through it.
///
/// It dereferences to the methods that `#[actor]` made of the handlers, each of which sends to the replica that the
/// pool's strategy picks. `B` says by what: [`ByLoad`] takes any message, [`ByKey`] those with a `#[key]`. What it can
/// do itself are associated functions: `Pool::numbers(&resizers)`.
pub struct Pool<A: Actor, B: By = ByLoad> {
    methods: A::Methods<Pooled<A, B>>,
}

/// The route to a pool's replicas.
pub struct Pooled<A: Actor, B>(Arc<Replicas<A>>, PhantomData<fn() -> B>);

/// Picks by the replicas' state. Any message goes to any of them.
#[derive(Clone, Copy, Debug)]
pub enum ByLoad {}

/// Picks by the message's key.
#[derive(Clone, Copy, Debug)]
pub enum ByKey {}

/// By what a pool picks: [`ByLoad`] or [`ByKey`].
pub trait By: sealed::Sealed + Send + Sync + 'static {}

impl By for ByLoad {}
impl By for ByKey {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ByLoad {}
    impl Sealed for super::ByKey {}
}

impl<A: Actor, B: By> Pool<A, B> {
    pub(super) fn new(replicas: Arc<Replicas<A>>) -> Self {
        Pool { methods: A::Methods::new(Pooled(replicas, PhantomData)) }
    }

    fn replicas_of(this: &Self) -> &Arc<Replicas<A>> {
        &this.methods.route().0
    }

    /// The replicas that are there now, for whoever has to do with each: to watch them, to read their views.
    pub fn replicas(this: &Self) -> Vec<ActorRef<A>> {
        Self::replicas_of(this).actors()
    }

    /// How many replicas there are now.
    pub fn len(this: &Self) -> usize {
        Self::replicas_of(this).balancer.count()
    }

    /// What the pool has done since its start.
    pub fn numbers(this: &Self) -> PoolNumbers {
        Self::replicas_of(this).numbers()
    }

    /// The supervisor of the replicas.
    pub fn supervisor(this: &Self) -> &SupervisorRef {
        &Self::replicas_of(this).supervisor
    }

    /// The pool, for who sets its size.
    pub(crate) fn source(this: &Self) -> Arc<dyn PoolSource> {
        Self::replicas_of(this).clone()
    }

    /// Stops the pool: each replica when its handler has ended. What is queued is dropped, and asks are told so.
    pub fn stop(this: &Self) {
        Self::supervisor(this).stop();
    }

    /// Takes no more messages, handles those that are queued, then stops.
    pub fn drain(this: &Self) {
        Self::supervisor(this).drain();
    }
}

impl<A: Actor> Pool<A> {
    /// A request of `message`, for code that is generic over messages; the generated methods are shorter.
    pub fn request<M: Message>(this: &Self, message: M) -> PoolRequest<'_, A, M>
    where
        A: Handles<M>,
    {
        this.methods.route().request(message)
    }
}

impl<A: Actor, B: By> Clone for Pool<A, B> {
    fn clone(&self) -> Self {
        Pool { methods: A::Methods::new(self.methods.route().clone()) }
    }
}

impl<A: Actor, B: By> Deref for Pool<A, B> {
    type Target = A::Methods<Pooled<A, B>>;

    fn deref(&self) -> &Self::Target {
        &self.methods
    }
}

impl<A: Actor, B: By> fmt::Debug for Pool<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} of {})", Self::len(self), std::any::type_name::<A>())
    }
}

impl<A: Actor, B> Clone for Pooled<A, B> {
    fn clone(&self) -> Self {
        Pooled(self.0.clone(), PhantomData)
    }
}

impl<A: Actor, B: By> Route<A> for Pooled<A, B> {}

impl<A: Handles<M>, M: Message> Carries<A, M> for Pooled<A, ByLoad> {
    type Request<'a> = PoolRequest<'a, A, M>;

    fn request(&self, message: M) -> PoolRequest<'_, A, M> {
        PoolRequest::new(&self.0, 0, message)
    }
}

impl<A: Handles<M>, M: Keyed> Carries<A, M> for Pooled<A, ByKey> {
    type Request<'a> = PoolRequest<'a, A, M>;

    fn request(&self, message: M) -> PoolRequest<'_, A, M> {
        let key = key_hash(message.key());
        PoolRequest::new(&self.0, key, message)
    }
}

/// A keyed read asks the replica whose cache it reads. It counts as a message that nobody waits for.
impl<A: Actor, K: ?Sized> Finds<A, K> for Pooled<A, ByLoad> {
    fn find(&self, _key: &K) -> Target<'_, A> {
        self.0.find(0)
    }
}

impl<A: Actor, K: ShardKey + ?Sized> Finds<A, K> for Pooled<A, ByKey> {
    fn find(&self, key: &K) -> Target<'_, A> {
        self.0.find(key_hash(key))
    }
}
