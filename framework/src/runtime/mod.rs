//! Runs cells: worker tasks on tokio take ready cells from queues of their own and from each other. Knows no actor.
//!
//! ```text
//!   schedule, on a worker ──> slot ──displaced──┐       worker task 0..n on tokio ──> cell.run()
//!                              │1               ▼               ▲
//!   requeue, on a worker ──────│────────────> ring of 256 ──────┤ 2
//!                              └─────────────── │ ──────────────┤
//!                                   older half, │ when full     │
//!   schedule, elsewhere ────────> injector <────┘ ──a batch─────┤ 3   (at every 61st take: 1)
//!                                                               │
//!   another's ring: its older half ─────────────────────────────┘ 4, searching
//!   another's slot: by the watch, when that worker is stuck in one cell
//! ```
//!
//! **What it is.** A [`Runtime`] is N worker tasks spawned on a tokio runtime, their queues of cells that are ready to
//! run, and the [`Seam`] through which time, order and chance come in. Handlers run inside tokio: its timers and
//! sockets work in them. A cell that has nothing to do is in no queue and owns no task. The queues know neither tokio
//! nor what a job is: a worker parks by keeping a [`Waker`](std::task::Waker), so that the models run them under loom.
//!
//! A [`Pinned`] thread is such a runtime with one worker, which a thread of its own polls: nobody steals from it. Which
//! core it stands on is the module [`cores`]'s.
//!
//! **Guarantees.** A scheduled cell is run once an entry, by one worker, or abandoned when the runtime is closed or
//! lost: never neither. When tokio drops the workers, each gives what it has left to the others, and the last one
//! abandons what is queued and, through the `lost` hook, every other cell: no ask waits for a runtime that is gone. A
//! cell scheduled by a worker at the moment of a close is abandoned at the latest when that worker's present cell
//! ends.
//!
//! **Fairness.** The slot runs at most three times in a row while anything else waits. The ring is first in, first
//! out, and the injector has a turn at least every 61st time. No order holds between cells scheduled by different
//! threads. In a seeded run there are no workers: everything is in the injector, and the run picks.
//!
//! **Progress.** A worker's own pushes and takes are lock-free; the injector and falling asleep take a lock. A push
//! that finds somebody asleep and nobody searching wakes one: see the module `idle`. A cell in a slot waits for
//! nobody but its worker's present handler; if that blocks its thread, another worker takes it within about 10 ms,
//! unless they share one thread (a current-thread runtime).
//! A worker that another one wakes is brought out of that one's way: see the module `usher`.
//!
//! **Costs.** To schedule a cell from a handler and take it again: no lock, and one uncontended exchange. From
//! elsewhere: a lock round, a fence, and a tokio wake when nobody is awake to look. What is pushed behind something
//! else on the own worker pays the fence too, and one exchange. While some worker is awake and another asleep, the
//! watch wakes 250 to 1,000 times a second.
//! A worker that does not run out of cells returns to tokio every 50 us, or when it has woken a task: module `shift`.
//!
//! **Bad at.** Many workers that run dry at once: each looks at every other's ring. Keeping a cell on one core: a
//! thief takes whatever is oldest. Priorities: there are none.
//!
//! **Sources.** tokio's `runtime/scheduler/multi_thread` (the ring, the slot, the searching count); Go's
//! `runtime/proc.go` (`runnext`, the injector's turn, spinning threads, `sysmon`, which is our watch). tokio's slot
//! cannot be stolen, and Go's is stolen after three microseconds by whoever spins; both were left because one strands
//! a cell behind a blocked handler and the other tears a ping-pong in two.

#[cfg(feature = "actix")]
mod arbiter;
mod bound;
pub mod cores;
mod handle;
mod home;
mod idle;
mod injector;
mod job;
mod pinned;
mod ring;
mod run_queue;
mod seam;
mod shift;
#[cfg_attr(not(feature = "testkit"), allow(dead_code, reason = "only the test kit makes seeded runs"))]
mod sim;
mod slab;
mod slot;
mod switches;
mod usher;
mod waker;
mod worker;

pub(crate) use bound::ThreadBound;
pub(crate) use handle::{Counted, Handle, Refs, WeakHandle};
pub(crate) use job::{Job, Runnable};
pub(crate) use pinned::Pinned;
#[cfg(feature = "testkit")]
pub(crate) use seam::SplitMix64;
pub(crate) use seam::{Machine, Seam};
pub(crate) use shift::note_woken_task;
#[cfg(feature = "testkit")]
pub(crate) use sim::{Next, Pace, Passage};
pub(crate) use sim::{Sending, Sim};
pub(crate) use slab::Slab;
pub(crate) use switches::context_switches;
pub(crate) use waker::Wakes;
pub(crate) use worker::Runtime;

#[cfg(test)]
mod handle_tests;
#[cfg(test)]
mod tests;
