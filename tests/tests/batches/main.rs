//! Batched handlers: when a batch is closed, what becomes of one that fails, and what is counted.
//!
//! Time is paused: a wait is over when nothing else is to be done.
#![allow(clippy::unwrap_used, reason = "tests")]

mod closing;
mod complaints;
mod counting;
mod dedup;
mod desk;
mod failing;
mod left_out;
mod seeded;
