//! A child, as its group keeps it: over all its incarnations and cells.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::{ChildId, ChildState};
use super::group::Group;
use super::plan::ASK_IN_START_WITHIN;
use super::spec::Recipe;
use super::window::Window;
use crate::actor::{AnyRef, Failure, IncarnationEnd, Label, StartError, StopReason};

/// A child, over all its incarnations and cells.
pub(super) struct Member {
    pub(super) name: Option<Arc<str>>,
    pub(super) recipe: Recipe,
    /// One of those that the supervisor starts with.
    pub(super) is_given: bool,
    pub(super) cell: Option<MemberCell>,
    /// How its last incarnation ended.
    pub(super) end: Option<IncarnationEnd>,
    pub(super) start: StartTime,
}

/// How long a child's start may take.
pub(super) struct StartTime {
    pub(super) limit: Option<Duration>,
    /// The one that is under way, or was last.
    pub(super) began: Instant,
    /// It took longer.
    pub(super) is_over: bool,
}

#[derive(Clone)]
pub(super) struct MemberCell {
    pub(super) slot: u32,
    pub(super) cell: AnyRef,
    pub(super) group: Option<Arc<Group>>,
}

/// A cell that has not stopped for good, perhaps one that its member has let go of.
pub(super) struct Seat {
    pub(super) id: ChildId,
    pub(super) cell: Option<AnyRef>,
    /// While it was drained.
    pub(super) falls: Window,
}

/// What is known of a child.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its number among its siblings, over all its restarts.
    pub id: ChildId,
    /// The name it was given.
    pub name: Option<Arc<str>>,
    /// Its actor, if there is one now.
    pub actor: Option<Label>,
    /// What it does.
    pub state: ChildState,
}

impl Member {
    /// How its last incarnation ended, with its name.
    pub(super) fn failure(&self) -> Failure {
        let end = match &self.end {
            Some(IncarnationEnd::Failed(failure)) => failure.to_string(),
            Some(IncarnationEnd::InOrder(reason)) => reason.to_string(),
            Some(IncarnationEnd::Killed) => StopReason::Killed.to_string(),
            None => "it did not start".into(),
        };
        match &self.cell {
            Some(cell) => Failure::member(&cell.cell.label().to_string(), &end),
            None => Failure::member("a child", &end),
        }
    }
}

impl StartTime {
    /// Until when what it asks is to be answered.
    pub(super) fn answers_until(&self, now: Instant) -> Instant {
        self.limit.map_or(now + ASK_IN_START_WITHIN, |limit| self.began + limit)
    }

    /// That it took too long, where it can.
    pub(super) fn failure(&self) -> Option<Failure> {
        let limit = self.limit?;
        let text = format!("it did not end within {limit:?}, its `start_within`");
        Some(Failure::start(&StartError::new(text)))
    }
}

/// What the references of a child that is closed are told.
pub(super) fn close_reason(end: Option<IncarnationEnd>, otherwise: &StopReason) -> StopReason {
    match (end, otherwise) {
        (_, StopReason::SystemStopped | StopReason::RuntimeLost) => otherwise.clone(),
        (Some(IncarnationEnd::Failed(failure)), StopReason::GaveUp(_)) => StopReason::GaveUp(failure),
        (Some(IncarnationEnd::Failed(failure)), _) => StopReason::Failed(failure),
        (Some(IncarnationEnd::Killed), _) => StopReason::Killed,
        (Some(IncarnationEnd::InOrder(StopReason::Restarting)) | None, _) => StopReason::Requested,
        (Some(IncarnationEnd::InOrder(reason)), _) => reason,
    }
}
