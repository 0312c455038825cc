//! A cache over tiers: what it serves, when it asks, and what happens to tiers and sources that fail.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod actors;
mod flights;
mod killed;
mod lifetimes;
mod outages;
mod removal;
mod statistics;
mod support;
mod versions;
mod writes;
