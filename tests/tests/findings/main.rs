//! The monitor's findings, in real systems: twelve faults, each named within ten seconds, and ten minutes of clean load
//! in which none is named.
//!
//! In paused time where a fault is one of time; in real time where a thread is blocked. `OSTRACA_CLEAN_SECONDS` runs the
//! clean load in real time for so long (`tests/long.sh findings`).
#![allow(clippy::unwrap_used, reason = "tests")]

mod book;
mod capacity;
mod clean;
mod faults;
mod tuning;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostraca::monitor::{Finding, FindingKind, Snapshot};
use ostraca::prelude::*;
use tokio::time::Instant;

/// The process's memory is one for all tests: who makes it grow keeps out who wants it not to.
static MEMORY: Mutex<()> = Mutex::new(());

/// A fault is to be named within so long.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

/// Waits until a finding of this kind is open, and returns it with the snapshot that had it first.
async fn named(system: &System, kind: FindingKind) -> (Finding, Arc<Snapshot>) {
    let began = Instant::now();
    let mut watch = system.monitor().watch();
    loop {
        let snapshot = watch.next().await.expect("the system runs");
        if let Some(finding) = snapshot.findings.iter().find(|finding| finding.kind == kind) {
            println!("{kind} after {:?}: {finding}", began.elapsed());
            assert!(!finding.evidence.is_empty() && !finding.remedy().is_empty());
            return (finding.clone(), snapshot);
        }
        let open: Vec<_> = snapshot.findings.iter().map(ToString::to_string).collect();
        assert!(
            began.elapsed() <= NAMED_WITHIN,
            "{kind} was not named within {NAMED_WITHIN:?}; {open:?} was"
        );
    }
}

/// Waits until no finding of this kind is open any more.
async fn closed(system: &System, kind: FindingKind) {
    let began = Instant::now();
    let mut watch = system.monitor().watch();
    while watch.next().await.expect("the system runs").findings.iter().any(|finding| finding.kind == kind) {
        assert!(began.elapsed() <= 3 * NAMED_WITHIN, "{kind} stays open");
    }
}

fn memory() -> MutexGuard<'static, ()> {
    // Another test's failure is not this one's.
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}
