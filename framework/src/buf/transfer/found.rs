//! What was found in memory a moment ago, by any transfer of a file.

use std::fmt;
use std::time::Instant;

use super::TURN_BYTES_MAX;
use crate::sync::atomic::{AtomicU64, Ordering};

/// How long a finding holds, in [`TICK_MS`]: 96 ms. What has just been sent is the last that the kernel drops.
const HOLDS_TICKS: u64 = 6;
const TICK_MS: u128 = 16;

/// Findings kept for a file at most: all of a GiB, 4 KiB.
const LEN_MAX: u64 = 512;

const PAGE_LEN: u64 = 4 << 10;
const PAGE_BITS: u32 = TURN_BYTES_MAX.trailing_zeros() - PAGE_LEN.trailing_zeros();
const TIME_BITS: u32 = 18;
const BLOCK_BITS: u32 = u64::BITS - 2 * PAGE_BITS - TIME_BITS;

/// The last finding in each block of [`TURN_BYTES_MAX`], where as many blocks as there are words share one. It saves the
/// questions of all but one of many transfers, and is nothing but a hint: a word that is lost or old costs questions
/// again.
///
/// ```text
///   block (28 bits) | first page in it (9) | last page in it (9) | when (18 bits: 70 minutes, then round again)
/// ```
pub(super) struct Found {
    began: Instant,
    words: Box<[AtomicU64]>,
}

impl Found {
    /// For a file that is `len` long now.
    pub(super) fn new(len: u64) -> Self {
        let words = len.div_ceil(TURN_BYTES_MAX).clamp(1, LEN_MAX);
        Found { began: Instant::now(), words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether all of `len` bytes from `at`, which lie in one block, were in memory a moment ago.
    pub(super) fn holds(&self, at: u64, len: u64) -> bool {
        let sought = Finding::of(at, len, self.now());
        // ORDERING: Relaxed; the word is whole in itself and publishes nothing.
        sought.is_some_and(|sought| {
            Finding::read(self.word(sought.block).load(Ordering::Relaxed)).covers(sought)
        })
    }

    /// They are in memory.
    pub(super) fn add(&self, at: u64, len: u64) {
        if let Some(finding) = Finding::of(at, len, self.now()) {
            // ORDERING: Relaxed; as above.
            self.word(finding.block).store(finding.to_word(), Ordering::Relaxed);
        }
    }

    fn word(&self, block: u64) -> &AtomicU64 {
        // Fewer than 512, so it fits.
        &self.words[(block % self.words.len() as u64) as usize]
    }

    /// Never so early that a word of zeros would hold.
    fn now(&self) -> u64 {
        (self.began.elapsed().as_millis() / TICK_MS) as u64 + HOLDS_TICKS + 1
    }
}

/// A word, taken apart.
#[derive(Clone, Copy)]
struct Finding {
    block: u64,
    first: u64,
    last: u64,
    when: u64,
}

impl Finding {
    /// `None` where no word has room for it: beyond 512 TiB.
    fn of(at: u64, len: u64, now: u64) -> Option<Self> {
        let (block, end) = (at / TURN_BYTES_MAX, at + len.max(1) - 1);
        debug_assert_eq!(block, end / TURN_BYTES_MAX, "in one block");
        let page = |at: u64| at % TURN_BYTES_MAX / PAGE_LEN;
        let when = now & low(TIME_BITS);
        (block <= low(BLOCK_BITS)).then(|| Finding { block, first: page(at), last: page(end), when })
    }

    fn to_word(self) -> u64 {
        ((self.block << PAGE_BITS | self.first) << PAGE_BITS | self.last) << TIME_BITS | self.when
    }

    fn read(word: u64) -> Self {
        let when = word & low(TIME_BITS);
        let last = word >> TIME_BITS & low(PAGE_BITS);
        let first = word >> (TIME_BITS + PAGE_BITS) & low(PAGE_BITS);
        Finding { block: word >> (TIME_BITS + 2 * PAGE_BITS), first, last, when }
    }

    fn covers(self, sought: Finding) -> bool {
        let age = sought.when.wrapping_sub(self.when) & low(TIME_BITS);
        self.block == sought.block
            && self.first <= sought.first
            && sought.last <= self.last
            && age <= HOLDS_TICKS
    }
}

const fn low(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = TURN_BYTES_MAX;

    #[test]
    fn what_was_found_holds_for_itself_and_its_parts() {
        let found = Found::new(8 * BLOCK);
        assert!(!found.holds(0, 1), "at first");
        for (at, len) in [(0, 1), (5, PAGE_LEN), (7 * BLOCK, BLOCK), (3 * BLOCK + 70_000, 100_000)] {
            found.add(at, len);
            assert!(found.holds(at, len) && found.holds(at + len - 1, 1), "{at} {len}");
            // A page is whole: the next one is not known.
            let beyond = (at + len).next_multiple_of(PAGE_LEN);
            assert!(!found.holds(beyond, 1) && !found.holds(at ^ BLOCK, 1), "{at} {len}");
        }
        // A word is shared by blocks of the same rest; the last one has it.
        found.add(9 * BLOCK, BLOCK);
        found.add(BLOCK, PAGE_LEN);
        assert!(found.holds(BLOCK, 1) && !found.holds(9 * BLOCK, 1));
        // Beyond what a word can say nothing is found.
        let far = BLOCK << BLOCK_BITS;
        found.add(far, 1);
        assert!(!found.holds(far, 1) && found.holds(BLOCK, 1));
    }

    #[test]
    fn a_finding_holds_a_moment_and_time_goes_round() {
        let finding = |now| Finding::of(0, BLOCK, now).unwrap();
        for now in [100, low(TIME_BITS) - 2, low(TIME_BITS) + 5, 1 << 40] {
            let word = Finding::read(finding(now).to_word());
            assert!(word.covers(finding(now)) && word.covers(finding(now + HOLDS_TICKS)), "{now}");
            assert!(!word.covers(finding(now + HOLDS_TICKS + 1)), "{now}");
            assert!(!word.covers(finding(now - 1)), "{now}: what is of the future is old");
        }
    }
}
