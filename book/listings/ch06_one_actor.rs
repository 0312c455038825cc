//! Chapter 6, first attempt: one actor for all accounts, and everybody waits for everybody.

use std::collections::HashMap;
use std::time::Duration;

use ostraca::prelude::*;
use tokio::time::Instant;

// ANCHOR: actor
struct Accounts {
    cents: HashMap<u64, i64>,
}

#[actor]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new() }
    }

    #[handler]
    async fn deposit(&mut self, id: u64, cents: i64) -> i64 {
        tokio::time::sleep(Duration::from_millis(10)).await; // a disk
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }
}
// ANCHOR_END: actor

// ANCHOR: wait
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let accounts = system.spawn::<Accounts>(()).await?;
    let began = Instant::now();
    let deposits = (0..100).map(|id| {
        let accounts = accounts.clone();
        tokio::spawn(async move { accounts.deposit(id, 500).await })
    });
    for deposit in deposits.collect::<Vec<_>>() {
        assert_eq!(deposit.await??, 500);
    }
    assert!(began.elapsed() >= Duration::from_millis(1_000)); // one after the other
    // ANCHOR_END: wait
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
