//! The parts of `runtime` that have loom models, compiled alone: loom never sees tokio.

mod idle;
mod injector;
mod ring;
mod run_queue;
mod slot;

#[cfg(test)]
mod queues_loom_tests;
