//! One service, many actors: the key says which of them owns the state, the same on every machine.
//!
//! ```text
//! ada has 700
//! 8 shards hold 3 accounts
//! ```

use std::collections::HashMap;

use ostraca::prelude::*;

/// The accounts of one shard.
struct Accounts {
    cents: HashMap<String, i64>,
}

#[actor]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: HashMap::new() }
    }

    #[handler]
    fn deposit(&mut self, #[key] owner: String, cents: i64) -> i64 {
        let balance = self.cents.entry(owner).or_default();
        *balance += cents;
        *balance
    }

    /// Has no key: it is asked of one shard, or of all.
    #[handler]
    fn len(&self) -> usize {
        self.cents.len()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let accounts = system.shards::<Accounts>(8, ()).await?;

    for (owner, cents) in [("ada", 500), ("grace", 50), ("alan", 70)] {
        accounts.deposit(owner.to_owned(), cents).tell()?;
    }
    println!("ada has {}", accounts.deposit("ada".to_owned(), 200).await?);

    let lens: Result<Vec<usize>, _> = accounts.all().len().await.into_iter().collect();
    println!("{} shards hold {} accounts", Shards::len(&accounts), lens?.iter().sum::<usize>());

    // Who owns a key does not depend on who is asked, nor when.
    let owner = Shards::owner(&accounts, "ada");
    assert_eq!(owner.deposit("ada".to_owned(), 0).await?, 700);
    system.stop().await;
    Ok(())
}
