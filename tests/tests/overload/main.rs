//! Overload: limits in a simulation, breakers and actors in paused time.
#![allow(clippy::unwrap_used, reason = "tests")]

mod actors;
mod breaker;
mod limit;
