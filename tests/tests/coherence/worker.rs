//! What a process does: it reads and writes through its cache until it is told to stop, and counts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::counts::Counts;
use super::faults::Chance;
use super::truth::{Truth, Versioned};
use super::{KEYS, PROCESSES, WRITES_A_SECOND};

/// A cache over the truth.
pub(crate) trait Cache: Send + Sync + 'static {
    fn read(&self, key: u64) -> impl Future<Output = Result<Versioned, String>> + Send;

    /// Gives the version that it made.
    fn write(&self, key: u64, value: u64) -> impl Future<Output = Result<u64, String>> + Send;

    /// Reads that went no further than this process.
    fn memory_hits(&self) -> u64;
}

/// Each of these writes one after the other.
const WRITERS: usize = 96;
const READERS: usize = 4;
/// Each reader makes as many reads a tick.
const READS: u64 = 4;
const TICK: Duration = Duration::from_millis(2);

fn number(name: &str) -> u64 {
    std::env::var(name).unwrap().parse().unwrap()
}

fn answer(answer: impl std::fmt::Display) {
    println!("answer: {answer}");
}

/// Follows the orders: `go`, `stop`, `count`.
pub(crate) async fn run(cache: impl Cache) {
    let cache = Arc::new(cache);
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    answer("ready");
    expect(&mut orders, "go").await;
    let is_on = Arc::new(AtomicBool::new(true));
    let process = number("COHERENCE_NUMBER");
    let mut chance = Chance(number("COHERENCE_SEED") ^ (process << 32));
    let mut tasks = JoinSet::new();
    for n in 0..WRITERS as u64 {
        let writer = Writer { process, number: n, cache: cache.clone(), is_on: is_on.clone() };
        tasks.spawn(writer.run(Chance(chance.next())));
    }
    for _ in 0..READERS {
        tasks.spawn(read(cache.clone(), is_on.clone(), Chance(chance.next())));
    }
    expect(&mut orders, "stop").await;
    is_on.store(false, Ordering::Relaxed);
    let mut counts = Counts::default();
    while let Some(count) = tasks.join_next().await {
        counts += count.unwrap();
    }
    answer("stopped");
    expect(&mut orders, "count").await;
    counts.from_memory = cache.memory_hits();
    let truth = Truth::connect().await;
    for key in 0..KEYS {
        counts.checked += 1;
        match cache.read(key).await {
            Ok(read) => counts.stale += u64::from(read != truth.read(key).await.unwrap()),
            Err(_) => counts.errors += 1,
        }
    }
    answer(counts);
}

async fn expect(orders: &mut Lines<BufReader<Stdin>>, order: &str) {
    // The end of the parent is the end of this process, too.
    assert_eq!(orders.next_line().await.unwrap().as_deref(), Some(order));
}

/// The highest version that somebody has seen of each key.
#[derive(Default)]
struct Seen(HashMap<u64, u64>);

impl Seen {
    /// Takes a read in; whether it went back.
    fn goes_back(&mut self, key: u64, version: u64) -> bool {
        let highest = self.0.entry(key).or_default();
        let goes_back = version < *highest;
        *highest = version.max(*highest);
        goes_back
    }
}

struct Writer<C> {
    process: u64,
    number: u64,
    cache: Arc<C>,
    is_on: Arc<AtomicBool>,
}

impl<C: Cache> Writer<C> {
    /// Writes at its share of the rate, and reads what it has written now and then.
    async fn run(self, mut chance: Chance) -> Counts {
        let every = Duration::from_secs(1) * (WRITERS * PROCESSES) as u32 / WRITES_A_SECOND;
        let mut pace = interval(every);
        // What a fault has held up is made up for, so that the rate is what it says.
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut counts, mut seen) = (Counts::default(), Seen::default());
        let mut writes = 0_u64;
        while self.is_on.load(Ordering::Relaxed) {
            pace.tick().await;
            writes += 1;
            let key = chance.below(KEYS);
            // Every value is written once.
            let value = self.process << 48 | self.number << 40 | writes;
            match self.cache.write(key, value).await {
                Ok(version) => {
                    counts.writes += 1;
                    seen.goes_back(key, version);
                }
                Err(_) => counts.errors += 1,
            }
            if chance.below(4) == 0 {
                take(&mut counts, &mut seen, key, self.cache.read(key).await);
            }
        }
        counts
    }
}

/// Reads until it is told to stop.
async fn read(cache: Arc<impl Cache>, is_on: Arc<AtomicBool>, mut chance: Chance) -> Counts {
    let mut pace = interval(TICK);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut counts, mut seen) = (Counts::default(), Seen::default());
    while is_on.load(Ordering::Relaxed) {
        pace.tick().await;
        for _ in 0..READS {
            let key = chance.below(KEYS);
            take(&mut counts, &mut seen, key, cache.read(key).await);
        }
    }
    counts
}

fn take(counts: &mut Counts, seen: &mut Seen, key: u64, read: Result<Versioned, String>) {
    counts.reads += 1;
    match read {
        Ok((_, version)) => counts.back += u64::from(seen.goes_back(key, version)),
        Err(_) => counts.errors += 1,
    }
}
