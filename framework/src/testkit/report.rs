//! What is said of a seed that failed.

use std::fmt;
use std::time::Duration;

use super::choices::{Choices, Kind};
use super::trace::Trace;

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    /// Where in the source, or in what.
    place: String,
    text: String,
}

/// How a run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The test, or a task of it, panicked: an assertion most often.
    Panic,
    /// The test waits, and nothing is left that could go on.
    Hang,
    /// It took more steps than a run may.
    Endless,
}

impl Failure {
    pub(super) fn panic(task: &str, (text, place): &(String, Option<String>)) -> Self {
        let place = place.clone().unwrap_or_else(|| format!("task {task:?}"));
        Failure { kind: FailureKind::Panic, place, text: text.clone() }
    }

    pub(super) fn hang(time_max: Duration, waiting: &str) -> Self {
        let text = format!(
            "it hangs, or takes longer than a run may: {time_max:?} of virtual time are over \
             (`Explore::time_max`), and nothing is ready\n{}",
            waiting.trim_end()
        );
        Failure { kind: FailureKind::Hang, place: String::new(), text }
    }

    pub(super) fn held() -> Self {
        let text = "it hangs: the test holds the reins, and waits for something else than a step".to_owned();
        Failure { kind: FailureKind::Hang, place: String::new(), text }
    }

    pub(super) fn endless(steps_max: u64) -> Self {
        let text = format!("it does not end: {steps_max} steps were made (`Explore::steps_max`)");
        Failure { kind: FailureKind::Endless, place: String::new(), text }
    }

    /// How it failed.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The panic's message, or who waits for whom.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether another run failed in the same way, if not with the same numbers.
    pub(super) fn is_like(&self, other: &Failure) -> bool {
        (self.kind, &self.place) == (other.kind, &other.place)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FailureKind::Panic => write!(f, "{}: {}", self.place, self.text),
            _ => f.write_str(&self.text),
        }
    }
}

/// A seed that failed, what happened in it, and the least of it that still fails.
#[derive(Clone, Debug)]
pub struct Found {
    pub(super) seed: Option<u64>,
    pub(super) tried: u64,
    pub(super) failure: Failure,
    pub(super) trace: Trace,
    /// How many decisions of the seed were not 0.
    pub(super) decisions: usize,
    pub(super) replay: Replay,
    pub(super) smaller: Smaller,
}

/// What came of running a seed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    Same,
    /// The first line that differs, as it was and as it is.
    Differs {
        line: usize,
        was: String,
        is: String,
    },
}

/// The least that was found to fail in the same way.
#[derive(Clone, Debug)]
pub(super) struct Smaller {
    pub(super) choices: Choices,
    pub(super) failure: Failure,
    pub(super) trace: Trace,
    /// How many runs it took to find it.
    pub(super) runs: u64,
}

impl Found {
    /// The seed.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// How many seeds were tried, this one included.
    pub fn tried(&self) -> u64 {
        self.tried
    }

    /// Why it failed.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Whether a second run of the seed was the same, byte for byte of its trace.
    pub fn is_replayed(&self) -> bool {
        self.replay == Replay::Same
    }

    /// What happened.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What happens in the smallest run that fails.
    pub fn smallest(&self) -> &Trace {
        &self.smaller.trace
    }

    /// How many decisions of the seed, of the test's own chance, the order and the faults, were not the usual ones.
    pub fn decisions(&self) -> usize {
        self.decisions
    }

    /// How many of those the smallest run has.
    pub fn decisions_left(&self) -> usize {
        self.smaller.choices.count(|_| true)
    }

    /// Decisions of the smallest run in which a task or cell that was not the oldest ran, or an await let others run.
    pub fn deviations(&self) -> usize {
        self.smaller.choices.count(|kind| kind != Kind::Draw && !kind.is_fault())
    }

    /// Faults in the smallest run.
    pub fn faults(&self) -> usize {
        self.smaller.choices.count(Kind::is_fault)
    }

    /// The decisions of the smallest run, as `OSTRACA_CHOICES` takes them.
    pub fn choices(&self) -> String {
        self.smaller.choices.to_string()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, smaller) = (&self.trace, &self.smaller);
        match self.seed {
            Some(seed) => writeln!(f, "seed {seed} fails, after {} that do not", self.tried - 1)?,
            None => writeln!(f, "these choices fail")?,
        }
        writeln!(f, "{}", self.failure)?;
        match &self.replay {
            Replay::Same => {
                writeln!(f, "replayed: the same {} events, trace {:016x}", trace.len(), trace.hash())?;
            }
            Replay::Differs { line, was, is } => {
                writeln!(
                    f,
                    "NOT replayed: something in it takes its chance from the machine (a HashMap, a thread, a clock)"
                )?;
                writeln!(f, "  event {line} was: {was}")?;
                writeln!(f, "  and is now:  {is}")?;
            }
        }
        writeln!(
            f,
            "made smaller in {} runs: of {} decisions {} draws, {} deviations and {} faults are left, in {} events",
            smaller.runs,
            self.decisions,
            smaller.choices.count(|kind| kind == Kind::Draw),
            self.deviations(),
            self.faults(),
            smaller.trace.len(),
        )?;
        if smaller.failure != self.failure {
            writeln!(f, "{}", smaller.failure)?;
        }
        write!(f, "{}", smaller.trace)?;
        if let Some(seed) = self.seed {
            writeln!(f, "again: OSTRACA_SEED={seed}")?;
        }
        write!(f, "only the smallest: OSTRACA_CHOICES={}", smaller.choices)
    }
}
