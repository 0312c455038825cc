//! The system: starts everything, roots the tree of actors, stops in order.
//!
//! **What it is.** A [`System`] is a handle: clone it freely. Two systems in one process share nothing. When the
//! last handle is dropped, everything it runs is closed at once; [`System::stop`] does it in order.
//!
//! ```text
//!   Phase::Intake ──> actors, those started last first ──> Phase::Flush ──> Phase::Sync
//!   HTTP takes no     each takes no more messages,         batches are      stores are made
//!   more requests,    handles what is queued, stops        written out      to last
//!   ends those it     its children, runs #[stop]
//!   has
//! ```
//!
//! **The order of a stop.** Users' hooks join a [`Phase`] by [`System::on_stop`]. What has not stopped by the deadline
//! is killed, and named in the log and in the [`StopReport`]; where there are later hooks, actors have three quarters
//! of the time. A group of actors that is stuck holds the next up for half of the time left, not for all of it.
//!
//! **The end of a process.** Nothing can interrupt a handler that blocks its thread. The stop is over half a second
//! after its deadline all the same, and [`System::run_until_signal`] ends the process within a second after it.
//!
//! **Cost.** A thread for the time of a stop, and one that waits in [`System::run_until_signal`].

mod builder;
mod config;
mod cores;
#[cfg(all(feature = "files", target_os = "linux"))]
mod files;
mod handle;
mod readiness;
mod signals;
mod stop;
mod watchdog;

pub use builder::{StartSystemError, SystemBuilder};
pub use config::{ConfigError, Mistake};
pub use handle::System;
pub use readiness::{GivenUp, Readiness};
pub use stop::{Phase, StopReport};
