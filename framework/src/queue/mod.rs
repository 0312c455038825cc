//! Lock-free queues: the segmented MPSC under each mailbox's users' lane, and the stack under its control lane.
//!
//! Both are for one consumer, whose role the cell's claim word hands from thread to thread.

mod block;
mod chain;
mod left;
mod mpsc;
mod stack;

pub(crate) use mpsc::{Pop, Queue};
pub(crate) use stack::Stack;
