//! What is wrong with a pool, or with the process.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::book::Seen;
use super::window::Window;
use super::{FindingKind, Subject};
use crate::monitor::last::keep_last;
use crate::monitor::snapshot::Snapshot;
use crate::stats::PoolNumbers;

/// Readings in which a pool is at its limit.
const LIMIT: usize = 3;
/// Readings that memory grows over.
const GROWS: usize = 6;
/// By so much at least, in bytes and as a part, from the first to the last of them.
const GROWTH_BYTES: u64 = 16 << 20;
const GROWTH_PART: f64 = 0.05;
/// The same for what is slow: a reading a minute.
const SLOW_EVERY: Duration = Duration::from_secs(60);
const SLOW_GROWS: usize = 11;

pub(super) fn pools(window: &Window, snapshot: &Snapshot, seen: &mut Vec<Seen>) {
    let at_limit = (0..snapshot.pools.len()).filter_map(|at| at_limit(&window.pool(at, LIMIT)?));
    seen.extend(at_limit);
}

fn at_limit(pools: &[&PoolNumbers]) -> Option<Seen> {
    let (first, last) = (pools[0], pools[pools.len() - 1]);
    // Who is told something has no call.
    let are_told = last.told > first.told;
    let is_full = |pool: &&PoolNumbers| {
        let are_busy = pool.active + pool.ejected >= pool.replicas;
        pool.replicas >= pool.replicas_max
            && pool.queue_len >= pool.replicas.max(2)
            && (are_busy || are_told && pool.queue_len >= 2 * pool.replicas)
    };
    if !pools.iter().all(is_full) {
        return None;
    }
    let what = if last.ejected > 0 { format!(", {} of them ejected", last.ejected) } else { String::new() };
    let summary = format!(
        "all {} are busy{what}, it may have no more, and {} messages wait",
        last.replicas, last.queue_len
    );
    let running = last.running.saturating_sub(first.running).as_secs_f64();
    let waiting = last.waiting.saturating_sub(first.waiting).as_secs_f64();
    let subject = Subject::Pool { type_name: last.type_name, name: last.name.clone() };
    let seen = Seen::new(FindingKind::PoolAtLimit, subject, summary)
        .with("replicas", last.replicas as f64, "")
        .with("waiting", last.queue_len as f64, "messages");
    Some(if running > 0.0 { seen.with("waits_by_runs", waiting / running, "") } else { seen })
}

/// The process's memory, over seconds and over minutes.
#[derive(Default)]
pub(super) struct Memory {
    minutes: VecDeque<u64>,
    last: Option<Instant>,
}

impl Memory {
    pub(super) fn take(&mut self, window: &Window, snapshot: &Snapshot) -> Option<Seen> {
        let now = snapshot.taken_at;
        let resident = snapshot.process.resident_bytes?;
        if self.last.is_none_or(|last| now.saturating_duration_since(last) >= SLOW_EVERY) {
            self.last = Some(now);
            keep_last(&mut self.minutes, SLOW_GROWS, resident);
        }
        let recent: Option<Vec<u64>> =
            window.resident.iter().copied().skip(window.resident.len().saturating_sub(GROWS)).collect();
        let is_full = window.resident.len() >= GROWS;
        let quick = recent
            .filter(|_| is_full)
            .and_then(|values| growth(&values).map(|bytes| (bytes, window.seconds(GROWS))));
        let (bytes, seconds) = quick.or_else(|| {
            let values: Vec<u64> = self.minutes.iter().copied().collect();
            let minutes = SLOW_EVERY.as_secs_f64() * (SLOW_GROWS - 1) as f64;
            growth(&values).filter(|_| values.len() == SLOW_GROWS).map(|bytes| (bytes, minutes))
        })?;
        Some(named(resident, bytes as f64 / seconds.max(1e-9), snapshot.container.memory_max_bytes))
    }
}

/// How much memory has grown, if it did in every reading, and considerably.
fn growth(values: &[u64]) -> Option<u64> {
    let (first, last) = (*values.first()?, *values.last()?);
    let always = values.windows(2).all(|pair| pair[1] > pair[0]);
    let bytes = last.checked_sub(first)?;
    let largest = values.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max()?;
    // One jump is something that was loaded.
    let is_steady = largest * 2 < bytes;
    (always && is_steady && bytes >= GROWTH_BYTES && bytes as f64 >= GROWTH_PART * first as f64)
        .then_some(bytes)
}

fn named(resident: u64, per_second: f64, max: Option<u64>) -> Seen {
    let (mib, rate) = (resident as f64 / f64::from(1 << 20), per_second / f64::from(1 << 20));
    let left = max.map(|max| max.saturating_sub(resident) as f64 / per_second);
    let until =
        left.map_or(String::new(), |left| format!("; its container's limit is reached in {left:.0} s"));
    let summary = format!("{mib:.0} MiB are resident, {rate:.2} MiB more each second{until}");
    let seen = Seen::new(FindingKind::MemoryGrowing, Subject::Process, summary)
        .with("resident", resident as f64, "B")
        .with("growth", per_second, "B/s");
    match left {
        Some(left) => seen.with("full_in", left, "s"),
        None => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn memory_grows_when_each_reading_is_greater_and_no_single_one_is_the_cause() {
        let values = |mibs: &[u64]| mibs.iter().map(|mib| mib * MIB).collect::<Vec<_>>();
        assert_eq!(growth(&values(&[100, 110, 120, 130, 140, 150])), Some(50 * MIB));
        assert_eq!(growth(&values(&[100, 110, 109, 130, 140, 150])), None);
        assert_eq!(growth(&values(&[100, 101, 102, 150, 151, 152])), None, "something was loaded");
        assert_eq!(growth(&values(&[100, 101, 102, 103, 104, 105])), None, "that is little");
        assert_eq!(growth(&values(&[1_000, 1_004, 1_008, 1_012, 1_016, 1_020])), None, "2 %");
    }

    #[test]
    fn a_pool_is_at_its_limit_when_all_are_busy_and_calls_wait() {
        let full = PoolNumbers {
            type_name: "Resizer",
            replicas: 4,
            replicas_max: 4,
            active: 4,
            queue_len: 9,
            ..PoolNumbers::default()
        };
        let seen = at_limit(&[&full, &full, &full]).unwrap();
        assert_eq!(seen.summary, "all 4 are busy, it may have no more, and 9 messages wait");
        let growing = PoolNumbers { replicas_max: 8, ..full.clone() };
        assert!(at_limit(&[&full, &growing, &growing]).is_none());
        let idle = PoolNumbers { active: 3, ..full.clone() };
        assert!(at_limit(&[&full, &idle, &full]).is_none());
    }
}
