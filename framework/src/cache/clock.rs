//! A cache's time, and the stamps it gives to what comes from a source without versions.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::entry::{Stamp, Timestamp};
use crate::sync::Mutex;

/// Bits of a stamp's version below the microseconds: stamps of one microsecond. What is left lasts until 2112.
const COUNTER_BITS: u32 = 12;

/// The time of one or more caches. A clone is the same clock.
///
/// **Time** is the machine's at the moment the clock was made, and monotonic from there: a wall clock that is set
/// does not expire or revive anything. It is tokio's, so that tests which pause it are obeyed.
///
/// **Stamps** are those of a hybrid logical clock (Kulkarni and others, "Logical physical clocks", OPODIS 2014):
/// microseconds, and a counter below them. A stamp is higher than all given before, and than all
/// [observed](Self::observe): so whoever has seen a write outranks it, even where two machines' clocks differ.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    /// Since 1970.
    wall: Duration,
    since: Instant,
    last: Mutex<Stamp>,
}

impl Clock {
    /// A clock that begins with the machine's time.
    pub fn new() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Clock(Arc::new(Inner { wall, since: Instant::now(), last: Mutex::new(Stamp::MIN) }))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::default().after(self.since_1970())
    }

    fn since_1970(&self) -> Duration {
        self.0.wall + self.0.since.elapsed()
    }

    /// The version of a stamp of this moment.
    fn version(&self) -> u64 {
        (self.since_1970().as_micros() as u64) << COUNTER_BITS
    }

    /// A stamp above all given and observed before.
    pub fn stamp(&self) -> Stamp {
        let version = self.version();
        let mut last = self.0.last.lock();
        // Past the last version comes the next epoch: only observed stamps can be there.
        let next = match last.version.checked_add(1) {
            Some(next) => Stamp::new(last.epoch, next.max(version)),
            None => Stamp::new(last.epoch.saturating_add(1), version),
        };
        *last = next;
        next
    }

    /// From now on stamps are above this one.
    pub fn observe(&self, stamp: Stamp) {
        let mut last = self.0.last.lock();
        *last = stamp.max(*last);
    }

    /// Begins an epoch, which outranks all before, and gives its first stamp.
    pub fn next_epoch(&self) -> Stamp {
        let version = self.version();
        let mut last = self.0.last.lock();
        *last = Stamp::new(last.epoch.saturating_add(1), version);
        *last
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::new()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stamp_is_above_all_given_and_observed() {
        let clock = Clock::new();
        let (first, second) = (clock.stamp(), clock.stamp());
        assert!(second > first);
        let ahead = Stamp::new(0, clock.version() + (60_000_000 << COUNTER_BITS));
        clock.observe(ahead);
        assert!(clock.stamp() > ahead);
        clock.observe(first);
        assert!(clock.stamp() > ahead, "an old one changes nothing");
        let epoch = clock.next_epoch();
        assert!(epoch.epoch == 1 && clock.stamp() > epoch);
        clock.observe(Stamp::new(7, u64::MAX));
        assert_eq!(clock.stamp().epoch, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn time_is_tokios() {
        let clock = Clock::new();
        let before = clock.now();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(3));
    }
}
