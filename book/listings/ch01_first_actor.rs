//! Chapter 1: an actor is spawned, told, asked and stopped.

// ANCHOR: all
use std::collections::HashMap;

use ostraca::prelude::*;

// ANCHOR: state
/// The balances of all accounts, in cents.
struct Accounts {
    cents: HashMap<u64, i64>,
}
// ANCHOR_END: state

// ANCHOR: actor
#[actor]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new() }
    }

    /// Pays in; answers with the new balance.
    #[handler]
    fn deposit(&mut self, id: u64, cents: i64) -> i64 {
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }

    #[handler]
    fn balance(&self, id: u64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default()
    }
}
// ANCHOR_END: actor

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: spawn
    let system = System::start()?;
    let accounts = system.spawn::<Accounts>(()).await?;
    // ANCHOR_END: spawn

    // ANCHOR: tell_ask
    accounts.deposit(1, 500).tell()?; // on its way; nobody waits
    let balance = accounts.deposit(1, 200).await?; // waits for the answer
    assert_eq!(balance, 700);
    // ANCHOR_END: tell_ask

    // ANCHOR: clones
    let from_a_task = accounts.clone();
    let task = tokio::spawn(async move { from_a_task.deposit(2, 50).await });
    assert_eq!(task.await??, 50);
    assert_eq!(accounts.balance(2).await?, 50);
    // ANCHOR_END: clones

    // ANCHOR: stop
    let report = system.stop().await;
    assert!(report.is_clean());
    assert_eq!(accounts.balance(1).await, Err(AskError::Stopped));
    // ANCHOR_END: stop
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
