//! Works of queues alone: 16-byte items from 1, 2 or 4 threads to one.
//!
//! All consumers wait alike: they take what is there, at most [`RUN`] at a time and by the queue's own call for
//! runs where it has one, spin when nothing is, and yield when that goes on. Producers that find a bounded queue
//! full do the same. Nobody parks: waking is measured by the actors.

pub mod rivals;

use std::hint::{black_box, spin_loop};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rivals::{
    Array, Channel, ChannelBounded, Concurrent, Crossfire, CrossfireBounded, Flume, Kanal, Seg, Std, Thing,
    Tokio,
};

use crate::work::{Bar, Figures, Group, Work};

/// How many items a consumer takes before it looks up.
pub const RUN: usize = 256;
/// The length of bounded queues.
pub const LEN_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, Default)]
pub struct Item {
    pub key: u64,
    pub by: u64,
}

/// A queue of many producers and one consumer.
pub trait Queue: 'static {
    type Tx: Clone + Send + 'static;
    type Rx: Send + 'static;

    fn make() -> (Self::Tx, Self::Rx);

    /// Waits by spinning and yielding if it is full.
    fn push(tx: &mut Self::Tx, item: Item);

    /// Takes at most [`RUN`] items that are there; says how many.
    fn take(rx: &mut Self::Rx, each: impl FnMut(Item)) -> usize;
}

/// Spins first, then yields: the same for all who wait.
#[derive(Default)]
pub struct Backoff(u32);

impl Backoff {
    pub fn wait(&mut self) {
        self.0 += 1;
        if self.0.is_multiple_of(64) { thread::yield_now() } else { spin_loop() }
    }
}

const EVERY: &[&str] = &[
    "SegQueue",
    "ArrayQueue",
    "crossbeam-channel",
    "crossbeam-channel-bounded",
    "flume",
    "kanal",
    "crossfire",
    "crossfire-bounded",
    "thingbuf",
    "concurrent-queue",
    "tokio",
    "std",
];
const UNBOUNDED: &[&str] =
    &["SegQueue", "crossbeam-channel", "flume", "kanal", "crossfire", "concurrent-queue", "tokio", "std"];

/// The group `queues`.
pub fn group() -> Group {
    let best = Bar::AtLeast { times: 1.0, of: EVERY };
    let works = vec![
        work::<1>("queue/1p", &[best, Bar::AtLeast { times: 1.2, of: UNBOUNDED }]),
        work::<2>("queue/2p", &[best]),
        work::<4>("queue/4p", &[Bar::AtLeast { times: 0.8, of: EVERY }]),
    ];
    Group { name: "queues", works }
}

fn work<const P: u64>(name: &'static str, bars: &[Bar]) -> Work {
    const N: u64 = 2_000_000;
    Work::new(name, bars)
        .by("SegQueue", "", N, |n| pass::<Seg>(n, P))
        .by("ArrayQueue", "", N, |n| pass::<Array>(n, P))
        .by("crossbeam-channel", "", N, |n| pass::<Channel>(n, P))
        .by("crossbeam-channel-bounded", "", N, |n| pass::<ChannelBounded>(n, P))
        .by("flume", "drain", N, |n| pass::<Flume>(n, P))
        .by("kanal", "try_recv", N, |n| pass::<Kanal<false>>(n, P))
        .by("kanal", "drain_into", N, |n| pass::<Kanal<true>>(n, P))
        .by("crossfire", "", N, |n| pass::<Crossfire>(n, P))
        .by("crossfire-bounded", "", N, |n| pass::<CrossfireBounded>(n, P))
        .by("thingbuf", "", N, |n| pass::<Thing>(n, P))
        .by("concurrent-queue", "", N, |n| pass::<Concurrent>(n, P))
        .by("tokio", "try_recv", N, |n| pass::<Tokio<false>>(n, P))
        .by("tokio", "recv_many", N, |n| pass::<Tokio<true>>(n, P))
        .by("std", "", N, |n| pass::<Std>(n, P))
}

/// Passes `ops` items from `producers` threads to this one.
pub fn pass<Q: Queue>(ops: u64, producers: u64) -> Figures {
    let (tx, mut rx) = Q::make();
    let each = ops / producers;
    pass_some::<Q>(&tx, &mut rx, producers, (each / 10).max(1));
    Figures::each(pass_some::<Q>(&tx, &mut rx, producers, each), each * producers)
}

fn pass_some<Q: Queue>(tx: &Q::Tx, rx: &mut Q::Rx, producers: u64, each: u64) -> Duration {
    let start = Barrier::new(producers as usize + 1);
    let item = black_box(Item { key: 7, by: 1 });
    let len = producers * each;
    thread::scope(|scope| {
        for _ in 0..producers {
            let (mut tx, start) = (tx.clone(), &start);
            scope.spawn(move || {
                start.wait();
                (0..each).for_each(|_| Q::push(&mut tx, item));
            });
        }
        start.wait();
        let began = Instant::now();
        let (mut taken, mut sum) = (0, 0);
        let mut backoff = Backoff::default();
        while taken < len {
            let now = Q::take(rx, |item| sum += black_box(item).by);
            taken += now as u64;
            if now == 0 { backoff.wait() } else { backoff = Backoff::default() }
        }
        let took = began.elapsed();
        assert_eq!(sum, len, "items were lost");
        took
    })
}
