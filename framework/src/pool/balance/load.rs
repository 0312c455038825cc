//! What is known of one replica: cells that callers write and picks read.
//!
//! ```text
//!   line 0, read by picks    in_flight | streak   estimate (cost, when)   starts   out_until   fresh_since   rounds
//!   line 1, counted only     picks   answered   failed   left   told   took   busy   ejections
//! ```
//!
//! **Cost.** A call that begins adds to three or four of them, one that ends to four or five; a look by a pick reads
//! the first line and writes nothing.
//!
//! **Guarantees.** The sums are exact when the callers rest, whatever order they came in: how long calls took and how
//! long a replica was busy are differences of sums of moments, in which every beginning is subtracted and every end
//! added. A look beside a change may misjudge one replica once.

use super::settings::Settings;
use crate::stats::SharedCounter;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// How a call ended, for whoever picks the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By an answer.
    Answered,
    /// By a failure of the replica.
    Failed,
    /// The caller went, and did not see the end.
    Left,
}

/// One replica, as its callers know it.
#[derive(Debug)]
#[repr(align(64))]
pub struct Load {
    in_flight: AtomicU32,
    /// Failures since the last answer.
    streak: AtomicU32,
    /// The estimate of a call's cost, an `f32` of nanoseconds, above the tick it was made at. 0: none yet.
    estimate: AtomicU64,
    /// Minus the sum of the moments at which the calls that are under way began.
    starts: AtomicU64,
    /// It is not picked before this moment. 0: it is in service.
    out_until: AtomicU64,
    /// When its slow start began. 0: it has none.
    fresh_since: AtomicU64,
    /// How often in a row it was ejected; and how many answers it has given since the last time.
    rounds: AtomicU32,
    redeemed: AtomicU32,
    /// No call is to begin any more.
    leaves: AtomicBool,
    counts: Counts,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Counts {
    picks: SharedCounter,
    answered: SharedCounter,
    failed: SharedCounter,
    left: SharedCounter,
    told: SharedCounter,
    took: SharedCounter,
    busy: SharedCounter,
    ejections: SharedCounter,
}

/// What one replica has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadNumbers {
    /// Calls under way.
    pub in_flight: u32,
    /// Calls that were sent to it.
    pub picks: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls whose caller went.
    pub left: u64,
    /// Messages that nobody waited for.
    pub told: u64,
    /// Of the calls that ended, from their beginning to their end, together; in nanoseconds.
    pub took: u64,
    /// For how long any call was under way; in nanoseconds.
    pub busy: u64,
    /// How often it was ejected.
    pub ejections: u64,
    /// Whether it is ejected now.
    pub is_out: bool,
}

/// Answers after which an ejection is forgotten.
const REDEEMED_BY: u32 = 100;

impl Load {
    /// A replica that is not known yet; one that joins others later has a slow start.
    pub fn new(fresh_since: Option<u64>) -> Self {
        Load {
            in_flight: AtomicU32::new(0),
            streak: AtomicU32::new(0),
            estimate: AtomicU64::new(0),
            starts: AtomicU64::new(0),
            out_until: AtomicU64::new(0),
            fresh_since: AtomicU64::new(fresh_since.map_or(0, |since| since.max(1))),
            rounds: AtomicU32::new(0),
            redeemed: AtomicU32::new(0),
            leaves: AtomicBool::new(false),
            counts: Counts::default(),
        }
    }

    // ORDERING, of all of this file: Relaxed, but where it says otherwise. They are sums and estimates that say
    // nothing about other memory.

    /// A call begins: behind how many others. `None`, and it has not begun, at one who leaves.
    pub fn begin(&self, now: u64) -> Option<u32> {
        // The moment first, and at the end last: a look in between finds calls younger than they are, not older.
        self.starts.fetch_sub(now, Ordering::Relaxed);
        // ORDERING: SeqCst, both; they pair with the store and the look of `leave` and `is_idle`: either the call is seen
        // there, or the replica is seen to leave here.
        let behind = self.in_flight.fetch_add(1, Ordering::SeqCst);
        if behind == 0 {
            self.counts.busy.add(now.wrapping_neg());
        }
        if self.leaves.load(Ordering::SeqCst) {
            self.sub_call(now, now);
            return None;
        }
        self.counts.picks.add(1);
        Some(behind)
    }

    /// From now on no call begins here.
    pub fn leave(&self) {
        // ORDERING: SeqCst; see `begin`.
        self.leaves.store(true, Ordering::SeqCst);
    }

    /// It is a member again, as it was.
    pub fn stay(&self) {
        // ORDERING: SeqCst; see `begin`.
        self.leaves.store(false, Ordering::SeqCst);
    }

    /// A call that was not sent after all.
    pub fn take_back(&self, began: u64, now: u64) {
        self.sub_call(began, now);
        self.counts.picks.add(u64::MAX);
    }

    /// A message that nobody waits for was sent.
    pub fn told(&self, began: u64, now: u64) {
        self.sub_call(began, now);
        self.counts.told.add(1);
    }

    /// A call that began at `began`, behind so many others, ends. True: one failure too many in a row.
    pub fn end(&self, began: u64, behind: u32, now: u64, outcome: Outcome, settings: &Settings) -> bool {
        self.sub_call(began, now);
        let took = now.saturating_sub(began);
        self.counts.took.add(took);
        // The cost is what a call adds: of a replica that handles one after the other its part of the wait, which would
        // count twice else, here and as calls under way.
        let took = if settings.is_serial { took / (u64::from(behind) + 1) } else { took };
        match outcome {
            Outcome::Answered => {
                self.counts.answered.add(1);
                self.observe(now, took, false, settings);
                self.redeem();
                false
            }
            Outcome::Failed => {
                self.counts.failed.add(1);
                // Each in a row at least doubles it: who fails fast looks slower each time, not faster.
                let cost = self.cost(now, settings).unwrap_or(0.0);
                let penalty = settings.penalty.max((2.0 * cost) as u64).min(PENALTY_MAX);
                self.observe(now, took.max(penalty), true, settings);
                self.redeemed.store(0, Ordering::Relaxed);
                self.streak.fetch_add(1, Ordering::Relaxed) + 1 >= settings.failures_max
            }
            Outcome::Left => {
                self.counts.left.add(1);
                // It took at least so long.
                self.observe(now, took, true, settings);
                false
            }
        }
    }

    fn sub_call(&self, began: u64, now: u64) {
        // ORDERING: Release; pairs with the Acquire of `is_idle`.
        if self.in_flight.fetch_sub(1, Ordering::Release) == 1 {
            self.counts.busy.add(now);
        }
        self.starts.fetch_add(began, Ordering::Relaxed);
    }

    fn redeem(&self) {
        // A look before each write: of a replica that is well nothing is written.
        if self.streak.load(Ordering::Relaxed) != 0 {
            self.streak.store(0, Ordering::Relaxed);
        }
        if self.rounds.load(Ordering::Relaxed) != 0
            && self.redeemed.fetch_add(1, Ordering::Relaxed) + 1 >= REDEEMED_BY
        {
            self.rounds.store(0, Ordering::Relaxed);
        }
    }

    /// Takes a sample of a call's cost. `as_peak`: it counts only if it is above what is known.
    ///
    /// Peak-EWMA, as in Finagle's `Metric`: a sample above the estimate replaces it at once, one below draws it down
    /// by the time that has passed.
    fn observe(&self, now: u64, took: u64, as_peak: bool, settings: &Settings) {
        let took = took as f32;
        // The closure may be called again, when another has changed it meanwhile; nothing to be changed is no failure.
        let _ = self.estimate.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
            let Some(estimate) = Estimate::unpack(packed) else {
                return Some(Estimate::new(took, now).pack());
            };
            let kept = settings.kept_after(estimate.ticks_until(now));
            let cost = estimate.cost * kept;
            if took >= cost {
                return Some(Estimate::new(took, now).pack());
            }
            // Within one tick nothing has passed, and the tick is kept, so that it will have.
            (!as_peak && kept < 1.0).then(|| Estimate::new(cost + took * (1.0 - kept), now).pack())
        });
    }

    /// What a call is expected to add to the wait, in nanoseconds: the estimate as it has decayed, or what the mean age of
    /// the calls under way says where that is more, so that a replica that hangs shows it before its calls end. `None`
    /// of one that is not known yet.
    pub fn cost(&self, now: u64, settings: &Settings) -> Option<f32> {
        let cost = self.cost_or_infinite(now, settings);
        cost.is_finite().then_some(cost)
    }

    /// The same; infinite of one that is not known yet. A pick looks at this many times, at replicas that chance chose:
    /// so nothing in it is a branch that depends on one of them.
    pub(super) fn cost_or_infinite(&self, now: u64, settings: &Settings) -> f32 {
        let packed = self.estimate.load(Ordering::Relaxed);
        let estimate = Estimate::unpack(packed).unwrap_or(Estimate { cost: 0.0, tick: 0 });
        let known = estimate.cost * settings.kept_after(estimate.ticks_until(now));
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let calls = in_flight.max(1) as f32;
        let parts = if settings.is_serial { calls * calls } else { calls };
        let age = self.ages(now, in_flight) as f32 / parts;
        let is_known = packed != 0 || age > UNKNOWN_AGE;
        if is_known { known.max(age) } else { f32::INFINITY }
    }

    /// Calls under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether no call is under way, for whoever has said that none is to begin.
    pub fn is_idle(&self) -> bool {
        // ORDERING: SeqCst; see `begin`. It acquires what the last call did.
        self.in_flight.load(Ordering::SeqCst) == 0
    }

    /// Whether it may be picked. One whose time out is over is in service from this look on, and starts slowly.
    pub fn is_in_service(&self, now: u64) -> bool {
        let until = self.out_until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        if until > now {
            return false;
        }
        let mine = self.out_until.compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            // What it was punished with is served: else nobody would find out whether it is well again.
            self.estimate.store(0, Ordering::Relaxed);
            self.fresh_since.store(now.max(1), Ordering::Relaxed);
        }
        true
    }

    /// Whether it is ejected, without readmitting it.
    pub fn is_out(&self, now: u64) -> bool {
        self.out_until.load(Ordering::Relaxed) > now
    }

    /// Takes it out of service: each time in a row for twice as long.
    pub(super) fn eject(&self, now: u64, settings: &Settings) {
        let round = self.rounds.fetch_add(1, Ordering::Relaxed);
        let out = settings.ejection_min.saturating_mul(1 << round.min(20)).min(settings.ejection_max);
        self.streak.store(0, Ordering::Relaxed);
        self.redeemed.store(0, Ordering::Relaxed);
        self.out_until.store(now.saturating_add(out).max(1), Ordering::Relaxed);
        self.counts.ejections.add(1);
    }

    /// What part of its share it is to get: less than 1 while it starts slowly.
    pub fn warmth(&self, now: u64, settings: &Settings) -> f32 {
        let since = self.fresh_since.load(Ordering::Relaxed);
        if since == 0 {
            return 1.0;
        }
        let passed = now.saturating_sub(since);
        if passed >= settings.slow_start {
            // Whoever sees the end of it says so to the others.
            self.fresh_since.store(0, Ordering::Relaxed);
            return 1.0;
        }
        (passed as f32 / settings.slow_start as f32).max(COLD)
    }

    /// What it has done up to now.
    pub fn numbers(&self, now: u64) -> LoadNumbers {
        let in_flight = self.in_flight();
        let busy = self.counts.busy.value();
        LoadNumbers {
            in_flight,
            picks: self.counts.picks.value(),
            answered: self.counts.answered.value(),
            failed: self.counts.failed.value(),
            left: self.counts.left.value(),
            told: self.counts.told.value(),
            took: self.counts.took.value(),
            busy: if in_flight == 0 { busy } else { busy.wrapping_add(now) },
            ejections: self.counts.ejections.value(),
            is_out: self.is_out(now),
        }
    }

    /// The time that all calls have spent here together up to now, those under way included: its growth by the time
    /// that has passed is the mean number of calls under way.
    pub fn call_time(&self, now: u64) -> u64 {
        self.counts.took.value().wrapping_add(self.ages(now, self.in_flight()) as u64)
    }

    /// For how long the calls that are under way have been so, together; not negative, though beside a change it would
    /// come out below zero.
    fn ages(&self, now: u64, in_flight: u32) -> i64 {
        let ages = now.wrapping_mul(u64::from(in_flight)).wrapping_add(self.starts.load(Ordering::Relaxed));
        (ages as i64).max(0)
    }
}

/// The least part of its share that a replica gets in its slow start.
const COLD: f32 = 0.1;
/// Below this, in nanoseconds, the age of calls says nothing of a replica that has not answered any yet.
const UNKNOWN_AGE: f32 = 1e6;
/// The most that a failure counts as, in nanoseconds.
const PENALTY_MAX: u64 = 60_000_000_000;

/// A cost, and the tick it was estimated at: one word, so that both are of one moment.
struct Estimate {
    cost: f32,
    tick: u32,
}

impl Estimate {
    fn new(cost: f32, now: u64) -> Self {
        // Not 0, which stands for none.
        Estimate { cost: cost.max(1.0), tick: tick(now) }
    }

    fn pack(&self) -> u64 {
        u64::from(self.cost.to_bits()) << 32 | u64::from(self.tick)
    }

    fn unpack(packed: u64) -> Option<Self> {
        (packed != 0).then(|| Estimate { cost: f32::from_bits((packed >> 32) as u32), tick: packed as u32 })
    }

    fn ticks_until(&self, now: u64) -> u32 {
        let ticks = tick(now).wrapping_sub(self.tick);
        // Two callers' moments may come in the other order.
        if ticks > u32::MAX / 2 { 0 } else { ticks }
    }
}

/// In units of 2^16 ns: 32 bits of them are three days, and an estimate that old counts for nothing either way.
fn tick(now: u64) -> u32 {
    (now >> TICK_BITS) as u32
}

pub(super) const TICK_BITS: u32 = 16;
