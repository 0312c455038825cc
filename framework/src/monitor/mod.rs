//! What every actor does: counts since the start, rates, mailboxes, caches, and the process they live in.
//!
//! ```text
//!   cells: each counts for itself ──┐
//!   stopped actors, by type ────────┼── pulled every second ──> monitor actor ──> Snapshot, published
//!   /proc/self ─────────────────────┘                                             (read without asking)
//! ```
//!
//! **What it is.** An actor of the system, started by the first call of [`System::monitor`]. Nobody sends it
//! anything but its timer: it pulls. [`Monitor::snapshot`] is its last pull, [`Monitor::latest`] a new one.
//!
//! **Guarantees.** Counts only grow, actors that stop and start again included, and each actor is counted once.
//! They are exact when the actors rest; while they run, each count is of some moment of the pull. What could
//! not be measured is `None`, never a guess: a rate before its second reading, the memory where there is no
//! `/proc`. The monitor counts itself like any other actor.
//!
//! **Cost.** Nothing until it is started. Then once a second a pass over all cells, with one entry for each in
//! the snapshot, up to [`ACTORS_LEN_MAX`]. No message, no lock and no clock of an actor is used for it.
//!
//! **Bad at.** Rates of actors that lived for less than two pulls: their counts are in their type's, but they
//! have no rate of their own.
//!
//! ```
//! # use ostraca::prelude::*;
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = System::start()?;
//! let snapshot = system.monitor().latest().await;
//! println!("{} messages, {:?} a second", snapshot.total.handled, snapshot.total.handled_per_second);
//! for actor in &snapshot.actors {
//!     println!("{}: {} waiting", actor.label, actor.numbers.mailbox_len);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`System::monitor`]: crate::System::monitor

mod handle;
mod process;
mod pull;
mod sampler;
mod snapshot;

pub use crate::stats::PoolNumbers;
pub use handle::Monitor;
pub use process::Process;

pub use crate::actor::{BatchStats, ClosedBy};
pub use crate::stats::Distribution;
pub use snapshot::{
    ACTORS_LEN_MAX, ActorNumbers, BatchNumbers, CacheNumbers, Numbers, Snapshot, TypeNumbers,
};

#[cfg(test)]
mod tests;
