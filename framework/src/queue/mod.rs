//! Lock-free queues: the segmented MPSC under each mailbox's users' lane, and the stack under its control lane.
//!
//! Both are for one consumer, whose role the MPSC's word ([`claim`]) hands from thread to thread.

mod block;
mod claim;
mod consumer;
#[cfg(any(test, feature = "internals"))]
#[cfg_attr(not(feature = "internals"), allow(unreachable_pub, reason = "public with `internals` only"))]
pub mod handles;
mod lazy;
mod mpsc;
#[cfg(any(test, feature = "internals"))]
#[cfg_attr(not(feature = "internals"), allow(unreachable_pub, reason = "public with `internals` only"))]
pub mod rivals;
mod senders;
mod stack;

pub use claim::Activity;
pub(crate) use claim::{Begin, Claim, LastReference, Rest, Taken, Tried, Wake};
pub(crate) use lazy::LazyBox;
use mpsc::Pushed;
pub(crate) use mpsc::{Find, Found, Pop, Queue, Ticket};
pub(crate) use senders::Manners;
pub(crate) use stack::Stack;
