//! Between actors of ours and actix's, both ways: order, bounds, panics, and nothing that is left.
//!
//! `OSTRACA_BRIDGE_MESSAGES` says how many messages each sender of the run under load sends (2,000 by default).
#![allow(clippy::unwrap_used, reason = "tests")]

mod arbiters;
mod into_ours;
mod into_theirs;
mod load;
mod support;
