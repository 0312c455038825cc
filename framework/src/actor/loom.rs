//! The parts of `actor` that have loom models, compiled alone: loom never sees tokio.

mod error;
mod reply;
mod reply_pool;
mod scope;
mod trace;
