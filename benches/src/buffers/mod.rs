//! Buffers: [`BufferPool`](ostraca::buf::BufferPool) against glibc's malloc and mimalloc.
//!
//! The allocators are called as such, with an alignment of 1 and nothing that a `Vec` would add; a buffer of the pool is
//! its whole [`PooledBuf`](ostraca::buf::PooledBuf), statistics and all. Nobody zeroes anything.
//!
//! | work | one operation is | what is done |
//! |---|---|---|
//! | `pair/SIZE` | a get and its drop | one buffer, again and again: everybody's best case |
//! | `queue/SIZE` | a get and its drop | 64 are in use; the oldest goes when one comes |
//! | `touch/SIZE/2t` | a get, a byte written into each page, a drop | two threads, each with 16 in use |
//! | `handoff/SIZE` | a get, a written line, a drop | one thread gets, another drops, 64 cross at once |
//! | `freeze/4k` | a get, 4 KiB copied in, `Bytes`, their drop | against `Bytes` from a `Vec` and from a `BytesMut` |
//! | `object` | a get and its drop | a vector of 64 strings with room for 64 bytes each, against making it anew |

mod sources;
mod works;

use crate::work::{Bar, Group, Work};

/// The calibration's fetch-adds that a get and a put may cost, of 6 ns each.
const PAIR: Bar = Bar::AtMostScaled(4.0 * 6.0);
/// Where the docs recommend the pool it is no slower than any allocator: from 16 KiB.
const NO_SLOWER: Bar = Bar::AtLeast { times: 1.0, of: &["glibc", "mimalloc"] };
/// From 4 KiB where the allocator is glibc's.
const THAN_GLIBC: Bar = Bar::AtLeast { times: 1.0, of: &["glibc"] };

/// The same work by the pool and by the allocators, at one size.
macro_rules! sized {
    ($name:literal, $bars:expr, $ops:expr, $work:ident, $len:expr) => {
        Work::new($name, $bars)
            .by("ostraca", "", $ops, |ops| works::$work::<sources::Pool, { $len }>(ops))
            .by("glibc", "", $ops, |ops| works::$work::<sources::Glibc, { $len }>(ops))
            .by("mimalloc", "", $ops, |ops| works::$work::<sources::Mimalloc, { $len }>(ops))
    };
}

/// The table.
pub fn group() -> Group {
    const M: u64 = 1_000_000;
    const K: usize = 1_024;
    let works = vec![
        sized!("pair/64", &[PAIR], 20 * M, pairs, 64),
        sized!("pair/1k", &[PAIR], 20 * M, pairs, K),
        sized!("pair/4k", &[PAIR, THAN_GLIBC], 20 * M, pairs, 4 * K),
        sized!("pair/16k", &[PAIR, NO_SLOWER], 20 * M, pairs, 16 * K),
        sized!("pair/64k", &[PAIR, NO_SLOWER], 20 * M, pairs, 64 * K),
        sized!("queue/64", &[], 10 * M, queue, 64),
        sized!("queue/1k", &[], 10 * M, queue, K),
        sized!("queue/4k", &[THAN_GLIBC], 10 * M, queue, 4 * K),
        sized!("queue/16k", &[NO_SLOWER], 5 * M, queue, 16 * K),
        sized!("queue/64k", &[NO_SLOWER], 2 * M, queue, 64 * K),
        sized!("touch/4k/2t", &[THAN_GLIBC], 4 * M, touch, 4 * K),
        sized!("touch/64k/2t", &[NO_SLOWER], M, touch, 64 * K),
        sized!("touch/1m/2t", &[NO_SLOWER], M / 20, touch, K * K),
        sized!("handoff/64", &[], 4 * M, handoff, 64),
        sized!("handoff/1k", &[], 4 * M, handoff, K),
        sized!("handoff/4k", &[THAN_GLIBC], 4 * M, handoff, 4 * K),
        sized!("handoff/16k", &[NO_SLOWER], 2 * M, handoff, 16 * K),
        sized!("handoff/64k", &[NO_SLOWER], M, handoff, 64 * K),
        Work::new("freeze/4k", &[])
            .by("ostraca", "", 2 * M, works::freeze)
            .by("bytes", "vec", 2 * M, works::freeze_vec)
            .by("bytes", "mut", 2 * M, works::freeze_mut),
        Work::new("object", &[Bar::AtLeast { times: 2.0, of: &["anew"] }])
            .by("ostraca", "", M, works::objects)
            .by("anew", "", M, works::objects_anew),
    ];
    Group { name: "buffers", works }
}
