//! What the monitor says, against the truth: counts, times, history, and what is switched off.
#![allow(clippy::unwrap_used, reason = "tests")]

mod counts;
mod page;
mod settings;
mod shop;
mod times;
mod watching;
