//! Chapter 6: as many actors as one likes, and the key says which.

// ANCHOR: all
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::shard::shard_of;
use tokio::time::Instant;

/// What was paid in, oldest first. In a real service: a table.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<(u64, i64)>>>);

impl Journal {
    async fn append(&self, id: u64, cents: i64) {
        tokio::time::sleep(Duration::from_millis(10)).await; // a disk
        self.0.lock().expect("nobody panics with the lock held").push((id, cents));
    }

    /// The balances of the accounts that `is_wanted` wants.
    fn replay(&self, is_wanted: impl Fn(u64) -> bool) -> HashMap<u64, i64> {
        let mut balances = HashMap::new();
        for &(id, cents) in self.0.lock().expect("nobody panics with the lock held").iter() {
            if is_wanted(id) {
                *balances.entry(id).or_default() += cents;
            }
        }
        balances
    }
}

const SHARDS: usize = 16;

// ANCHOR: actor
/// The accounts of one shard.
struct Accounts {
    cents: HashMap<u64, i64>,
    journal: Journal,
}

#[actor(restart(max = 5, within = "10s", backoff = "1ms..10ms"))]
impl Accounts {
    #[start]
    fn start(ctx: &mut Context<Self>, journal: Journal) -> Self {
        let shard = ctx.shard();
        Accounts { cents: journal.replay(|id| shard_of(&id, SHARDS) == shard), journal }
    }

    #[handler]
    async fn deposit(&mut self, #[key] id: u64, cents: i64) -> i64 {
        self.journal.append(id, cents).await;
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }
    // ANCHOR_END: actor

    // ANCHOR: total
    /// Has no key: it is for one shard, or for all.
    #[handler]
    fn total(&self) -> i64 {
        self.cents.values().sum()
    }

    /// Falls over.
    #[handler]
    fn tear(&self, #[key] _id: u64) {
        panic!("the disk is gone");
    }
}
// ANCHOR_END: total

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    // ANCHOR: shards
    let accounts = system.shards::<Accounts>(SHARDS, Journal::default()).await?;
    let began = Instant::now();
    let deposits = (0..100).map(|id| {
        let accounts = accounts.clone();
        tokio::spawn(async move { accounts.deposit(id, 500).await })
    });
    for deposit in deposits.collect::<Vec<_>>() {
        assert_eq!(deposit.await??, 500);
    }
    assert!(began.elapsed() < Duration::from_millis(200)); // as long as the longest of sixteen queues
    // ANCHOR_END: shards

    // ANCHOR: all_of_them
    let totals: Result<Vec<i64>, _> = accounts.all().total().await.into_iter().collect();
    assert_eq!(totals?.iter().sum::<i64>(), 50_000);
    let of_shard_3 = accounts.shard(3).total().await?;
    // ANCHOR_END: all_of_them
    assert!(of_shard_3 > 0);

    // ANCHOR: alone
    assert_eq!(accounts.tear(7).await, Err(AskError::Panicked));
    assert_eq!(accounts.deposit(8, 0).await?, 500); // another shard: nobody there noticed
    assert_eq!(accounts.deposit(7, 0).await?, 500); // and this one has read its part of the journal
    // ANCHOR_END: alone
    assert_ne!(shard_of(&7_u64, SHARDS), shard_of(&8_u64, SHARDS));

    system.stop().await;
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
