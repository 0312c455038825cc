//! Who tries what, and when: one setting at a time, up or down its ladder.
//!
//! ```text
//!   a setting:  up, 2 rungs ──better──> kept, again, 4 rungs ──> ..
//!                  │ not                        │ not
//!                  └─> down, 2 ──> up, 1 ──> down, 1 ──> rests: 30 s, twice as long each time nothing is better
//! ```
//!
//! A gain of one setting ends the rest of the others: what is best for them may have changed. Trials of what is worse
//! cost something, and have a budget: 0.4 percent of the time, and a second to begin with. Who is at a good place
//! pays no more than that for looking.

use std::time::{Duration, Instant};

use super::ladder::Ladder;
use super::trial::Outcome;

/// How long a setting rests at which nothing was better, at first and at most.
const REST_MIN: Duration = Duration::from_secs(30);
const REST_MAX: Duration = Duration::from_secs(30 * 60);
/// The part of the time that trials may cost, and what there is to begin with, in seconds.
const BUDGET: f64 = 0.004;
const BUDGET_BEGIN: f64 = 1.0;
const STEPS_MAX: i32 = 4;

/// What is tried of one setting next, up or down by so many rungs.
const ROUND: [i32; 4] = [2, -2, 1, -1];

/// Chooses trials.
#[derive(Debug)]
pub(super) struct Climber {
    began: Instant,
    /// Seconds of work that trials have cost.
    lost: f64,
    slopes: Vec<Slope>,
    at: usize,
}

/// One setting.
#[derive(Debug)]
struct Slope {
    ladder: Ladder,
    /// Where in the round.
    round: usize,
    /// The way that was better last, which is tried again.
    way: Option<i32>,
    rests_until: Option<Instant>,
    rest: Duration,
}

/// What is to be tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// Which setting.
    pub(super) knob: usize,
    /// Its value.
    pub(super) to: f64,
}

impl Climber {
    pub(super) fn new(now: Instant, ladders: Vec<Ladder>) -> Self {
        let slope = |ladder| Slope { ladder, round: 0, way: None, rests_until: None, rest: REST_MIN };
        Climber { began: now, lost: 0.0, slopes: ladders.into_iter().map(slope).collect(), at: 0 }
    }

    /// What to try now, of settings with these values; one that has none now is left alone.
    pub(super) fn next(&mut self, now: Instant, values: &[Option<f64>]) -> Option<Candidate> {
        let seconds = now.saturating_duration_since(self.began).as_secs_f64();
        if self.lost > BUDGET_BEGIN + BUDGET * seconds {
            return None;
        }
        for _ in 0..self.slopes.len() {
            let knob = self.at;
            if let Some(value) = values[knob]
                && let Some(to) = self.slopes[knob].next(now, value)
            {
                return Some(Candidate { knob, to });
            }
            self.at = (self.at + 1) % self.slopes.len();
        }
        None
    }

    /// A trial of `knob` has ended, in which a sample took so many seconds.
    pub(super) fn ended(&mut self, now: Instant, knob: usize, outcome: &Outcome, sample: f64) {
        self.lost += outcome.lost * sample;
        if outcome.is_better {
            self.slopes[knob].won();
            for (other, slope) in self.slopes.iter_mut().enumerate() {
                if other != knob {
                    slope.wake();
                }
            }
        } else {
            self.slopes[knob].failed(now);
            self.at = (knob + 1) % self.slopes.len();
        }
    }
}

impl Slope {
    fn next(&mut self, now: Instant, value: f64) -> Option<f64> {
        if self.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        self.rests_until = None;
        loop {
            let steps = self.way.or_else(|| ROUND.get(self.round).copied());
            let Some(steps) = steps else {
                self.go_to_rest(now);
                return None;
            };
            if let Some(to) = self.ladder.step(value, steps) {
                return Some(to);
            }
            self.skip();
        }
    }

    fn won(&mut self) {
        let steps = self.way.unwrap_or_else(|| ROUND[self.round.min(ROUND.len() - 1)]);
        self.way = Some((2 * steps).clamp(-STEPS_MAX, STEPS_MAX));
        self.round = 0;
        self.rest = REST_MIN;
    }

    fn failed(&mut self, now: Instant) {
        self.skip();
        if self.round >= ROUND.len() {
            self.go_to_rest(now);
        }
    }

    /// After a way that was better once the round begins anew; it is there where the way ended.
    fn skip(&mut self) {
        if self.way.take().is_none() {
            self.round += 1;
        }
    }

    fn go_to_rest(&mut self, now: Instant) {
        self.rests_until = Some(now + self.rest);
        self.rest = (2 * self.rest).min(REST_MAX);
        self.round = 0;
    }

    fn wake(&mut self) {
        self.rests_until = None;
        self.rest = REST_MIN;
        self.round = 0;
        self.way = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(is_better: bool, lost: f64) -> Outcome {
        Outcome { is_better, gain: 0.1, error: 0.01, samples: 2, lost }
    }

    /// Climbs where `time` is what a message takes, for so many trials of 3 s.
    fn climb(ladders: Vec<Ladder>, from: Vec<f64>, trials: usize, time: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let mut now = Instant::now();
        let mut climber = Climber::new(now, ladders);
        let mut values = from;
        for _ in 0..trials {
            now += Duration::from_secs(3);
            let known: Vec<_> = values.iter().copied().map(Some).collect();
            let Some(Candidate { knob, to }) = climber.next(now, &known) else { continue };
            let mut tried = values.clone();
            tried[knob] = to;
            let is_better = time(&tried) < 0.985 * time(&values);
            climber.ended(now, knob, &outcome(is_better, 0.0), 1.0);
            if is_better {
                values = tried;
            }
        }
        values
    }

    #[test]
    fn it_reaches_the_best_of_two_settings_from_any_corner() {
        // The best are 100 and 40, and they depend on each other.
        let time = |at: &[f64]| {
            let (x, y) = ((at[0] / 100.0).ln(), (at[1] / 40.0).ln());
            1.0 + x * x + y * y + 0.8 * x * y
        };
        for from in [[1.0, 1.0], [1.0, 512.0], [512.0, 1.0], [512.0, 512.0], [100.0, 40.0]] {
            let ladders = vec![Ladder::whole(1, 512), Ladder::whole(1, 512)];
            let reached = climb(ladders, from.to_vec(), 100, time);
            assert!(time(&reached) < 1.05, "{from:?} led to {reached:?}");
        }
    }

    #[test]
    fn where_nothing_is_better_it_rests_longer_and_longer() {
        let now = Instant::now();
        let mut climber = Climber::new(now, vec![Ladder::whole(1, 100)]);
        let mut trials = Vec::new();
        for second in 0..600 {
            let now = now + Duration::from_secs(second);
            if climber.next(now, &[Some(10.0)]).is_some() {
                trials.push(second);
                climber.ended(now, 0, &outcome(false, 0.0), 1.0);
            }
        }
        assert_eq!(trials.len(), 20, "five rounds of four: {trials:?}");
    }

    #[test]
    fn trials_that_cost_much_are_few() {
        let now = Instant::now();
        let mut climber = Climber::new(now, vec![Ladder::whole(1, 100), Ladder::whole(1, 100)]);
        let mut lost = 0.0;
        for second in 0..300 {
            let now = now + Duration::from_secs(second);
            if let Some(Candidate { knob, .. }) = climber.next(now, &[Some(10.0), Some(10.0)]) {
                climber.ended(now, knob, &outcome(false, 0.4), 1.0);
                lost += 0.4;
            }
        }
        assert!(lost < 0.01 * 300.0, "{lost} s of 300");
    }

    #[test]
    fn a_setting_without_a_value_is_left_alone() {
        let now = Instant::now();
        let mut climber = Climber::new(now, vec![Ladder::whole(1, 100), Ladder::whole(1, 100)]);
        let next = climber.next(now, &[None, Some(4.0)]);
        assert_eq!(next, Some(Candidate { knob: 1, to: 8.0 }));
        assert_eq!(climber.next(now, &[None, None]), None);
    }
}
