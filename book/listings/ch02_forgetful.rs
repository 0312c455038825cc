//! Chapter 2, first attempt: state that lives nowhere but in the actor is lost with it.

use std::collections::HashMap;

use ostraca::prelude::*;

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
    fn deposit(&mut self, id: u64, cents: i64) -> i64 {
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }

    #[handler]
    fn balance(&self, id: u64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default()
    }

    // ANCHOR: bug
    /// What each owner of an account has. Nobody thought of an account without owners.
    #[handler]
    fn share(&self, id: u64, owners: i64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default() / owners
    }
    // ANCHOR_END: bug
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let accounts = system.spawn::<Accounts>(()).await?;
    // ANCHOR: fall
    accounts.deposit(1, 500).await?;
    assert_eq!(accounts.share(1, 0).await, Err(AskError::Panicked));
    assert_eq!(accounts.balance(1).await?, 0); // it answers again, and the money is gone
    // ANCHOR_END: fall
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
