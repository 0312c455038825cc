//! Findings: what is wrong, with its evidence and what to do about it.
//!
//! ```text
//!   each pull ──> reading (what findings need of it) ──> window of the last ten ──> detectors ──> book ──> findings
//!                                                                                   pure         opens, closes, logs
//! ```
//!
//! **What it is.** Lints for a running system: each [`FindingKind`] has a detector, which is a plain function of the
//! last readings of the monitor. A [`Finding`] names the actor, handler, shard, cache or pool, and gives the numbers
//! it was concluded from.
//!
//! **Guarantees.** A finding is opened when two looks in a row see it, and closed when three in a row do not: it
//! neither flickers nor stays. It is logged once when it is opened (at `warn`, a notice at `info`) and once when it
//! is closed (at `info`), with the target `ostraca::monitor`. What needs a number that was not measured is not found:
//! nothing is guessed.
//!
//! **Cost.** Nothing on any actor's way, but for the asks that a handler waits for: see
//! [`AskCycle`](FindingKind::AskCycle), one store an ask that was not answered at once. A pull copies about sixty
//! bytes an actor, and ten of those are kept.
//!
//! **Bad at.** What lasts less than two pulls. What is slow: a leak of a megabyte a minute is seen after ten minutes.
//! Causes: it names what is seen, and the remedy is a rule of thumb.

mod book;
mod cycle;
mod kind;
mod of_actors;
mod of_process;
mod of_types;
mod window;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::snapshot::Snapshot;
use crate::actor::{ActorId, Label};

use book::Book;
use cycle::Asks;
pub use kind::FindingKind;
use of_process::Memory;
pub(super) use window::TypeSample;
use window::Window;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// With whom.
    pub subject: Subject,
    /// In a sentence, with its numbers.
    pub summary: String,
    /// The numbers it was concluded from.
    pub evidence: Vec<Evidence>,
    /// When it was opened, by the system's clock.
    pub opened_at: Instant,
}

/// How bad a finding is. The worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Something is in vain.
    Notice,
    /// Something is slow, or will fail if it goes on.
    Warning,
    /// Something does not work.
    Critical,
}

/// With whom something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// One actor, which may be a shard.
    Actor(Label),
    /// Several actors, in the order in which they ask each other.
    Actors(Vec<Label>),
    /// All actors of a type.
    Type(&'static str),
    /// A handler of one actor.
    Handler {
        /// Whose.
        actor: Label,
        /// The name of the method.
        handler: &'static str,
    },
    /// A handler, or a cache, of all actors of a type.
    Method {
        /// The type's name.
        type_name: &'static str,
        /// The name of the method.
        method: &'static str,
    },
    /// A pool.
    Pool {
        /// The type of its actors, or of its threads' state.
        type_name: &'static str,
        /// The name that it was given.
        name: Option<Arc<str>>,
    },
    /// The process.
    Process,
}

/// One number that a finding was concluded from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what; empty for a plain ratio.
    pub unit: &'static str,
}

/// Looks at each reading, and keeps what it needs of the last ones.
pub(super) struct Detectors {
    /// Who takes the readings. How long that keeps its thread is in [`Snapshot::took`], and is no handler of the user's.
    reader: ActorId,
    window: Window,
    asks: Asks,
    memory: Memory,
    book: Book,
}

impl Detectors {
    pub(super) fn new(reader: ActorId) -> Self {
        Detectors {
            reader,
            window: Window::default(),
            asks: Asks::default(),
            memory: Memory::default(),
            book: Book::default(),
        }
    }

    /// Takes a reading that has come in its turn.
    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        self.window.push(snapshot);
        let window = &self.window;
        let mut seen = self.asks.take(window, snapshot);
        of_actors::detect(window, snapshot, self.reader, &mut seen);
        of_types::detect(window, snapshot, &mut seen);
        of_process::pools(window, snapshot, &mut seen);
        seen.extend(self.memory.take(window, snapshot));
        self.book.take(snapshot.taken_at, seen);
    }

    /// What the last reading said of a type: the capacity is estimated from it as well.
    pub(super) fn newest(&self, type_name: &str) -> Option<&Arc<TypeSample>> {
        self.window.newest(type_name)
    }

    /// What is open.
    pub(super) fn findings(&self) -> Vec<Finding> {
        self.book.findings()
    }
}

impl Finding {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        self.kind.remedy()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.subject, self.kind, self.summary)
    }
}

impl Subject {
    /// The type of actor that it is about, if it is about one.
    pub fn type_name(&self) -> Option<&'static str> {
        match self {
            Subject::Actor(label) | Subject::Handler { actor: label, .. } => Some(label.type_name()),
            Subject::Actors(labels) => labels.first().map(Label::type_name),
            Subject::Type(type_name)
            | Subject::Method { type_name, .. }
            | Subject::Pool { type_name, .. } => Some(type_name),
            Subject::Process => None,
        }
    }

    /// The shard that it is about, if it is about one.
    pub fn shard(&self) -> Option<usize> {
        match self {
            Subject::Actor(label) | Subject::Handler { actor: label, .. } => label.shard(),
            _ => None,
        }
    }

    /// The handler or cache that it is about, if it is about one.
    pub fn method(&self) -> Option<&'static str> {
        match self {
            Subject::Handler { handler: method, .. } | Subject::Method { method, .. } => Some(method),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Actor(label) => label.fmt(f),
            Subject::Actors(labels) => {
                for label in labels {
                    write!(f, "{label} -> ")?;
                }
                let first = labels.first().map_or(Cow::Borrowed("?"), |label| label.to_string().into());
                f.write_str(&first)
            }
            Subject::Type(type_name) => f.write_str(type_name),
            Subject::Handler { actor, handler } => write!(f, "{actor}.{handler}"),
            Subject::Method { type_name, method } => write!(f, "{type_name}.{method}"),
            Subject::Pool { type_name, name: Some(name) } => write!(f, "{name}: pool of {type_name}"),
            Subject::Pool { type_name, name: None } => write!(f, "pool of {type_name}"),
            Subject::Process => f.write_str("process"),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        })
    }
}
