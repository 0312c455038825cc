//! Mistakes that the model can be told to make.

/// A rule of OTP's, broken on purpose: whether the comparison finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// One for one: a child that is restarted goes to the end of the list.
    OneForOneMovesTheChild,
    /// One for all: the others are terminated in the order of their start.
    OneForAllStopsOldestFirst,
    /// One for all: children that had ended before are not started again.
    OneForAllLeavesTheEndedDown,
    /// Rest for one: the last child is left alone.
    RestForOneForgetsTheLast,
    /// Rest for one: the rest is terminated after the child was started again.
    RestForOneStopsTheRestLate,
    /// A restart that is exactly as old as the period no longer counts.
    WindowExcludesItsEdge,
    /// Restarts are counted for each child.
    CountsForTheChild,
    /// A restart that fails and is tried again counts once.
    TryingAgainIsFree,
    /// A transient child is restarted after a normal exit.
    TransientIsPermanent,
    /// A temporary child is kept when a sibling's restart terminates it.
    TemporaryIsKept,
    /// A terminated significant child ends the supervisor.
    TerminateCountsAsSignificant,
    /// A supervisor that gives up exits abnormally.
    GivingUpIsAbnormal,
}

impl Mistake {
    pub(crate) const ALL: [Mistake; 12] = [
        Mistake::OneForOneMovesTheChild,
        Mistake::OneForAllStopsOldestFirst,
        Mistake::OneForAllLeavesTheEndedDown,
        Mistake::RestForOneForgetsTheLast,
        Mistake::RestForOneStopsTheRestLate,
        Mistake::WindowExcludesItsEdge,
        Mistake::CountsForTheChild,
        Mistake::TryingAgainIsFree,
        Mistake::TransientIsPermanent,
        Mistake::TemporaryIsKept,
        Mistake::TerminateCountsAsSignificant,
        Mistake::GivingUpIsAbnormal,
    ];
}
