//! Of actors: by type, by handler, by shard; of their caches and batches.

use std::collections::BTreeMap;

use super::Source;
use super::page::Samples;
use super::table::Family;
use super::table::Kind::{Counter, Gauge, Histogram, Summary};
use crate::cache::{CacheStats, TierStats};
use crate::monitor::{ActorNumbers, BatchStats, ClosedBy, HandlerNumbers, TypeNumbers};

/// A type with more shards than this has no numbers by shard here.
const SHARDS_LEN_MAX: usize = 256;

const OF_TYPE: &[&str] = &["actor"];
const OF_HANDLER: &[&str] = &["actor", "handler"];
const OF_SHARD: &[&str] = &["actor", "shard"];
const OF_CACHE: &[&str] = &["actor", "cache"];
const OF_TIER: &[&str] = &["actor", "cache", "tier"];

fn types(source: &Source<'_>, out: &mut Samples<'_>, number: fn(&TypeNumbers) -> u64) {
    source.snapshot.types.iter().for_each(|of| out.add(&[of.type_name], number(of) as f64));
}

pub(super) const TYPES: &[Family] = &[
    Family {
        name: "ostraca_actors",
        kind: Gauge,
        labels: OF_TYPE,
        unit: "actors",
        help: "Actors that run.",
        samples: |source, out| types(source, out, |of| of.running as u64),
    },
    Family {
        name: "ostraca_mailbox_messages",
        kind: Gauge,
        labels: OF_TYPE,
        unit: "messages",
        help: "Messages waiting in mailboxes.",
        samples: |source, out| types(source, out, |of| of.numbers.mailbox_len as u64),
    },
    Family {
        name: "ostraca_mailbox_high_water_messages",
        kind: Gauge,
        labels: OF_TYPE,
        unit: "messages",
        help: "The most messages that were seen waiting in one mailbox.",
        samples: |source, out| types(source, out, |of| of.numbers.mailbox_high_water as u64),
    },
    Family {
        name: "ostraca_messages_handled_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "messages",
        help: "Messages whose handler ended.",
        samples: |source, out| types(source, out, |of| of.numbers.handled),
    },
    Family {
        name: "ostraca_messages_refused_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "messages",
        help: "Messages that their handler answered by an error.",
        samples: |source, out| types(source, out, |of| of.numbers.refused),
    },
    Family {
        name: "ostraca_messages_failed_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "messages",
        help: "Messages whose handler panicked or was dropped half way.",
        samples: |source, out| types(source, out, |of| of.numbers.failed),
    },
    Family {
        name: "ostraca_messages_dropped_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "messages",
        help: "Messages dropped before they ran.",
        samples: |source, out| types(source, out, |of| of.numbers.dropped),
    },
    Family {
        name: "ostraca_actor_restarts_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "restarts",
        help: "Starts of actors after their first.",
        samples: |source, out| types(source, out, |of| of.numbers.restarts),
    },
    Family {
        name: "ostraca_actor_busy_seconds_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "seconds",
        help: "Time that handlers ran, their awaits left out, from samples.",
        samples: |source, out| {
            source.snapshot.types.iter().for_each(|of| out.add_time(&[of.type_name], of.numbers.busy));
        },
    },
    Family {
        name: "ostraca_batches_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "calls",
        help: "Calls of batched handlers.",
        samples: |source, out| types(source, out, |of| of.numbers.batches),
    },
    Family {
        name: "ostraca_batch_messages_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "messages",
        help: "Messages in batches.",
        samples: |source, out| types(source, out, |of| of.numbers.batch_items),
    },
    Family {
        name: "ostraca_inline_runs_total",
        kind: Counter,
        labels: OF_TYPE,
        unit: "runs",
        help: "Times that an actor ran on an asker's thread.",
        samples: |source, out| types(source, out, |of| of.numbers.inline_runs),
    },
];

fn handlers(source: &Source<'_>, mut see: impl FnMut(&[&str], &HandlerNumbers)) {
    for of_type in &source.snapshot.types {
        for handler in &of_type.handlers {
            see(&[of_type.type_name, handler.handler], handler);
        }
    }
}

pub(super) const HANDLERS: &[Family] = &[
    Family {
        name: "ostraca_handler_messages_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages that the handler was called with and ended.",
        samples: |source, out| handlers(source, |labels, of| out.add(labels, of.handled as f64)),
    },
    Family {
        name: "ostraca_handler_refused_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages that the handler answered by an error.",
        samples: |source, out| handlers(source, |labels, of| out.add(labels, of.refused as f64)),
    },
    Family {
        name: "ostraca_handler_failed_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages that the handler panicked over or was dropped in the middle of.",
        samples: |source, out| handlers(source, |labels, of| out.add(labels, of.failed as f64)),
    },
    Family {
        name: "ostraca_handler_waiting_seconds",
        kind: Histogram,
        labels: OF_HANDLER,
        unit: "seconds",
        help: "How long messages waited before their handler began, from when they were sent, from samples.",
        samples: |source, out| {
            handlers(source, |labels, of| out.add_times(labels, of.waiting.as_ref().map(|times| &times.all)));
        },
    },
    Family {
        name: "ostraca_handler_waiting_recent_seconds",
        kind: Summary,
        labels: OF_HANDLER,
        unit: "seconds",
        help: "How long messages waited before their handler began, from when they were sent, in the last interval.",
        samples: |source, out| {
            handlers(source, |labels, of| out.add_summary(labels, of.waiting.as_ref()));
        },
    },
    Family {
        name: "ostraca_handler_handling_seconds",
        kind: Histogram,
        labels: OF_HANDLER,
        unit: "seconds",
        help: "How long handlers took, their awaits included, from samples.",
        samples: |source, out| {
            handlers(source, |labels, of| {
                out.add_times(labels, of.handling.as_ref().map(|times| &times.all))
            });
        },
    },
    Family {
        name: "ostraca_handler_handling_recent_seconds",
        kind: Summary,
        labels: OF_HANDLER,
        unit: "seconds",
        help: "How long handlers took, their awaits included, in the last interval.",
        samples: |source, out| {
            handlers(source, |labels, of| out.add_summary(labels, of.handling.as_ref()));
        },
    },
];

fn shards(source: &Source<'_>, mut see: impl FnMut(&[&str], &ActorNumbers)) {
    let mut types = BTreeMap::<&str, Vec<(usize, &ActorNumbers)>>::new();
    for actor in &source.snapshot.actors {
        if let Some(shard) = actor.label.shard() {
            types.entry(actor.label.type_name()).or_default().push((shard, actor));
        }
    }
    for (type_name, shards) in types.into_iter().filter(|(_, shards)| shards.len() <= SHARDS_LEN_MAX) {
        shards.into_iter().for_each(|(shard, actor)| see(&[type_name, &shard.to_string()], actor));
    }
}

pub(super) const SHARDS: &[Family] = &[
    Family {
        name: "ostraca_shard_messages_handled_total",
        kind: Counter,
        labels: OF_SHARD,
        unit: "messages",
        help: "Messages whose handler ended, by shard.",
        samples: |source, out| shards(source, |labels, actor| out.add(labels, actor.numbers.handled as f64)),
    },
    Family {
        name: "ostraca_shard_mailbox_messages",
        kind: Gauge,
        labels: OF_SHARD,
        unit: "messages",
        help: "Messages waiting, by shard.",
        samples: |source, out| {
            shards(source, |labels, actor| out.add(labels, actor.numbers.mailbox_len as f64))
        },
    },
    Family {
        name: "ostraca_shard_busy_seconds_total",
        kind: Counter,
        labels: OF_SHARD,
        unit: "seconds",
        help: "Time that handlers ran, by shard, from samples.",
        samples: |source, out| shards(source, |labels, actor| out.add_time(labels, actor.numbers.busy)),
    },
];

fn caches(source: &Source<'_>, out: &mut Samples<'_>, number: fn(&CacheStats) -> u64) {
    for of_type in &source.snapshot.types {
        for cache in &of_type.caches {
            out.add(&[of_type.type_name, cache.name], number(&cache.stats) as f64);
        }
    }
}

pub(super) const CACHES: &[Family] = &[
    Family {
        name: "ostraca_cache_entries",
        kind: Gauge,
        labels: OF_CACHE,
        unit: "entries",
        help: "Entries, those past their lifetime included.",
        samples: |source, out| caches(source, out, |cache| cache.len as u64),
    },
    Family {
        name: "ostraca_cache_hits_total",
        kind: Counter,
        labels: OF_CACHE,
        unit: "reads",
        help: "Reads that found a value young enough.",
        samples: |source, out| caches(source, out, |cache| cache.hits),
    },
    Family {
        name: "ostraca_cache_misses_total",
        kind: Counter,
        labels: OF_CACHE,
        unit: "reads",
        help: "Reads that did not.",
        samples: |source, out| caches(source, out, |cache| cache.misses),
    },
    Family {
        name: "ostraca_cache_fills_total",
        kind: Counter,
        labels: OF_CACHE,
        unit: "values",
        help: "Values put in.",
        samples: |source, out| caches(source, out, |cache| cache.fills),
    },
    Family {
        name: "ostraca_cache_evictions_total",
        kind: Counter,
        labels: OF_CACHE,
        unit: "values",
        help: "Values that made room for others.",
        samples: |source, out| caches(source, out, |cache| cache.evictions),
    },
];

fn tiers(source: &Source<'_>, out: &mut Samples<'_>, number: fn(&TierStats) -> Option<u64>) {
    for of_type in &source.snapshot.types {
        for cache in &of_type.caches {
            for tier in cache.tiered.iter().flat_map(|tiered| &tiered.tiers) {
                let labels = [of_type.type_name, cache.name, &tier.name];
                out.add_some(&labels, number(tier).map(|number| number as f64));
            }
        }
    }
}

pub(super) const TIERS: &[Family] = &[
    Family {
        name: "ostraca_cache_tier_up",
        kind: Gauge,
        labels: OF_TIER,
        unit: "0 or 1",
        help: "1 if the tier is asked, 0 while it is out of reach.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.is_up.into())),
    },
    Family {
        name: "ostraca_cache_tier_hits_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "lookups",
        help: "Lookups that found what could be served.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.hits)),
    },
    Family {
        name: "ostraca_cache_tier_misses_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "lookups",
        help: "Lookups that did not, those that failed included.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.misses)),
    },
    Family {
        name: "ostraca_cache_tier_puts_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "entries",
        help: "Entries put in.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.puts)),
    },
    Family {
        name: "ostraca_cache_tier_errors_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "calls",
        help: "Calls that failed.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.errors)),
    },
    Family {
        name: "ostraca_cache_tier_timeouts_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "calls",
        help: "Calls that took too long.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.timeouts)),
    },
    Family {
        name: "ostraca_cache_tier_refused_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "calls",
        help: "Calls not made because the tier was out of reach a moment ago.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.refused)),
    },
    Family {
        name: "ostraca_cache_tier_corrupt_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "entries",
        help: "Entries that could not be read back.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.corrupt)),
    },
    Family {
        name: "ostraca_cache_tier_left_out_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "entries",
        help: "Fills left out because too much was on its way.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.left_out)),
    },
    Family {
        name: "ostraca_cache_tier_retries_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "entries",
        help: "Deliveries repeated.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.retries)),
    },
    Family {
        name: "ostraca_cache_tier_evictions_total",
        kind: Counter,
        labels: OF_TIER,
        unit: "entries",
        help: "Entries that made room for others.",
        samples: |source, out| tiers(source, out, |tier| tier.evictions),
    },
    Family {
        name: "ostraca_cache_tier_waiting",
        kind: Gauge,
        labels: OF_TIER,
        unit: "keys",
        help: "Keys on their way to the tier.",
        samples: |source, out| tiers(source, out, |tier| Some(tier.waiting as u64)),
    },
    Family {
        name: "ostraca_cache_tier_entries",
        kind: Gauge,
        labels: OF_TIER,
        unit: "entries",
        help: "Entries of the tier.",
        samples: |source, out| tiers(source, out, |tier| tier.len),
    },
    Family {
        name: "ostraca_cache_tier_bytes",
        kind: Gauge,
        labels: OF_TIER,
        unit: "bytes",
        help: "Bytes of the tier.",
        samples: |source, out| tiers(source, out, |tier| tier.bytes),
    },
];

fn batches(source: &Source<'_>, mut see: impl FnMut([&str; 2], &BatchStats)) {
    for of_type in &source.snapshot.types {
        for batches in &of_type.batches {
            see([of_type.type_name, batches.handler], &batches.stats);
        }
    }
}

pub(super) const BATCHES: &[Family] = &[
    Family {
        name: "ostraca_batch_calls_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "calls",
        help: "Calls of a batched handler.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.calls as f64)),
    },
    Family {
        name: "ostraca_batch_failures_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "calls",
        help: "Calls of a batched handler that returned an error.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.failures as f64)),
    },
    Family {
        name: "ostraca_batch_retries_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "calls",
        help: "Calls that tried again what had failed whole.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.retries as f64)),
    },
    Family {
        name: "ostraca_batch_splits_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "calls",
        help: "Failed calls whose messages were tried again in two halves.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.splits as f64)),
    },
    Family {
        name: "ostraca_batch_quarantined_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages that failed in their batch, and alone.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.quarantined as f64)),
    },
    Family {
        name: "ostraca_batch_duplicates_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages that got a copy of another's answer.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.duplicates as f64)),
    },
    Family {
        name: "ostraca_batch_cancelled_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages left out because their asker was gone.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.cancelled as f64)),
    },
    Family {
        name: "ostraca_batch_expired_total",
        kind: Counter,
        labels: OF_HANDLER,
        unit: "messages",
        help: "Messages left out because their deadline was over.",
        samples: |source, out| batches(source, |labels, of| out.add(&labels, of.expired as f64)),
    },
    Family {
        name: "ostraca_batches_closed_total",
        kind: Counter,
        labels: &["actor", "handler", "why"],
        unit: "batches",
        help: "Batches, by why they took no more messages.",
        samples: |source, out| {
            batches(source, |[actor, handler], of| {
                for why in ClosedBy::ALL {
                    out.add(&[actor, handler, why.name()], of.closed_by(why) as f64);
                }
            });
        },
    },
    Family {
        name: "ostraca_batch_length_messages",
        kind: Histogram,
        labels: OF_HANDLER,
        unit: "messages",
        help: "How long batches were.",
        samples: |source, out| batches(source, |labels, of| out.add_lengths(&labels, &of.lengths)),
    },
    Family {
        name: "ostraca_batch_open_seconds",
        kind: Histogram,
        labels: OF_HANDLER,
        unit: "seconds",
        help: "How long batches were held open for more messages.",
        samples: |source, out| batches(source, |labels, of| out.add_times(&labels, Some(&of.waits))),
    },
    Family {
        name: "ostraca_batch_call_seconds",
        kind: Histogram,
        labels: OF_HANDLER,
        unit: "seconds",
        help: "How long calls of a batched handler took, of those that were timed.",
        samples: |source, out| batches(source, |labels, of| out.add_times(&labels, Some(&of.runs))),
    },
];
