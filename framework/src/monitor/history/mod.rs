//! What the monitor has pulled, kept for a day in bounded memory.
//!
//! ```text
//!   pull ──> 1 s   x 600     the last ten minutes
//!       ├──> 10 s  x 720     the last two hours        each level is fed by the pulls themselves, and each
//!       └──> 1 min x 1,440   the last day              of its points is of its whole step
//! ```
//!
//! **What it is.** For all actors together, for each type and for each handler a ring of points at each of three
//! resolutions. A point holds what came in its step: counts, the longest mailbox, the quantiles of the times and their
//! distribution by octaves. The quantiles of a step are those of its own distribution, not means of quantiles of
//! shorter steps. Nothing is kept of single actors but what [`Monitor::top`](super::Monitor::top) compares with.
//!
//! **Guarantees.** A point that is over does not change. A step in which a handler had nothing to do has no point of it;
//! a pull that came late, as when the machine slept, leaves steps out.
//!
//! **Cost.** A point takes 136 bytes, 28 without times, so a handler that always has work takes 375 kB in a day, a type
//! 77 kB. At most [`SERIES_LEN_MAX`] handlers are kept, those that came first, and as many types.
//!
//! **Bad at.** More handlers than that; single actors.

mod point;
mod ring;
mod series;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::numbers::{HandlerNumbers, Numbers, Times};
use super::snapshot::Snapshot;
use crate::sync::Mutex;
pub use point::{HEAT_LEN, Heat, Point, ProcessPoint};
use series::{ProcessSeries, Reading, Series};

/// Handlers that are kept, and types.
pub const SERIES_LEN_MAX: usize = 100;

/// How fine the steps of a history are, and how far it goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    /// Steps of a second, for ten minutes.
    Second,
    /// Steps of ten seconds, for two hours.
    TenSeconds,
    /// Steps of a minute, for a day.
    Minute,
}

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Resolution; 3] = [Resolution::Second, Resolution::TenSeconds, Resolution::Minute];

    /// How long a step is.
    pub const fn step(self) -> Duration {
        Duration::from_secs(match self {
            Resolution::Second => 1,
            Resolution::TenSeconds => 10,
            Resolution::Minute => 60,
        })
    }

    /// How many steps are kept.
    pub const fn len_max(self) -> usize {
        match self {
            Resolution::Second => 600,
            Resolution::TenSeconds => 720,
            Resolution::Minute => 1_440,
        }
    }
}

/// What was pulled: a handle on it, to be read at any time.
#[derive(Clone, Default)]
pub struct History(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    total: Series,
    types: BTreeMap<&'static str, Series>,
    handlers: BTreeMap<(&'static str, &'static str), Series>,
    process: ProcessSeries,
    left_out: usize,
}

impl History {
    /// All actors together, oldest first. The last point's step goes on.
    pub fn total(&self, resolution: Resolution) -> Vec<Point> {
        self.0.lock().total.points(resolution)
    }

    /// The actors of one type. Empty if there never were any.
    pub fn of_type(&self, type_name: &str, resolution: Resolution) -> Vec<Point> {
        self.0.lock().types.get(type_name).map_or_else(Vec::new, |series| series.points(resolution))
    }

    /// One handler of a type. Empty if it never had a message.
    pub fn of_handler(&self, type_name: &str, handler: &str, resolution: Resolution) -> Vec<Point> {
        // The keys are static names; those asked for are not.
        let kept = self.0.lock();
        let found = kept.handlers.iter().find(|((of, name), _)| *of == type_name && *name == handler);
        found.map_or_else(Vec::new, |(_, series)| series.points(resolution))
    }

    /// The process.
    pub fn process(&self, resolution: Resolution) -> Vec<ProcessPoint> {
        self.0.lock().process.points(resolution)
    }

    /// Handlers and types that are not kept, because there are too many.
    pub fn left_out(&self) -> usize {
        self.0.lock().left_out
    }

    /// What it takes of memory, in bytes.
    pub fn bytes(&self) -> usize {
        let kept = self.0.lock();
        let all = kept.types.values().chain(kept.handlers.values()).chain([&kept.total]);
        all.map(Series::bytes).sum::<usize>() + kept.process.bytes()
    }

    /// Takes a pull in.
    pub(super) fn take(&self, snapshot: &Snapshot) {
        let mut kept = self.0.lock();
        let at = snapshot.uptime;
        kept.total
            .take(at, &Reading::of(&snapshot.total, snapshot.waiting.as_ref(), snapshot.handling.as_ref()));
        kept.process.take(at, snapshot);
        kept.left_out = 0;
        for of_type in &snapshot.types {
            let Some(series) = series_of(&mut kept.types, of_type.type_name) else {
                kept.left_out += 1;
                continue;
            };
            series.take(at, &Reading::of(&of_type.numbers, None, None));
            for handler in of_type.handlers.iter().filter(|handler| handler.handled + handler.failed > 0) {
                match series_of(&mut kept.handlers, (of_type.type_name, handler.handler)) {
                    Some(series) => series.take(at, &Reading::of_handler(handler)),
                    None => kept.left_out += 1,
                }
            }
        }
    }
}

/// The series of this key, if it is kept.
fn series_of<K: Ord + Copy>(all: &mut BTreeMap<K, Series>, key: K) -> Option<&mut Series> {
    let is_full = all.len() >= SERIES_LEN_MAX;
    match all.entry(key) {
        std::collections::btree_map::Entry::Occupied(entry) => Some(entry.into_mut()),
        std::collections::btree_map::Entry::Vacant(_) if is_full => None,
        std::collections::btree_map::Entry::Vacant(entry) => Some(entry.insert(Series::default())),
    }
}

impl<'a> Reading<'a> {
    fn of(numbers: &Numbers, waiting: Option<&'a Times>, handling: Option<&'a Times>) -> Self {
        Reading {
            handled: numbers.handled,
            refused: numbers.refused,
            failed: numbers.failed,
            restarts: numbers.restarts,
            busy: numbers.busy,
            mailbox_len: numbers.mailbox_len,
            waiting: waiting.map(|times| &times.all),
            handling: handling.map(|times| &times.all),
        }
    }

    fn of_handler(numbers: &'a HandlerNumbers) -> Self {
        Reading {
            handled: numbers.handled,
            refused: numbers.refused,
            failed: numbers.failed,
            restarts: 0,
            busy: None,
            mailbox_len: 0,
            waiting: numbers.waiting.as_ref().map(|times| &times.all),
            handling: numbers.handling.as_ref().map(|times| &times.all),
        }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
