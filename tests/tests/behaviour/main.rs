//! How actors behave, through the public interface alone. Time is paused: nothing sleeps.
#![allow(clippy::unwrap_used, reason = "tests")]

mod asking;
mod batches;
mod by_hand;
mod configured;
mod context;
mod life;
mod mailbox;
mod moves;
mod runtimes;
mod shards;
mod spawning;
mod stopping;
mod supervision;
mod topics;
mod views;
