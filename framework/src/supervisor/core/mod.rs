//! The decisions of a supervisor, without any of its deeds.
//!
//! **What it is.** [`Core::handle`] takes an [`Event`] and the time, and adds [`Command`]s to a list. No clock, no
//! randomness, no I/O: the live supervisor (`group`) drives it, and so does the test that runs it against a model of
//! OTP.
//!
//! ```text
//!             Start                     nothing under way                    Stop, too many restarts,
//!   Off ────────────────> working <───────────────────────> idle             a significant child's end
//!    ^                       │        an end, a timer, a request │                     │
//!    └───── Ended ───────────┴──────────────────────────────────┴──── working <───────┘
//!                                                          Kill, from anywhere: dying, then Off
//! ```
//!
//! **One piece of work at a time**, as OTP's supervisor is one process: some children are stopped, one after the other,
//! newest first; then some are started, one after the other, oldest first; then it is done. Meanwhile everything but
//! the report that is waited for is kept in a queue: it is what would lie in the process's mailbox. The end of a child
//! that lies there is taken out when that child is to be stopped, as OTP's `unlink_flush` does.
//!
//! **What the driver owes it.** After `Start(child)` exactly one `Started` or `Ended`. After `Started` exactly one
//! `Ended`, sooner or later; after `Stop` or `Kill` soon.
//!
//! **Cost.** A search among the children an event, and one allocation for a piece of work.

mod goal;
mod machine;
#[cfg(test)]
mod tests;

use std::time::Duration;

use thiserror::Error;

use super::plan::{ChildSpec, Plan};
pub use machine::Core;

/// A child, as its supervisor numbers it. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChildId(pub u32);

/// Who asked, and is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A timer that was armed. One that was disarmed, and comes all the same, does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timer {
    pub(super) child: ChildId,
    pub(super) serial: u64,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The supervisor is started, for the first time or again.
    Start,
    /// A child has started.
    Started(ChildId),
    /// A child has ended, or has not started.
    Ended(ChildId, End),
    /// A timer's time has come.
    Timer(Timer),
    /// Somebody wants something.
    Request(Ticket, Request),
    /// The supervisor is to stop.
    Stop,
    /// The supervisor is gone: its children end at once.
    Kill,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order: it was stopped, or it is a supervisor that gave up or shut itself down.
    InOrder,
    /// It failed or was killed.
    Badly,
}

/// What can be asked of a supervisor.
#[derive(Clone, Debug)]
pub enum Request {
    /// A new child, after the others.
    Add(ChildId, ChildSpec),
    /// Stop a child; it stays down.
    Terminate(ChildId),
    /// Start a child that is down.
    Restart(ChildId),
    /// Forget a child that is down.
    Remove(ChildId),
}

/// Why a supervisor did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChildError {
    /// It has no such child.
    #[error("the supervisor has no such child: `children` has those it has")]
    NotFound,
    /// The child runs.
    #[error("the child runs: terminate it first")]
    Running,
    /// The child failed and waits for its restart.
    #[error("the child is being restarted: terminate it first, or wait")]
    Restarting,
    /// Its start failed.
    #[error("the child did not start: the log says why")]
    NotStarted,
    /// A significant child must be transient or temporary, and its supervisor must end by it.
    #[error(
        "a significant child is transient or temporary, and its supervisor says `auto_shutdown`: say so, or leave \
         `significant` out"
    )]
    Significant,
    /// The supervisor is stopping or stopped.
    #[error("the supervisor is stopping and takes no more requests")]
    Stopping,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start the child, again if it was there before.
    Start(ChildId),
    /// Have the child stop in order.
    Stop(ChildId, StopCause),
    /// End the child at once.
    Kill(ChildId),
    /// The child's start takes too long: end it at once, as one that has failed.
    Abort(ChildId),
    /// The child is down and no restart is due: whoever waits for it is told.
    Close(ChildId),
    /// It is no child any more.
    Forget(ChildId),
    /// Report the timer, so long from now.
    Arm(Timer, Duration),
    /// The timer is not needed any more.
    Disarm(Timer),
    /// Answer a request.
    Answer(Ticket, Result<(), ChildError>),
    /// All children have started, and with them the supervisor.
    Up,
    /// All children are down, and with them the supervisor.
    Ended(Outcome),
}

/// Why a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// It will be started again, with a sibling.
    Sibling,
    /// It was terminated, or its supervisor ends.
    End,
}

/// How a supervisor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was asked to.
    Stopped,
    /// This child did not start.
    NotStarted(ChildId),
    /// There were too many restarts, the last one of this child.
    GaveUp(ChildId),
    /// This significant child ended.
    AutoShutdown(ChildId),
}

/// What a child does, as far as its supervisor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// Nothing: it has ended, or was not started yet.
    Down,
    /// It starts.
    Starting,
    /// It runs.
    Up,
    /// It ended, and its supervisor has not come to it yet.
    Exited,
    /// It was told to stop.
    Stopping,
    /// Its restart is due.
    Restarting,
}
