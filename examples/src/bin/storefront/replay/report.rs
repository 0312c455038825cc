//! The replay's report, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ostraca::System;
use serde::Serialize;

use super::Outcome;
use super::tally::ErrorKind;
use crate::chaos::Chaos;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    /// Page requests sent.
    requests: u64,
    /// Additions to carts and check-outs sent.
    writes: u64,
    /// Requests of either kind that were not answered as they must be.
    errors: u64,
    errors_by_kind: BTreeMap<ErrorKind, u64>,
    /// Acknowledged writes that are not there.
    lost: u64,
    /// Writes that are there more than once.
    duplicated: u64,
    /// Writes that were answered with an error and yet were done.
    done_unanswered: u64,
    /// Customers of whom not everything could be read back over HTTP; their rows were compared all the same.
    unread_customers: usize,
    seconds: f64,
    /// Page requests and writes.
    requests_per_second: f64,
    latency_us: Latency,
    connections: u16,
    #[serde(flatten)]
    service: Service,
    /// What the first few errors and losses were.
    wrong: Vec<String>,
}

/// The client's view, page requests and writes together.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Latency {
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

/// What the service counted itself while it was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Service {
    /// By tier.
    cache: BTreeMap<Arc<str>, Cache>,
    batches: Batches,
    /// Actors started again after a panic.
    restarts: u64,
    /// Shards of the catalog, and as many of the carts.
    shards: usize,
    /// Messages that `--chaos` struck.
    chaos_strikes: u64,
}

/// Product reads that a cache tier answered, and those that it did not.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Cache {
    hits: u64,
    misses: u64,
}

/// Runs of batch handlers, over all actors.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Batches {
    count: u64,
    /// Null if there was no batch.
    mean_len: Option<f64>,
}

impl Service {
    /// Reads the counts of a service that has done nothing but the replay.
    pub(super) async fn count(system: &System, chaos: &Chaos, shards: usize) -> Self {
        let snapshot = system.monitor().latest().await;
        let caches = snapshot.of_type("Catalog").into_iter().flat_map(|catalog| &catalog.caches);
        let tiers = caches.filter_map(|cache| cache.tiered.as_ref()).flat_map(|tiered| &tiered.tiers);
        Self {
            cache: tiers
                .map(|tier| (tier.name.clone(), Cache { hits: tier.hits, misses: tier.misses }))
                .collect(),
            batches: Batches {
                count: snapshot.total.batches,
                mean_len: snapshot.total.batch_len_mean().map(|len| round(len, 1e3)),
            },
            restarts: snapshot.total.restarts,
            shards,
            chaos_strikes: chaos.strikes(),
        }
    }
}

impl Report {
    pub(super) fn new(outcome: Outcome, connections: u16) -> Self {
        let Outcome { tally, elapsed, service, audit, unread } = outcome;
        let quantile = |quantile| tally.latency.value_at_quantile(quantile);
        let seconds = elapsed.as_secs_f64();
        Self {
            requests: tally.requests,
            writes: tally.writes,
            errors: tally.errors.values().sum(),
            lost: audit.lost,
            duplicated: audit.duplicated,
            done_unanswered: audit.done_unanswered,
            unread_customers: unread,
            seconds: round(seconds, 1e3),
            requests_per_second: round((tally.requests + tally.writes) as f64 / seconds, 10.0),
            latency_us: Latency {
                p50: quantile(0.5),
                p99: quantile(0.99),
                p999: quantile(0.999),
                max: tally.latency.max(),
            },
            connections,
            service,
            errors_by_kind: tally.errors,
            wrong: audit.wrong.into_iter().chain(tally.samples).collect(),
        }
    }

    /// Prints it to stdout, for people or as one line of JSON.
    pub(crate) fn print(&self, as_json: bool) -> serde_json::Result<()> {
        if as_json {
            println!("{}", serde_json::to_string(self)?);
        } else {
            println!("{self}");
        }
        Ok(())
    }

    /// Whether nothing was lost, duplicated, or answered in a way that it must not be. Chaos allows for requests
    /// whose handler panicked, and for those to a shard that was given up for it.
    pub(crate) fn is_good(&self, chaos: bool) -> bool {
        let allowed =
            |kind: &ErrorKind| chaos && matches!(kind, ErrorKind::Panicked | ErrorKind::Unavailable);
        self.lost == 0 && self.duplicated == 0 && self.errors_by_kind.keys().all(allowed)
    }
}

fn round(value: f64, unit: f64) -> f64 {
    (value * unit).round() / unit
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p99, p999, max } = self.latency_us;
        writeln!(f, "requests     {} pages, {} writes", self.requests, self.writes)?;
        write!(f, "errors       {}", self.errors)?;
        for (kind, count) in &self.errors_by_kind {
            write!(f, ", {count} {kind:?}")?;
        }
        writeln!(f, "\nlost         {}\nduplicated   {}", self.lost, self.duplicated)?;
        let (rate, seconds) = (self.requests_per_second, self.seconds);
        writeln!(f, "throughput   {rate:.0} a second over {} connections, {seconds} s", self.connections)?;
        writeln!(f, "latency      p50 {p50} us, p99 {p99} us, p99.9 {p999} us, max {max} us")?;
        for (tier, Cache { hits, misses }) in &self.service.cache {
            let share = 100.0 * *hits as f64 / (hits + misses).max(1) as f64;
            writeln!(f, "cache        {tier}: {hits} hits, {misses} misses ({share:.1} % hits)")?;
        }
        let Batches { count, mean_len } = &self.service.batches;
        match mean_len {
            Some(mean_len) => writeln!(f, "batches      {count} of {mean_len:.2} messages")?,
            None => writeln!(f, "batches      none")?,
        }
        writeln!(f, "restarts     {}", self.service.restarts)?;
        write!(f, "shards       {}", self.service.shards)?;
        self.wrong.iter().try_for_each(|sentence| write!(f, "\nwrong        {sentence}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::audit::Audit;
    use crate::replay::tally::Tally;

    fn report(tally: Tally, audit: Audit) -> Report {
        let cache = BTreeMap::from([("memory".into(), Cache { hits: 3, misses: 1 })]);
        let batches = Batches { count: 0, mean_len: None };
        let service = Service { cache, batches, restarts: 0, shards: 4, chaos_strikes: 0 };
        let elapsed = std::time::Duration::from_secs(2);
        Report::new(Outcome { tally, elapsed, service, audit, unread: 0 }, 2)
    }

    #[test]
    fn the_json_has_the_promised_keys() {
        let mut tally = Tally { requests: 90, writes: 10, ..Tally::default() };
        tally.took(std::time::Duration::from_micros(250));
        let json = serde_json::to_value(report(tally, Audit::default())).unwrap();
        assert_eq!(json["requests"], 90);
        assert_eq!(json["requests_per_second"], 50.0);
        assert_eq!(json["latency_us"]["p999"], 250);
        assert_eq!(json["cache"]["memory"]["hits"], 3);
        assert_eq!(json["batches"]["mean_len"], serde_json::Value::Null);
        for key in ["writes", "errors", "lost", "duplicated", "restarts", "shards"] {
            assert!(json[key].is_u64(), "{key}");
        }
    }

    #[test]
    fn only_chaos_excuses_errors_and_nothing_excuses_a_loss() {
        let mut panicked = Tally::default();
        panicked.refused(hyper::StatusCode::INTERNAL_SERVER_ERROR, b"the handler panicked");
        let panicked = report(panicked, Audit::default());
        assert!(panicked.is_good(true) && !panicked.is_good(false));
        let mut wrong = Tally::default();
        wrong.wrong_answer("another price".to_owned());
        assert!(!report(wrong, Audit::default()).is_good(true));
        let lost = Audit { lost: 1, ..Audit::default() };
        assert!(!report(Tally::default(), lost).is_good(true));
        assert!(report(Tally::default(), Audit::default()).is_good(false));
    }
}
