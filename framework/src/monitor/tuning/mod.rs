//! Tuning: settings that are changed while the system runs, one at a time, within bounds, and only as far as it helps.
//!
//! ```text
//!   climber ── one setting, one value ──> trial: A B B A B A A B, all in one sample ── better? ──> kept
//!      ^                                                                              not ───────> rolled back
//!      └──────────── what it came to, and what it has cost ────────────────────────────────────────┘
//! ```
//!
//! **What it is.** Hill climbing over the settings that the user named, in the bounds that the user set: the length and
//! the wait of batches, the size of pools, the most that a limit lets in. Off unless [`Monitor::tune`] is called.
//!
//! **The signal.** Not the throughput of one second against that of another, which says more about the load than about
//! the setting: both values are measured within one sample, in slices that alternate, and only their ratio counts. What
//! is small is how long a message is there, by Little's law: their number over time, by those that are done. In a closed
//! system that is throughput, in an open one latency. A limit trades one for the other; there it is Kleinrock's power,
//! throughput by time.
//!
//! **Guarantees.** One setting at a time. A value is kept when it is better by more than 1.5 % and by three times its
//! standard error; else the one before is back at the end of the trial, at once where it is much worse. A shorter wait is
//! also kept when all samples see no loss: one that makes no difference at this length stands in the way of the next.
//! Trials may cost 0.4 percent of the time, and a second to begin with. Each step is in [`Monitor::decisions`], and logged
//! with the target `ostraca::monitor`. When it is stopped, what was kept last stays.
//!
//! **Cost.** An actor that wakes 40 times a second, and while it tries something looks at those actors, or that pool or
//! limit, each time; and at all cells once a second.
//!
//! **Bad at.** Noise: where the store takes now 10 % more, now less, of ten bad beginnings one may be at 91 to 95 % of the
//! best after five minutes, and not beyond. Settings whose effect takes longer than a slice to show: give it a longer
//! [`slice`](Tuning::slice). Messages that take longer than a slice. Two settings of which neither is better without the
//! other.
//!
//! [`Monitor::tune`]: super::Monitor::tune
//! [`Monitor::decisions`]: super::Monitor::decisions

mod actor;
mod climb;
mod ladder;
mod plant;
mod settings;
mod trial;
mod tuner;

use std::fmt;
use std::time::Instant;

pub(super) use actor::{SystemTuner, start};
pub use settings::Tuning;
pub(super) use tuner::Decisions;

/// One step of the tuner: what it did, or in a dry run would have done, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// When, by the system's clock.
    pub at: Instant,
    /// Which setting.
    pub knob: KnobName,
    /// From which value, in the knob's unit.
    pub from: f64,
    /// To which.
    pub to: f64,
    /// What was done.
    pub verdict: Verdict,
    /// Why, with its numbers.
    pub reason: String,
    /// Nothing was changed: this is what would have been.
    pub is_dry_run: bool,
}

/// What became of a value that was considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It is tried against the present one.
    Tried,
    /// It is better, and kept.
    Kept,
    /// It is not better, and the one before is back.
    RolledBack,
}

/// Which setting of whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KnobName {
    /// The longest batch of a handler, in messages.
    BatchLen {
        /// The type of actor.
        type_name: &'static str,
        /// The name of the method.
        handler: &'static str,
    },
    /// How long a batch is held open, in microseconds.
    BatchWait {
        /// The type of actor.
        type_name: &'static str,
        /// The name of the method.
        handler: &'static str,
    },
    /// The replicas of a pool.
    PoolSize {
        /// The pool's name, or its actors' type.
        pool: String,
    },
    /// Calls that a [`Limit`](crate::overload::Limit) lets in at once.
    Limit {
        /// As the user calls it.
        name: String,
    },
}

impl Verdict {
    /// As logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Tried => "tried",
            Verdict::Kept => "kept",
            Verdict::RolledBack => "rolled_back",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl KnobName {
    /// The unit of its values.
    pub const fn unit(&self) -> &'static str {
        match self {
            KnobName::BatchLen { .. } => "messages",
            KnobName::BatchWait { .. } => "us",
            KnobName::PoolSize { .. } => "replicas",
            KnobName::Limit { .. } => "calls",
        }
    }
}

impl fmt::Display for KnobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KnobName::BatchLen { type_name, handler } => write!(f, "{type_name}.{handler} len_max"),
            KnobName::BatchWait { type_name, handler } => write!(f, "{type_name}.{handler} wait_max"),
            KnobName::PoolSize { pool } => write!(f, "{pool} replicas"),
            KnobName::Limit { name } => write!(f, "{name} limit"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dry = if self.is_dry_run { " (dry run)" } else { "" };
        let unit = self.knob.unit();
        write!(
            f,
            "{}: {} to {} {unit}, {}{dry}: {}",
            self.knob, self.from, self.to, self.verdict, self.reason
        )
    }
}
