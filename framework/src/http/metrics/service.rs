//! Of the service as a whole, its pools and its buffers.

use super::Source;
use super::page::Samples;
use super::table::Family;
use super::table::Kind::{Counter, Gauge, Summary};
use crate::monitor::{BufferNumbers, PoolNumbers};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "ostraca_system_info",
        kind: Gauge,
        labels: &["system", "version"],
        unit: "1",
        help: "The system's name and the framework's version.",
        samples: |source, out| out.add(&[source.system, env!("CARGO_PKG_VERSION")], 1.0),
    },
    Family {
        name: "ostraca_ready",
        kind: Gauge,
        labels: &[],
        unit: "0 or 1",
        help: "1 if the system takes work, 0 if not.",
        samples: |source, out| out.add(&[], f64::from(u8::from(source.readiness.is_ready()))),
    },
    Family {
        name: "ostraca_actors_given_up",
        kind: Gauge,
        labels: &[],
        unit: "actors",
        help: "Actors given up after too many failures.",
        samples: |source, out| out.add(&[], source.readiness.given_up.len() as f64),
    },
    Family {
        name: "ostraca_uptime_seconds",
        kind: Gauge,
        labels: &[],
        unit: "seconds",
        help: "How long the system has run.",
        samples: |source, out| out.add_time(&[], Some(source.snapshot.uptime)),
    },
    Family {
        name: "ostraca_dead_letters_total",
        kind: Counter,
        labels: &[],
        unit: "messages",
        help: "Messages that ended without being handled.",
        samples: |source, out| out.add(&[], source.snapshot.dead_letters as f64),
    },
    Family {
        name: "ostraca_monitor_pull_seconds",
        kind: Gauge,
        labels: &[],
        unit: "seconds",
        help: "How long it took to gather these numbers.",
        samples: |source, out| out.add_time(&[], Some(source.snapshot.took)),
    },
    Family {
        name: "ostraca_service_waiting_seconds",
        kind: Summary,
        labels: &[],
        unit: "seconds",
        help: "How long messages waited before their handler began, over all handlers.",
        samples: |source, out| out.add_summary(&[], source.snapshot.waiting.as_ref()),
    },
    Family {
        name: "ostraca_service_handling_seconds",
        kind: Summary,
        labels: &[],
        unit: "seconds",
        help: "How long handlers took, over all of them.",
        samples: |source, out| out.add_summary(&[], source.snapshot.handling.as_ref()),
    },
];

/// Of two of one type and no name the second would be the first: those are told apart by their number.
fn pools(source: &Source<'_>, out: &mut Samples<'_>, number: fn(&PoolNumbers) -> f64) {
    for (at, pool) in source.snapshot.pools.iter().enumerate() {
        let at = at.to_string();
        out.add(&[pool.name.as_deref().unwrap_or(&at), pool.type_name], number(pool));
    }
}

const OF_POOL: &[&str] = &["pool", "type"];

pub(super) const POOLS: &[Family] = &[
    Family {
        name: "ostraca_pool_replicas",
        kind: Gauge,
        labels: OF_POOL,
        unit: "replicas",
        help: "Replicas, or threads, of pools.",
        samples: |source, out| pools(source, out, |pool| pool.replicas as f64),
    },
    Family {
        name: "ostraca_pool_ejected",
        kind: Gauge,
        labels: OF_POOL,
        unit: "replicas",
        help: "Replicas that are ejected.",
        samples: |source, out| pools(source, out, |pool| pool.ejected as f64),
    },
    Family {
        name: "ostraca_pool_active",
        kind: Gauge,
        labels: OF_POOL,
        unit: "replicas",
        help: "Replicas that have a call.",
        samples: |source, out| pools(source, out, |pool| pool.active as f64),
    },
    Family {
        name: "ostraca_pool_in_flight",
        kind: Gauge,
        labels: OF_POOL,
        unit: "calls",
        help: "Calls under way, those that wait included.",
        samples: |source, out| pools(source, out, |pool| pool.in_flight as f64),
    },
    Family {
        name: "ostraca_pool_queue_messages",
        kind: Gauge,
        labels: OF_POOL,
        unit: "messages",
        help: "Messages that wait.",
        samples: |source, out| pools(source, out, |pool| pool.queue_len as f64),
    },
    Family {
        name: "ostraca_pool_picks_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "calls",
        help: "Calls and tells that were sent.",
        samples: |source, out| pools(source, out, |pool| pool.picks as f64),
    },
    Family {
        name: "ostraca_pool_answered_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "calls",
        help: "Calls that were answered.",
        samples: |source, out| pools(source, out, |pool| pool.answered as f64),
    },
    Family {
        name: "ostraca_pool_failed_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "calls",
        help: "Calls that failed.",
        samples: |source, out| pools(source, out, |pool| pool.failed as f64),
    },
    Family {
        name: "ostraca_pool_left_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "calls",
        help: "Calls whose caller went before they ended.",
        samples: |source, out| pools(source, out, |pool| pool.left as f64),
    },
    Family {
        name: "ostraca_pool_told_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "messages",
        help: "Messages that nobody waited for.",
        samples: |source, out| pools(source, out, |pool| pool.told as f64),
    },
    Family {
        name: "ostraca_pool_ejections_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "replicas",
        help: "Times that a replica was ejected.",
        samples: |source, out| pools(source, out, |pool| pool.ejections as f64),
    },
    Family {
        name: "ostraca_pool_grown_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "replicas",
        help: "Replicas that were added for the load's sake.",
        samples: |source, out| pools(source, out, |pool| pool.grown as f64),
    },
    Family {
        name: "ostraca_pool_shrunk_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "replicas",
        help: "Replicas that were taken away again.",
        samples: |source, out| pools(source, out, |pool| pool.shrunk as f64),
    },
    Family {
        name: "ostraca_pool_running_seconds_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "seconds",
        help: "How long replicas have had calls.",
        samples: |source, out| pools(source, out, |pool| pool.running.as_secs_f64()),
    },
    Family {
        name: "ostraca_pool_waiting_seconds_total",
        kind: Counter,
        labels: OF_POOL,
        unit: "seconds",
        help: "How long calls have waited for their replica.",
        samples: |source, out| pools(source, out, |pool| pool.waiting.as_secs_f64()),
    },
];

fn buffers(source: &Source<'_>, out: &mut Samples<'_>, number: fn(&BufferNumbers) -> Option<u64>) {
    for buffers in &source.snapshot.buffers {
        out.add_some(&[&buffers.name], number(buffers).map(|number| number as f64));
    }
}

pub(super) const BUFFERS: &[Family] = &[
    Family {
        name: "ostraca_buffers_in_use",
        kind: Gauge,
        labels: &["buffers"],
        unit: "buffers",
        help: "Pooled buffers that somebody has.",
        samples: |source, out| buffers(source, out, |buffers| Some(buffers.in_use)),
    },
    Family {
        name: "ostraca_buffers_free",
        kind: Gauge,
        labels: &["buffers"],
        unit: "buffers",
        help: "Pooled buffers that wait to be used again.",
        samples: |source, out| buffers(source, out, |buffers| Some(buffers.free)),
    },
    Family {
        name: "ostraca_buffers_bytes",
        kind: Gauge,
        labels: &["buffers"],
        unit: "bytes",
        help: "Bytes of pooled buffers.",
        samples: |source, out| buffers(source, out, |buffers| Some(buffers.bytes)),
    },
    Family {
        name: "ostraca_buffers_limit_bytes",
        kind: Gauge,
        labels: &["buffers"],
        unit: "bytes",
        help: "The most bytes of pooled buffers there may be.",
        samples: |source, out| buffers(source, out, |buffers| buffers.bytes_max),
    },
    Family {
        name: "ostraca_buffers_taken_total",
        kind: Counter,
        labels: &["buffers"],
        unit: "buffers",
        help: "Buffers handed out.",
        samples: |source, out| buffers(source, out, |buffers| Some(buffers.taken)),
    },
    Family {
        name: "ostraca_buffers_allocated_total",
        kind: Counter,
        labels: &["buffers"],
        unit: "buffers",
        help: "Buffers handed out that had to be allocated.",
        samples: |source, out| buffers(source, out, |buffers| Some(buffers.allocated)),
    },
    Family {
        name: "ostraca_buffers_refused_total",
        kind: Counter,
        labels: &["buffers"],
        unit: "buffers",
        help: "Buffers that were not to be had at the limit.",
        samples: |source, out| buffers(source, out, |buffers| buffers.refused),
    },
];
