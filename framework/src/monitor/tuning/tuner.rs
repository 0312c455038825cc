//! The tuner: chooses, tries, keeps or rolls back, and says so.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::climb::{Candidate, Climber};
use super::plant::Plant;
use super::trial::{Goal, Meter, Outcome, Trial};
use super::{Decision, Verdict};
use crate::actor::Resizing;
use crate::monitor::last::keep_last;
use crate::sync::Mutex;

/// Ticks of a slice; the first of them let the setting take effect.
pub(super) const SLICE_TICKS: u32 = 10;
const SETTLE_TICKS: u32 = 4;
/// Slices of a sample.
pub(super) const SAMPLE_SLICES: u32 = 8;
/// Decisions that are kept.
const DECISIONS_MAX: usize = 1_000;

/// What was decided, the oldest first.
#[derive(Clone, Default)]
pub(in crate::monitor) struct Decisions(Arc<Mutex<VecDeque<Decision>>>);

impl Decisions {
    pub(in crate::monitor) fn all(&self) -> Vec<Decision> {
        self.0.lock().iter().cloned().collect()
    }

    fn push(&self, decision: Decision) {
        let Decision { knob, from, to, verdict, reason, is_dry_run, .. } = &decision;
        tracing::info!(
            target: "ostraca::monitor",
            %knob, from, to, unit = knob.unit(), verdict = verdict.name(), dry_run = is_dry_run, "{reason}",
        );
        keep_last(&mut self.0.lock(), DECISIONS_MAX, decision);
    }
}

/// Looks ten times a slice.
pub(super) struct Tuner {
    plants: Vec<Box<dyn Plant>>,
    /// Where settings begin, until they are there.
    begins: Vec<Option<f64>>,
    climber: Climber,
    /// In seconds.
    slice: f64,
    is_dry_run: bool,
    underway: Option<Underway>,
    decisions: Decisions,
}

/// A trial under way.
struct Underway {
    knob: usize,
    from: f64,
    to: f64,
    trial: Trial,
    tick: u32,
    begin: Meter,
}

impl Tuner {
    pub(super) fn new(
        now: Instant,
        plants: Vec<(Box<dyn Plant>, Option<f64>)>,
        slice: Duration,
        is_dry_run: bool,
        decisions: Decisions,
    ) -> Self {
        let (plants, begins): (Vec<_>, Vec<_>) = plants.into_iter().unzip();
        let ladders = plants.iter().map(|plant| plant.ladder()).collect();
        let climber = Climber::new(now, ladders);
        Tuner { plants, begins, climber, slice: slice.as_secs_f64(), is_dry_run, underway: None, decisions }
    }

    /// A tenth of a slice has passed. What is returned is to be awaited beside this.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Resizing> {
        self.plants.iter_mut().for_each(|plant| plant.look_up(now));
        if let Some(underway) = &self.underway {
            self.plants[underway.knob].tick(now);
        }
        if let Some(begun) = self.begin() {
            return begun;
        }
        if self.underway.is_none() {
            return self.choose(now);
        }
        self.go_on(now)
    }

    /// Sets what is to begin elsewhere. None: all has begun.
    fn begin(&mut self) -> Option<Option<Resizing>> {
        if self.is_dry_run {
            return None;
        }
        let waits = |at: &usize| self.begins[*at].is_some() && self.plants[*at].value().is_some();
        let at = (0..self.plants.len()).find(waits)?;
        let value = self.begins[at].take()?;
        Some(self.plants[at].set(value, false))
    }

    fn choose(&mut self, now: Instant) -> Option<Resizing> {
        let values: Vec<_> = self.plants.iter().map(|plant| plant.value()).collect();
        let Candidate { knob, to } = self.climber.next(now, &values)?;
        let from = values[knob]?;
        let goal = self.plants[knob].goal();
        let reason = match goal {
            Goal::Time => "whether messages are there for less time",
            Goal::Power => "whether throughput by time is greater",
        };
        self.decide(now, knob, (from, to), Verdict::Tried, reason.to_owned());
        if self.is_dry_run {
            // What it would come to nobody knows: the next way is shown.
            let nothing = Outcome { is_better: false, gain: 0.0, error: 0.0, samples: 0, lost: 0.0 };
            self.climber.ended(now, knob, &nothing, 0.0);
            return None;
        }
        let trial = Trial::new(goal);
        self.underway = Some(Underway { knob, from, to, trial, tick: 0, begin: Meter::default() });
        self.go_on(now)
    }

    fn go_on(&mut self, now: Instant) -> Option<Resizing> {
        let mut underway = self.underway.take()?;
        let plant = &mut self.plants[underway.knob];
        if underway.tick == SLICE_TICKS {
            let seconds = self.slice * f64::from(SLICE_TICKS - SETTLE_TICKS) / f64::from(SLICE_TICKS);
            if let Some(outcome) = underway.trial.slice_ended(underway.begin, plant.meter(), seconds) {
                return self.end(now, &underway, &outcome);
            }
            underway.tick = 0;
        }
        let mut resizing = None;
        if underway.tick == 0 {
            resizing =
                plant.set(if underway.trial.is_tried_now() { underway.to } else { underway.from }, true);
        }
        if underway.tick == SETTLE_TICKS {
            underway.begin = plant.meter();
        }
        underway.tick += 1;
        self.underway = Some(underway);
        resizing
    }

    fn end(&mut self, now: Instant, underway: &Underway, outcome: &Outcome) -> Option<Resizing> {
        let Underway { knob, from, to, .. } = *underway;
        let is_needless = to < from && self.plants[knob].prefers_less() && outcome.has_no_loss();
        let outcome = &Outcome { is_better: outcome.is_better || is_needless, ..*outcome };
        self.climber.ended(now, knob, outcome, self.slice * f64::from(SAMPLE_SLICES));
        let verdict = if outcome.is_better { Verdict::Kept } else { Verdict::RolledBack };
        let percent = |gain: f64| 100.0 * (gain.exp() - 1.0);
        let reason = format!(
            "{:+.1} % ± {:.1} %, in {} samples",
            percent(outcome.gain),
            percent(2.0 * outcome.error),
            outcome.samples
        );
        self.decide(now, knob, (from, to), verdict, reason);
        self.plants[knob].set(if outcome.is_better { to } else { from }, false)
    }

    fn decide(&self, at: Instant, knob: usize, (from, to): (f64, f64), verdict: Verdict, reason: String) {
        let knob = self.plants[knob].name();
        self.decisions.push(Decision { at, knob, from, to, verdict, reason, is_dry_run: self.is_dry_run });
    }

    /// Leaves everything as it was last kept.
    pub(super) fn stop(&mut self) -> Option<Resizing> {
        let underway = self.underway.take()?;
        self.plants[underway.knob].set(underway.from, false)
    }
}
