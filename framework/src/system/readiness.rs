//! Whether a system is ready for work.

use crate::actor::{Label, StopReason};

/// Whether a system is ready for work, and if not, why.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// It takes no new work: it is stopping, or has stopped.
    pub is_stopping: bool,
    /// Actors that were given up.
    pub given_up: Vec<GivenUp>,
    /// What is out of reach and is done without, with the reason: tiers of the caches. The system is ready all the same.
    pub without: Vec<String>,
}

impl Readiness {
    /// Whether requests may be sent here.
    pub fn is_ready(&self) -> bool {
        !self.is_stopping && self.given_up.is_empty()
    }
}

/// An actor that failed too often and was given up: the system goes on without it, and is not ready.
#[derive(Clone, Debug)]
pub struct GivenUp {
    /// Which actor.
    pub actor: Label,
    /// Why.
    pub reason: StopReason,
}
