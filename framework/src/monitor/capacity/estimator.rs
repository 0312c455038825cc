//! Keeps what each reading says of load and work, and makes a [`Capacity`] of it when somebody asks.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::law::Sample;
use super::samples::Samples;
use super::{Bottleneck, Capacity, Estimate, Law, ShardCapacity, TypeCapacity, Utilisation};
use crate::actor::ActorId;
use crate::monitor::findings::{Detectors, TypeSample};
use crate::monitor::last::keep_last;
use crate::monitor::numbers::TypeNumbers;
use crate::monitor::snapshot::Snapshot;

/// Readings that "now" is told from.
const RECENT: usize = 6;
/// What is at work for less of its time is not what ends first, and too little is known of it.
const PART_MIN: f64 = 0.03;

/// Load and work, from the readings so far.
#[derive(Clone, Default)]
pub(in crate::monitor) struct Estimator {
    node: VecDeque<NodeMoment>,
    node_samples: Samples,
    types: HashMap<&'static str, OfType>,
    /// What each shard had handled at each of the recent readings, in the order of their numbers.
    shards: VecDeque<Vec<(ActorId, u64)>>,
}

#[derive(Clone, Copy)]
struct NodeMoment {
    at: Instant,
    handled: u64,
    cpu: Option<Duration>,
}

#[derive(Clone, Default)]
struct OfType {
    recent: VecDeque<TypeMoment>,
    samples: Samples,
}

#[derive(Clone)]
struct TypeMoment {
    at: Instant,
    sample: Arc<TypeSample>,
    busy: Option<Duration>,
}

/// What a type does now.
#[derive(Clone, Copy)]
struct Pace {
    per_second: f64,
    /// Handlers at work, their awaits included; and those that run.
    at_work: f64,
    busy: f64,
}

impl Estimator {
    /// Takes a reading that has come in its turn, which `detectors` have taken already.
    pub(in crate::monitor) fn take(&mut self, snapshot: &Snapshot, detectors: &Detectors) {
        let at = snapshot.taken_at;
        let moment = NodeMoment { at, handled: snapshot.total.handled, cpu: snapshot.process.cpu };
        if let Some(before) = self.node.back()
            && let (Some(seconds), Some(cpu)) = (seconds(before.at, at), used(before.cpu, moment.cpu))
        {
            let messages = moment.handled.saturating_sub(before.handled) as f64;
            let sample = Sample { n: cpu / seconds, x: messages / seconds, messages };
            self.node_samples.push(at, sample);
        }
        keep_last(&mut self.node, RECENT, moment);
        for of_type in &snapshot.types {
            if let Some(sample) = detectors.newest(of_type.type_name).cloned() {
                let moment = TypeMoment { at, sample, busy: of_type.numbers.busy };
                self.types.entry(of_type.type_name).or_default().take(moment);
            }
        }
        let sharded = snapshot.actors.iter().filter(|actor| actor.label.shard().is_some());
        let handled = sharded.map(|actor| (actor.label.id(), actor.numbers.handled)).collect();
        keep_last(&mut self.shards, RECENT, handled);
    }

    /// What is known at the last reading, which is `snapshot`. None before the second.
    pub(in crate::monitor) fn capacity(&self, snapshot: &Snapshot) -> Option<Capacity> {
        let (first, last) = (self.node.front()?, self.node.back()?);
        let seconds = seconds(first.at, last.at)?;
        let per_second = last.handled.saturating_sub(first.handled) as f64 / seconds;
        let cores = processors(snapshot);
        let cpu = used(first.cpu, last.cpu).map(|cpu| Utilisation { used: cpu / seconds, available: cores });
        let types = snapshot.types.iter().filter_map(|of| self.of_type(snapshot, of, cores, seconds));
        let types: Vec<TypeCapacity> = types.collect();
        let by_cpu = cpu.filter(|cpu| cpu.part() >= PART_MIN).and_then(|_| {
            let estimate = self.node_samples.peak_beside_others(last.at, cores)?;
            Some((estimate, Bottleneck::Processors))
        });
        let by_types = types.iter().filter_map(|of| of.as_part_of(per_second));
        let first = by_types.chain(by_cpu).min_by(|a, b| a.0.value.total_cmp(&b.0.value));
        let (saturates_at, first) = first.unzip();
        Some(Capacity { at: last.at, per_second, saturates_at, first, processors: cpu, types })
    }

    fn of_type(
        &self,
        snapshot: &Snapshot,
        numbers: &TypeNumbers,
        cores: f64,
        seconds: f64,
    ) -> Option<TypeCapacity> {
        let of_type = self.types.get(numbers.type_name)?;
        let pace = of_type.pace()?;
        if pace.per_second <= 0.0 || numbers.running == 0 {
            return None;
        }
        // What runs without an await is at a processor; what waits is not.
        let by_cpu = if pace.busy > 0.0 { cores * pace.at_work / pace.busy } else { f64::INFINITY };
        let running = numbers.running as f64;
        let work = Utilisation { used: pace.at_work, available: running.min(by_cpu.max(1.0)) };
        let shards = self.shards(snapshot, numbers.type_name, &pace, seconds);
        let learned = of_type.samples.law(snapshot.taken_at, work.available);
        let (law, by_law) = learned.unzip();
        let hot = hottest(&shards);
        let by_shard = hot.and_then(|hot| saturated_by(hot, &pace, by_law?));
        let saturates_at = match (by_law, by_shard) {
            (Some(law), Some(shard)) if shard.value < law.value => Some(shard),
            (law, _) => law,
        };
        let mean = shards.iter().map(|shard| shard.work.used).sum::<f64>() / shards.len().max(1) as f64;
        let skew = hot.map_or(1.0, |hot| (hot.work.used / mean.max(1e-9)).max(1.0));
        Some(TypeCapacity {
            type_name: numbers.type_name,
            running: numbers.running,
            per_second: pace.per_second,
            work,
            law,
            saturates_at,
            concurrency_max: by_cpu.is_finite().then_some(by_cpu),
            skew,
            shards,
        })
    }

    fn shards(
        &self,
        snapshot: &Snapshot,
        type_name: &'static str,
        pace: &Pace,
        seconds: f64,
    ) -> Vec<ShardCapacity> {
        let Some(first) = self.shards.front() else { return Vec::new() };
        let each = pace.at_work / pace.per_second;
        let shard = |actor: &crate::monitor::numbers::ActorNumbers| {
            let shard = actor.label.shard().filter(|_| actor.label.type_name() == type_name)?;
            let at = first.binary_search_by_key(&actor.label.id(), |(id, _)| *id).ok()?;
            let per_second = actor.numbers.handled.saturating_sub(first[at].1) as f64 / seconds;
            let work = Utilisation { used: per_second * each, available: 1.0 };
            Some(ShardCapacity { actor: actor.label.clone(), shard, per_second, work })
        };
        let mut shards: Vec<_> = snapshot.actors.iter().filter_map(shard).collect();
        shards.sort_by_key(|shard| shard.shard);
        shards
    }
}

fn hottest(shards: &[ShardCapacity]) -> Option<&ShardCapacity> {
    shards.iter().max_by(|a, b| a.work.used.total_cmp(&b.work.used))
}

/// The type's load at which this shard is always at work: the service is as slow as the law says it is then.
fn saturated_by(hot: &ShardCapacity, pace: &Pace, by_law: Estimate) -> Option<Estimate> {
    if hot.work.used < PART_MIN {
        return None;
    }
    let value = pace.per_second / hot.work.used;
    // As sure as the law, and as its own share of the messages.
    let share = 2.0 / (hot.per_second * RECENT as f64).max(1.0).sqrt();
    let (below, above) = (by_law.low / by_law.value, by_law.high / by_law.value);
    Some(Estimate { value, low: value * below * (1.0 - share).max(0.0), high: value * above * (1.0 + share) })
}

impl OfType {
    fn take(&mut self, moment: TypeMoment) {
        if let Some(before) = self.recent.back()
            && let Some(pace) = Pace::between(before, &moment)
        {
            let messages = moment.sample.handled.saturating_sub(before.sample.handled) as f64;
            self.samples.push(moment.at, Sample { n: pace.at_work, x: pace.per_second, messages });
        }
        keep_last(&mut self.recent, RECENT, moment);
    }

    fn pace(&self) -> Option<Pace> {
        Pace::between(self.recent.front()?, self.recent.back()?)
    }
}

impl Pace {
    fn between(before: &TypeMoment, now: &TypeMoment) -> Option<Self> {
        let seconds = seconds(before.at, now.at)?;
        let handled = now.sample.handled.saturating_sub(before.sample.handled) as f64;
        let at_work = now.sample.time_at_work(&before.sample) / seconds;
        let busy = used(before.busy, now.busy).unwrap_or(0.0) / seconds;
        // What was not timed is not known.
        let is_known = handled == 0.0 || at_work > 0.0;
        is_known.then_some(Pace { per_second: handled / seconds, at_work, busy: busy.min(at_work) })
    }
}

impl TypeCapacity {
    /// How many actors of this type, shards or replicas, a load needs of which each is at work for at most `part` of its
    /// time; shards as uneven as now. None if no number does: the law has its peak before, or the processors end.
    pub fn running_for(&self, per_second: f64, part: f64) -> Option<usize> {
        let law: Law = self.law?;
        let n_max = self.concurrency_max.unwrap_or(f64::MAX);
        let at_work = law.concurrency_for(per_second, law.best_concurrency(n_max.min(1e6)))?;
        Some(((at_work * self.skew / part.clamp(0.01, 1.0)).ceil() as usize).max(1))
    }

    /// The load of the whole node at which this type ends, of which it has a part.
    fn as_part_of(&self, per_second: f64) -> Option<(Estimate, Bottleneck)> {
        if self.work.part() < PART_MIN {
            return None;
        }
        let of = self.saturates_at?;
        let times = per_second / self.per_second;
        let hot = hottest(&self.shards).filter(|hot| {
            // Only if it ends before all do.
            hot.work.part() > self.work.part()
        });
        let first = hot.map_or(Bottleneck::Type(self.type_name), |hot| Bottleneck::Shard(hot.actor.clone()));
        let estimate = Estimate { value: of.value * times, low: of.low * times, high: of.high * times };
        Some((estimate, first))
    }
}

fn seconds(from: Instant, to: Instant) -> Option<f64> {
    let seconds = to.saturating_duration_since(from).as_secs_f64();
    (seconds > 0.0).then_some(seconds)
}

/// Seconds used between two readings.
fn used(before: Option<Duration>, now: Option<Duration>) -> Option<f64> {
    Some(now?.saturating_sub(before?).as_secs_f64())
}

/// How many processors this process may use.
fn processors(snapshot: &Snapshot) -> f64 {
    let machine = std::thread::available_parallelism().map_or(1, NonZeroUsize::get) as f64;
    snapshot.container.cpus_max.map_or(machine, |max| max.min(machine))
}
