//! Who is there to be picked: one state of a pool's members, and what is worked out of it once for all picks.

use std::sync::Arc;

use super::load::Load;

/// One replica.
#[derive(Debug)]
pub struct Member<T> {
    /// Tells it from all others that ever were.
    pub id: u64,
    /// Its part of the work, by the strategies that know weights.
    pub weight: u32,
    /// What is known of it.
    pub load: Load,
    /// What is picked.
    pub target: T,
}

/// The members at one time. Exchanged as a whole.
#[derive(Debug)]
pub(super) struct Roster<T> {
    pub(super) members: Box<[Arc<Member<T>>]>,
    /// One by each member's weight, together: a pick reads no second line of a member for it.
    pub(super) per_weight: Box<[f32]>,
    /// By whose turn it is: nginx's smooth weighted order. Empty where nobody needs it.
    pub(super) turns: Box<[u16]>,
    /// By a key's hash: whose it is. Empty likewise.
    pub(super) slots: Box<[u16]>,
}

/// The most members: places among them are 16 bits.
pub(crate) const MEMBERS_MAX: usize = 1024;
/// Keys are spread over so many slots. With 1,024 members each has 16, so that shares differ by 6 % at most.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;
pub(super) const SLOT_BITS: u32 = 14;
/// The most turns that are worked out in advance; larger sums of weights are scaled down.
const TURNS_MAX: u64 = 16_384;

impl<T> Roster<T> {
    /// `before` had the slots before; `with_turns`: somebody takes turns by weight.
    pub(super) fn new(
        members: Vec<Arc<Member<T>>>,
        before: Option<&Roster<T>>,
        with_turns: bool,
        with_slots: bool,
    ) -> Self {
        assert!((1..=MEMBERS_MAX).contains(&members.len()), "a pool has 1 to {MEMBERS_MAX} members");
        let weights: Vec<u32> = members.iter().map(|member| member.weight).collect();
        let turns = if with_turns { turns(&weights) } else { Box::default() };
        let slots = if with_slots { slots(&members, before) } else { Box::default() };
        let per_weight = weights.iter().map(|&weight| 1.0 / weight.max(1) as f32).collect();
        Roster { members: members.into_boxed_slice(), per_weight, turns, slots }
    }
}

/// The order of one round of smooth weighted round robin, as nginx picks: each time everybody's current weight grows by
/// its weight, the largest is picked and pays the sum of all.
fn turns(weights: &[u32]) -> Box<[u16]> {
    let weights: Vec<u64> = weights.iter().map(|weight| u64::from(*weight).max(1)).collect();
    let sum: u64 = weights.iter().sum();
    // Scaled so that the smallest keeps at least one turn.
    let scale = |weight: u64| if sum > TURNS_MAX { (weight * TURNS_MAX / sum).max(1) } else { weight };
    let weights: Vec<i64> = weights.iter().map(|&weight| scale(weight) as i64).collect();
    let divisor = weights.iter().copied().fold(0, gcd);
    let weights: Vec<i64> = weights.iter().map(|weight| weight / divisor).collect();
    let sum: i64 = weights.iter().sum();
    let mut current = vec![0i64; weights.len()];
    let mut turns = Vec::with_capacity(sum as usize);
    for _ in 0..sum {
        let mut best = 0;
        for at in 0..weights.len() {
            current[at] += weights[at];
            // The first of equals, as nginx does.
            if current[at] > current[best] {
                best = at;
            }
        }
        current[best] -= sum;
        turns.push(best as u16);
    }
    turns.into_boxed_slice()
}

fn gcd(a: i64, b: i64) -> i64 {
    if a == 0 { b } else { gcd(b % a, a) }
}

/// Whose each slot is. A member keeps its slots as long as it does not have more than its part, so that one who leaves
/// takes nobody else's with it, and one who comes gets a part of everybody's and no more.
fn slots<T>(members: &[Arc<Member<T>>], before: Option<&Roster<T>>) -> Box<[u16]> {
    let sum: u64 = members.iter().map(|member| u64::from(member.weight.max(1))).sum();
    let mut quotas = Vec::with_capacity(members.len());
    let mut given = 0;
    let mut weight_so_far = 0u64;
    for member in members {
        weight_so_far += u64::from(member.weight.max(1));
        let up_to = (SLOTS as u64 * weight_so_far).div_ceil(sum) as usize;
        quotas.push(up_to - given);
        given = up_to;
    }
    let place = |id: u64| members.iter().position(|member| member.id == id);
    // Of each place in the list before, the place now.
    let moved: Vec<Option<usize>> =
        before.map_or_else(Vec::new, |before| before.members.iter().map(|member| place(member.id)).collect());
    let old = |slot: usize| moved[usize::from(before?.slots[slot])];
    // Who holds more than a fair share gives up the slots at the end of its own.
    let mut owners: Vec<Option<usize>> = (0..SLOTS)
        .map(|slot| before.filter(|before| !before.slots.is_empty()).and_then(|_| old(slot)))
        .map(|owner| owner.filter(|&owner| take_one(&mut quotas[owner])))
        .collect();
    // The rest, to whoever has room, by the slot's own order of the members: it does not depend on who left.
    for (slot, owner) in owners.iter_mut().enumerate().filter(|(_, owner)| owner.is_none()) {
        let first = reduce(mix(slot as u64), members.len());
        let free = (0..members.len()).map(|at| (first + at) % members.len()).find(|&at| quotas[at] > 0);
        let free = free.expect("the quotas add up to the slots");
        quotas[free] -= 1;
        *owner = Some(free);
    }
    owners.into_iter().map(|owner| owner.expect("each was given") as u16).collect()
}

fn take_one(quota: &mut usize) -> bool {
    let is_left = *quota > 0;
    *quota -= usize::from(is_left);
    is_left
}

/// SplitMix64's finalizer.
pub(super) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number below `len` from the upper bits of a random one (Lemire).
pub(super) fn reduce(random: u64, len: usize) -> usize {
    (((random >> 32) * len as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_in_the_order_of_nginx() {
        // The example in nginx's commit of the algorithm (52327e0627f4): { 5, 1, 1 } gives a, a, b, a, c, a, a.
        assert_eq!(*turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(*turns(&[2, 2]), [0, 1], "by the greatest common divisor");
        assert_eq!(
            turns(&[u32::MAX, 1]).iter().filter(|turn| **turn == 1).count(),
            1,
            "the smallest has a turn"
        );
    }

    fn members(ids: impl IntoIterator<Item = u64>) -> Vec<Arc<Member<()>>> {
        ids.into_iter()
            .map(|id| Arc::new(Member { id, weight: 1, load: Load::new(None), target: () }))
            .collect()
    }

    #[test]
    fn a_member_that_leaves_takes_only_its_own_slots_along() {
        for n in [2u64, 3, 10, 100, 256] {
            let before = Roster::new(members(0..n), None, false, true);
            for gone in [0, n / 2, n - 1] {
                let after = Roster::new(members((0..n).filter(|id| *id != gone)), Some(&before), false, true);
                let owner =
                    |roster: &Roster<()>, slot: usize| roster.members[usize::from(roster.slots[slot])].id;
                let moved: Vec<_> =
                    (0..SLOTS).filter(|&slot| owner(&before, slot) != owner(&after, slot)).collect();
                assert!(
                    moved.iter().all(|&slot| owner(&before, slot) == gone),
                    "only slots of {gone} of {n}"
                );
                assert!(moved.len() as f64 <= 1.05 * SLOTS as f64 / n as f64, "{} of {n}", moved.len());
            }
        }
    }

    #[test]
    fn a_member_that_comes_gets_its_part_and_nothing_else_moves() {
        let before = Roster::new(members(0..9), None, false, true);
        let after = Roster::new(members(0..10), Some(&before), false, true);
        let owner = |roster: &Roster<()>, slot: usize| roster.members[usize::from(roster.slots[slot])].id;
        let moved: Vec<_> = (0..SLOTS).filter(|&slot| owner(&before, slot) != owner(&after, slot)).collect();
        assert!(moved.iter().all(|&slot| owner(&after, slot) == 9));
        assert!(moved.len().abs_diff(SLOTS / 10) <= 1, "{}", moved.len());
    }
}
