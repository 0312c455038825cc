//! Runs cells: worker tasks on tokio take ready cells from a run queue. Knows no actor.
//!
//! ```text
//!   schedule(cell) ──> RunQueue ──> worker task 0..n on tokio ──> cell.run()
//!                                   (inside tokio: its timers and sockets work in handlers)
//! ```
//!
//! **What it is.** A [`Runtime`] is N worker tasks spawned on a tokio runtime, one queue of cells that are
//! ready to run, and the [`Seam`] through which time, order and chance come in. A cell that has nothing to do
//! is in no queue and owns no task.
//!
//! **Guarantees.** A scheduled cell is run once an entry, by one worker; a cell scheduled before another is
//! taken before it (a seeded seam may choose otherwise). When tokio drops the workers, every cell still
//! queued, and through the `lost` hook every other one, is told so: no ask waits for a runtime that is gone.
//!
//! **Cost.** A lock round to schedule and one to take, and a tokio wake when a worker sleeps.
//!
//! **Bad at.** Many workers: there is one queue and no stealing yet.

mod home;
mod run_queue;
mod seam;
mod worker;

pub(crate) use run_queue::Runnable;
pub(crate) use seam::{Machine, Seam, Seeded};
pub(crate) use worker::Runtime;
