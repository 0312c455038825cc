//! The test kit itself: what it decides, what it finds, that it replays, and that it makes what it found smaller.
#![allow(clippy::unwrap_used, reason = "tests")]

mod actors;
mod faults;
mod moves;
mod order;
mod probes;
mod reins;
mod replay;
