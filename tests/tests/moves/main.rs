//! Shards that move between the workers and pinned cores while messages flow: nothing of a key is lost, reordered or
//! run twice, and no ask fails.
//!
//! Each sender numbers the messages of each of its keys. The shard checks that each number is the one after the last:
//! a message lost, repeated or overtaken breaks the chain, at the shard or at the end.
//!
//! `OSTRACA_MOVES` says how many moves (1,000 by default), `OSTRACA_SEED` with which seed (a fresh one by default).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ostraca::prelude::*;
use ostraca::{Home, TellError};
use ostraca_tests::runs::number;

const SHARDS: usize = 16;
const SENDERS: u64 = 8;
/// Of each sender.
const KEYS: u64 = 8;

/// Who broke the chain of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Broken {
    key: u64,
    expected: u64,
    got: u64,
}

struct Shard {
    last: HashMap<u64, u64>,
    broken: Vec<Broken>,
}

impl Shard {
    fn apply(&mut self, key: u64, number: u64) {
        let last = self.last.entry(key).or_default();
        if number != *last + 1 {
            self.broken.push(Broken { key, expected: *last + 1, got: number });
        }
        *last = number;
    }
}

#[actor(mailbox(len_max = 64))]
impl Shard {
    #[start]
    fn start() -> Self {
        Shard { last: HashMap::new(), broken: Vec::new() }
    }

    #[handler]
    fn put(&mut self, #[key] key: u64, number: u64) -> u64 {
        self.apply(key, number);
        number
    }

    /// Is moved in the middle now and then.
    #[handler]
    async fn put_slowly(&mut self, #[key] key: u64, number: u64) -> u64 {
        tokio::task::yield_now().await;
        self.apply(key, number);
        tokio::task::yield_now().await;
        number
    }

    #[handler]
    fn last(&self, #[key] key: u64) -> u64 {
        self.last.get(&key).copied().unwrap_or_default()
    }

    #[handler]
    fn breaks(&self) -> Vec<Broken> {
        self.broken.clone()
    }
}

/// Sends numbered messages by every verb until it is told to end. How many of each of its keys.
async fn send(
    shards: Shards<Shard>,
    sender: u64,
    is_over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
) -> Vec<(u64, u64)> {
    let mut keys: Vec<_> = (0..KEYS).map(|key| (sender * KEYS + key, 0)).collect();
    let mut turn = sender;
    while !is_over.load(Ordering::Relaxed) {
        turn += 1;
        let (key, number) = &mut keys[(turn % KEYS) as usize];
        *number += 1;
        let (key, number) = (*key, *number);
        match turn % 7 {
            0 | 1 => assert_eq!(shards.put(key, number).await, Ok(number)),
            2 => assert_eq!(shards.put_slowly(key, number).await, Ok(number)),
            3 => shards.put_slowly(key, number).send().await.unwrap(),
            _ => {
                if let Err(TellError::Full(_)) = shards.put(key, number).tell() {
                    shards.put(key, number).send().await.unwrap();
                }
            }
        }
        sent.fetch_add(1, Ordering::Relaxed);
        if turn.is_multiple_of(16) {
            tokio::task::yield_now().await;
        }
    }
    keys
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

fn quantile(sorted: &[Duration], q: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

#[test]
fn shards_move_under_load_and_nothing_of_a_key_is_lost_repeated_or_reordered() {
    let moves = number("OSTRACA_MOVES").unwrap_or(1_000);
    let seed = number("OSTRACA_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 16);
    println!("seed {seed}");
    let cores = std::thread::available_parallelism().unwrap().get().min(2);
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let system = tokio.block_on(async { System::builder().pinned_cores(0..cores).start().unwrap() });
    let shards = tokio.block_on(system.shards::<Shard>(SHARDS, ())).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio.spawn(send(shards.clone(), sender, is_over.clone(), sent.clone())))
        .collect();
    let mut chance = Chance(seed);
    let began = Instant::now();
    let mut pauses = Vec::new();
    let mut waits = Vec::new();
    for _ in 0..moves {
        let shard = shards.shard(chance.below(SHARDS as u64) as usize);
        let home = match chance.below(cores as u64 + 1) as usize {
            0 => Home::Workers,
            core => Home::Pinned(core - 1),
        };
        if ActorRef::home(&shard) == home {
            // Counted when it moves: each move of the run is one.
            let elsewhere = if home == Home::Workers { Home::Pinned(0) } else { Home::Workers };
            tokio.block_on(ActorRef::move_to(&shard, elsewhere)).unwrap();
        }
        let ordered = Instant::now();
        pauses.push(tokio.block_on(ActorRef::move_to(&shard, home)).unwrap().pause);
        waits.push(ordered.elapsed());
    }
    let took = began.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let mut expected = Vec::new();
    for sender in senders {
        expected.extend(tokio.block_on(sender).expect("no ask failed, and each had its own answer"));
    }
    for (key, number) in expected {
        assert_eq!(tokio.block_on(shards.last(key)), Ok(number), "of key {key}");
    }
    let broken: Vec<_> = tokio.block_on(shards.all().breaks()).into_iter().flat_map(Result::unwrap).collect();
    assert!(broken.is_empty(), "seed {seed}: {broken:?}");
    assert_eq!(system.dead_letters_total(), 0);
    pauses.sort_unstable();
    waits.sort_unstable();
    println!(
        "{moves} moves of {SHARDS} shards among the workers and {cores} pinned cores, {} messages meanwhile, in {took:?}\n\
         pause: p50 {:?}, p99 {:?}, max {:?}; from order to arrival: p50 {:?}, p99 {:?}, max {:?}",
        sent.load(Ordering::Relaxed),
        quantile(&pauses, 0.5),
        quantile(&pauses, 0.99),
        quantile(&pauses, 1.0),
        quantile(&waits, 0.5),
        quantile(&waits, 0.99),
        quantile(&waits, 1.0),
    );
    assert!(tokio.block_on(system.stop()).is_clean());
}
