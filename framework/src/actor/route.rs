//! How a method's message finds its actor: the same generated methods work on one actor, on all shards by key,
//! and on every shard at once.

use super::cell::CellRef;
use super::refs::ActorRef;
use super::request::Request;
use super::{Actor, Handles, Message};

/// A way to actors of type `A`.
pub trait Route<A: Actor>: Clone + Send + Sync + 'static {}

/// A route that can carry `M`.
pub trait Carries<A: Handles<M>, M: Message>: Route<A> {
    /// What a call gives: a request to one actor, or a gather from many.
    type Request<'a>
    where
        Self: 'a;

    /// Makes the request. Nothing is sent yet.
    fn request(&self, message: M) -> Self::Request<'_>;
}

/// A route that leads a key to one actor.
pub trait Finds<A: Actor, K: ?Sized>: Route<A> {
    /// The actor that owns `key`.
    fn find(&self, key: &K) -> Target<'_, A>;
}

/// A route whose actors' published views can be read.
#[diagnostic::on_unimplemented(
    message = "a view without a key cannot be read through `{Self}`",
    note = "pick a shard: `.shard(n)`, or read every shard's: `.all()`"
)]
pub trait Reads<A: Actor>: Route<A> {
    /// One reading, or one a shard.
    type Read<T>;

    /// Reads.
    fn read<T>(&self, view: impl Fn(&A::Views) -> T) -> Self::Read<T>;
}

/// The methods of an actor over a route; what references dereference to.
pub trait Methods<R>: Send + Sync + 'static {
    /// The methods over `route`.
    fn new(route: R) -> Self;

    /// The route they send through.
    fn route(&self) -> &R;
}

/// For actors written by hand that have no methods: send with [`ActorRef::request`](crate::ActorRef::request).
pub struct NoMethods<R>(R);

impl<R: Send + Sync + 'static> Methods<R> for NoMethods<R> {
    fn new(route: R) -> Self {
        NoMethods(route)
    }

    fn route(&self) -> &R {
        &self.0
    }
}

/// The route to one actor in this process.
pub struct Local<A: Actor>(CellRef<A>);

impl<A: Actor> Local<A> {
    pub(super) fn new(cell: CellRef<A>) -> Self {
        Local(cell)
    }

    pub(super) fn cell(&self) -> &CellRef<A> {
        &self.0
    }
}

impl<A: Actor> Clone for Local<A> {
    fn clone(&self) -> Self {
        Local(self.0.clone())
    }
}

impl<A: Actor> Route<A> for Local<A> {}

impl<A: Handles<M>, M: Message> Carries<A, M> for Local<A> {
    type Request<'a> = Request<'a, A, M>;

    #[inline]
    fn request(&self, message: M) -> Request<'_, A, M> {
        Request::new(Target::of(&self.0), message)
    }
}

impl<A: Actor, K: ?Sized> Finds<A, K> for Local<A> {
    fn find(&self, _key: &K) -> Target<'_, A> {
        Target::of(&self.0)
    }
}

impl<A: Actor> Reads<A> for Local<A> {
    type Read<T> = T;

    fn read<T>(&self, view: impl Fn(&A::Views) -> T) -> T {
        view(self.0.views())
    }
}

/// The actor that a request goes to.
pub struct Target<'a, A: Actor>(Held<'a, A>);

enum Held<'a, A: Actor> {
    /// Through a reference that the caller holds.
    Borrowed(&'a CellRef<A>),
    /// Through a map that may change meanwhile.
    Owned(CellRef<A>),
}

impl<'a, A: Actor> Target<'a, A> {
    pub(super) fn of(cell: &'a CellRef<A>) -> Self {
        Target(Held::Borrowed(cell))
    }

    pub(crate) fn owned(actor: &ActorRef<A>) -> Target<'static, A> {
        Target(Held::Owned(ActorRef::cell(actor).clone()))
    }

    #[inline]
    pub(super) fn cell(&self) -> &CellRef<A> {
        match &self.0 {
            Held::Borrowed(cell) => cell,
            Held::Owned(cell) => cell,
        }
    }
}
