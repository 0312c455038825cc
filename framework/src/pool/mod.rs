//! Pools: replicated actors behind a load-balancing strategy, and plain threads for blocking work.
//!
//! ```text
//!                                        ┌──> replica: mailbox, state ─┐
//!   pool.resize(image) ──> strategy ─────┼──> replica                  ├── one supervisor
//!        ^                    ^          └──> replica                  ─┘
//!        └── answer ──────────┴── how long it took, and how it ended
//!
//!   crunch.run(|state| ..) ──> one queue ──> whichever thread is free
//! ```
//!
//! **What it is.** [`Pool`] is a reference to actors that are all alike and share no state, so that any of them can
//! take a call. A call looks like the call of one actor; the strategy ([`Balance`]) picks the replica when the
//! message is sent. With a batched handler a pool is a batch processor: each replica has one batch in hand, so that N
//! replicas have N batches in flight and no more. [`Blocking`] does the same for work that blocks its thread.
//!
//! ```
//! # use ostraca::prelude::*;
//! use ostraca::pool::Balance;
//!
//! struct Resizer;
//!
//! #[actor]
//! impl Resizer {
//!     #[start]
//!     fn start() -> Self {
//!         Resizer
//!     }
//!
//!     #[handler]
//!     async fn half(&mut self, pixels: u64) -> u64 {
//!         pixels / 2
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let system = System::start()?;
//! let resizers = system.pool::<Resizer>(()).concurrency(2..=16).balance(Balance::Adaptive).start().await?;
//! assert_eq!(resizers.half(640).await?, 320);
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! - Each message goes to one replica, and each ask has one answer, as of one actor. A pool that grows or shrinks loses
//!   nothing: a replica that leaves is not picked any more, and stops when what it has is done.
//! - A replica that fails is restarted by itself, with its mailbox. After [`ejection`](PoolSpec::ejection)'s number of
//!   failures in a row it is left out for a while, twice as long each time, and comes back with a slow start. At least
//!   half of the replicas stay in service whatever they do, and so does the last one.
//! - What fails: a panic, a missed deadline, an answer that never came, no room. A refusal is an answer, unless the
//!   pool says [`refusals_fail`](PoolSpec::refusals_fail). A caller that goes is neither.
//! - Messages of one sender may overtake each other: they go to several actors. Those of one key do not, as long as
//!   the pool is [by key](PoolSpec::by_key), nobody leaves, and the key's replica has room.
//! - Blocking work runs once, on one thread, in the order sent; its queue has a bound.
//!
//! # How a pool grows and shrinks
//!
//! The signal is a replica's load: the mean number of calls at it over the last look (100 ms), those that wait
//! included, or the messages in its mailbox where those are more. Above 2, as many wait as are handled: the pool grows
//! to where each would have one, to twice its size at most. Below 0.5 for ten seconds it shrinks by one. In between
//! nothing changes, nor for two looks after a change.
//!
//! # Cost
//!
//! A call through a pool reads the clock twice, and adds to about ten counters of the replica (a line of its own)
//! besides what an ask costs. Picks take no lock: `compare pools`. A pool of a fixed size has no task of its own;
//! one with two bounds has an actor that looks ten times a second.
//!
//! # Bad at
//!
//! State: replicas share none, and [`Shards`](crate::Shards) are for what has an owner. A call whose caller goes is
//! no longer counted as load, though its handler may still run. Full mailboxes: an ask waits for room at the replica
//! that was picked, although another may have some. `running` and `waiting` in the [numbers](PoolNumbers) take it that
//! a replica handles one call at a time: of deferred answers all is running.

#[cfg_attr(
    not(feature = "internals"),
    allow(unreachable_pub, dead_code, reason = "the workspace's tests simulate it and its benches time it")
)]
mod balance;
mod blocking;
mod handle;
mod keeper;
mod replicas;
mod request;
mod spec;

pub use balance::Balance;
#[doc(hidden)]
#[cfg(feature = "internals")]
pub use balance::{Balancer, Call, Load, LoadNumbers, Member, Outcome, Settings as BalanceSettings};
pub use blocking::{Blocking, BlockingSpec, Run};
pub use handle::{By, ByKey, ByLoad, Pool, Pooled};
pub use request::PoolRequest;
pub use spec::{Concurrency, PoolSpec};

pub use crate::stats::PoolNumbers;
