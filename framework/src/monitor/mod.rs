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

mod capacity;
mod container;
mod findings;
mod handle;
mod history;
mod numbers;
mod pressure;
mod process;
mod pull;
mod sampler;
mod settings;
mod snapshot;
mod tokio_numbers;
mod top;
mod tuning;

pub use crate::actor::{ActorState, BatchStats, ClosedBy};
pub use crate::mailbox::Activity;
pub use crate::stats::{BufferNumbers, BufferSource, Distribution, PoolNumbers, Quantiles};
pub use capacity::{Bottleneck, Capacity, Estimate, Law, ShardCapacity, TypeCapacity, Utilisation};
pub use container::Container;
pub use findings::{Evidence, Finding, FindingKind, Severity, Subject};
pub use handle::{Monitor, Watch};
pub use history::{HEAT_LEN, Heat, History, Point, ProcessPoint, Resolution, SERIES_LEN_MAX};
pub use numbers::{
    ActorNumbers, BatchNumbers, CacheNumbers, HandlerNumbers, LastFailure, Numbers, Times, TypeNumbers,
};
pub use pressure::{Pressure, Stall};
pub use process::Process;
pub(crate) use settings::INTERVAL_MIN;
pub use settings::{MonitorSettings, Sampler, Samplers};
pub use snapshot::{ACTORS_LEN_MAX, Snapshot};
pub use tokio_numbers::TokioNumbers;
pub use top::{By, Top};
pub use tuning::{Decision, KnobName, Tuning, Verdict};

#[cfg(test)]
mod tests;
