//! Redis or Valkey behind the memory: one server, or a cluster of them.
//!
//! A [`RedisStore`] is a place that several processes share. Values come from it when they are first asked for, never
//! ahead; what one process writes, it tells the memory of the others.
//!
//! ```text
//!            process                              server (each primary of a cluster)
//!   memory <---- told: key, tag, all ---- BCAST tracking on "ostraca!"  <---+
//!      |                                                                    |  a write touches a signal's key,
//!   RedisTier --- n connections, pipelined ---> entries, heads, tag floors -+  a fill does not
//! ```
//!
//! **Layout.** A space has one partition, in a cluster 256 of them, each named by a hash tag so that all its keys are in
//! one slot: entries, the *head* and the floors of removed tags. A write compares and stores in one step, in a Lua
//! script. `layout.rs` has the keys and bytes, `script.rs` the scripts.
//!
//! **Guarantees.** What [`Tier`](super::Tier) promises, across processes. Beside that:
//!
//! - *A loss is told, and nothing comes back by it.* The head holds a generation, which is part of each entry, and the
//!   run id of the server that drew it. A flush takes the head with it; a server that came back from an old snapshot,
//!   or a promoted replica, has another run id. Either way a new generation is drawn, and older entries are void.
//! - *Nobody wins over what was lost.* A put that began before the loss may arrive after it, and the newer entry that it
//!   would have lost against is gone. So for [`settle`](RedisBuilder::settle) after a loss nothing new is kept: a put of a
//!   key that the new generation does not know leaves a mark with its stamp, which is a miss.
//! - *Others are told of writes*, through server-assisted invalidation (`CLIENT TRACKING .. BCAST`) of keys that writes
//!   touch and delete at once. Fills tell nobody. A broken connection, or a flush, tells [`lost`](super::Watcher::lost).
//! - *Down is fast.* A connection that is broken, or whose pings are not answered, makes calls fail at once; it is made
//!   anew in the background, with back-off and jitter.
//!
//! **Cost.** A `get` is one round trip (two for entries with tags), a `put` is one. The server keeps 50 bytes an entry
//! beside its key and value. A store has one connection more than its pool to each server.
//!
//! **Bad at.** `clear` and `remove_tag` on a cluster: a script in each of the 256 partitions. Servers that evict by
//! `maxmemory`: an evicted entry forgets how new it was, so a fill that was on its way since before a later write may then
//! win, for its lifetime. Writers that die between the source and the server: what they wrote is told to nobody, and
//! others serve the old value for its lifetime. Time: lifetimes are compared by each process's own clock.
//!
//! ```no_run
//! use ostraca::cache::{RedisStore, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let one = RedisStore::builder(["redis://127.0.0.1:6379"])?.start();
//! let cluster = RedisStore::builder(["redis://127.0.0.1:7000", "redis://127.0.0.1:7001"])?.cluster().start();
//! let products = one.tier("products");
//! # Ok(())
//! # }
//! ```

mod layout;
mod link;
mod node;
mod report;
mod routes;
mod script;
mod store;
mod sweep;
mod tier;

pub use store::{RedisBuilder, RedisStore, RedisUrlError};
