//! What every actor does: exact counts, sampled times, a day of history, and the process they live in.
//!
//! ```text
//!   cells: each counts for itself ──────┐
//!   stopped actors, by type ────────────┤
//!   times by handler, from samples ─────┼── pulled every second ──> monitor actor ──┬─> Snapshot, published
//!   pools, buffers, caches, batches ────┤                                           ├─> history, top-N windows
//!   /proc/self, cgroup, pressure, tokio ┘                                           └─> whoever watches
//! ```
//!
//! **What it is.** An actor of the system, started by the first call of [`System::monitor`]. Nobody sends it
//! anything but its timer: it pulls. [`Monitor::snapshot`] is its last pull, [`Monitor::latest`] a new one,
//! [`Monitor::watch`] gives each as it comes, [`Monitor::history`] those of the last day, and [`Monitor::top`] who has done
//! the most within a window. [`MonitorSettings`] say how often it pulls and what it measures.
//!
//! **Guarantees.** Counts only grow, actors that stop and start again included, and each message is counted once, by the
//! handler that had it. They are exact when the actors rest; while they run, each count is of some moment of the pull.
//! Times are samples without a bias, each with the number of messages that it stands for, and count from when a message
//! was sent; quantiles are within 0.8 % of what was recorded. What could not be measured is `None`, never a guess: a
//! rate before its second reading, the memory where there is no `/proc`, a sampler that is off. The monitor counts itself
//! like any other actor.
//!
//! **Cost.** Until it is started: a count a message, in a word that is written anyway, and a decrement a send. Then a
//! stamp every 128 us a thread at most, one handler call in 1,024 of quick ones, and once a second a pass over all cells,
//! with one entry for each in the snapshot, up to [`ACTORS_LEN_MAX`]. `compare overhead` in the benches measures it. No
//! message and no lock of an actor is used for it.
//!
//! **Bad at.** Rates of actors that lived for less than two pulls: their counts are in their type's, but they
//! have no rate of their own. Times of single actors.
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
mod kept;
mod last;
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
pub use crate::stats::{BufferNumbers, BufferSource, Distribution, LaneNumbers, PoolNumbers, Quantiles};
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
