//! Counts that only grow.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

/// A count that one thread at a time writes, and any thread reads.
///
/// Two threads that add at once lose counts, nothing worse: whoever owns the counter hands it on with an
/// Acquire and a Release of its own (a cell's claim does).
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only the owner calls this.
    pub(crate) fn add(&self, n: u64) {
        // ORDERING: Relaxed, and no atomic addition: there is one writer, and readers want the number alone.
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before.wrapping_add(n), Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        // ORDERING: Relaxed; a count says nothing about other memory.
        self.0.load(Ordering::Relaxed)
    }
}

/// A count that any thread writes.
#[derive(Debug, Default)]
pub(crate) struct SharedCounter(AtomicU64);

impl SharedCounter {
    pub(crate) fn add(&self, n: u64) {
        // ORDERING: Relaxed; a count says nothing about other memory.
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        // ORDERING: Relaxed; as above.
        self.0.load(Ordering::Relaxed)
    }
}

/// As a count.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_adds_what_its_owner_adds() {
        let counter = Counter::default();
        counter.add(2);
        counter.add(3);
        assert_eq!(counter.value(), 5);
    }

    #[test]
    fn a_shared_counter_loses_nothing() {
        let counter = SharedCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| counter.add(1)));
            }
        });
        assert_eq!(counter.value(), 40_000);
    }
}
