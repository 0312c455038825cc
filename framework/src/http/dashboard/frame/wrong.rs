//! What is wrong, what will be, and what was done about it: findings, panics, capacity, tuning.

use std::cmp::Reverse;
use std::time::Instant;

use serde::Serialize;

use super::{per_second, seconds, short};
use crate::monitor::{Bottleneck, Capacity, Decision, Finding, Monitor, Severity, Snapshot, TypeCapacity};

/// Panics that a frame has, the last ones.
const PANICS_MAX: usize = 20;
/// Of the text of a panic, which may hold anything, so many characters.
const TEXT_LEN_MAX: usize = 400;
/// Decisions of the tuner, the last ones.
const DECISIONS_MAX: usize = 10;
/// Shards named under their type, the busiest ones.
const SHARDS_MAX: usize = 3;
/// Loads that the page says how many actors are needed for, in times the load of now.
const LOADS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// Each of these is at work for so much of its time: with more, messages wait long for it.
const AT_WORK: f64 = 0.7;
/// Points of a drawn law.
const POINTS: u32 = 40;

/// What the monitor concludes from its numbers.
#[derive(Default)]
pub(in crate::http::dashboard) struct Wrong {
    pub(in crate::http::dashboard) capacity: Option<Capacity>,
    pub(in crate::http::dashboard) decisions: Vec<Decision>,
}

#[derive(Serialize)]
pub(super) struct Page<'a> {
    findings: Vec<Found<'a>>,
    panics: Vec<Panic>,
    capacity: Option<Room>,
}

#[derive(Serialize)]
struct Found<'a> {
    kind: &'static str,
    level: &'static str,
    subject: String,
    title: String,
    summary: &'a str,
    evidence: Vec<Evidence>,
    advice: &'static str,
    /// Seconds since it was opened.
    since: f64,
}

#[derive(Serialize)]
struct Evidence {
    name: &'static str,
    value: f64,
    unit: &'static str,
}

#[derive(Serialize)]
struct Panic {
    actor: String,
    text: String,
    /// Seconds after the system's start.
    at: f64,
    ago: f64,
}

#[derive(Serialize)]
struct Room {
    says: String,
    types: Vec<Part>,
    fit: Option<Fit>,
    tuning: Vec<Told>,
}

/// What one type, one shard or the processors can still do.
#[derive(Serialize)]
struct Part {
    label: String,
    used: f64,
    rate: Option<f64>,
    most: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// How many times the load of now it could take; `null` if it does nothing.
    headroom: Option<f64>,
    /// How many actors each of [`LOADS`] needs, `null` where no number does; none at all without a law.
    needs: Option<[Option<usize>; LOADS.len()]>,
    sub: bool,
}

/// The law of the type that ends first: throughput by how many are at work.
#[derive(Serialize)]
struct Fit {
    label: &'static str,
    lambda: f64,
    sigma: f64,
    kappa: f64,
    line: Vec<[f64; 2]>,
    now: [f64; 2],
    /// N, throughput, its least and its most.
    peak: Option<[f64; 4]>,
}

#[derive(Serialize)]
struct Told {
    ago: f64,
    text: String,
}

impl Wrong {
    /// Estimates the capacity, which takes some milliseconds.
    pub(in crate::http::dashboard) fn of(monitor: &Monitor) -> Self {
        Wrong { capacity: monitor.capacity(), decisions: monitor.decisions() }
    }

    pub(super) fn page<'a>(&self, now: &'a Snapshot) -> Page<'a> {
        Page {
            findings: findings(&now.findings, now.taken_at),
            panics: panics(now),
            capacity: self.capacity.as_ref().map(|capacity| room(capacity, &self.decisions, now.taken_at)),
        }
    }
}

/// The worst first, as the snapshot has them.
fn findings(found: &[Finding], now: Instant) -> Vec<Found<'_>> {
    let shown = found.iter().map(|finding| Found {
        kind: finding.kind.name(),
        level: match finding.severity {
            Severity::Critical => "bad",
            Severity::Warning => "warn",
            Severity::Notice => "info",
        },
        subject: finding.subject.to_string(),
        title: format!("{}: {}", finding.subject, finding.kind.name().replace('_', " ")),
        summary: &finding.summary,
        evidence: finding
            .evidence
            .iter()
            .map(|evidence| Evidence {
                name: evidence.name,
                value: short(evidence.value),
                unit: evidence.unit,
            })
            .collect(),
        advice: finding.remedy(),
        since: seconds(now.saturating_duration_since(finding.opened_at)),
    });
    shown.collect()
}

/// The last failure of each actor that had one, the newest first.
fn panics(now: &Snapshot) -> Vec<Panic> {
    let failed = now.actors.iter().filter_map(|actor| Some((actor.last_failure.as_ref()?, actor)));
    let mut failed: Vec<_> = failed.collect();
    failed.sort_by_key(|(failure, _)| Reverse(failure.at));
    failed.truncate(PANICS_MAX);
    let one = |(failure, actor): (&crate::monitor::LastFailure, &crate::monitor::ActorNumbers)| Panic {
        actor: actor.label.to_string(),
        text: failure.text.chars().take(TEXT_LEN_MAX).collect(),
        at: failure.at.as_secs_f64(),
        ago: seconds(now.uptime.saturating_sub(failure.at)),
    };
    failed.into_iter().map(one).collect()
}

fn room(capacity: &Capacity, decisions: &[Decision], now: Instant) -> Room {
    let mut types = Vec::new();
    if let Some(processors) = capacity.processors {
        types.push(Part {
            label: "Processors".to_owned(),
            used: short(processors.part()),
            rate: None,
            most: None,
            low: None,
            high: None,
            headroom: times(processors.headroom()),
            needs: None,
            sub: false,
        });
    }
    let mut busiest: Vec<&TypeCapacity> = capacity.types.iter().collect();
    busiest.sort_by(|one, other| other.work.part().total_cmp(&one.work.part()));
    for of in busiest {
        types.push(Part {
            label: format!("{} × {}", of.type_name, of.running),
            used: short(of.work.part()),
            rate: per_second(Some(of.per_second)),
            most: of.saturates_at.map(|at| short(at.value)),
            low: of.saturates_at.map(|at| short(at.low)),
            high: of.saturates_at.map(|at| short(at.high)),
            headroom: times(of.work.headroom()),
            needs: of.law.map(|_| LOADS.map(|load| of.running_for(load * of.per_second, AT_WORK))),
            sub: false,
        });
        let mut shards: Vec<_> = of.shards.iter().collect();
        shards.sort_by(|one, other| other.work.part().total_cmp(&one.work.part()));
        types.extend(shards.into_iter().take(SHARDS_MAX).map(|shard| Part {
            label: shard.actor.to_string(),
            used: short(shard.work.part()),
            rate: per_second(Some(shard.per_second)),
            most: None,
            low: None,
            high: None,
            headroom: times(shard.work.headroom()),
            needs: None,
            sub: true,
        }));
    }
    let tuning = decisions.iter().rev().take(DECISIONS_MAX);
    Room {
        says: sentence(&capacity.to_string()),
        types,
        fit: fit(capacity),
        tuning: tuning
            .map(|decision| Told {
                ago: seconds(now.saturating_duration_since(decision.at)),
                text: decision.to_string(),
            })
            .collect(),
    }
}

/// How many times the load of now, from how much room there is beside it.
fn times(headroom: f64) -> Option<f64> {
    headroom.is_finite().then(|| short(headroom + 1.0))
}

fn sentence(said: &str) -> String {
    let mut letters = said.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

fn fit(capacity: &Capacity) -> Option<Fit> {
    let first = match &capacity.first {
        Some(Bottleneck::Type(type_name)) => Some(*type_name),
        Some(Bottleneck::Shard(label)) => Some(label.type_name()),
        _ => None,
    };
    let with_law = || capacity.types.iter().filter(|of| of.law.is_some());
    let busiest = || with_law().max_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let of = with_law().find(|of| Some(of.type_name) == first).or_else(busiest)?;
    let law = of.law?;
    let available = of.work.available.max(1.0);
    let line: Vec<[f64; 2]> = (0..=POINTS)
        .map(|point| {
            let n = available * f64::from(point) / f64::from(POINTS);
            [short(n), short(law.throughput(n))]
        })
        .collect();
    // Where it is greatest: with more at work than that it does less.
    let best =
        line.iter().copied().max_by(|one, other| one[1].total_cmp(&other[1])).map_or(available, |[n, _]| n);
    Some(Fit {
        label: of.type_name,
        lambda: short(law.lambda),
        sigma: short(law.sigma),
        kappa: short(law.kappa),
        line,
        now: [short(of.work.used), short(of.per_second)],
        peak: of.saturates_at.map(|peak| [best, peak.value, peak.low, peak.high].map(short)),
    })
}
