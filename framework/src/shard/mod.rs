//! Shards: a service's state in n actors of one type, each key owned by one of them.
//!
//! ```text
//!   key ──ShardKey bytes, xxh3-64──> shard number ──ShardMap──> the shard's actor
//! ```
//!
//! **What it is.** [`Shards`] is a reference to all shards. Methods with a key route themselves; the others go
//! through [`Shards::shard`] or [`Shards::all`]. The number of shards is fixed for a service's life; which
//! actor owns a shard is [`Placement`]'s to say.
//!
//! **Guarantees.** A key's shard depends on the key's bytes and the number of shards alone: the same on every
//! machine and in every version (golden vectors hold it). Messages of one sender with one key arrive in the
//! order sent. Each shard is an actor of its own to the supervisor: one that is given up takes no other along.
//!
//! **Moving.** A shard moves between the system's workers and pinned cores while messages flow, by
//! [`ActorRef::move_to`](crate::ActorRef::move_to) of its actor: `ActorRef::move_to(&ledger.shard(3), Home::Pinned(0))`.
//! [`System::shards_pinned`](crate::System::shards_pinned) starts them there.
//! The shard stays the same actor with the same mailbox, and what changes is who runs it; so the map of shards is not
//! touched, no message is forwarded, and nothing of a key is lost, repeated or reordered.
//!
//! **Cost.** A hash of the key, a load of the map, and a reference count on the shard's actor.
//!
//! **Bad at.** Changing the number of shards: choose it for the size you will have.

mod gather;
mod key;
mod placement;
mod shards;

pub use gather::{All, Gather};
pub(crate) use key::hash as key_hash;
pub use key::{KeyBytes, Keyed, ShardKey, shard_of};
pub use placement::{Placement, ThisProcess};
pub use shards::{Sharded, Shards};
