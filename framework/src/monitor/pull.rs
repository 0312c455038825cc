//! One pass over all cells, and the rates that come of two.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::process::ProcFiles;
use super::snapshot::{
    ACTORS_LEN_MAX, ActorNumbers, BatchNumbers, CacheNumbers, Numbers, Snapshot, TypeNumbers,
};
use crate::actor::{ActorId, AnyRef, BatchStats, CellStats, Commons, RareStats};
use crate::cache::{CacheStats, TieredStats};
use crate::stats::Rate;

/// Where the numbers are.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) commons: Arc<Commons>,
    pub(super) started_at: Instant,
}

/// What is kept from one pull to the next.
#[derive(Default)]
pub(super) struct Pull {
    total: Pace,
    types: HashMap<&'static str, Pace>,
    actors: HashMap<ActorId, Pace>,
    files: ProcFiles,
}

/// The rates of one actor, or of several.
#[derive(Clone, Default)]
struct Pace {
    handled: Rate,
    failed: Rate,
}

impl Pace {
    fn read(&mut self, now: Instant, numbers: &mut Numbers) {
        self.handled.read(now, numbers.handled);
        self.failed.read(now, numbers.failed);
        numbers.handled_per_second = self.handled.per_second();
        numbers.failed_per_second = self.failed.per_second();
    }
}

/// A type's numbers while they are added up.
#[derive(Default)]
struct OfType {
    running: usize,
    numbers: Numbers,
    caches: BTreeMap<&'static str, CacheStats>,
    batches: BTreeMap<&'static str, BatchStats>,
    tiered: BTreeMap<&'static str, TieredStats>,
}

impl Pull {
    pub(super) fn take(&mut self, source: &Source) -> Snapshot {
        let commons = &source.commons;
        let now = commons.now();
        let mut types = BTreeMap::<&'static str, OfType>::new();
        let cells = commons.census(|type_name, retired| {
            let of_type = types.entry(type_name).or_default();
            of_type.numbers.add(&counts(&retired.stats, Some(&retired.rare)));
            retired.caches.iter().for_each(|(name, stats)| of_type.add_cache(name, *stats));
            retired.batches.iter().for_each(|(name, stats)| of_type.add_batches(name, stats));
            for (name, stats) in &retired.tiered {
                *of_type.tiered.entry(name).or_default() += stats.clone();
            }
        });
        let actors = self.actors(now, &cells, &mut types);
        let types = self.types(now, types);
        let mut total = Numbers::default();
        types.iter().for_each(|of_type| total.add(&of_type.numbers));
        self.total.read(now, &mut total);
        Snapshot {
            taken_at: now,
            uptime: now.saturating_duration_since(source.started_at),
            dead_letters: commons.dead_letters.total(),
            total,
            types,
            actors_left_out: cells.len() - actors.len(),
            actors,
            pools: commons.pools(),
            process: self.files.read(),
        }
    }

    fn actors(
        &mut self,
        now: Instant,
        cells: &[AnyRef],
        types: &mut BTreeMap<&'static str, OfType>,
    ) -> Vec<ActorNumbers> {
        // Made anew, so that actors that are gone leave nothing behind.
        let listed = cells.len().min(ACTORS_LEN_MAX);
        let mut paces = HashMap::with_capacity(listed);
        let mut actors = Vec::with_capacity(listed);
        for cell in cells {
            let counted = counts(cell.stats(), cell.rare_stats_if_any());
            let mut numbers = Numbers { mailbox_len: cell.mailbox_len(), ..counted };
            let of_type = types.entry(cell.type_name()).or_default();
            of_type.running += 1;
            of_type.numbers.add(&numbers);
            for (handler, stats) in cell.batches() {
                of_type.add_batches(handler, &stats);
            }
            for (name, stats) in cell.caches() {
                numbers.cache += stats;
                of_type.add_cache(name, stats);
            }
            for (name, stats) in cell.tiered() {
                *of_type.tiered.entry(name).or_default() += stats;
            }
            if actors.len() < listed {
                let mut pace = self.actors.remove(&cell.id()).unwrap_or_default();
                pace.read(now, &mut numbers);
                paces.insert(cell.id(), pace);
                actors.push(ActorNumbers { label: cell.label(), numbers });
            }
        }
        self.actors = paces;
        actors
    }

    fn types(&mut self, now: Instant, types: BTreeMap<&'static str, OfType>) -> Vec<TypeNumbers> {
        let finish = |(type_name, of_type)| {
            let OfType { running, mut numbers, caches, batches, mut tiered } = of_type;
            self.types.entry(type_name).or_default().read(now, &mut numbers);
            let with_tiers = |(name, stats)| CacheNumbers { name, stats, tiered: tiered.remove(name) };
            let caches = caches.into_iter().map(with_tiers).collect();
            let batches =
                batches.into_iter().map(|(handler, stats)| BatchNumbers { handler, stats }).collect();
            TypeNumbers { type_name, running, numbers, caches, batches }
        };
        types.into_iter().map(finish).collect()
    }
}

impl OfType {
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
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.restarts += other.restarts;
        self.batches += other.batches;
        self.batch_items += other.batch_items;
        self.inline_runs += other.inline_runs;
        self.mailbox_len += other.mailbox_len;
        self.cache += other.cache;
    }
}

fn counts(stats: &CellStats, rare: Option<&RareStats>) -> Numbers {
    let mut numbers = Numbers {
        handled: stats.handled.value(),
        inline_runs: stats.inline_runs.value(),
        ..Numbers::default()
    };
    if let Some(rare) = rare {
        numbers.failed = rare.failed.value();
        numbers.dropped = rare.dropped.value();
        numbers.restarts = rare.restarts.value();
        numbers.batches = rare.batches.value();
        numbers.batch_items = rare.batch_items.value();
    }
    numbers
}
