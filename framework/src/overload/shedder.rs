//! Shedding by how long messages wait.
//!
//! ```text
//!   the shortest wait of an interval    ≤ target ──> a burst, which passes: nothing is shed
//!                                       > target ──> the queue stands: until it has been below half of the target
//!                                                    for an interval
//!
//!   while it stands, shed is            low: what waited at all beyond an eighth of the target
//!                                       normal: what waited longer than the target
//!                                       high: what waited longer than the interval
//! ```
//!
//! **Source.** CoDel (Nichols and Jacobson, "Controlling queue delay", ACM Queue 2012) says by the *shortest* wait of an
//! interval whether a queue is good or stands. What is shed then is Facebook's rule (Maurer, "Fail at scale", ACM Queue
//! 2015): CoDel's own one message after the other is for senders that slow down when they lose one, which
//! callers of a service do not.
//!
//! **Guarantees.** What runs while the queue stands has waited at most the target (a high priority: the interval).
//! Without a standing queue nothing is shed, however long one message waits.
//!
//! **Bad at.** Handlers that take longer than the target: whatever comes meanwhile has waited too long. Choose a target
//! of a few times what a message takes.

use std::time::{Duration, Instant};

use super::priority::Priority;
use crate::sync::Mutex;

/// Says of each message that is taken out of a queue whether it is to be shed.
#[derive(Debug)]
pub struct Shedder {
    target: Duration,
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the interval under way ends. None before the first message.
    ends: Option<Instant>,
    shortest: Duration,
    stands: bool,
    shed: u64,
}

/// What a shedder has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShedderNumbers {
    /// Whether the queue stands now.
    pub stands: bool,
    /// Messages that were shed.
    pub shed: u64,
}

/// CoDel's and Facebook's.
const TARGET: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(100);

impl Default for Shedder {
    /// A target of 5 ms, and an interval of 100 ms.
    fn default() -> Self {
        Shedder::new(TARGET, INTERVAL)
    }
}

impl Shedder {
    /// What waits longer than `target` is shed while nothing has waited for less during the last `interval`.
    pub fn new(target: Duration, interval: Duration) -> Self {
        Shedder { target, interval: interval.max(target), state: Mutex::default() }
    }

    /// Whether a message that is taken out now, after it has waited for so long, is to be shed.
    pub fn sheds(&self, now: Instant, waited: Duration, priority: Priority) -> bool {
        let mut state = self.state.lock();
        state.look(now, waited, self.target, self.interval);
        let limit = match priority {
            Priority::Low => self.target / 8,
            Priority::Normal => self.target,
            Priority::High => self.interval,
        };
        let sheds = state.stands && waited > limit;
        state.shed += u64::from(sheds);
        sheds
    }

    /// What it has done up to now.
    pub fn numbers(&self) -> ShedderNumbers {
        let state = self.state.lock();
        ShedderNumbers { stands: state.stands, shed: state.shed }
    }
}

impl State {
    fn look(&mut self, now: Instant, waited: Duration, target: Duration, interval: Duration) {
        match self.ends {
            Some(ends) if now < ends => self.shortest = self.shortest.min(waited),
            ends => {
                let bar = if self.stands { target / 2 } else { target };
                // Nor does a queue that nobody took from for long.
                let is_recent = ends.is_some_and(|ends| now.saturating_duration_since(ends) < interval);
                self.stands = is_recent && self.shortest > bar;
                self.ends = Some(now + interval);
                self.shortest = waited;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_passes_and_a_standing_queue_is_shed_by_priority() {
        let start = Instant::now();
        let shedder = Shedder::default();
        // Waits of 50 ms, and now and then none: a burst a little while ago.
        for at in 0..100 {
            let waited = if at % 20 == 0 { Duration::ZERO } else { 50 * MS };
            assert!(!shedder.sheds(start + at * 5 * MS, waited, Priority::Low), "at {at}");
        }
        let from = start + 500 * MS;
        let sheds = |at: u32, waited, priority| shedder.sheds(from + at * MS, waited, priority);
        for at in 0..250 {
            sheds(at, 20 * MS, Priority::High);
        }
        assert!(shedder.numbers().stands);
        assert!(sheds(251, 20 * MS, Priority::Normal));
        assert!(!sheds(252, 4 * MS, Priority::Normal));
        assert!(sheds(253, 4 * MS, Priority::Low));
        assert!(!sheds(254, 99 * MS, Priority::High) && sheds(255, 101 * MS, Priority::High));
        // Where it hovers below the target it still stands; with no wait for an interval it does not.
        for at in 256..460 {
            sheds(at, 4 * MS, Priority::High);
        }
        assert!(sheds(461, 6 * MS, Priority::Normal));
        for at in 462..700 {
            sheds(at, Duration::ZERO, Priority::High);
        }
        assert!(!sheds(701, 50 * MS, Priority::Low));
    }

    #[test]
    fn a_queue_that_nobody_took_from_for_long_does_not_stand() {
        let start = Instant::now();
        let shedder = Shedder::default();
        for at in 0..150 {
            shedder.sheds(start + at * MS, 20 * MS, Priority::High);
        }
        assert!(shedder.numbers().stands);
        assert!(!shedder.sheds(start + 10_000 * MS, 20 * MS, Priority::Normal));
    }
}
