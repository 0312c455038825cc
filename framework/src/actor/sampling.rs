//! Which messages are timed from the moment they are sent, and how the sender says so.
//!
//! ```text
//!   sender's thread:  . . . . . . . S . . . . . . . . . . . . . S . .      one send in n carries its time
//!                     └── weight 8 ─┘└───────── weight 14 ──────┘          and stands for the n since the last
//!
//!   stamped message ──> mailbox ──> opened by its handler: now - stamp is how long it waited
//! ```
//!
//! **What it is.** A stamped message has a slot for its answer also when nobody waits for one, as a traced tell has, and
//! the time and the weight are in that slot. So a stamp is with its message wherever that goes, however many wait, and
//! whoever opens a message that has none pays nothing.
//!
//! **Which.** Every thread counts its sends, to all actors, and stamps one in n. After each it chooses the next n by how
//! long the last n took: a stamp costs two looks at a clock and memory of other threads, some 400 ns, and one in 128 us is
//! then a third of a percent, however fast the thread sends. A thread that sends less often than that stamps every message.
//!
//! **Guarantees.** No coordinated omission: the time counts from when the message was sent (of one that found no room,
//! from when it first tried), whether or not its handler got round to anything since. A stall shows in the messages that
//! waited through it, each with its weight. The n is chosen before its messages are sent, so that the weights add up,
//! without a bias, to all messages.
//!
//! **Cost.** A decrement and a branch a send.
//!
//! **Bad at.** Messages that are sent while DEBUG spans are on are stamped as well, and are as slow as those are.

use std::cell::Cell;
use std::time::Duration;

use super::commons::Commons;
use super::stamp::Stamp;

/// About how often a thread may stamp.
const EVERY: Duration = Duration::from_micros(128);
/// The most messages that one stands for.
const WEIGHT_MAX: u32 = 8_192;
/// How fast the number of them may grow, so that a burst does not end up with none.
const GROWTH_MAX: u32 = 4;
/// A call that stands for so many is a quick one.
const QUICK_FROM: u32 = 64;
/// Of those one in so many is counted.
const QUICK_EVERY: u32 = 8;
/// A thread that sends to a system without a monitor looks at it this often.
const UNWATCHED: u32 = 64;

thread_local! {
    /// Sends until the next that is stamped.
    static LEFT: Cell<u32> = const { Cell::new(1) };
    /// Quick calls that were timed, since the last that was counted.
    static QUICK: Cell<u32> = const { Cell::new(0) };
    static PACER: Pacer = const { Pacer { weight: Cell::new(1), last: Cell::new(0) } };
}

/// How often a thread stamps.
struct Pacer {
    /// Sends that the next stamp stands for.
    weight: Cell<u32>,
    /// When the last was, by its system's clock.
    last: Cell<u64>,
}

/// Counts a send of this thread. True: it is one that may be [stamped](stamp).
#[inline(always)]
pub(super) fn is_due() -> bool {
    LEFT.with(|left| {
        let now_left = left.get().wrapping_sub(1);
        left.set(now_left);
        now_left == 0
    })
}

/// What a timed call of this weight is counted as, if it is counted: of quick ones, whose count would cost as much as the
/// look at the clock, one in eight is. The first of a thread is.
pub(super) fn counted(weight: u32) -> Option<u32> {
    if weight < QUICK_FROM {
        return Some(weight);
    }
    let before = QUICK.with(|quick| quick.replace(quick.get().wrapping_add(1)));
    before.is_multiple_of(QUICK_EVERY).then_some(weight * QUICK_EVERY)
}

/// The stamp of the send that is due, if its system measures how long messages wait.
#[cold]
#[inline(never)]
pub(super) fn stamp(commons: &Commons) -> Option<Stamp> {
    let is_wanted = commons.sampling.waiting();
    let now = if is_wanted { commons.nanos() } else { 0 };
    PACER.with(|pacer| {
        let weight = pacer.weight.get();
        let next = if is_wanted { pacer.next(now) } else { UNWATCHED };
        pacer.weight.set(next);
        LEFT.with(|left| left.set(next));
        if is_wanted { Stamp::new(now, weight) } else { None }
    })
}

impl Pacer {
    /// How many sends the next stamp stands for.
    fn next(&self, now: u64) -> u32 {
        let took = now.saturating_sub(self.last.replace(now));
        next_weight(self.weight.get(), took)
    }
}

/// `weight` sends took so long: how many to let go by before the next stamp. A clock that stands still is a test's, which
/// wants to see every message.
fn next_weight(weight: u32, took: u64) -> u32 {
    if took == 0 {
        return 1;
    }
    let fits = EVERY.as_nanos() as u64 * u64::from(weight) / took;
    u32::try_from(fits).unwrap_or(u32::MAX).clamp(1, weight.saturating_mul(GROWTH_MAX).min(WEIGHT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stamps of a thread that sends every `gap` nanoseconds, from the second on.
    fn stamps(gap: u64, sends: u32) -> (u32, u32) {
        let (mut weight, mut left, mut count, mut weights) = (1, 1, 0, 0);
        for _ in 0..sends {
            left -= 1;
            if left == 0 {
                count += 1;
                weights += weight;
                weight = next_weight(weight, u64::from(weight) * gap);
                left = weight;
            }
        }
        (count, weights)
    }

    #[test]
    fn weights_add_up_to_the_sends_and_stamps_cost_a_fixed_part_of_the_time() {
        for gap in [20, 40, 200, 5_000, 128_001, 1_000_000] {
            let sends = 1_000_000;
            let (count, weights) = stamps(gap, sends);
            assert!(sends - weights < WEIGHT_MAX, "{gap}: {weights}");
            let nanos_each = u64::from(sends) * gap / u64::from(count);
            assert!(nanos_each >= 96_000, "{gap} ns a send: one stamp in {nanos_each} ns");
        }
    }

    #[test]
    fn a_slow_sender_and_a_stopped_clock_stamp_every_message() {
        assert_eq!(stamps(200_000, 1_000).0, 1_000);
        assert_eq!(next_weight(64, 0), 1);
    }
}
