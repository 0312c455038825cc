//! The parts of `stats` that modules with loom models use, compiled alone.

mod counter;

pub(crate) use counter::{Counter, SharedCounter};
