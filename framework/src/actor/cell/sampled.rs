//! What is made of a call that was timed: how long it took, and how busy that makes the actor.

use std::time::{Duration, Instant};

use super::super::Actor;
use super::super::parent::AnyCell;
use super::life::Sample;
use super::runner::Runner;
use crate::stats::nanos;

/// The first call of a quick actor is not worth the memory that its time would take: most actors have only ever had one
/// message.
const NOT_WORTH: Duration = Duration::from_micros(50);

impl<A: Actor> Runner<'_, A> {
    /// A call went on for `from_to`, and stands for as many as the sample says. `done`: its handler has ended, and whether
    /// it was called directly.
    pub(super) fn sampled(
        &mut self,
        handler: usize,
        sample: Sample,
        from_to: (Instant, Instant),
        done: Option<bool>,
    ) {
        let (start, end) = from_to;
        let took = end.saturating_duration_since(start);
        let rare = match self.cell.rare_stats_if_any() {
            None if sample.is_first && took < NOT_WORTH && done.is_some() => None,
            _ => Some(self.cell.rare_stats()),
        };
        if let Some(rare) = rare {
            rare.busy.add(nanos(took).saturating_mul(sample.weight.into()));
            if done.is_none() {
                rare.unfinished.begin(self.cell.commons.nanos_at(start), sample.weight);
            }
        }
        if let Some(is_direct) = done {
            self.cell.commons.times.of(handler).took(nanos(took), sample.weight, is_direct);
        }
    }

    /// The unfinished handler, if it is timed, is about to be polled.
    pub(super) fn begin_poll(&self) -> Option<Poll> {
        let (began, weight) = self.cell.rare_stats_if_any()?.unfinished.get()?;
        Some(Poll { began, weight, since: self.cell.commons.nanos() })
    }

    /// It was. `ended`: the handler that has ended by it.
    pub(super) fn end_poll(&mut self, poll: Option<Poll>, ended: Option<usize>) {
        let (Some(Poll { began, weight, since }), Some(rare)) = (poll, self.cell.rare_stats_if_any()) else {
            return;
        };
        let now = self.cell.commons.nanos();
        let polled = now.saturating_sub(since);
        rare.busy.add(polled.saturating_mul(weight.into()));
        if let Some(handler) = ended {
            rare.unfinished.end();
            let took = now.saturating_sub(began);
            self.cell.commons.times.of(handler).took(took, weight, false);
            self.life().pace.waited(Duration::from_nanos(took));
        }
    }

    /// The unfinished handler is gone.
    pub(super) fn forget_sample(&mut self) {
        if let Some(rare) = self.cell.rare_stats_if_any() {
            rare.unfinished.end();
        }
    }
}

/// A poll of a handler that is timed.
pub(super) struct Poll {
    began: u64,
    weight: u32,
    since: u64,
}
