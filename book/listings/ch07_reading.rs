//! Chapter 7: most of what is asked was asked a moment ago.

// ANCHOR: all
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use ostraca::prelude::*;

// ANCHOR: actor
struct Accounts {
    cents: HashMap<u64, i64>,
    counted: AtomicUsize,
}

#[actor]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new(), counted: AtomicUsize::new(0) }
    }

    /// What all accounts of this shard have together.
    #[cached]
    fn total(&self) -> i64 {
        self.cents.values().sum()
    }

    /// What an account has, and how often that was made.
    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: u64) -> i64 {
        self.counted.fetch_add(1, Ordering::Relaxed);
        self.cents.get(&id).copied().unwrap_or_default()
    }
    // ANCHOR_END: actor

    // ANCHOR: forgetful
    #[handler]
    fn deposit_and_forget(&mut self, #[key] id: u64, cents: i64) {
        *self.cents.entry(id).or_default() += cents;
    }
    // ANCHOR_END: forgetful

    // ANCHOR: deposit
    #[handler(invalidates(balance))]
    fn deposit(&mut self, #[key] id: u64, cents: i64) {
        *self.cents.entry(id).or_default() += cents;
    }
    // ANCHOR_END: deposit

    #[handler]
    fn counted(&self) -> usize {
        self.counted.load(Ordering::Relaxed)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let accounts = system.shards::<Accounts>(4, ()).await?;

    // ANCHOR: keyed
    accounts.deposit(7, 500).await?;
    for _ in 0..1_000 {
        assert_eq!(accounts.balance(7).await?, 500);
    }
    let counted: Result<Vec<usize>, _> = accounts.all().counted().await.into_iter().collect();
    assert_eq!(counted?.iter().sum::<usize>(), 1); // a thousand reads, one of which asked
    // ANCHOR_END: keyed

    // ANCHOR: stale
    accounts.deposit_and_forget(7, 250).await?;
    assert_eq!(accounts.balance(7).await?, 500); // what was kept, for up to five seconds
    assert_eq!(accounts.balance(7).latest().await?, 750); // what the owner says
    // ANCHOR_END: stale

    // ANCHOR: own
    accounts.deposit(7, 250).await?;
    assert_eq!(accounts.balance(7).await?, 1_000);
    // ANCHOR_END: own

    // ANCHOR: view
    let totals: Vec<Option<i64>> = accounts.all().total(); // no await, no message
    assert_eq!(totals.into_iter().flatten().sum::<i64>(), 1_000);
    // ANCHOR_END: view

    system.stop().await;
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
