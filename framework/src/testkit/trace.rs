//! What happened in a run, in order; written out when somebody reads it.

use std::fmt;
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Since the run began.
    pub(super) at: Duration,
    /// Whose it is, by its place among the names.
    pub(super) who: u32,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A task goes on.
    GoesOn,
    Tells {
        to: u32,
        handler: &'static str,
    },
    Asks {
        to: u32,
        handler: &'static str,
    },
    /// The last thing it sent came back.
    Refused {
        to: u32,
        why: &'static str,
    },
    Overtakes(usize),
    /// Empty until it is known.
    Handles {
        handler: &'static str,
    },
    Ended {
        handler: &'static str,
    },
    IsLate(u64),
    IsCancelled,
    Says(String),
}

/// What happened in a run, in order. It is printed by `Display`, a line an event.
#[derive(Clone, Default)]
pub struct Trace {
    pub(super) names: Vec<String>,
    pub(super) events: Vec<Event>,
}

impl Trace {
    /// How many events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// A number for the text: the same run has the same.
    pub fn hash(&self) -> u64 {
        // FNV-1a (Fowler, Noll and Vo).
        self.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    pub(super) fn name(&self, of: u32) -> &str {
        self.names.get(of as usize).map_or("?", String::as_str)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            write!(f, "{:>9.3} s  {} ", event.at.as_secs_f64(), self.name(event.who))?;
            match &event.what {
                What::GoesOn => f.write_str("goes on")?,
                What::Tells { to, handler } => write!(f, "tells {}: {handler}", self.name(*to))?,
                What::Asks { to, handler } => write!(f, "asks {}: {handler}", self.name(*to))?,
                What::Refused { to, why } => write!(f, "has it back: {} {why}", self.name(*to))?,
                What::Overtakes(1) => f.write_str("overtakes a message")?,
                What::Overtakes(count) => write!(f, "overtakes {count} messages")?,
                What::Handles { handler: "" } => f.write_str("handles a message")?,
                What::Handles { handler } => write!(f, "handles {handler}")?,
                What::Ended { handler } => write!(f, "has ended {handler}")?,
                What::IsLate(millis) => write!(f, "is held up for {millis} ms")?,
                What::IsCancelled => f.write_str("is dropped where it waits")?,
                What::Says(text) => f.write_str(text)?,
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
