//! The works that every peer does, each written once.
//!
//! All of them build what they need, do a tenth of the work to warm up, and take the time of the rest. The time
//! ends when the last message has been handled, which the count proves.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::host::{Add, Counts, Mingles, Rings, Token};
use super::logic::{Done, Friend};
use crate::work::Figures;

/// What producers of tells are.
#[derive(Clone, Copy)]
pub enum Producers {
    /// Tasks on the peer's own workers, which send all they have to send.
    Tasks,
    /// Tasks that yield after each [`BURST`].
    Bursts,
    /// Plain threads beside the workers.
    Threads,
}

/// How many tells make a burst.
const BURST: u64 = 256;

/// Of a message whose key does not matter; kept from the optimizer.
fn one() -> Add {
    black_box(Add { key: 7, by: 1 })
}

const NOTHING: Add = Add { key: 0, by: 0 };

fn rest(ops: u64) -> u64 {
    (ops / 10).max(1)
}

/// `producers` tell one counter without waiting.
pub fn tell<P: Counts>(peer: P, ops: u64, producers: u64, kind: Producers) -> Figures {
    let each = ops / producers;
    let took = peer.run(move |world| async move {
        let counter = peer.counter(&world).await;
        let warm_up = rest(each);
        produce::<P>(&world, &counter, producers, warm_up, kind).await;
        P::ask(&counter, NOTHING).await;
        let began = Instant::now();
        produce::<P>(&world, &counter, producers, each, kind).await;
        let count = P::ask(&counter, NOTHING).await;
        let took = began.elapsed();
        assert_eq!(count, producers * (warm_up + each), "messages were lost");
        took
    });
    Figures::each(took, each * producers)
}

async fn produce<P: Counts>(
    world: &P::World,
    counter: &P::Counter,
    producers: u64,
    each: u64,
    kind: Producers,
) {
    let one = one();
    match kind {
        Producers::Tasks | Producers::Bursts => {
            let burst = if matches!(kind, Producers::Bursts) { BURST } else { each };
            let tasks = (0..producers).map(|seat| {
                let counter = counter.clone();
                P::start(world, seat, async move {
                    let mut left = each;
                    while left > 0 {
                        let now = left.min(burst);
                        (0..now).for_each(|_| P::tell(&counter, one));
                        left -= now;
                        yield_now().await;
                    }
                })
            });
            join_all(tasks).await;
        }
        Producers::Threads => {
            let threads = (0..producers).map(|_| {
                let counter = counter.clone();
                on_thread(move || (0..each).for_each(|_| P::tell(&counter, one)))
            });
            join_all(threads).await;
        }
    }
}

/// `producers` tasks tell one counter and wait for room.
pub fn tell_bounded<P: Counts>(peer: P, ops: u64, producers: u64) -> Figures {
    let each = ops / producers;
    let took = peer.run(move |world| async move {
        let counter = peer.counter(&world).await;
        let warm_up = rest(each);
        send_all::<P>(&world, &counter, producers, warm_up).await;
        P::ask(&counter, NOTHING).await;
        let began = Instant::now();
        send_all::<P>(&world, &counter, producers, each).await;
        let count = P::ask(&counter, NOTHING).await;
        let took = began.elapsed();
        assert_eq!(count, producers * (warm_up + each), "messages were lost");
        took
    });
    Figures::each(took, each * producers)
}

async fn send_all<P: Counts>(world: &P::World, counter: &P::Counter, producers: u64, each: u64) {
    let one = one();
    let tasks = (0..producers).map(|seat| {
        let counter = counter.clone();
        P::start(world, seat, async move {
            for _ in 0..each {
                P::send(&counter, one).await;
            }
        })
    });
    join_all(tasks).await;
}

/// `callers` tasks ask one counter, each one at a time.
pub fn ask<P: Counts>(peer: P, ops: u64, callers: u64) -> Figures {
    let each = ops / callers;
    let took = peer.run(move |world| async move {
        let counter = peer.counter(&world).await;
        let warm_up = rest(each);
        ask_all::<P>(&world, &counter, callers, warm_up).await;
        let began = Instant::now();
        ask_all::<P>(&world, &counter, callers, each).await;
        let took = began.elapsed();
        let count = P::ask(&counter, NOTHING).await;
        assert_eq!(count, callers * (warm_up + each), "asks were lost");
        took
    });
    Figures::each(took, each * callers)
}

async fn ask_all<P: Counts>(world: &P::World, counter: &P::Counter, callers: u64, each: u64) {
    let one = one();
    let tasks = (0..callers).map(|seat| {
        let counter = counter.clone();
        P::start(world, seat, async move {
            for _ in 0..each {
                black_box(P::ask(&counter, one).await);
            }
        })
    });
    join_all(tasks).await;
}

/// How long the asker of `ask/cross` spins between two asks: the workers are parked again by then.
const PAUSE: Duration = Duration::from_micros(30);

/// Asks from the thread of another runtime, one at a time: the mean and the 99th percentile, each with the cost
/// of reading the clock. With `busy` tasks that ask in a loop on the peer's own workers.
pub fn ask_cross<P: Counts>(peer: P, ops: u64, busy: u64) -> Figures {
    let mut asks = peer.run(move |world| async move {
        let counter = peer.counter(&world).await;
        ask_all::<P>(&world, &counter, 1, 1000).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let others = (0..busy).map(|seat| {
            let (counter, is_over) = (counter.clone(), is_over.clone());
            P::start(&world, seat, async move {
                while !is_over.load(Ordering::Relaxed) {
                    black_box(P::ask(&counter, one()).await);
                }
            })
        });
        let asker = {
            let (counter, is_over) = (counter.clone(), is_over.clone());
            on_thread(move || {
                let asks = ask_from_outside::<P>(&counter, ops);
                is_over.store(true, Ordering::Relaxed);
                asks
            })
        };
        let (asks, _) = futures_util::join!(asker, join_all(others));
        let count = P::ask(&counter, NOTHING).await;
        assert!(count >= 1000 + ops, "asks were lost");
        asks
    });
    asks.sort_unstable();
    let sum: u64 = asks.iter().sum();
    let p99 = asks[asks.len() * 99 / 100];
    Figures(vec![sum as f64 / asks.len() as f64, p99 as f64])
}

/// The times of single asks, in nanoseconds.
fn ask_from_outside<P: Counts>(counter: &P::Counter, ops: u64) -> Vec<u64> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let one = one();
    runtime.block_on(async {
        let mut asks = Vec::with_capacity(ops as usize);
        for _ in 0..ops {
            let paused = Instant::now();
            while paused.elapsed() < PAUSE {
                spin_loop();
            }
            let began = Instant::now();
            black_box(P::ask(counter, one).await);
            asks.push(began.elapsed().as_nanos() as u64);
        }
        asks
    })
}

/// A token goes round a ring of `len`: two are ping-pong.
pub fn ring<P: Rings>(peer: P, ops: u64, len: usize) -> Figures {
    let took = peer.run(move |world| async move {
        go_round(peer, &world, len, rest(ops)).await;
        go_round(peer, &world, len, ops).await
    });
    Figures::each(took, ops)
}

async fn go_round<P: Rings>(peer: P, world: &P::World, len: usize, hops: u64) -> Duration {
    // The time begins when the ring stands: making it is another row.
    let done = Done::of(1);
    let began = peer.ring(world, len, Token { left: hops, hops: 0 }, done.clone()).await;
    let did = done.wait().await;
    let took = began.elapsed();
    assert_eq!(did, hops, "hops were lost");
    took
}

/// One task sends to `actors` counters in turn.
pub fn fork_join<P: Counts>(peer: P, ops: u64, actors: u64) -> Figures {
    let each = ops / actors;
    let took = peer.run(move |world| async move {
        let mut counters = Vec::new();
        for _ in 0..actors {
            counters.push(peer.counter(&world).await);
        }
        let counters: Arc<[P::Counter]> = counters.into();
        let warm_up = rest(each);
        fork::<P>(&world, &counters, warm_up).await;
        join::<P>(&counters).await;
        let began = Instant::now();
        fork::<P>(&world, &counters, each).await;
        let count = join::<P>(&counters).await;
        let took = began.elapsed();
        assert_eq!(count, actors * (warm_up + each), "messages were lost");
        took
    });
    Figures::each(took, each * actors)
}

async fn fork<P: Counts>(world: &P::World, counters: &Arc<[P::Counter]>, each: u64) {
    let counters = counters.clone();
    let one = one();
    let task = async move {
        for _ in 0..each {
            for counter in &*counters {
                P::send(counter, one).await;
            }
        }
    };
    P::start(world, 0, task).await;
}

async fn join<P: Counts>(counters: &[P::Counter]) -> u64 {
    let mut count = 0;
    for counter in counters {
        count += P::ask(counter, NOTHING).await;
    }
    count
}

/// Each of `actors` pings random others, one ping at a time; an operation is a ping and its answer.
pub fn big<P: Mingles>(peer: P, ops: u64, actors: usize) -> Figures {
    let each = ops / actors as u64;
    let took = peer.run(move |world| async move {
        mingle_all(peer, &world, actors, rest(each)).await;
        mingle_all(peer, &world, actors, each).await
    });
    Figures::each(took, each * actors as u64)
}

async fn mingle_all<P: Mingles>(peer: P, world: &P::World, actors: usize, pings: u64) -> Duration {
    let done = Done::of(actors as u64);
    let friends = (0..actors).map(|me| Friend::new(me, actors, pings, done.clone())).collect();
    let began = peer.mingle(world, friends).await;
    let did = done.wait().await;
    let took = began.elapsed();
    assert_eq!(did, actors as u64 * pings, "pings were lost");
    took
}

/// Spawns `ops` actors one after another, tells each once, asks each once. They are dropped after the time.
pub fn spawn<P: Counts>(peer: P, ops: u64) -> Figures {
    let took = peer.run(move |world| async move {
        spawn_all(peer, &world, rest(ops)).await;
        spawn_all(peer, &world, ops).await
    });
    Figures::each(took, ops)
}

async fn spawn_all<P: Counts>(peer: P, world: &P::World, len: u64) -> Duration {
    let one = one();
    let mut counters = Vec::with_capacity(len as usize);
    let began = Instant::now();
    for _ in 0..len {
        counters.push(peer.counter(world).await);
    }
    for counter in &counters {
        P::tell(counter, one);
    }
    let mut count = 0;
    for counter in &counters {
        count += P::ask(counter, one).await;
    }
    let took = began.elapsed();
    assert_eq!(count, 2 * len, "messages were lost");
    took
}

/// `threads` plain threads ask one counter.
pub fn ask_from_threads<P: Counts>(peer: P, ops: u64, threads: u64) -> Figures {
    let each = ops / threads;
    let took = peer.run(move |world| async move {
        let counter = peer.counter(&world).await;
        let warm_up = rest(each);
        ask_threads::<P>(&counter, threads, warm_up).await;
        let began = Instant::now();
        ask_threads::<P>(&counter, threads, each).await;
        let took = began.elapsed();
        let count = P::ask(&counter, NOTHING).await;
        assert_eq!(count, threads * (warm_up + each), "asks were lost");
        took
    });
    Figures::each(took, each * threads)
}

async fn ask_threads<P: Counts>(counter: &P::Counter, threads: u64, each: u64) {
    let one = one();
    let threads = (0..threads).map(|_| {
        let counter = counter.clone();
        on_thread(move || {
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for _ in 0..each {
                    black_box(P::ask(&counter, one).await);
                }
            });
        })
    });
    join_all(threads).await;
}

/// Runs `work` on a thread of its own that begins at once. Ready when it has ended.
pub fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send {
    let (ended, wait) = oneshot::channel();
    thread::spawn(move || {
        // The bench waits for it.
        assert!(ended.send(work()).is_ok());
    });
    async { wait.await.unwrap() }
}
