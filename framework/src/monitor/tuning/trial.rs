//! One trial: a value against the one before it, both within one sample.
//!
//! ```text
//!   a sample:   A B B A B A A B      A: as it is      B: what is tried
//!   a slice:    [ settles | measured ]
//! ```
//!
//! Throughput of one second against that of another says more about the load than about the setting: that is what
//! .NET's hill climbing fell over (dotnet/runtime #81406). So both values are measured within one sample, in slices
//! that alternate, in an order (Thue and Morse's) in which load that drifts, evenly or ever faster, favours neither.
//! What counts is the ratio of the two; how sure it is, is known from how the four pairs of neighbours in each sample
//! differ.

/// What was done since some beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Meter {
    /// Messages, or calls, that are done.
    pub(super) done: f64,
    /// Seconds that messages were there, together: their number, over time.
    pub(super) there: f64,
}

/// What makes a setting good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// A message is there for a short time. In a closed system that is throughput, in an open one it is latency.
    Time,
    /// Kleinrock's power, throughput by time (1979): what a limit trades one for the other by.
    Power,
}

/// The order of a sample's slices: whether what is tried is set.
const SLICES: [bool; 8] = [false, true, true, false, true, false, false, true];
/// Messages that each side must have done before a sample counts.
const DONE_MIN: f64 = 20.0;
/// Better by less is noise.
const WORTH: f64 = 0.015;
/// What is so much worse, and clearly, is ended in the middle of a sample.
const HARM: f64 = 0.08;
/// And what is so much worse, after the first pair.
const HARM_AT_ONCE: f64 = 0.5;
/// Samples after which what does not look better is given up, and what does.
const SAMPLES_MAX: usize = 8;
const SAMPLES_MAX_HOPEFUL: usize = 16;
/// Noise that there is always.
const NOISE_MIN: f64 = 0.004;

/// What a trial came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) is_better: bool,
    /// By how much, as a logarithm: 0.1 is about a tenth.
    pub(super) gain: f64,
    /// How sure that is: its standard error.
    pub(super) error: f64,
    pub(super) samples: usize,
    /// What part of a sample's work the trial has cost.
    pub(super) lost: f64,
}

impl Outcome {
    /// After all samples what was tried does not look worse, by more than chance makes of nothing.
    pub(super) fn has_no_loss(&self) -> bool {
        self.samples >= SAMPLES_MAX && self.gain > -self.error.max(WORTH / 2.0)
    }
}

/// A trial under way.
#[derive(Debug)]
pub(super) struct Trial {
    goal: Goal,
    slice: usize,
    sums: [Slice; 2],
    /// The score of the slice before, in a pair.
    last: Option<f64>,
    /// The gain of each sample, and of each pair of slices.
    gains: Vec<f64>,
    pairs: Vec<f64>,
    lost: f64,
}

/// What was measured of one side.
#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    done: f64,
    there: f64,
    seconds: f64,
}

impl Slice {
    fn add(&mut self, other: Slice) {
        self.done += other.done;
        self.there += other.there;
        self.seconds += other.seconds;
    }

    /// The logarithm of what is to be small. None: nothing was done.
    fn score(&self, goal: Goal) -> Option<f64> {
        let time = self.there / self.done;
        let score = match goal {
            Goal::Time => time,
            Goal::Power => time * self.seconds / self.done,
        };
        (self.done > 0.0 && score > 0.0).then(|| score.ln())
    }
}

impl Trial {
    pub(super) fn new(goal: Goal) -> Self {
        Trial {
            goal,
            slice: 0,
            sums: [Slice::default(); 2],
            last: None,
            gains: Vec::new(),
            pairs: Vec::new(),
            lost: 0.0,
        }
    }

    /// Whether what is tried is to be set in the slice that begins.
    pub(super) fn is_tried_now(&self) -> bool {
        SLICES[self.slice]
    }

    /// A slice has ended. `Some`: the trial has.
    pub(super) fn slice_ended(&mut self, begin: Meter, end: Meter, seconds: f64) -> Option<Outcome> {
        let side = usize::from(SLICES[self.slice]);
        let slice = Slice { done: end.done - begin.done, there: end.there - begin.there, seconds };
        self.sums[side].add(slice);
        let score = slice.score(self.goal);
        let before = if self.slice.is_multiple_of(2) { None } else { self.last.take() };
        self.last = score;
        if let (Some(before), Some(now)) = (before, score) {
            let gain = if side == 1 { before - now } else { now - before };
            self.pairs.push(gain);
            if self.does_harm() {
                let pairs = self.pairs.len() % (SLICES.len() / 2);
                let (mean, _) = self.mean_of_pairs();
                self.lost -= mean * pairs as f64 / SLICES.len() as f64;
                return Some(self.outcome(mean, false));
            }
        }
        self.slice = (self.slice + 1) % SLICES.len();
        if self.slice > 0 || self.sums.iter().any(|sum| sum.done < DONE_MIN) {
            return None;
        }
        let sums = std::mem::take(&mut self.sums);
        let gain = sums[0].score(self.goal)? - sums[1].score(self.goal)?;
        self.lost += (-gain / 2.0).max(0.0);
        self.gains.push(gain);
        self.judge()
    }

    fn does_harm(&self) -> bool {
        let (mean, error) = self.mean_of_pairs();
        match self.pairs.len() {
            1 => mean < -HARM_AT_ONCE && self.sums[1].done >= DONE_MIN,
            _ => mean < -HARM && -mean > 3.0 * error,
        }
    }

    fn judge(&self) -> Option<Outcome> {
        let (_, error) = self.mean_of_pairs();
        let count = self.gains.len();
        let mean = self.gains.iter().sum::<f64>() / count as f64;
        if count < 2 {
            return None;
        }
        if -mean > 2.0 * error {
            return Some(self.outcome(mean, false));
        }
        // It is looked at after each sample, so by chance it looks good more often than once.
        if mean > WORTH && mean > 3.0 * error {
            return Some(self.outcome(mean, true));
        }
        // It will hardly come to be worth it.
        let is_hopeless = count >= 3 && mean + 2.0 * error < WORTH;
        let is_hopeful = mean > WORTH && mean > error;
        let count_max = if is_hopeful { SAMPLES_MAX_HOPEFUL } else { SAMPLES_MAX };
        (is_hopeless || count >= count_max).then(|| self.outcome(mean, false))
    }

    /// The mean gain of the pairs, and its standard error.
    fn mean_of_pairs(&self) -> (f64, f64) {
        let count = self.pairs.len() as f64;
        let mean = self.pairs.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = self.pairs.iter().map(|gain| (gain - mean).powi(2)).sum();
        // Pairs that agree may do so by chance: there is always some noise.
        let variance = (squares + NOISE_MIN * NOISE_MIN) / (count - 1.0).max(1.0);
        (mean, (variance / count.max(1.0)).sqrt())
    }

    fn outcome(&self, gain: f64, is_better: bool) -> Outcome {
        let (_, error) = self.mean_of_pairs();
        Outcome { is_better, gain, error, samples: self.gains.len(), lost: self.lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a trial where a message takes `time` seconds, by whether what is tried is set and by the slice's number.
    fn trial(goal: Goal, time: impl Fn(bool, usize) -> f64) -> (Outcome, usize) {
        let mut trial = Trial::new(goal);
        let mut meter = Meter::default();
        for slice in 0..1_000 {
            let begin = meter;
            let time = time(trial.is_tried_now(), slice);
            // A closed system with ten callers.
            meter.done += 10.0 * 0.1 / time;
            meter.there += 10.0 * 0.1;
            if let Some(outcome) = trial.slice_ended(begin, meter, 0.1) {
                return (outcome, slice + 1);
            }
        }
        panic!("a trial ends");
    }

    #[test]
    fn what_is_better_is_found_in_two_samples_and_what_is_much_worse_in_two_slices() {
        let (outcome, slices) = trial(Goal::Time, |tried, _| if tried { 0.009 } else { 0.010 });
        assert!(outcome.is_better && (outcome.gain - 0.105).abs() < 0.001, "{outcome:?}");
        assert_eq!(slices, 16);
        let (outcome, slices) = trial(Goal::Time, |tried, _| if tried { 0.02 } else { 0.01 });
        assert!(!outcome.is_better && slices == 2, "{outcome:?}");
        assert!(outcome.lost < 0.1, "a tenth of a sample: {outcome:?}");
    }

    #[test]
    fn what_makes_no_difference_is_not_better() {
        let (outcome, slices) = trial(Goal::Time, |_, _| 0.01);
        assert!(!outcome.is_better && slices <= 24, "{outcome:?}");
    }

    #[test]
    fn load_that_drifts_favours_neither() {
        for speed in [0.002, 0.02] {
            let (outcome, _) = trial(Goal::Time, |_, slice| 0.01 * (1.0 + speed * slice as f64));
            assert!(!outcome.is_better && outcome.gain.abs() < 0.004, "{outcome:?}");
        }
    }

    #[test]
    fn noise_is_not_taken_for_a_gain() {
        let mut random = 1_u64;
        let mut taken = 0;
        for _ in 0..200 {
            let mut noise = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                1.0 + 0.05 * ((random % 2_001) as f64 / 1_000.0 - 1.0)
            };
            let noises: Vec<f64> = (0..100).map(|_| noise()).collect();
            taken += usize::from(trial(Goal::Time, |_, slice| 0.01 * noises[slice]).0.is_better);
        }
        assert!(taken <= 10, "{taken} of 200 trials of nothing");
    }

    #[test]
    fn a_limit_is_judged_by_its_power() {
        // Twice the throughput at the same time is better, though no message is there for less time.
        let mut trial = Trial::new(Goal::Power);
        let mut meter = Meter::default();
        let outcome = loop {
            let (begin, factor) = (meter, if trial.is_tried_now() { 2.0 } else { 1.0 });
            meter.done += factor * 100.0;
            meter.there += factor;
            if let Some(outcome) = trial.slice_ended(begin, meter, 0.1) {
                break outcome;
            }
        };
        assert!(outcome.is_better, "{outcome:?}");
    }
}
