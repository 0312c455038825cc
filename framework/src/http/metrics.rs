//! The monitor's numbers in the Prometheus text format 0.0.4.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>; names and units by
//! <https://prometheus.io/docs/practices/naming/>. Numbers are by type of actor, not by actor: a service has
//! thousands of those. What could not be measured is left out.

use std::fmt::{Display, Write};

use actix_web::HttpResponse;

use crate::cache::CacheStats;
use crate::monitor::{BatchStats, ClosedBy, PoolNumbers, Process, Snapshot, TypeNumbers};
use crate::system::{Readiness, System};

/// Answers with a new pull.
pub(super) async fn page(system: System) -> HttpResponse {
    let snapshot = system.monitor().latest().await;
    let text = text(system.name(), &system.readiness(), &snapshot);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

#[derive(Clone, Copy)]
enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    Gauge,
}

use Kind::{Counter, Gauge};

/// A family of one number for each type of actor.
type OfType = (&'static str, Kind, &'static str, fn(&TypeNumbers) -> u64);

const OF_TYPES: &[OfType] = &[
    ("ostraca_actors", Gauge, "Actors that run.", |of| of.running as u64),
    ("ostraca_mailbox_messages", Gauge, "Messages waiting in mailboxes.", |of| of.numbers.mailbox_len as u64),
    ("ostraca_messages_handled_total", Counter, "Messages whose handler ended.", |of| of.numbers.handled),
    (
        "ostraca_messages_failed_total",
        Counter,
        "Messages whose handler panicked or was dropped half way.",
        |of| of.numbers.failed,
    ),
    ("ostraca_messages_dropped_total", Counter, "Messages dropped before they ran.", |of| of.numbers.dropped),
    ("ostraca_actor_restarts_total", Counter, "Starts of actors after their first.", |of| {
        of.numbers.restarts
    }),
    ("ostraca_batches_total", Counter, "Calls of batched handlers.", |of| of.numbers.batches),
    ("ostraca_batch_messages_total", Counter, "Messages in batches.", |of| of.numbers.batch_items),
    ("ostraca_inline_runs_total", Counter, "Times that an actor ran on an asker's thread.", |of| {
        of.numbers.inline_runs
    }),
];

/// A family of one number for each keyed cache of a type.
type OfCache = (&'static str, Kind, &'static str, fn(&CacheStats) -> u64);

const OF_CACHES: &[OfCache] = &[
    ("ostraca_cache_entries", Gauge, "Entries, those past their lifetime included.", |cache| {
        cache.len as u64
    }),
    ("ostraca_cache_hits_total", Counter, "Reads that found a value young enough.", |cache| cache.hits),
    ("ostraca_cache_misses_total", Counter, "Reads that did not.", |cache| cache.misses),
    ("ostraca_cache_fills_total", Counter, "Values put in.", |cache| cache.fills),
    ("ostraca_cache_evictions_total", Counter, "Values that made room for others.", |cache| cache.evictions),
];

/// A family of one number for each batched handler of a type.
type OfBatches = (&'static str, &'static str, fn(&BatchStats) -> u64);

const OF_BATCHES: &[OfBatches] = &[
    ("ostraca_batch_calls_total", "Calls of a batched handler.", |batches| batches.calls),
    ("ostraca_batch_failures_total", "Calls of a batched handler that returned an error.", |batches| {
        batches.failures
    }),
    ("ostraca_batch_quarantined_total", "Messages that failed in their batch, and alone.", |batches| {
        batches.quarantined
    }),
    ("ostraca_batch_duplicates_total", "Messages that got a copy of another's answer.", |batches| {
        batches.duplicates
    }),
    ("ostraca_batch_cancelled_total", "Messages left out because their asker was gone.", |batches| {
        batches.cancelled
    }),
    ("ostraca_batch_expired_total", "Messages left out because their deadline was over.", |batches| {
        batches.expired
    }),
];

/// A family of one number for each pool.
type OfPool = (&'static str, Kind, &'static str, fn(&PoolNumbers) -> f64);

const OF_POOLS: &[OfPool] = &[
    ("ostraca_pool_replicas", Gauge, "Replicas, or threads, of pools.", |pool| pool.replicas as f64),
    ("ostraca_pool_ejected", Gauge, "Replicas that are ejected.", |pool| pool.ejected as f64),
    ("ostraca_pool_active", Gauge, "Replicas that have a call.", |pool| pool.active as f64),
    ("ostraca_pool_in_flight", Gauge, "Calls under way, those that wait included.", |pool| {
        pool.in_flight as f64
    }),
    ("ostraca_pool_queue_messages", Gauge, "Messages that wait.", |pool| pool.queue_len as f64),
    ("ostraca_pool_picks_total", Counter, "Calls and tells that were sent.", |pool| pool.picks as f64),
    ("ostraca_pool_failed_total", Counter, "Calls that failed.", |pool| pool.failed as f64),
    ("ostraca_pool_ejections_total", Counter, "Times that a replica was ejected.", |pool| {
        pool.ejections as f64
    }),
    ("ostraca_pool_running_seconds_total", Counter, "How long replicas have had calls.", |pool| {
        pool.running.as_secs_f64()
    }),
    (
        "ostraca_pool_waiting_seconds_total",
        Counter,
        "How long calls have waited for their replica.",
        |pool| pool.waiting.as_secs_f64(),
    ),
];

fn text(system: &str, readiness: &Readiness, snapshot: &Snapshot) -> String {
    let mut page = Page::default();
    page.family("ostraca_system_info", Gauge, "The system's name and the framework's version.");
    page.sample(&[("system", system), ("version", env!("CARGO_PKG_VERSION"))], 1);
    page.one("ostraca_ready", Gauge, "1 if the system takes work, 0 if not.", u8::from(readiness.is_ready()));
    let given_up = readiness.given_up.len();
    page.one("ostraca_actors_given_up", Gauge, "Actors given up after too many failures.", given_up);
    page.one("ostraca_uptime_seconds", Gauge, "How long the system has run.", snapshot.uptime.as_secs_f64());
    let help = "Messages that ended without being handled.";
    page.one("ostraca_dead_letters_total", Counter, help, snapshot.dead_letters);
    page.types(&snapshot.types);
    page.caches(&snapshot.types);
    page.batches(&snapshot.types);
    page.pools(&snapshot.pools);
    page.process(&snapshot.process);
    page.text
}

/// A page that is being written, family by family.
#[derive(Default)]
struct Page {
    text: String,
    family: &'static str,
}

const INFALLIBLE: &str = "writing to a string does not fail";

impl Page {
    fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
        };
        debug_assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect(INFALLIBLE);
        self.family = name;
    }

    /// A sample of the family that was begun last.
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.family);
        let mut before = '{';
        for (name, label) in labels {
            let label = label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            write!(self.text, "{before}{name}=\"{label}\"").expect(INFALLIBLE);
            before = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        writeln!(self.text, "{end} {value}").expect(INFALLIBLE);
    }

    /// A family of one sample.
    fn one(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(&[], value);
    }

    fn types(&mut self, types: &[TypeNumbers]) {
        if types.is_empty() {
            return;
        }
        for (name, kind, help, number) in OF_TYPES {
            self.family(name, *kind, help);
            for of_type in types {
                self.sample(&[("actor", of_type.type_name)], number(of_type));
            }
        }
    }

    fn caches(&mut self, types: &[TypeNumbers]) {
        if types.iter().all(|of_type| of_type.caches.is_empty()) {
            return;
        }
        for (name, kind, help, number) in OF_CACHES {
            self.family(name, *kind, help);
            for of_type in types {
                for cache in &of_type.caches {
                    let labels = [("actor", of_type.type_name), ("cache", cache.name)];
                    self.sample(&labels, number(&cache.stats));
                }
            }
        }
    }

    fn batches(&mut self, types: &[TypeNumbers]) {
        let each =
            || types.iter().flat_map(|of| of.batches.iter().map(move |batches| (of.type_name, batches)));
        if each().next().is_none() {
            return;
        }
        for (name, help, number) in OF_BATCHES {
            self.family(name, Counter, help);
            for (actor, batches) in each() {
                self.sample(&[("actor", actor), ("handler", batches.handler)], number(&batches.stats));
            }
        }
        self.family("ostraca_batches_closed_total", Counter, "Batches, by why they took no more messages.");
        for (actor, batches) in each() {
            for why in ClosedBy::ALL {
                let labels = [("actor", actor), ("handler", batches.handler), ("why", why.name())];
                self.sample(&labels, batches.stats.closed_by(why));
            }
        }
    }

    /// Of two of one type and no name the second would be the first: those are told apart by their number.
    fn pools(&mut self, pools: &[PoolNumbers]) {
        if pools.is_empty() {
            return;
        }
        for (name, kind, help, number) in OF_POOLS {
            self.family(name, *kind, help);
            for (at, pool) in pools.iter().enumerate() {
                let at = at.to_string();
                let called = pool.name.as_deref().unwrap_or(&at);
                self.sample(&[("pool", called), ("type", pool.type_name)], number(pool));
            }
        }
    }

    /// Under the names that all of Prometheus' clients use.
    fn process(&mut self, process: &Process) {
        if let Some(cpu) = process.cpu {
            let help = "Processor time used, user and system.";
            self.one("process_cpu_seconds_total", Counter, help, cpu.as_secs_f64());
        }
        if let Some(bytes) = process.resident_bytes {
            self.one("process_resident_memory_bytes", Gauge, "Memory in RAM.", bytes);
        }
        if let Some(threads) = process.threads {
            self.one("process_threads", Gauge, "Threads.", threads);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn not_ready() -> Readiness {
        Readiness { is_stopping: true, given_up: Vec::new(), without: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn every_line_keeps_the_format() {
        let system = System::start().unwrap();
        let snapshot = system.monitor().latest().await;
        let text = text("a \"quoted\\name\"\nof two lines", &not_ready(), &snapshot);
        assert!(text.ends_with('\n'));
        assert!(text.contains(r#"{system="a \"quoted\\name\"\nof two lines",version="#), "{text}");
        assert!(text.contains("\nostraca_ready 0\n"), "{text}");
        assert!(text.contains("\nostraca_messages_handled_total{actor=\"SystemMonitor\"} "), "{text}");
        let (mut families, mut samples) = (HashSet::new(), HashSet::new());
        let mut lines = text.lines().peekable();
        while let Some(help) = lines.next() {
            let name = help.strip_prefix("# HELP ").unwrap().split(' ').next().unwrap();
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(families.insert(name), "{name} came before");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
                let (series, value) = sample.rsplit_once(' ').unwrap();
                assert!(series == name || series.strip_prefix(name).unwrap().starts_with('{'), "{sample}");
                assert!(value.parse::<f64>().unwrap().is_finite(), "{sample}");
                assert!(samples.insert(series), "{series} came before");
            }
        }
        assert_eq!(families.len(), 5 + OF_TYPES.len() + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_measured_is_left_out() {
        let system = System::start().unwrap();
        let mut snapshot = (*system.monitor().latest().await).clone();
        snapshot.process = Process::default();
        assert!(!text("a", &not_ready(), &snapshot).contains("process_"));
    }
}
