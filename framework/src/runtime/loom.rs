//! The parts of `runtime` that have loom models, compiled alone: loom never sees tokio.

mod handle;
mod idle;
mod injector;
mod ring;
mod run_queue;
mod shift;
mod slab;
mod slot;

pub(crate) use shift::note_woken_task;

#[cfg(test)]
mod handle_loom_tests;
#[cfg(test)]
mod idle_loom_tests;
#[cfg(test)]
mod queues_loom_tests;
