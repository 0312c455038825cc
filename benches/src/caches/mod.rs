//! Caches: a hit in memory, and what a trace of real requests finds.
//!
//! **A hit.** One thread, then two, read keys that are all there, in an order drawn before. `keyed` is a [`KeyedCache`](ostraca::cache::KeyedCache)
//! whose reader has the time already, as an actor's turn has; `accessor` is a whole `actor.price(&key).await` that is
//! ready at its first poll, and `tiered` a whole `cache.get(&key).await` of a cache alone: both read a clock.
//!
//! **Misses.** The trace web07 (product pages of a shop; `OSTRACA_WEB07=FILE`, big-endian 32-bit keys) is read once through caches of
//! 500, 1,000 and 4,000 entries, a miss being filled at once. The figure is the share of misses in percent.

mod hits;
mod trace;

use crate::work::{Bar, Group, Work};

/// How many reads a measurement makes.
const READS: u64 = 4_000_000;

/// Libraries that a cache's memory could be.
const LIBRARIES: &[&str] = &["quick_cache", "moka", "foyer"];

/// The table.
pub fn group() -> Group {
    let one = Work::new("hit", &[Bar::AtMostScaled(60.0)])
        .by("ostraca", "keyed", READS, |ops| hits::keyed(ops, 1))
        .by("ostraca", "tiered", READS, |ops| hits::tiered(ops, 1))
        .by("ostraca", "accessor", READS, |ops| hits::accessor(ops, 1))
        .by("quick_cache", "", READS, |ops| hits::quick_cache(ops, 1))
        .by("moka", "", READS, |ops| hits::moka(ops, 1));
    let bars =
        [Bar::AtLeast { times: 0.8, of: &["quick_cache"] }, Bar::AtLeast { times: 5.0, of: &["moka"] }];
    let two = Work::new("hit/2t", &bars)
        .by("ostraca", "keyed", READS, |ops| hits::keyed(ops, 2))
        .by("ostraca", "tiered", READS, |ops| hits::tiered(ops, 2))
        .by("ostraca", "accessor", READS, |ops| hits::accessor(ops, 2))
        .by("quick_cache", "", READS, |ops| hits::quick_cache(ops, 2))
        .by("moka", "", READS, |ops| hits::moka(ops, 2));
    let mut works = vec![one, two];
    works.extend([misses("misses/500", 500), misses("misses/1000", 1_000), misses("misses/4000", 4_000)]);
    Group { name: "cache", works }
}

/// The trace through caches of `capacity` entries. A function cannot carry it, so it is the number of operations.
fn misses(name: &'static str, capacity: u64) -> Work {
    Work::new(name, &[Bar::WithinPoints { points: 1.0, of: LIBRARIES }])
        .in_percent()
        .rounds_max(1)
        .by("ostraca", "", capacity, trace::ostraca)
        .by("quick_cache", "", capacity, trace::quick_cache)
        .by("moka", "", capacity, trace::moka)
        .by("foyer", "s3fifo", capacity, trace::foyer_s3fifo)
        .by("foyer", "w-tinylfu", capacity, trace::foyer_lfu)
}
