//! The same work on Ostraca and on its rivals.
//!
//! **What it is.** Groups of works ([`actors`], [`queues`], [`orders`], [`batching`],
//! [`pools`], [`caches`], [`overhead`], [`capacity`], [`buffers`], [`shards`], [`files`]),
//! each a table: a work, its rows, and one entry a peer and variant. The bin `compare` runs the tables interleaved and prints ratios; the criterion benches run the
//! same functions one by one. README.md says what each row does and why each rival is configured as it is.
//!
//! **What it guarantees.** A work counts what it did and checks the count, so a peer that loses messages fails its
//! row. Each measurement makes its runtime and drops it, so no peer leaves threads to the next.
//!
//! **What it costs.** `compare` with all groups takes about ten minutes.
//!
//! **Bad at.** Machines with load of their own: compare ratios of one run, not times of two.

#![expect(missing_docs, reason = "for its own bins and benches; nothing is published")]
#![allow(clippy::unwrap_used, reason = "a failure of the bench itself ends the measurement")]

pub mod actors;
pub mod batching;
pub mod buffers;
pub mod caches;
pub mod calibrate;
pub mod capacity;
pub mod compare;
pub mod files;
pub mod orders;
pub mod overhead;
pub mod pools;
pub mod queues;
pub mod shards;
pub mod work;
