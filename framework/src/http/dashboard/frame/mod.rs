//! What the page gets each second: one JSON object, made of two snapshots of the monitor.
//!
//! ```text
//!   snapshot of a second ago ─┐
//!   snapshot of now ──────────┴─> Between ──> Frame ──> JSON: names, counts, times in seconds, parts of one
//! ```
//!
//! **What is in it.** Names of types, methods, actors and pools; numbers; texts of panics. No message, no argument, no
//! setting. What could not be measured is `null`.
//!
//! **Cost.** A pass over the snapshot's actors for each of four orders, and one for the tree. However many actors
//! there are, the object has a bounded number of them.

mod actors;
mod handlers;
mod machine;
mod stores;
mod wrong;

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::monitor::Snapshot;
use crate::system::{Readiness, System};

pub(super) use wrong::Wrong;

/// Two readings are compared when they are no further apart than this: a rate over a pause would be an average over it.
const APART_MAX: Duration = Duration::from_secs(60);

/// Two snapshots, and what can be said of the time between them.
pub(super) struct Between<'a> {
    before: Option<&'a Snapshot>,
    now: &'a Snapshot,
}

impl<'a> Between<'a> {
    pub(super) fn new(before: Option<&'a Snapshot>, now: &'a Snapshot) -> Self {
        let is_near = |before: &&Snapshot| {
            let apart = now.taken_at.saturating_duration_since(before.taken_at);
            !apart.is_zero() && apart <= APART_MAX
        };
        Between { before: before.filter(is_near), now }
    }

    fn seconds(&self) -> Option<f64> {
        Some(self.now.taken_at.saturating_duration_since(self.before?.taken_at).as_secs_f64())
    }

    /// How fast a count grew.
    fn rate(&self, now: u64, before: Option<u64>) -> Option<f64> {
        Some(short(now.saturating_sub(before?) as f64 / self.seconds()?))
    }
}

#[derive(Serialize)]
struct Frame<'a> {
    /// Milliseconds since 1970.
    at: u64,
    system: &'a str,
    version: &'static str,
    pid: u32,
    up: f64,
    /// Seconds since the frame before.
    every: f64,
    ready: bool,
    not_ready: Vec<String>,
    without: Vec<String>,
    total: Total,
    cpu: Option<f64>,
    cores: Option<f64>,
    memory: Option<u64>,
    memory_max: Option<u64>,
    #[serde(flatten)]
    wrong: wrong::Page<'a>,
    handlers: Vec<handlers::Handler<'a>>,
    top: actors::Top,
    actors: Vec<actors::Actor>,
    tree: [actors::Node; 1],
    shards: Vec<actors::OfType>,
    batches: Vec<stores::Batches<'a>>,
    caches: Vec<stores::Cache<'a>>,
    pools: Vec<stores::Pool<'a>>,
    process: Vec<machine::Group>,
}

/// All actors together.
#[derive(Serialize)]
struct Total {
    actors: usize,
    handled: u64,
    refused: u64,
    failed: u64,
    dropped: u64,
    restarts: u64,
    dead_letters: u64,
    mailbox: usize,
    rate: Option<f64>,
    refused_rate: Option<f64>,
    failed_rate: Option<f64>,
    error_part: Option<f64>,
    restart_rate: Option<f64>,
    run: Option<handlers::Span>,
    wait: Option<handlers::Span>,
}

/// The frame of a moment.
pub(super) fn frame(system: &System, between: &Between<'_>, wrong: &Wrong) -> Vec<u8> {
    let now = between.now;
    let readiness = system.readiness();
    let (top, actors) = actors::top(now);
    let frame = Frame {
        at: unix_millis(),
        system: system.name(),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        up: seconds(now.uptime),
        every: between.seconds().map_or(1.0, short),
        ready: readiness.is_ready(),
        not_ready: reasons(&readiness),
        without: readiness.without.iter().map(ToString::to_string).collect(),
        total: Total::new(between),
        cpu: between.cpu().map(short),
        cores: now.container.cpus_max.or_else(cores),
        memory: now.process.resident_bytes,
        memory_max: now.container.memory_max_bytes,
        wrong: wrong.page(now),
        handlers: handlers::handlers(between.before, now),
        top,
        actors,
        tree: [actors::tree(system.name(), now)],
        shards: actors::shards(now),
        batches: stores::batches(between),
        caches: stores::caches(between),
        pools: stores::pools(between),
        process: machine::groups(between),
    };
    // Names are strings and numbers finite: there is nothing that JSON does not take.
    serde_json::to_vec(&frame).expect("a frame is plain data")
}

impl Total {
    fn new(between: &Between<'_>) -> Self {
        let (now, all) = (between.now, &between.now.total);
        let errors = all.refused_per_second.unwrap_or(0.0) + all.failed_per_second.unwrap_or(0.0);
        let ended = all.handled_per_second.unwrap_or(0.0) + all.failed_per_second.unwrap_or(0.0);
        Total {
            actors: now.actors.len() + now.actors_left_out,
            handled: all.handled,
            refused: all.refused,
            failed: all.failed,
            dropped: all.dropped,
            restarts: all.restarts,
            dead_letters: now.dead_letters,
            mailbox: all.mailbox_len,
            rate: per_second(all.handled_per_second),
            refused_rate: per_second(all.refused_per_second),
            failed_rate: per_second(all.failed_per_second),
            error_part: (ended > 0.0).then(|| short((errors / ended).min(1.0))),
            restart_rate: between.rate(all.restarts, between.before.map(|before| before.total.restarts)),
            run: handlers::Span::recent(now.handling.as_ref()),
            wait: handlers::Span::recent(now.waiting.as_ref()),
        }
    }
}

fn reasons(readiness: &Readiness) -> Vec<String> {
    let stopping = readiness.is_stopping.then(|| "the system is stopping".to_owned());
    let given_up =
        readiness.given_up.iter().map(|gone| format!("{} was given up: {}", gone.actor, gone.reason));
    stopping.into_iter().chain(given_up).collect()
}

fn cores() -> Option<f64> {
    std::thread::available_parallelism().ok().map(|cores| cores.get() as f64)
}

pub(super) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(time: Duration) -> f64 {
    short(time.as_secs_f64())
}

/// A rate that has all but ended has ended: an average that fades never comes to nothing.
pub(super) fn per_second(rate: Option<f64>) -> Option<f64> {
    rate.map(|rate| if rate < 0.001 { 0.0 } else { short(rate) })
}

/// Four significant digits: more would be most of the stream, and nobody reads them.
pub(super) fn short(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests;
