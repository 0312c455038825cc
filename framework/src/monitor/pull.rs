//! One pass over all cells, and the rates that come of two.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::container::{Container, GroupFiles};
use super::kept::PerActor;
use super::numbers::{
    ActorNumbers, BatchNumbers, CacheNumbers, HandlerNumbers, LastFailure, Numbers, Times, TypeNumbers,
};
use super::pressure::{self, Pressure};
use super::process::{ProcFiles, Process};
use super::settings::{Sampler, Samplers};
use super::snapshot::{ACTORS_LEN_MAX, Snapshot};
use super::tokio_numbers::TokioNumbers;
use crate::actor::{AnyRef, BatchStats, Commons, HandlerCounts, HandlerTimes, RareStats, Retired, TypeTimes};
use crate::cache::{CacheStats, TieredStats};
use crate::stats::{Distribution, Rates, nanos};

/// Where the numbers are.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) commons: Arc<Commons>,
    pub(super) started_at: Instant,
    pub(super) samplers: Samplers,
}

/// What is kept from one pull to the next.
#[derive(Default)]
pub(super) struct Pull {
    total: Pace,
    types: HashMap<&'static str, Pace>,
    handlers: HashMap<(&'static str, &'static str), OfHandler>,
    waiting: Recent,
    handling: Recent,
    actors: PerActor<Pace>,
    files: ProcFiles,
    group: GroupFiles,
}

/// The rates of one actor, or of several: of what was handled, refused and failed, and of the nanoseconds that it was busy.
#[derive(Default)]
struct Pace(Rates<4>);

impl Pace {
    fn read(&mut self, now: Instant, numbers: &mut Numbers) {
        let busy = numbers.busy.map_or(0, nanos);
        self.0.read(now, [numbers.handled, numbers.refused, numbers.failed, busy]);
        let Some([handled, refused, failed, busy]) = self.0.per_second() else { return };
        numbers.handled_per_second = Some(handled);
        numbers.refused_per_second = Some(refused);
        numbers.failed_per_second = Some(failed);
        numbers.busy_part = numbers.busy.map(|_| busy / 1e9);
    }
}

/// What is kept of a handler.
#[derive(Default)]
struct OfHandler {
    /// Of messages handled, and of errors.
    rates: Rates<2>,
    waiting: Recent,
    handling: Recent,
}

/// What a distribution was at the last pull that was due: the recent ones came after that.
#[derive(Default)]
struct Recent(Option<Distribution>);

impl Recent {
    fn read(&mut self, all: Option<Distribution>, is_due: bool) -> Option<Times> {
        let all = all?;
        let recent = self.0.as_ref().and_then(|before| all.since(before).quantiles());
        if is_due {
            self.0 = Some(all.clone());
        }
        Some(Times { all, recent })
    }
}

/// A type's numbers while they are added up.
#[derive(Default)]
struct OfType {
    running: usize,
    in_batches: usize,
    numbers: Numbers,
    handlers: Vec<(&'static str, HandlerCounts)>,
    times: HashMap<&'static str, (Option<Distribution>, Option<Distribution>)>,
    caches: BTreeMap<&'static str, CacheStats>,
    batches: BTreeMap<&'static str, BatchStats>,
    tiered: BTreeMap<&'static str, TieredStats>,
}

impl Pull {
    /// A pull that `is_due` is one of those that come at every interval.
    pub(super) fn take(&mut self, source: &Source, is_due: bool) -> Snapshot {
        let commons = &source.commons;
        let samplers = source.samplers;
        let now = commons.now();
        let mut types = BTreeMap::<&'static str, OfType>::new();
        let cells = commons.census(|type_name, retired| {
            types.entry(type_name).or_default().add_retired(retired, samplers);
        });
        let actors = self.actors(now, &cells, &mut types, source);
        for times in commons.times() {
            types.entry(times.type_name).or_default().add_times(&times, samplers);
        }
        let types = self.types(now, types, is_due);
        let (waiting, handling) = all_times(&types);
        let mut total = Numbers::default();
        types.iter().for_each(|of_type| total.add(&of_type.numbers));
        self.total.read(now, &mut total);
        let on = |sampler| samplers.has(sampler);
        Snapshot {
            taken_at: now,
            uptime: now.saturating_duration_since(source.started_at),
            samplers,
            dead_letters: commons.dead_letters.total(),
            total,
            waiting: self.waiting.read(waiting, is_due),
            handling: self.handling.read(handling, is_due),
            types,
            actors_left_out: cells.len() - actors.len(),
            actors,
            pools: if on(Sampler::Pools) { commons.pools() } else { Vec::new() },
            buffers: if on(Sampler::Buffers) { commons.buffers() } else { Vec::new() },
            lanes: if on(Sampler::Lanes) { commons.lanes() } else { Vec::new() },
            process: if on(Sampler::Process) { self.files.read() } else { Process::default() },
            container: if on(Sampler::Container) { self.group.read() } else { Container::default() },
            pressure: if on(Sampler::Pressure) { pressure::read() } else { Pressure::default() },
            tokio: match on(Sampler::Runtime) {
                true => TokioNumbers::read(commons.runtime.tokio()),
                false => TokioNumbers::default(),
            },
            findings: Vec::new(),
            took: commons.now().saturating_duration_since(now),
        }
    }

    fn actors(
        &mut self,
        now: Instant,
        cells: &[AnyRef],
        types: &mut BTreeMap<&'static str, OfType>,
        source: &Source,
    ) -> Vec<ActorNumbers> {
        let listed = if source.samplers.has(Sampler::Actors) { cells.len().min(ACTORS_LEN_MAX) } else { 0 };
        self.actors.follow(cells[..listed].iter().map(|cell| cell.id()));
        let mut paces = self.actors.iter_mut();
        let mut actors = Vec::with_capacity(listed);
        // Actors of a type are most often spawned one after the other.
        for run in cells.chunk_by(|one, next| one.type_name() == next.type_name()) {
            let of_type = types.entry(run[0].type_name()).or_default();
            for cell in run {
                let mut numbers = of_type.add_cell(cell, source.samplers);
                if let Some(pace) = paces.next() {
                    pace.read(now, &mut numbers);
                    actors.push(actor(cell, numbers, source));
                }
            }
        }
        actors
    }

    fn types(
        &mut self,
        now: Instant,
        types: BTreeMap<&'static str, OfType>,
        is_due: bool,
    ) -> Vec<TypeNumbers> {
        let finish = |(type_name, of_type)| {
            let OfType { running, in_batches, mut numbers, handlers, mut times, caches, batches, mut tiered } =
                of_type;
            self.types.entry(type_name).or_default().read(now, &mut numbers);
            let mut handler = |(name, counts): (&'static str, HandlerCounts)| {
                let kept = self.handlers.entry((type_name, name)).or_default();
                kept.read(now, name, counts, times.remove(name).unwrap_or_default(), is_due)
            };
            let handlers = handlers.into_iter().map(&mut handler).collect();
            let with_tiers = |(name, stats)| CacheNumbers { name, stats, tiered: tiered.remove(name) };
            let caches = caches.into_iter().map(with_tiers).collect();
            let batches =
                batches.into_iter().map(|(handler, stats)| BatchNumbers { handler, stats }).collect();
            TypeNumbers { type_name, running, numbers, handlers, caches, batches, in_batches }
        };
        types.into_iter().map(finish).collect()
    }
}

impl OfHandler {
    fn read(
        &mut self,
        now: Instant,
        handler: &'static str,
        counts: HandlerCounts,
        (waiting, handling): (Option<Distribution>, Option<Distribution>),
        is_due: bool,
    ) -> HandlerNumbers {
        let HandlerCounts { handled, refused, failed } = counts;
        self.rates.read(now, [handled, refused + failed]);
        let (handled_per_second, errors_per_second) =
            self.rates.per_second().map(|[handled, errors]| (handled, errors)).unzip();
        HandlerNumbers {
            handler,
            handled,
            refused,
            failed,
            handled_per_second,
            errors_per_second,
            waiting: self.waiting.read(waiting, is_due),
            handling: self.handling.read(handling, is_due),
        }
    }
}

/// Those of all handlers together.
fn all_times(types: &[TypeNumbers]) -> (Option<Distribution>, Option<Distribution>) {
    let mut all = (None, None);
    for handler in types.iter().flat_map(|of_type| &of_type.handlers) {
        add_times(&mut all.0, handler.waiting.as_ref().map(|times| &times.all));
        add_times(&mut all.1, handler.handling.as_ref().map(|times| &times.all));
    }
    all
}

fn add_times(sum: &mut Option<Distribution>, more: Option<&Distribution>) {
    if let Some(more) = more {
        *sum.get_or_insert_default() += more;
    }
}

fn actor(cell: &AnyRef, numbers: Numbers, source: &Source) -> ActorNumbers {
    let last = cell.rare_stats_if_any().and_then(|rare| rare.last_failure.lock().clone());
    let last_failure = last.map(|(failure, at)| LastFailure {
        text: failure.to_string().into(),
        at: at.saturating_duration_since(source.started_at),
    });
    ActorNumbers {
        label: cell.label(),
        state: cell.state(),
        activity: cell.activity(),
        awaits: cell.awaited(),
        parent: cell.owner(),
        mailbox_len_max: cell.mailbox_len_max(),
        last_failure,
        numbers,
    }
}

impl OfType {
    fn add_retired(&mut self, retired: &Retired, samplers: Samplers) {
        let mut numbers = Numbers { inline_runs: retired.inline_runs, ..Numbers::default() };
        for (at, (name, counts)) in retired.handlers.iter().enumerate() {
            self.add_counts(at, name, *counts);
            numbers.add_counts(*counts);
        }
        numbers.add_rare(&retired.rare, samplers);
        self.numbers.add(&numbers);
        if samplers.has(Sampler::Caches) {
            retired.caches.iter().for_each(|(name, stats)| self.add_cache(name, *stats));
            for (name, stats) in &retired.tiered {
                *self.tiered.entry(name).or_default() += stats.clone();
            }
        }
        if samplers.has(Sampler::Batches) {
            retired.batches.iter().for_each(|(name, stats)| self.add_batches(name, stats));
        }
    }

    /// Adds an actor that runs, and returns its numbers.
    fn add_cell(&mut self, cell: &AnyRef, samplers: Samplers) -> Numbers {
        let mailbox_len = cell.mailbox_len();
        let inline_runs = cell.stats().inline_runs.value();
        let mut numbers = Numbers { mailbox_len, inline_runs, ..Numbers::default() };
        let mut at = 0;
        cell.each_handler(&mut |name, counts| {
            self.add_counts(at, name, counts);
            numbers.add_counts(counts);
            at += 1;
        });
        // A runner does not look how many wait when it finds one alone.
        let one_at_least = usize::from(numbers.handled > inline_runs);
        numbers.mailbox_high_water = cell.mailbox_high_water().max(mailbox_len).max(one_at_least);
        match cell.rare_stats_if_any() {
            Some(rare) => {
                numbers.add_rare(rare, samplers);
                self.in_batches += rare.batched.in_hand();
            }
            None => numbers.busy = samplers.has(Sampler::Handling).then_some(Duration::ZERO),
        }
        self.running += 1;
        self.numbers.add(&numbers);
        if samplers.has(Sampler::Batches) {
            for (handler, stats) in cell.batches() {
                self.add_batches(handler, &stats);
            }
        }
        if samplers.has(Sampler::Caches) {
            for (name, stats) in cell.caches() {
                numbers.cache += stats;
                self.add_cache(name, stats);
            }
            for (name, stats) in cell.tiered() {
                *self.tiered.entry(name).or_default() += stats;
            }
        }
        numbers
    }

    /// Adds to the handler of this name, which is most likely at `at`: actors of a type name them in one order.
    fn add_counts(&mut self, at: usize, handler: &'static str, counts: HandlerCounts) {
        let is_at = self.handlers.get(at).is_some_and(|(name, _)| std::ptr::eq(*name, handler));
        let found =
            if is_at { Some(at) } else { self.handlers.iter().position(|(name, _)| *name == handler) };
        match found {
            Some(at) => self.handlers[at].1 += counts,
            None => self.handlers.push((handler, counts)),
        }
    }

    fn add_times(&mut self, times: &TypeTimes, samplers: Samplers) {
        for (index, handler) in times.handlers.iter().enumerate() {
            let of_handler: &HandlerTimes = times.of(index);
            let (waiting, handling) = self.times.entry(handler.name()).or_default();
            if samplers.has(Sampler::Waiting) {
                add_times(waiting, of_handler.waiting().as_ref());
            }
            if samplers.has(Sampler::Handling) {
                add_times(handling, of_handler.handling().as_ref());
            }
        }
    }

    fn add_batches(&mut self, handler: &'static str, stats: &BatchStats) {
        *self.batches.entry(handler).or_default() += stats;
    }

    fn add_cache(&mut self, name: &'static str, stats: CacheStats) {
        *self.caches.entry(name).or_default() += stats;
        self.numbers.cache += stats;
    }
}

impl Numbers {
    /// Adds counts and lengths; rates are not additive here, since each has its own readings.
    fn add(&mut self, other: &Numbers) {
        self.handled += other.handled;
        self.refused += other.refused;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.restarts += other.restarts;
        self.batches += other.batches;
        self.batch_items += other.batch_items;
        self.inline_runs += other.inline_runs;
        self.mailbox_len += other.mailbox_len;
        self.mailbox_high_water = self.mailbox_high_water.max(other.mailbox_high_water);
        self.busy = self.busy.zip(other.busy).map(|(one, other)| one + other).or(self.busy).or(other.busy);
        self.cache += other.cache;
    }

    fn add_counts(&mut self, counts: HandlerCounts) {
        self.handled += counts.handled;
        self.refused += counts.refused;
        self.failed += counts.failed;
    }

    fn add_rare(&mut self, rare: &RareStats, samplers: Samplers) {
        self.dropped += rare.dropped.value();
        self.restarts += rare.restarts.value();
        self.batches += rare.batches.value();
        self.batch_items += rare.batch_items.value();
        if samplers.has(Sampler::Handling) {
            *self.busy.get_or_insert_default() += Duration::from_nanos(rare.busy.value());
        }
    }
}
