//! Batches, caches with their tiers, pools.

use std::time::Duration;

use serde::Serialize;

use super::{Between, per_second, seconds, short};
use crate::cache::TierStats;
use crate::monitor::{BatchNumbers, BatchStats, CacheNumbers, ClosedBy, PoolNumbers, TypeNumbers};

/// One batched handler.
#[derive(Serialize)]
pub(super) struct Batches<'a> {
    a: &'a str,
    m: &'a str,
    rate: Option<f64>,
    /// Messages a batch, on average, of the last interval; of all where that had none.
    len: Option<f64>,
    len_p99: Option<u64>,
    run_p50: Option<f64>,
    failures: u64,
    /// By why they took no more messages, in the order of `ClosedBy::ALL`.
    closed: [u64; ClosedBy::ALL.len()],
}

pub(super) fn batches<'a>(between: &Between<'a>) -> Vec<Batches<'a>> {
    let of_types = between.now.types.iter().flat_map(|of| of.batches.iter().map(move |one| (of, one)));
    let one = |(of_type, now): (&'a TypeNumbers, &'a BatchNumbers)| {
        let before =
            between.before.and_then(|before| before.of_type(of_type.type_name)?.batches_of(now.handler));
        let stats = &now.stats;
        let (batches, messages) = match before {
            Some(before) => (stats.batches - before.batches, stats.messages - before.messages),
            None => (0, 0),
        };
        let mean =
            |messages: u64, batches: u64| (batches > 0).then(|| short(messages as f64 / batches as f64));
        let run: Option<u64> = recent(stats, before);
        Batches {
            a: of_type.type_name,
            m: now.handler,
            rate: between.rate(stats.batches, before.map(|before| before.batches)),
            len: mean(messages, batches).or_else(|| mean(stats.messages, stats.batches)),
            len_p99: stats.lengths.quantile(0.99),
            run_p50: run.map(|nanos| seconds(Duration::from_nanos(nanos))),
            failures: stats.failures,
            closed: ClosedBy::ALL.map(|why| stats.closed_by(why)),
        }
    };
    of_types.map(one).collect()
}

fn recent(now: &BatchStats, before: Option<&BatchStats>) -> Option<u64> {
    let since = before.and_then(|before| now.runs.since(&before.runs).quantile(0.5));
    since.or_else(|| now.runs.quantile(0.5))
}

/// One keyed cache over all actors of a type.
#[derive(Serialize)]
pub(super) struct Cache<'a> {
    a: &'a str,
    m: &'a str,
    hits: u64,
    misses: u64,
    /// Of the reads of the last interval; of all where that had none.
    hit_part: Option<f64>,
    rate: Option<f64>,
    len: Option<u64>,
    bytes: Option<u64>,
    evictions: Option<u64>,
    errors: u64,
    tiers: Vec<Tier<'a>>,
}

#[derive(Serialize)]
struct Tier<'a> {
    tier: &'a str,
    up: bool,
    hits: u64,
    misses: u64,
    hit_part: Option<f64>,
    rate: Option<f64>,
    len: Option<u64>,
    bytes: Option<u64>,
    evictions: Option<u64>,
    errors: u64,
}

pub(super) fn caches<'a>(between: &Between<'a>) -> Vec<Cache<'a>> {
    let of_types = between.now.types.iter().flat_map(|of| of.caches.iter().map(move |cache| (of, cache)));
    let one = |(of_type, now): (&'a TypeNumbers, &'a CacheNumbers)| {
        let before = between.before.and_then(|before| {
            before.of_type(of_type.type_name)?.caches.iter().find(|cache| cache.name == now.name)
        });
        let tiers = now.tiered.as_ref().map_or(&[][..], |tiered| &tiered.tiers);
        let tier_before = |name: &str| before.and_then(|cache| cache.tiered.as_ref()?.tier(name));
        let (hits, misses) = now.reads();
        let reads_before = before.map(CacheNumbers::reads);
        Cache {
            a: of_type.type_name,
            m: now.name,
            hits,
            misses,
            hit_part: between.hit_part((hits, misses), reads_before),
            rate: between.reads((hits, misses), reads_before),
            len: Some(now.stats.len as u64),
            bytes: None,
            evictions: Some(now.stats.evictions),
            errors: now.tiered.as_ref().map_or(0, |tiered| tiered.load_errors),
            tiers: tiers.iter().map(|tier| Tier::new(between, tier, tier_before(&tier.name))).collect(),
        }
    };
    of_types.map(one).collect()
}

impl<'a> Tier<'a> {
    fn new(between: &Between<'_>, now: &'a TierStats, before: Option<&TierStats>) -> Self {
        let reads = |tier: &TierStats| (tier.hits, tier.misses);
        Tier {
            tier: &now.name,
            up: now.is_up,
            hits: now.hits,
            misses: now.misses,
            hit_part: between.hit_part(reads(now), before.map(reads)),
            rate: between.reads(reads(now), before.map(reads)),
            len: now.len,
            bytes: now.bytes,
            evictions: now.evictions,
            errors: now.errors + now.timeouts + now.refused + now.corrupt,
        }
    }
}

/// One pool.
#[derive(Serialize)]
pub(super) struct Pool<'a> {
    name: Option<&'a str>,
    #[serde(rename = "type")]
    of: &'a str,
    replicas: usize,
    active: usize,
    ejected: usize,
    in_flight: usize,
    queue: usize,
    picks: u64,
    rate: Option<f64>,
    failed: u64,
    ejections: u64,
    /// Of the replicas' time in the last interval, the part in which they had calls.
    busy: Option<f64>,
    /// The mean wait for a replica in the last interval.
    wait: Option<f64>,
}

pub(super) fn pools<'a>(between: &Between<'a>) -> Vec<Pool<'a>> {
    let one = |(at, now): (usize, &'a PoolNumbers)| {
        // By name, or as the same one in the row: a pool that goes takes the others' places by one reading.
        let is_same = |before: &&PoolNumbers| (&before.name, before.type_name) == (&now.name, now.type_name);
        let before = between.before.and_then(|before| match now.name {
            Some(_) => before.pools.iter().find(is_same),
            None => before.pools.get(at).filter(is_same),
        });
        let seconds_between = between.seconds();
        let busy = before.zip(seconds_between).map(|(before, seconds)| {
            let running = now.running.saturating_sub(before.running).as_secs_f64();
            short((running / (seconds * now.replicas.max(1) as f64)).min(1.0))
        });
        let wait = before.and_then(|before| {
            let calls = now.picks.saturating_sub(before.picks);
            (calls > 0)
                .then(|| short(now.waiting.saturating_sub(before.waiting).as_secs_f64() / calls as f64))
        });
        Pool {
            name: now.name.as_deref(),
            of: now.type_name,
            replicas: now.replicas,
            active: now.active,
            ejected: now.ejected,
            in_flight: now.in_flight,
            queue: now.queue_len,
            picks: now.picks,
            rate: per_second(between.rate(now.picks, before.map(|before| before.picks))),
            failed: now.failed,
            ejections: now.ejections,
            busy,
            wait,
        }
    };
    between.now.pools.iter().enumerate().map(one).collect()
}

impl Between<'_> {
    fn reads(&self, now: (u64, u64), before: Option<(u64, u64)>) -> Option<f64> {
        self.rate(now.0 + now.1, before.map(|(hits, misses)| hits + misses))
    }

    fn hit_part(&self, now: (u64, u64), before: Option<(u64, u64)>) -> Option<f64> {
        let part = |hits: u64, misses: u64| {
            let reads = hits + misses;
            (reads > 0).then(|| short(hits as f64 / reads as f64))
        };
        let since =
            before.and_then(|before| part(now.0.saturating_sub(before.0), now.1.saturating_sub(before.1)));
        since.or_else(|| part(now.0, now.1))
    }
}
