//! The process, its container and tokio, as named numbers; what could not be read is not among them.

use std::time::Duration;

use serde::Serialize;

use super::{Between, short};
use crate::monitor::{LaneNumbers, Snapshot};

/// Named numbers that belong together.
#[derive(Serialize)]
pub(super) struct Group {
    name: &'static str,
    facts: Vec<Fact>,
}

#[derive(Serialize)]
struct Fact {
    key: &'static str,
    name: &'static str,
    value: f64,
    /// How it is written: `count`, `bytes`, `rate`, `percent`, `time`, `cores`.
    #[serde(rename = "as")]
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A group that is being filled: absent numbers leave nothing behind.
struct Filling(Vec<Fact>);

impl Filling {
    fn add(&mut self, key: &'static str, name: &'static str, unit: &'static str, value: Option<f64>) {
        self.add_with(key, name, unit, value, None);
    }

    fn add_with(
        &mut self,
        key: &'static str,
        name: &'static str,
        unit: &'static str,
        value: Option<f64>,
        note: Option<String>,
    ) {
        if let Some(value) = value {
            self.0.push(Fact { key, name, value: short(value), unit, note });
        }
    }
}

pub(super) fn groups(between: &Between<'_>) -> Vec<Group> {
    let groups = [
        ("Process", process(between)),
        ("Container", container(between)),
        ("Pressure, 10 s", pressure(between.now)),
        ("Tokio", tokio(between)),
        ("Buffers", buffers(between.now)),
        ("File lanes", lanes(between)),
    ];
    let filled = groups.into_iter().filter(|(_, facts)| !facts.is_empty());
    filled.map(|(name, facts)| Group { name, facts }).collect()
}

fn whole(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

fn process(between: &Between<'_>) -> Vec<Fact> {
    let (now, before) = (&between.now.process, between.before.map(|before| &before.process));
    let mut facts = Filling(Vec::new());
    facts.add("cpu", "Processor", "cores", between.cpu());
    facts.add("resident", "Memory in RAM", "bytes", whole(now.resident_bytes));
    facts.add("threads", "Threads", "count", whole(now.threads));
    let of = now.fds_max.map(|max| format!("of {max}"));
    facts.add_with("fds", "File descriptors", "count", whole(now.fds), of);
    let voluntary =
        between.rate_of(now.switches_voluntary, before.and_then(|before| before.switches_voluntary));
    facts.add("switches_voluntary", "Waits", "rate", voluntary);
    let involuntary =
        between.rate_of(now.switches_involuntary, before.and_then(|before| before.switches_involuntary));
    facts.add("switches_involuntary", "Preemptions", "rate", involuntary);
    facts.0
}

fn container(between: &Between<'_>) -> Vec<Fact> {
    let (now, before) = (&between.now.container, between.before.map(|before| &before.container));
    let mut facts = Filling(Vec::new());
    facts.add("cpus_max", "Processors at most", "cores", now.cpus_max);
    let used = before.and_then(|before| between.part(now.cpu?, before.cpu?));
    facts.add("container_cpu", "Processor", "cores", used);
    let periods = before.and_then(|before| Some(now.periods?.saturating_sub(before.periods?)));
    let throttled =
        before.and_then(|before| Some(now.periods_throttled?.saturating_sub(before.periods_throttled?)));
    let part = periods.zip(throttled).map(|(all, some)| if all > 0 { some as f64 / all as f64 } else { 0.0 });
    facts.add("throttled", "Throttled", "percent", part);
    let of = now.memory_max_bytes.map(|max| format!("of {:.0} MiB", max as f64 / f64::from(1 << 20)));
    facts.add_with("container_memory", "Memory", "bytes", whole(now.memory_bytes), of);
    facts.add("oom_kills", "Killed for memory", "count", whole(now.oom_kills));
    facts.0
}

fn pressure(now: &Snapshot) -> Vec<Fact> {
    let mut facts = Filling(Vec::new());
    for (key, name, stall) in [
        ("pressure_cpu", "Some wait for a processor", now.pressure.cpu_some),
        ("pressure_memory", "Some wait for memory", now.pressure.memory_some),
        ("pressure_io", "Some wait for disks", now.pressure.io_some),
        ("pressure_io_full", "All wait for disks", now.pressure.io_full),
    ] {
        facts.add(key, name, "percent", stall.map(|stall| stall.part_10s));
    }
    facts.0
}

fn tokio(between: &Between<'_>) -> Vec<Fact> {
    let (now, before) = (&between.now.tokio, between.before.map(|before| &before.tokio));
    let mut facts = Filling(Vec::new());
    let busy = before.and_then(|before| between.part(now.busy?, before.busy?));
    let of = now.workers.map(|workers| format!("of {workers} workers"));
    facts.add_with("tokio_busy", "Busy", "cores", busy, of);
    facts.add("tokio_tasks", "Tasks", "count", now.tasks.map(|tasks| tasks as f64));
    facts.add("tokio_queue", "Tasks queued", "count", now.queue_len.map(|len| len as f64));
    let parks = between.rate_of(now.parks, before.and_then(|before| before.parks));
    facts.add("tokio_parks", "Parks", "rate", parks);
    facts.0
}

fn buffers(now: &Snapshot) -> Vec<Fact> {
    let mut facts = Filling(Vec::new());
    let sum = |of: fn(&crate::monitor::BufferNumbers) -> u64| now.buffers.iter().map(of).sum::<u64>() as f64;
    if !now.buffers.is_empty() {
        facts.add("buffers_in_use", "In use", "count", Some(sum(|set| set.in_use)));
        facts.add("buffers_free", "Free", "count", Some(sum(|set| set.free)));
        facts.add("buffers_bytes", "Memory", "bytes", Some(sum(|set| set.bytes)));
        let (taken, allocated) = (sum(|set| set.taken), sum(|set| set.allocated));
        facts.add("buffers_reused", "Reused", "percent", (taken > 0.0).then(|| 1.0 - allocated / taken));
    }
    facts.0
}

fn lanes(between: &Between<'_>) -> Vec<Fact> {
    let mut facts = Filling(Vec::new());
    let sum = |of: fn(&LaneNumbers) -> u64, lanes: &[LaneNumbers]| lanes.iter().map(of).sum::<u64>();
    let now = &between.now.lanes;
    let rate = |of: fn(&LaneNumbers) -> u64| {
        between.rate(sum(of, now), between.before.map(|before| sum(of, &before.lanes)))
    };
    if !now.is_empty() {
        facts.add("lane_connections", "Connections", "count", Some(sum(|lane| lane.connections, now) as f64));
        facts.add("lane_sent", "Files sent", "rate", rate(|lane| lane.sent));
        facts.add("lane_bytes", "Bytes sent", "rate", rate(|lane| lane.bytes));
        facts.add("lane_refused", "Requests refused", "rate", rate(|lane| lane.refused));
    }
    facts.0
}

impl Between<'_> {
    /// How fast a count grew that there may not be.
    fn rate_of(&self, now: Option<u64>, before: Option<u64>) -> Option<f64> {
        self.rate(now?, before)
    }

    /// How much of a second a second took, such as processor time.
    fn part(&self, now: Duration, before: Duration) -> Option<f64> {
        Some(now.saturating_sub(before).as_secs_f64() / self.seconds()?)
    }

    /// Processor cores that the process used.
    pub(super) fn cpu(&self) -> Option<f64> {
        self.part(self.now.process.cpu?, self.before?.process.cpu?)
    }
}
