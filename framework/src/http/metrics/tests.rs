//! The page, against the format.

use std::collections::HashSet;

use super::table::Kind;
use super::*;
use crate::monitor::{Container, Pressure, Process, TokioNumbers};

fn not_ready() -> Readiness {
    Readiness { is_stopping: true, given_up: Vec::new(), without: Vec::new() }
}

/// A sample's family: histograms and summaries have samples of longer names.
fn is_of(series: &str, name: &str, kind: &str) -> bool {
    let rest = series.strip_prefix(name).unwrap_or_else(|| panic!("{series} of {name}"));
    let suffix = rest.split('{').next().unwrap();
    match kind {
        "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
        "summary" => ["", "_sum", "_count"].contains(&suffix),
        _ => suffix.is_empty(),
    }
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
    let (mut said, mut samples) = (HashSet::new(), HashSet::new());
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let name = help.strip_prefix("# HELP ").unwrap().split(' ').next().unwrap();
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        assert!(said.insert(name), "{name} came before");
        while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = sample.rsplit_once(' ').unwrap();
            assert!(is_of(series, name, kind), "{sample}");
            assert!(value.parse::<f64>().unwrap().is_finite(), "{sample}");
            assert!(samples.insert(series), "{series} came before");
        }
    }
}

#[test]
fn names_are_told_apart_and_say_their_kind_and_unit() {
    let mut names = HashSet::new();
    for family in families() {
        let name = family.name;
        assert!(names.insert(name), "{name} is there twice");
        assert_eq!(family.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        for unit in ["seconds", "bytes"] {
            assert_eq!(
                family.unit == unit,
                name.contains(&format!("_{unit}")),
                "{name} is in {}",
                family.unit
            );
        }
        assert!(family.help.ends_with('.') && !family.unit.is_empty(), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_measured_is_left_out() {
    let system = System::start().unwrap();
    let mut snapshot = (*system.monitor().latest().await).clone();
    snapshot.process = Process::default();
    snapshot.container = Container::default();
    snapshot.pressure = Pressure::default();
    snapshot.tokio = TokioNumbers::default();
    let text = text("a", &not_ready(), &snapshot);
    for absent in [
        "process_",
        "ostraca_container",
        "ostraca_pressure",
        "ostraca_tokio",
        "ostraca_cache",
        "ostraca_pool",
    ] {
        assert!(!text.contains(absent), "{absent}");
    }
}

/// Cumulative, up to the count, each bound once.
#[tokio::test(start_paused = true)]
async fn buckets_only_grow_and_the_last_has_all() {
    let system = System::start().unwrap();
    system.monitor().latest().await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let snapshot = system.monitor().latest().await;
    let text = text("a", &not_ready(), &snapshot);
    let of = |suffix: &str| {
        let begins = format!("ostraca_handler_handling_seconds{suffix}{{actor=\"SystemMonitor\"");
        let lines = text.lines().filter(move |line| line.starts_with(&begins));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).collect::<Vec<_>>()
    };
    let (buckets, count) = (of("_bucket"), of("_count"));
    assert_eq!(buckets.len(), 23);
    assert!(buckets.is_sorted(), "{buckets:?}");
    assert_eq!(buckets.last(), count.last());
    assert!(count[0] >= 1.0, "{count:?}");
}
