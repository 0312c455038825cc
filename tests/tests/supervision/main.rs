//! Supervision: groups of actors, links, what a restart keeps, and a model of OTP's supervisor.
#![allow(clippy::unwrap_used, reason = "tests")]

mod groups;
mod links;
mod otp;
mod restart;
mod starts;
mod storm;
mod worker;
