//! What a process counts, and how it says so.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

/// What one process, or all of them, have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) reads: u64,
    pub(crate) from_memory: u64,
    pub(crate) writes: u64,
    pub(crate) back: u64,
    pub(crate) errors: u64,
    pub(crate) checked: u64,
    pub(crate) stale: u64,
}

const NAMES: [&str; 7] = ["reads", "from memory", "writes", "back", "errors", "checked", "stale"];

impl Counts {
    fn all(&mut self) -> [&mut u64; 7] {
        [
            &mut self.reads,
            &mut self.from_memory,
            &mut self.writes,
            &mut self.back,
            &mut self.errors,
            &mut self.checked,
            &mut self.stale,
        ]
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = *self;
        let parts = NAMES.iter().zip(copy.all()).map(|(name, count)| format!("{name} {count}"));
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

impl FromStr for Counts {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut counts = Counts::default();
        let parts: Vec<&str> = line.split(", ").collect();
        for ((name, count), part) in NAMES.iter().zip(counts.all()).zip(&parts) {
            let number = part.strip_prefix(name).ok_or_else(|| format!("no {name} in {line}"))?;
            *count = number.trim().parse().map_err(|error| format!("{part}: {error}"))?;
        }
        Ok(counts)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, mut other: Counts) {
        self.all().into_iter().zip(other.all()).for_each(|(sum, count)| *sum += *count);
    }
}
