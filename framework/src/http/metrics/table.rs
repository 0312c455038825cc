//! What a family is, and all of them.

use super::page::Samples;
use super::{Source, actors, lanes, process, service};

/// What kind of numbers a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of values up to each of some bounds.
    Histogram,
    /// Quantiles of the last interval, with the sum and the count of all.
    Summary,
}

impl Kind {
    /// As the format names it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        }
    }
}

/// One family of metrics.
pub struct Family {
    /// Its name, with the unit.
    pub name: &'static str,
    /// What kind of numbers.
    pub kind: Kind,
    /// By what its samples are told apart.
    pub labels: &'static [&'static str],
    /// In what its numbers are.
    pub unit: &'static str,
    /// What they say.
    pub help: &'static str,
    pub(super) samples: fn(&Source<'_>, &mut Samples<'_>),
}

/// All families, in the order of the page.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let groups = [service::FAMILIES, actors::TYPES, actors::HANDLERS, actors::SHARDS, actors::CACHES];
    let more = [actors::TIERS, actors::BATCHES, service::POOLS, service::BUFFERS];
    groups.into_iter().chain(more).chain([lanes::FAMILIES, process::FAMILIES]).flatten()
}
