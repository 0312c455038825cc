//! One thing's points at every resolution.

use std::time::Duration;

use super::Resolution;
use super::point::{Packed, PackedPair, PackedTimes, Point, ProcessPoint, packed};
use super::ring::{Ring, Stepped};
use crate::monitor::snapshot::Snapshot;
use crate::stats::Distribution;

/// What one pull says of one thing: counts since the start.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) handled: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    pub(super) restarts: u64,
    pub(super) busy: Option<Duration>,
    pub(super) mailbox_len: usize,
    pub(super) waiting: Option<&'a Distribution>,
    pub(super) handling: Option<&'a Distribution>,
}

/// One thing's points.
#[derive(Debug)]
pub(super) struct Series {
    levels: [Level; 3],
    /// The last pull's counts; a new step begins with them.
    last: Base,
}

/// Points of one resolution, and the step that goes on: it is made a point when it is over, or somebody asks.
#[derive(Debug)]
struct Level {
    ring: Ring<Packed>,
    times: Ring<PackedPair>,
    step: u32,
    base: Base,
    mailbox_len: u32,
}

/// Counts since the start, at one moment.
#[derive(Clone, Debug, Default)]
struct Base {
    handled: u64,
    refused: u64,
    failed: u64,
    restarts: u64,
    busy: Option<Duration>,
    waiting: Distribution,
    handling: Distribution,
}

impl Default for Series {
    fn default() -> Self {
        let level = |resolution| Level {
            ring: Ring::new(resolution),
            times: Ring::new(resolution),
            step: 0,
            base: Base::default(),
            mailbox_len: 0,
        };
        Series { levels: Resolution::ALL.map(level), last: Base::default() }
    }
}

impl Series {
    /// Takes a pull in, `at` after the system's start.
    pub(super) fn take(&mut self, at: Duration, reading: &Reading<'_>) {
        let mailbox_len = packed(reading.mailbox_len as u64);
        for level in &mut self.levels {
            level.take(at, mailbox_len, &self.last);
        }
        self.last = Base::of(reading);
    }

    pub(super) fn points(&self, resolution: Resolution) -> Vec<Point> {
        let level = &self.levels[resolution as usize];
        let (point, times) = level.step_until(&self.last);
        // Both are in the order of their steps.
        let mut times = level.times.and(times).peekable();
        let point_of = |point: Packed| {
            while times.next_if(|times| times.step < point.step).is_some() {}
            point.point(resolution.step(), times.next_if(|times| times.step == point.step))
        };
        level.ring.and(point).map(point_of).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        let of_level = |level: &Level| level.ring.bytes() + level.times.bytes() + level.base.bytes();
        let of_levels: usize = self.levels.iter().map(of_level).sum();
        size_of::<Self>() + of_levels + self.last.bytes()
    }
}

impl Level {
    /// A pull found so many messages waiting; `last` is the one before it.
    fn take(&mut self, at: Duration, mailbox_len: u32, last: &Base) {
        // What a pull finds came before it: a pull at the beginning of a step is the end of the one before.
        let step = step_before(at, self.ring.resolution().step());
        if step != self.step {
            let (point, times) = self.step_until(last);
            point.into_iter().for_each(|point| self.ring.put(point));
            times.into_iter().for_each(|times| self.times.put(times));
            (self.step, self.base, self.mailbox_len) = (step, last.clone(), 0);
        }
        self.mailbox_len = self.mailbox_len.max(mailbox_len);
    }

    /// What came in the step that goes on, up to its `last` pull, if anything did.
    fn step_until(&self, last: &Base) -> (Option<Packed>, Option<PackedPair>) {
        let Level { step, base, mailbox_len, .. } = self;
        let busy = |busy: Duration| busy.saturating_sub(base.busy.unwrap_or_default()).as_secs_f32();
        let point = Packed {
            step: *step,
            handled: packed(last.handled.saturating_sub(base.handled)),
            refused: packed(last.refused.saturating_sub(base.refused)),
            failed: packed(last.failed.saturating_sub(base.failed)),
            restarts: packed(last.restarts.saturating_sub(base.restarts)),
            mailbox_len: *mailbox_len,
            busy: last.busy.map_or(-1.0, busy),
        };
        let times = PackedPair {
            step: *step,
            waiting: PackedTimes::of(&last.waiting.since(&base.waiting)),
            handling: PackedTimes::of(&last.handling.since(&base.handling)),
        };
        let is_timed = times.waiting.count + times.handling.count > 0;
        ((!point.is_empty()).then_some(point), is_timed.then_some(times))
    }
}

impl Base {
    fn of(reading: &Reading<'_>) -> Self {
        Base {
            handled: reading.handled,
            refused: reading.refused,
            failed: reading.failed,
            restarts: reading.restarts,
            busy: reading.busy,
            waiting: reading.waiting.cloned().unwrap_or_default(),
            handling: reading.handling.cloned().unwrap_or_default(),
        }
    }

    fn bytes(&self) -> usize {
        self.waiting.bytes() + self.handling.bytes()
    }
}

impl Packed {
    /// Nothing came, and nothing waited.
    fn is_empty(&self) -> bool {
        let counts = [self.handled, self.refused, self.failed, self.restarts, self.mailbox_len];
        counts == [0; 5] && self.busy <= 0.0
    }
}

impl Stepped for Packed {
    fn step(&self) -> u32 {
        self.step
    }
}

impl Stepped for PackedPair {
    fn step(&self) -> u32 {
        self.step
    }
}

/// The step that ends at this moment, or goes on.
fn step_before(at: Duration, step: Duration) -> u32 {
    let nanos = at.as_nanos().saturating_sub(1);
    u32::try_from(nanos / step.as_nanos()).unwrap_or(u32::MAX)
}

/// The process's points.
#[derive(Debug)]
pub(super) struct ProcessSeries {
    levels: [ProcessLevel; 3],
    last: ProcessBase,
}

#[derive(Debug)]
struct ProcessLevel {
    ring: Ring<ProcessPacked>,
    base: ProcessBase,
}

#[derive(Clone, Copy, Debug, Default)]
struct ProcessBase {
    at: Duration,
    cpu: Option<Duration>,
    dead_letters: u64,
}

#[derive(Clone, Copy, Debug)]
struct ProcessPacked {
    step: u32,
    cpus: Option<f32>,
    resident_bytes: Option<u64>,
    threads: Option<u32>,
    fds: Option<u32>,
    dead_letters: u32,
}

impl Stepped for ProcessPacked {
    fn step(&self) -> u32 {
        self.step
    }
}

impl Default for ProcessSeries {
    fn default() -> Self {
        let level = |resolution| ProcessLevel { ring: Ring::new(resolution), base: ProcessBase::default() };
        ProcessSeries { levels: Resolution::ALL.map(level), last: ProcessBase::default() }
    }
}

impl ProcessSeries {
    pub(super) fn take(&mut self, at: Duration, snapshot: &Snapshot) {
        for level in &mut self.levels {
            level.take(at, snapshot, &self.last);
        }
        self.last = ProcessBase { at, cpu: snapshot.process.cpu, dead_letters: snapshot.dead_letters };
    }

    pub(super) fn points(&self, resolution: Resolution) -> Vec<ProcessPoint> {
        let ring = &self.levels[resolution as usize].ring;
        let point = |kept: &ProcessPacked| ProcessPoint {
            at: resolution.step() * kept.step,
            cpus: kept.cpus.map(f64::from),
            resident_bytes: kept.resident_bytes,
            threads: kept.threads.map(u64::from),
            fds: kept.fds.map(u64::from),
            dead_letters: kept.dead_letters.into(),
        };
        ring.iter().map(point).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.ring.bytes()).sum()
    }
}

impl ProcessLevel {
    fn take(&mut self, at: Duration, snapshot: &Snapshot, last: &ProcessBase) {
        let step = step_before(at, self.ring.resolution().step());
        let before = self.ring.iter().last().copied().filter(|point| point.step == step);
        if before.is_none() {
            self.base = *last;
        }
        let process = &snapshot.process;
        let seconds = at.saturating_sub(self.base.at).as_secs_f32();
        let cpus = process.cpu.zip(self.base.cpu).filter(|_| seconds > 0.0);
        let greatest = |now: Option<u64>, before: Option<u64>| now.max(before);
        self.ring.put(ProcessPacked {
            step,
            cpus: cpus.map(|(now, before)| now.saturating_sub(before).as_secs_f32() / seconds),
            resident_bytes: greatest(process.resident_bytes, before.and_then(|point| point.resident_bytes)),
            threads: process.threads.map(packed).max(before.and_then(|point| point.threads)),
            fds: process.fds.map(packed).max(before.and_then(|point| point.fds)),
            dead_letters: packed(snapshot.dead_letters.saturating_sub(self.base.dead_letters)),
        });
    }
}
