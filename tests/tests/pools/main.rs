//! Pools: the strategies in a simulation, live pools in paused time, and pools over seeded schedules.
#![allow(clippy::unwrap_used, reason = "tests")]

mod balance;
mod blocking;
mod live;
mod schedules;
mod simulation;
