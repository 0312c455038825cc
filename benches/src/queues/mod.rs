//! Works of queues alone: 16-byte items from 1, 2 or 4 threads to one.
//!
//! All consumers wait alike: they take what is there, at most [`RUN`] at a time and by the queue's own call for
//! runs where it has one, spin when nothing is, and yield when that goes on. Producers that find a bounded queue
//! full do the same. Nobody parks: waking is measured by the actors.
//!
//! A consumer that keeps pace takes a cache line from the producers at every item, so it may pay to look again only
//! after a moment. For every queue there is a variant that lingers so ([`Linger`]), the same for all.

pub mod own;
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

/// Waits, after it has found a queue empty, the longer the more came since it last did.
#[derive(Default)]
struct Linger {
    spins: u32,
    run: u32,
}

impl Linger {
    fn wait(&mut self) {
        const SPINS_MAX: u32 = 256;
        let was_worth_it = self.run >= (self.spins / 2).max(8);
        self.spins = if was_worth_it { (self.spins * 2).clamp(16, SPINS_MAX) } else { self.spins / 4 };
        self.run = 0;
        (0..self.spins).for_each(|_| spin_loop());
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
    let work = Work::new(name, bars);
    let work = by::<own::Ostraca, P>(work, "ostraca", ["plain", "lingering"]);
    let work = by::<own::Batches, P>(work, "own-mutex", ["plain", "lingering"]);
    let work = by::<own::Ring, P>(work, "own-ring", ["plain", "lingering"]);
    let work = by::<Seg, P>(work, "SegQueue", ["plain", "lingering"]);
    let work = by::<Array, P>(work, "ArrayQueue", ["plain", "lingering"]);
    let work = by::<Channel, P>(work, "crossbeam-channel", ["plain", "lingering"]);
    let work = by::<ChannelBounded, P>(work, "crossbeam-channel-bounded", ["plain", "lingering"]);
    let work = by::<Flume, P>(work, "flume", ["drain", "drain, lingering"]);
    let work = by::<Kanal<false>, P>(work, "kanal", ["try_recv", "try_recv, lingering"]);
    let work = by::<Kanal<true>, P>(work, "kanal", ["drain_into", "drain_into, lingering"]);
    let work = by::<Crossfire, P>(work, "crossfire", ["plain", "lingering"]);
    let work = by::<CrossfireBounded, P>(work, "crossfire-bounded", ["plain", "lingering"]);
    let work = by::<Thing, P>(work, "thingbuf", ["plain", "lingering"]);
    let work = by::<Concurrent, P>(work, "concurrent-queue", ["plain", "lingering"]);
    let work = by::<Tokio<false>, P>(work, "tokio", ["try_recv", "try_recv, lingering"]);
    let work = by::<Tokio<true>, P>(work, "tokio", ["recv_many", "recv_many, lingering"]);
    by::<Std, P>(work, "std", ["plain", "lingering"])
}

/// Adds a queue, without and with lingering.
fn by<Q: Queue, const P: u64>(work: Work, peer: &'static str, [plain, lingering]: [&'static str; 2]) -> Work {
    const N: u64 = 2_000_000;
    work.by(peer, plain, N, |n| pass::<Q>(n, P, false)).by(peer, lingering, N, |n| pass::<Q>(n, P, true))
}

/// Passes `ops` items from `producers` threads to this one.
pub fn pass<Q: Queue>(ops: u64, producers: u64, lingers: bool) -> Figures {
    let (tx, mut rx) = Q::make();
    let each = ops / producers;
    pass_some::<Q>(&tx, &mut rx, producers, (each / 10).max(1), lingers);
    Figures::each(pass_some::<Q>(&tx, &mut rx, producers, each, lingers), each * producers)
}

fn pass_some<Q: Queue>(tx: &Q::Tx, rx: &mut Q::Rx, producers: u64, each: u64, lingers: bool) -> Duration {
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
        let (mut backoff, mut linger) = (Backoff::default(), Linger::default());
        while taken < len {
            let now = Q::take(rx, |item| sum += black_box(item).by);
            taken += now as u64;
            linger.run += now as u32;
            // It has seen the queue empty.
            if lingers && now < RUN {
                linger.wait();
            }
            if now == 0 { backoff.wait() } else { backoff = Backoff::default() }
        }
        let took = began.elapsed();
        assert_eq!(sum, len, "items were lost");
        took
    })
}
