//! The system: starts everything, roots the tree of actors, stops in order.
//!
//! **What it is.** A [`System`] is a handle: clone it freely. Two systems in one process share nothing. When the
//! last handle is dropped, everything it runs is closed at once; [`System::stop`] does it in order.
//!
//! **The order of a stop.** First the hooks of [`System::on_stop`] (HTTP takes no more requests and finishes
//! those it has), then the actors, those started last first: each takes no more messages, handles what is
//! queued, stops its children, runs `#[stop]`. What has not stopped by the deadline is killed, and named.

mod builder;
mod config;
mod handle;
mod readiness;
mod stop;

pub use builder::{StartSystemError, SystemBuilder};
pub use config::{ConfigError, Mistake};
pub use handle::System;
pub use readiness::{GivenUp, Readiness};
pub use stop::StopReport;
