//! Supervised actors that own shards of state, take their messages in batches, publish what others may read
//! without asking, and are watched by a monitor.
//!
//! State is a struct, a method is a message, one attribute says what kind:
//!
//! ```
//! use ostraca::prelude::*;
//!
//! struct Counter {
//!     count: u64,
//! }
//!
//! #[actor]
//! impl Counter {
//!     #[start]
//!     fn start() -> Self {
//!         Counter { count: 0 }
//!     }
//!
//!     #[handler]
//!     fn add(&mut self, by: u64) -> u64 {
//!         self.count += by;
//!         self.count
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = System::start()?;
//! let counter = system.spawn::<Counter>(()).await?;
//! counter.add(2).tell()?; // does not wait
//! assert_eq!(counter.add(3).await?, 5); // waits for the answer
//! system.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! | module | what |
//! |---|---|
//! | root | the names one writes every day |
//! | [`buf`] | buffers and objects that are used again, transfers from files to sockets |
//! | [`cache`] | published views and keyed caches, usable alone |
//! | [`shard`] | shards, keys and their routes |
//! | [`pool`] | replicated actors behind a load-balancing strategy, threads for blocking work |
//! | [`cores`] | the machine's processors, and the threads that a system pinned |
//! | [`overload`] | adaptive limits, shedding, circuit breakers |
//! | [`topic`] | publish and subscribe |
//! | [`monitor`] | what every actor does |
//!
//! Cargo features: `http` (default) adds the module [`http`] for actix-web; `actix` adds the module `bridge`, to and from
//! actix's actors, and pins threads as its arbiters; `files` the module `files`, files over HTTP without a copy (Linux),
//! and `buf::transfer`; `codec` adds the module `codec`, values as
//! checked bytes, and with it tiers behind the memory of a cache; `disk` a tier in an embedded file; `redis` one on a
//! Redis or Valkey server or a cluster, `cache::RedisStore`; `moka` takes moka for the memory of caches over tiers;
//! `otel` adds what OpenTelemetry wants of spans, `http::Trace`; `toml` adds configuration by files, `SystemBuilder::config_file`; `testkit` adds the module `testkit` with runs of
//! tests in which a seed decides the order of everything.
//!
//! # Supported
//!
//! Rust 1.90 or later, on Linux, where the tests run; other Unix is not tested, and Windows does not build. What may be
//! relied on, a tutorial, and every setting are in the book, which lies in the repository's folder `book`.

// docs.rs says at each item which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    ostraca_loom,
    allow(dead_code, unused_imports, unreachable_pub, reason = "only what has models is compiled")
)]

mod sync;

#[allow(unsafe_code, reason = "lock-free queues: see the module's doc")]
#[cfg_attr(
    not(feature = "internals"),
    allow(dead_code, reason = "a send of many has no method on references yet")
)]
mod queue;

// Under loom only what has models is compiled: loom never sees tokio.
#[cfg(ostraca_loom)]
#[path = "actor/loom.rs"]
#[allow(unsafe_code, reason = "the reply slot: see its module doc")]
mod actor;
#[cfg(ostraca_loom)]
#[path = "buf/loom.rs"]
#[allow(unsafe_code, reason = "pooled memory: see the module's doc")]
mod buf;
#[cfg(ostraca_loom)]
#[path = "cache/loom.rs"]
mod cache;
#[cfg(ostraca_loom)]
#[path = "runtime/loom.rs"]
#[allow(unsafe_code, reason = "the workers' queues: see the module's doc")]
mod runtime;
#[cfg(ostraca_loom)]
#[path = "stats/loom.rs"]
mod stats;

#[cfg(not(ostraca_loom))]
#[allow(unsafe_code, reason = "the cell and the reply slot: see their module docs")]
mod actor;
#[cfg(all(feature = "actix", not(ostraca_loom)))]
pub mod bridge;
#[cfg(not(ostraca_loom))]
#[allow(unsafe_code, reason = "pooled memory and system calls: see the module's doc")]
pub mod buf;
#[cfg(not(ostraca_loom))]
pub mod cache;
#[cfg(all(feature = "codec", not(ostraca_loom)))]
pub mod codec;
#[cfg(not(ostraca_loom))]
mod coop;
#[cfg(all(feature = "files", target_os = "linux", not(ostraca_loom)))]
pub mod files;
#[cfg(all(feature = "http", not(ostraca_loom)))]
pub mod http;
#[allow(unsafe_code, reason = "hands the queue's one-consumer duty on to the cell; has no unsafe of its own")]
#[cfg_attr(
    not(feature = "internals"),
    allow(dead_code, reason = "a send of many has no method on references yet")
)]
mod mailbox;
#[cfg(not(ostraca_loom))]
pub mod monitor;
#[cfg(not(ostraca_loom))]
pub mod overload;
#[cfg(not(ostraca_loom))]
pub mod pool;
#[cfg(not(ostraca_loom))]
#[allow(unsafe_code, reason = "the workers' queues: see the module's doc")]
mod runtime;
#[cfg(not(ostraca_loom))]
pub mod shard;
#[cfg(not(ostraca_loom))]
mod stats;
#[cfg(not(ostraca_loom))]
mod supervisor;
#[cfg(not(ostraca_loom))]
mod system;
#[cfg(all(feature = "testkit", not(ostraca_loom)))]
pub mod testkit;
#[cfg(not(ostraca_loom))]
pub mod topic;

#[cfg(not(ostraca_loom))]
pub use actor::{
    Actor, ActorId, ActorRef, AskError, Batch, BatchItems, BatchPlan, Bound, Cached, CachedMessage, Carries,
    Context, DeadLetter, DeadReason, Envelope, Failure, Finds, Handled, HandlerInfo, Handles, Home, Inline,
    Item, Label, Local, LookupError, Message, Methods, MoveError, Moved, NoMethods, NotPinnedError, Reads,
    Recipient, RecipientRequest, ReplyTo, Request, Restart, Route, SendError, Sending, Settings, SpawnError,
    StartError, StopReason, Target, Task, TellError, Terminated, TieredMessage, TieredRead, Turn, WeakRef,
    log_panics,
};
#[cfg(not(ostraca_loom))]
pub use mailbox::Overflow;
#[cfg(not(ostraca_loom))]
pub use ostraca_macros::{Message, actor};
#[cfg(not(ostraca_loom))]
pub use pool::Pool;
#[cfg(not(ostraca_loom))]
pub use runtime::cores;
#[cfg(not(ostraca_loom))]
pub use shard::{All, Gather, KeyBytes, Keyed, Placement, ShardKey, Sharded, Shards};
#[cfg(not(ostraca_loom))]
pub use supervisor::{
    Added, AutoShutdown, ChildError, ChildId, ChildInfo, ChildSpec, ChildState, Placed, RestartType,
    StopLimit, Strategy, Supervisor, SupervisorArgs, SupervisorRef, SupervisorSpec,
};
#[cfg(not(ostraca_loom))]
pub use system::{
    ConfigError, GivenUp, Mistake, Phase, Readiness, StartSystemError, StopReport, System, SystemBuilder,
};

#[cfg(not(ostraca_loom))]
pub use topic::{Lag, Topic};

/// What one imports to write and use actors: `use ostraca::prelude::*;`.
#[cfg(not(ostraca_loom))]
pub mod prelude {
    pub use crate::{
        ActorRef, AskError, Batch, Context, Message, Pool, ReplyTo, SendError, Shards, StartError,
        StopReason, System, TellError, actor,
    };
}

/// What generated code names. Not for people: it changes without notice.
#[doc(hidden)]
#[cfg(not(ostraca_loom))]
pub mod __private {
    pub use crate::actor::{
        Actor, BatchPlan, BatchReplies, Cached, CachedMessage, Carries, Context, Direct, Envelope, Finds,
        Gathered, Handled, HandlerInfo, Handles, Inline, IsResult, Message, Methods, Reads, ReplyTo, Route,
        Settings, StartError, StopReason, TieredMessage, TieredRead, Turn, fill, open_accessor, take_batch,
    };
    pub use crate::cache::{Accessor, CacheStats, KeyedCache, TieredStats, View};
    pub use crate::mailbox::Overflow;
    pub use crate::overload::{Breaker, Guard, LimitSettings, Priority, Shedder, Stamp, pass};
    pub use crate::shard::{Keyed, ShardKey};
}

/// The queues and a supervisor's decisions, bare, for this workspace's benches and tests; no promise.
#[doc(hidden)]
#[cfg(all(feature = "internals", not(ostraca_loom)))]
pub mod __internals {
    pub use crate::cache::tier_contract;
    #[cfg(feature = "http")]
    pub use crate::http::families;
    pub use crate::mailbox::handles as mailbox;
    pub use crate::queue::{handles as queue, rivals};
    pub use crate::supervisor::Plan;
    pub use crate::supervisor::core as supervisor;
}
