//! Chapter 2: what must survive lies outside, and `#[start]` loads it; a refusal is no failure.

// ANCHOR: all
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ostraca::prelude::*;
use thiserror::Error;

// ANCHOR: journal
/// What was paid in and out, oldest first. In a real service: a table.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<(u64, i64)>>>);

impl Journal {
    fn append(&self, id: u64, cents: i64) {
        self.0.lock().expect("nobody panics with the lock held").push((id, cents));
    }

    fn replay(&self) -> HashMap<u64, i64> {
        let mut balances = HashMap::new();
        for &(id, cents) in self.0.lock().expect("nobody panics with the lock held").iter() {
            *balances.entry(id).or_default() += cents;
        }
        balances
    }
}
// ANCHOR_END: journal

// ANCHOR: refusal
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the account has {balance} cents")]
pub(crate) struct Insufficient {
    balance: i64,
}
// ANCHOR_END: refusal

struct Accounts {
    cents: HashMap<u64, i64>,
    journal: Journal,
}

// ANCHOR: start
#[actor(restart(max = 2, within = "10s", backoff = "1ms..10ms"))]
impl Accounts {
    #[start]
    fn start(journal: Journal) -> Self {
        Accounts { cents: journal.replay(), journal }
    }
    // ANCHOR_END: start

    #[handler]
    fn deposit(&mut self, id: u64, cents: i64) -> i64 {
        self.journal.append(id, cents);
        let balance = self.cents.entry(id).or_default();
        *balance += cents;
        *balance
    }

    // ANCHOR: withdraw
    #[handler]
    fn withdraw(&mut self, id: u64, cents: i64) -> Result<i64, Insufficient> {
        let balance = self.cents.entry(id).or_default();
        if *balance < cents {
            return Err(Insufficient { balance: *balance });
        }
        self.journal.append(id, -cents);
        *balance -= cents;
        Ok(*balance)
    }
    // ANCHOR_END: withdraw

    #[handler]
    fn balance(&self, id: u64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default()
    }

    /// What each owner of an account has. Nobody thought of an account without owners.
    #[handler]
    fn share(&self, id: u64, owners: i64) -> i64 {
        self.cents.get(&id).copied().unwrap_or_default() / owners
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let accounts = system.spawn::<Accounts>(Journal::default()).await?;

    // ANCHOR: refused
    accounts.deposit(1, 500).await?;
    let refused = accounts.withdraw(1, 900).await;
    assert_eq!(refused, Err(AskError::Refused(Insufficient { balance: 500 })));
    // ANCHOR_END: refused

    // ANCHOR: first_fall
    // Both are sent before either is awaited: the deposit waits in the mailbox while the actor falls.
    let (share, deposit) = tokio::join!(accounts.share(1, 0), accounts.deposit(1, 250));
    assert_eq!(share, Err(AskError::Panicked));
    assert_eq!(deposit, Ok(750)); // the journal's 500, and 250
    // ANCHOR_END: first_fall

    // ANCHOR: dead_letter
    let dead = system.dead_letters();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].handler, "share");
    // ANCHOR_END: dead_letter

    // ANCHOR: given_up
    for _ in 0..2 {
        assert_eq!(accounts.share(1, 0).await, Err(AskError::Panicked));
    }
    let reason = ActorRef::wait_stopped(&accounts).await;
    let StopReason::GaveUp(failure) = reason else { panic!("not given up: {reason}") };
    assert_eq!(failure.to_string(), "panicked in share: attempt to divide by zero");

    assert_eq!(accounts.balance(1).await, Err(AskError::Stopped));
    assert!(!system.readiness().is_ready());
    // ANCHOR_END: given_up
    system.stop().await;
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
