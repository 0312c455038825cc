//! Capacity: how much more this node can do, what ends first, and how many shards or replicas a load needs.
//!
//! ```text
//!   each pull:  N = handlers at work, on average     X = messages a second       of each type, and of each shard
//!
//!   N/X against N ──> law (λ, σ, κ) ──> X at N = all of them at work, with an interval
//!   work of the busiest shard ──> the load at which it is always at work ──> whichever comes first
//! ```
//!
//! **What it is.** The universal scalability law, X(N) = λN / (1 + σ(N−1) + κN(N−1)): λ is what one alone does, σ the
//! part of the work that they wait for one another with, κ what each pair costs. *N is not the number of clients* but
//! the mean number of handlers at work, by the utilisation law: it is known at every load, so that the law is learned
//! from what happens anyway, and it ends where all that can work do: as many as there are actors, and on processors as
//! many as there are of those. At the peak that is where N stands.
//!
//! **Guarantees.** An estimate comes with an interval of 90 %, by bootstrap over its samples, or not at all: there is
//! none before the load was at least a tenth of what it takes to be seen.
//!
//! **Source.** N. Gunther, "A General Theory of Computational Scalability Based on Rational Functions" (2008); P.
//! Denning and J. Buzen, "The Operational Analysis of Queueing Network Models" (1978) for utilisation and bottlenecks;
//! B. Efron, "Bootstrap Methods" (1979).
//!
//! **Bad at.** What stands behind the node and has a limit that was never felt: a database that takes 50 connections
//! looks the same at 10 and at 49. A load whose mix changes as it grows.

mod estimator;
mod law;
mod samples;

use std::fmt;
use std::time::Instant;

use crate::actor::Label;

pub(super) use estimator::Estimator;

/// What a node can do, as far as is known.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Capacity {
    /// When it was estimated, by the system's clock.
    pub at: Instant,
    /// Messages handled a second now.
    pub per_second: f64,
    /// Messages a second of this mix at which something ends. None if it is not known.
    pub saturates_at: Option<Estimate>,
    /// What ends first.
    pub first: Option<Bottleneck>,
    /// The processors, if their use can be read.
    pub processors: Option<Utilisation>,
    /// Each type of actor that handled something lately, by name.
    pub types: Vec<TypeCapacity>,
}

/// What one type of actor can do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TypeCapacity {
    /// Its name.
    pub type_name: &'static str,
    /// How many run.
    pub running: usize,
    /// Messages handled a second now.
    pub per_second: f64,
    /// How many of them are at work on average, and how many can be.
    pub work: Utilisation,
    /// The law, once there was enough load to learn it from.
    pub law: Option<Law>,
    /// Messages a second at which all that can work do, or its busiest shard does.
    pub saturates_at: Option<Estimate>,
    /// How many of them could be at work at once by what there is of processors. None if they hardly need any.
    pub concurrency_max: Option<f64>,
    /// The load of its busiest shard by that of the mean one; 1 if it has no shards.
    pub skew: f64,
    /// Its shards, if it has some, by number.
    pub shards: Vec<ShardCapacity>,
}

/// What one shard does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ShardCapacity {
    /// Which.
    pub actor: Label,
    /// Its number.
    pub shard: usize,
    /// Messages handled a second now.
    pub per_second: f64,
    /// The part of the time in which it is at work.
    pub work: Utilisation,
}

/// How much of something is in use.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Utilisation {
    /// How many are in use, on average.
    pub used: f64,
    /// How many there are.
    pub available: f64,
}

/// A number with its interval of 90 %.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// It is hardly less.
    pub low: f64,
    /// It is hardly more.
    pub high: f64,
}

/// The universal scalability law, X(N) = λN / (1 + σ(N−1) + κN(N−1)).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Law {
    /// λ: what one alone does in a second.
    pub lambda: f64,
    /// σ, contention: the part of the work that waits for the others.
    pub sigma: f64,
    /// κ, coherence: what each pair costs.
    pub kappa: f64,
}

/// What ends first when the load grows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bottleneck {
    /// The processors.
    Processors,
    /// All actors of a type.
    Type(&'static str),
    /// One shard.
    Shard(Label),
}

impl Utilisation {
    /// The part that is in use, from 0 to 1.
    pub fn part(&self) -> f64 {
        if self.available > 0.0 { (self.used / self.available).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// How many times the load of now there is room for beside it: 1 means twice the load. Infinite if nothing is used.
    pub fn headroom(&self) -> f64 {
        if self.used > 0.0 { (self.available / self.used - 1.0).max(0.0) } else { f64::INFINITY }
    }
}

impl fmt::Display for Estimate {
    /// `41 k ± 8 %`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = (self.high - self.low) / 2.0;
        let percent = if self.value > 0.0 { 100.0 * half / self.value } else { 0.0 };
        match self.value {
            value if value >= 999.5e3 => write!(f, "{:.1} M", value / 1e6)?,
            value if value >= 9_950.0 => write!(f, "{:.0} k", value / 1e3)?,
            value if value >= 999.5 => write!(f, "{:.1} k", value / 1e3)?,
            value => write!(f, "{value:.0}")?,
        }
        write!(f, " ± {percent:.0} %")
    }
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bottleneck::Processors => f.write_str("its processors"),
            Bottleneck::Type(type_name) => f.write_str(type_name),
            Bottleneck::Shard(label) => match label.shard() {
                Some(shard) => write!(f, "shard {shard} of {}", label.type_name()),
                None => label.fmt(f),
            },
        }
    }
}

impl fmt::Display for Capacity {
    /// `this node saturates at 41 k messages/s ± 8 %, shard 7 of Ledger first`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.saturates_at, &self.first) {
            (Some(estimate), Some(first)) => {
                write!(f, "this node saturates at {estimate} messages/s, {first} first")
            }
            _ => f.write_str("there was too little load to say where this node saturates"),
        }
    }
}
