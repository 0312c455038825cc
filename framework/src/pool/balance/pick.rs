//! The strategies.

use super::roster::{Member, Roster, SLOT_BITS, mix, reduce};
use super::{Balancer, Ordering};

/// Who gets the next call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Balance {
    /// One after the other.
    RoundRobin,
    /// One after the other, each as often as its weight says, and as evenly as that goes.
    Weighted,
    /// The one with the fewest calls and messages, by its weight: of all of up to 16 replicas, of 2 of more.
    LeastLoaded,
    /// Of two that chance picks, the one with fewer.
    PowerOfTwo,
    /// The one where a call is expected to end first, as calls have lately taken: for replicas that are not alike, or
    /// not always well.
    Adaptive,
    /// The one that the key belongs to. The same key, the same replica, as long as that has at most `bound` times the
    /// mean load. Set by [`PoolSpec::by_key`](crate::pool::PoolSpec::by_key).
    #[doc(hidden)]
    ByKey {
        /// At least 1.
        bound: f32,
    },
}

/// Up to so many members are all looked at: among few, one that is passed over by chance idles.
pub(super) const SCAN_MAX: usize = 16;
/// How many are looked at where there are more: each further look costs as much as a roster's load, and Mitzenmacher's
/// result is that the second is the one that matters.
pub(super) const SAMPLES: usize = 2;

impl Balance {
    pub(super) fn takes_turns(self) -> bool {
        self == Balance::Weighted
    }

    pub(super) fn is_by_key(self) -> bool {
        matches!(self, Balance::ByKey { .. })
    }
}

impl<T> Balancer<T> {
    pub(super) fn pick(
        &self,
        roster: &Roster<T>,
        now: u64,
        key: u64,
        random: u64,
        queued: impl Fn(&T) -> u32,
    ) -> usize {
        let len = roster.members.len();
        if len == 1 {
            return 0;
        }
        let picked = match self.balance {
            Balance::RoundRobin => Some(self.turn(len)),
            Balance::Weighted => Some(usize::from(roster.turns[self.turn(roster.turns.len())])),
            Balance::LeastLoaded => {
                let count = if len <= SCAN_MAX { len } else { SAMPLES };
                self.least(roster, now, samples(len, count, random), |member| calls(member, &queued))
            }
            Balance::PowerOfTwo => {
                self.least(roster, now, samples(len, 2, random), |member| calls(member, &queued))
            }
            // Two of them, so that a few are kept in registers.
            Balance::Adaptive if len <= SCAN_MAX => self.quickest::<SCAN_MAX>(roster, now, random, &queued),
            Balance::Adaptive => self.quickest::<SAMPLES>(roster, now, random, &queued),
            Balance::ByKey { bound } => return self.owner(roster, now, key, bound),
        };
        match picked {
            Some(at) if self.takes(&roster.members[at], now, random) => at,
            picked => self.pick_on(roster, now, picked.unwrap_or_else(|| reduce(mix(random), len))),
        }
    }

    /// Whose turn it is, of `len`. At 2^32 turns the order has a seam.
    fn turn(&self, len: usize) -> usize {
        // ORDERING: Relaxed; only its number matters. 32 bits, because they are divided in half the time.
        (self.next_turn.fetch_add(1, Ordering::Relaxed) % len as u32) as usize
    }

    /// Whether a member that was picked takes the call: while it starts slowly it leaves a part to others.
    ///
    /// Those that weigh members have done so already; a second time would only make the start slower.
    fn takes(&self, member: &Member<T>, now: u64, random: u64) -> bool {
        if !member.load.is_in_service(now) {
            return false;
        }
        let takes_turns = matches!(self.balance, Balance::RoundRobin | Balance::Weighted);
        let chance = || (mix(random) >> 40) as f32 / (1u64 << 24) as f32;
        !takes_turns || {
            let warmth = member.load.warmth(now, &self.settings);
            warmth >= 1.0 || chance() < warmth
        }
    }

    /// The next one that is in service, from this place on; the one at this place if nobody is.
    #[cold]
    fn pick_on(&self, roster: &Roster<T>, now: u64, at: usize) -> usize {
        let len = roster.members.len();
        let mut others = (1..=len).map(|step| (at + step) % len);
        others.find(|&at| roster.members[at].load.is_in_service(now)).unwrap_or(at)
    }

    /// The one in service with the lowest score by its weight and warmth; the first of equals.
    fn least(
        &self,
        roster: &Roster<T>,
        now: u64,
        places: impl Iterator<Item = usize>,
        score: impl Fn(&Member<T>) -> f32,
    ) -> Option<usize> {
        let mut best = Best::default();
        for at in places {
            let member = &*roster.members[at];
            if member.load.is_in_service(now) {
                best.offer(at, self.weighed(roster, at, now, score(member)));
            }
        }
        best.place()
    }

    /// The score of a member by its part of the work: larger for one of little weight, or one that starts slowly.
    fn weighed(&self, roster: &Roster<T>, at: usize, now: u64, score: f32) -> f32 {
        let score = score * roster.per_weight[at];
        match roster.members[at].load.warmth(now, &self.settings) {
            1.0 => score,
            warmth => score / warmth,
        }
    }

    /// Of as many as `COUNT` members the one where a call is expected to end first.
    fn quickest<const COUNT: usize>(
        &self,
        roster: &Roster<T>,
        now: u64,
        random: u64,
        queued: impl Fn(&T) -> u32,
    ) -> Option<usize> {
        let len = roster.members.len();
        // What of those that are not known yet: they may be as quick as the quickest.
        let mut least_cost = f32::INFINITY;
        let mut seen = [(0, f32::INFINITY, f32::INFINITY); COUNT];
        for (seen, at) in seen.iter_mut().zip(samples(len, COUNT, random)) {
            let member = &*roster.members[at];
            if member.load.is_in_service(now) {
                let cost = member.load.cost_or_infinite(now, &self.settings);
                least_cost = least_cost.min(cost);
                *seen = (at, self.weighed(roster, at, now, calls(member, &queued)), cost);
            }
        }
        if least_cost.is_infinite() {
            least_cost = 1.0;
        }
        let mut best = Best::default();
        for (at, calls, cost) in seen {
            best.offer(at, calls * if cost.is_finite() { cost } else { least_cost });
        }
        best.place()
    }

    /// The member that the key belongs to, or the next one in the key's own order that is not too full.
    fn owner(&self, roster: &Roster<T>, now: u64, key: u64, bound: f32) -> usize {
        let len = roster.members.len();
        // ORDERING: Relaxed; a sum.
        let calls = self.in_flight.load(Ordering::Relaxed) + 1;
        // At least what all must have when the calls are spread evenly, so that there always is room.
        let full = ((bound * calls as f32) as u32 / len as u32).max(calls.div_ceil(len as u32));
        let mut hash = key;
        let mut spare = None;
        for _ in 0..2 * len {
            let at = usize::from(roster.slots[(hash >> (u64::BITS - SLOT_BITS)) as usize]);
            let load = &roster.members[at].load;
            if load.is_in_service(now) {
                if load.in_flight() < full {
                    return at;
                }
                spare.get_or_insert(at);
            }
            hash = mix(hash);
        }
        let mut others = (0..len).filter(|&at| roster.members[at].load.is_in_service(now));
        let with_room = others.find(|&at| roster.members[at].load.in_flight() < full);
        with_room
            .or(spare)
            .unwrap_or_else(|| usize::from(roster.slots[(key >> (u64::BITS - SLOT_BITS)) as usize]))
    }
}

/// The place with the lowest score, of those offered; the first of equals. A comparison of whole numbers, because which
/// of two is lower is chance, and a branch on chance costs more than a look.
struct Best {
    /// The bits of the score: as it is not negative, they are in its order.
    score: u32,
    place: usize,
}

impl Default for Best {
    fn default() -> Self {
        Best { score: f32::INFINITY.to_bits(), place: usize::MAX }
    }
}

impl Best {
    /// An infinite score is no offer.
    fn offer(&mut self, place: usize, score: f32) {
        debug_assert!(score >= 0.0, "{score}");
        let is_lower = score.to_bits() < self.score;
        self.place = if is_lower { place } else { self.place };
        self.score = self.score.min(score.to_bits());
    }

    fn place(self) -> Option<usize> {
        (self.place != usize::MAX).then_some(self.place)
    }
}

/// The calls that a new one would wait for, itself included.
fn calls<T>(member: &Member<T>, queued: impl Fn(&T) -> u32) -> f32 {
    // What was asked and waits is in both.
    (member.load.in_flight().max(queued(&member.target)) + 1) as f32
}

/// All of up to `count` places, from a random one on; of more places `count` that chance picks, of which two that
/// follow each other differ.
fn samples(len: usize, count: usize, random: u64) -> impl Iterator<Item = usize> {
    let first = reduce(random, len);
    let mut chance = random;
    let mut at = first;
    (0..count.min(len)).map(move |n| {
        let here = at;
        at += if len <= count {
            1
        } else {
            chance = if n == 0 { chance << 32 } else { mix(chance) };
            1 + reduce(chance, len - 1)
        };
        if at >= len {
            at -= len;
        }
        here
    })
}
