//! The parts of `buf` that have loom models, compiled alone: loom does not see what a thread has for itself.

mod depot;
mod local;

#[cfg(test)]
mod loom_tests;
