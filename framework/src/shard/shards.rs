//! The reference to all shards.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::gather::{All, Every};
use super::key::{Keyed, ShardKey, shard_of};
use crate::actor::{Actor, ActorRef, Carries, Finds, Handles, Message, Methods, Request, Route, Target};

/// The actor of each shard, by number.
pub(super) type ShardMap<A> = Box<[ActorRef<A>]>;

/// A reference to all shards of a service: clone it, send through it.
///
/// ```
/// # use ostraca::prelude::*;
/// # use std::collections::HashMap;
/// # struct Accounts { cents: HashMap<u64, i64> }
/// #[actor]
/// impl Accounts {
/// #   #[start] fn start() -> Self { Accounts { cents: HashMap::new() } }
///     #[handler]
///     fn deposit(&mut self, #[key] id: u64, cents: i64) -> i64 {
///         let balance = self.cents.entry(id).or_default();
///         *balance += cents;
///         *balance
///     }
///
///     #[handler]
///     fn len(&self) -> usize {
///         self.cents.len()
///     }
/// }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
///
/// let accounts = system.shards::<Accounts>(8, ()).await?;
/// assert_eq!(accounts.deposit(7, 500).await?, 500); // the key finds the shard
/// let of_each = accounts.all().len().await; // one answer a shard
/// assert_eq!(of_each.into_iter().flatten().sum::<usize>(), 1);
/// assert_eq!(Shards::owner(&accounts, &7_u64).len().await?, 1);
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// It dereferences to the methods that `#[actor]` made of the handlers: those with a `#[key]` find their shard.
/// Besides [`shard`](Self::shard) and [`all`](Self::all), what it can do itself are associated functions:
/// `Shards::len(&ledger)`.
pub struct Shards<A: Actor> {
    methods: A::Methods<Sharded<A>>,
}

/// The route by key. Its map can be exchanged while requests are made.
pub struct Sharded<A: Actor>(Arc<ArcSwap<ShardMap<A>>>);

impl<A: Actor> Shards<A> {
    /// # Panics
    ///
    /// When there are no shards.
    pub(crate) fn new(shards: Vec<ActorRef<A>>) -> Self {
        assert!(!shards.is_empty(), "a service has at least one shard");
        let map = ArcSwap::from_pointee(shards.into_boxed_slice());
        Shards { methods: A::Methods::new(Sharded(Arc::new(map))) }
    }

    /// Shard `n`.
    ///
    /// # Panics
    ///
    /// When there is no shard `n`: they are numbered from 0.
    pub fn shard(&self, n: usize) -> ActorRef<A> {
        let map = self.methods.route().0.load();
        map.get(n).unwrap_or_else(|| panic!("shard {n} of {}: numbered from 0", map.len())).clone()
    }

    /// The shard that owns `key`.
    pub fn owner(this: &Self, key: &(impl ShardKey + ?Sized)) -> ActorRef<A> {
        let map = this.methods.route().0.load();
        map[shard_of(key, map.len())].clone()
    }

    /// All shards at once: its methods ask every shard and gather the answers by shard number.
    pub fn all(&self) -> All<A> {
        All::new(Every(self.methods.route().0.load_full()))
    }

    /// How many shards.
    pub fn len(this: &Self) -> usize {
        this.methods.route().0.load().len()
    }

    /// A request of `message` to the shard that owns its key, for code that is generic over messages.
    pub fn request<M: Keyed + Message>(this: &Self, message: M) -> Request<'_, A, M>
    where
        A: Handles<M>,
    {
        this.methods.route().request(message)
    }
}

impl<A: Actor> Clone for Shards<A> {
    fn clone(&self) -> Self {
        Shards { methods: A::Methods::new(self.methods.route().clone()) }
    }
}

impl<A: Actor> Deref for Shards<A> {
    type Target = A::Methods<Sharded<A>>;

    fn deref(&self) -> &Self::Target {
        &self.methods
    }
}

impl<A: Actor> fmt::Debug for Shards<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shards({} of {})", Self::len(self), std::any::type_name::<A>())
    }
}

impl<A: Actor> Clone for Sharded<A> {
    fn clone(&self) -> Self {
        Sharded(self.0.clone())
    }
}

impl<A: Actor> Route<A> for Sharded<A> {}

impl<A: Handles<M>, M: Keyed> Carries<A, M> for Sharded<A> {
    type Request<'a> = Request<'a, A, M>;

    fn request(&self, message: M) -> Request<'_, A, M> {
        Request::new(self.find(message.key()), message)
    }
}

impl<A: Actor, K: ShardKey + ?Sized> Finds<A, K> for Sharded<A> {
    fn find(&self, key: &K) -> Target<'_, A> {
        let map = self.0.load();
        Target::owned(&map[shard_of(key, map.len())])
    }
}
