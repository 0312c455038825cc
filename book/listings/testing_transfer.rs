//! The chapter on tests, first half: a transfer that loses money, found by its order.
#![allow(clippy::unwrap_used, reason = "tests")]

use ostraca::prelude::*;
use ostraca::testkit::{self, Explore, Run};

// ANCHOR: accounts
struct Accounts {
    cents: [i64; 2],
}

#[actor]
impl Accounts {
    #[start]
    fn start() -> Self {
        Accounts { cents: [500, 0] }
    }

    #[handler]
    fn balance(&self, id: usize) -> i64 {
        self.cents[id]
    }

    #[handler]
    fn set(&mut self, id: usize, cents: i64) {
        self.cents[id] = cents;
    }
}
// ANCHOR_END: accounts

// ANCHOR: clerk
struct Clerk {
    accounts: ActorRef<Accounts>,
}

#[actor]
impl Clerk {
    #[start]
    fn start(accounts: ActorRef<Accounts>) -> Self {
        Clerk { accounts }
    }

    /// Moves money from account 0 to account 1.
    #[handler]
    async fn transfer(&mut self, cents: i64) -> Result<(), AskError> {
        let from = self.accounts.balance(0).await?;
        let to = self.accounts.balance(1).await?;
        self.accounts.set(0, from - cents).await?;
        self.accounts.set(1, to + cents).await
    }
}
// ANCHOR_END: clerk

// ANCHOR: test
async fn two_clerks(run: Run) {
    let accounts = run.system().spawn::<Accounts>(()).await.unwrap();
    let one = run.system().spawn::<Clerk>(accounts.clone()).await.unwrap();
    let other = run.system().spawn::<Clerk>(accounts.clone()).await.unwrap();

    let morning = run.spawn("morning", async move { one.transfer(100).await });
    let evening = run.spawn("evening", async move { other.transfer(200).await });
    morning.await.unwrap().unwrap();
    evening.await.unwrap().unwrap();

    assert_eq!(accounts.balance(0).await, Ok(200));
    assert_eq!(accounts.balance(1).await, Ok(300));
}
// ANCHOR_END: test

// ANCHOR: explore
#[test]
#[should_panic(expected = "assertion `left == right` failed")]
fn two_clerks_at_once_lose_nothing() {
    testkit::explore(1_000, two_clerks);
}
// ANCHOR_END: explore

#[test]
fn the_page_shows_the_smallest_run() {
    let found = Explore::new().find(two_clerks).expect("a seed that loses money");
    assert!(found.is_replayed());
    assert_eq!(found.smallest().to_string(), include_str!("testing_trace.txt"), "{found}");
}
