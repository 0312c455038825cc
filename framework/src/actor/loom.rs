//! The parts of `actor` that have loom models, compiled alone: loom never sees tokio.
#![allow(dead_code, reason = "the models use some of it")]

mod claim;
mod error;
mod reply;
mod scope;

pub(crate) use error::AskError;
