//! What a piece of work is for.

use std::time::Duration;

use super::{ChildId, Outcome, StopCause, Ticket};

/// What follows when the children that are to be stopped and started have been.
#[derive(Clone, Copy)]
pub(super) enum Goal {
    Init,
    Restart,
    /// Restart this child when the wait is over.
    Wait(ChildId, Duration),
    Leave(Outcome),
    Add(Ticket, ChildId),
    Terminate(Ticket, ChildId),
    StartAgain(Ticket, ChildId),
}

impl Goal {
    pub(super) fn stop_cause(self) -> StopCause {
        match self {
            Goal::Restart | Goal::Wait(..) => StopCause::Sibling,
            _ => StopCause::End,
        }
    }
}
