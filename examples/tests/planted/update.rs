//! An update is lost across an await: a teller reads a balance, waits, and writes it back.
//!
//! One teller alone is safe: an actor holds its state across its awaits. The balance is another actor's.

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Found, Run};

struct Vault {
    balance: i64,
}

#[actor]
impl Vault {
    #[start]
    fn start() -> Self {
        Vault { balance: 0 }
    }

    #[handler]
    fn balance(&self) -> i64 {
        self.balance
    }

    #[handler]
    fn set(&mut self, balance: i64) {
        self.balance = balance;
    }

    /// The cure: one message, one turn.
    #[handler]
    fn add(&mut self, cents: i64) {
        self.balance += cents;
    }
}

struct Teller {
    vault: ActorRef<Vault>,
    is_cured: bool,
}

#[actor]
impl Teller {
    #[start]
    fn start(vault: ActorRef<Vault>, is_cured: bool) -> Self {
        Teller { vault, is_cured }
    }

    #[handler]
    async fn deposit(&mut self, cents: i64) {
        if self.is_cured {
            return self.vault.add(cents).await.unwrap();
        }
        let balance = self.vault.balance().await.unwrap();
        // The mistake: between the two, another teller does the same.
        self.vault.set(balance + cents).await.unwrap();
    }
}

fn explore(is_cured: bool) -> Option<Found> {
    Explore::new().find(async |run: Run| {
        let system = run.system();
        let vault = system.spawn::<Vault>(()).await.unwrap();
        let mut clients = Vec::new();
        let mut paid_in = 0;
        // Two would do. With more, and more deposits each, there is something to make smaller.
        for number in 0..2 + run.below(3) {
            let teller = system.spawn::<Teller>((vault.clone(), is_cured)).await.unwrap();
            let deposits = 1 + run.below(4);
            paid_in += 100 * deposits as i64;
            let waiting = run.clone();
            clients.push(run.spawn(&format!("client {number}"), async move {
                // First come, first served, the one before has done with it.
                for _ in 0..6 * number {
                    waiting.yield_now().await;
                }
                for _ in 0..deposits {
                    teller.deposit(100).await.unwrap();
                }
            }));
        }
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(vault.balance().await, Ok(paid_in), "what was paid in is there");
    })
}

#[test]
fn two_tellers_lose_a_deposit_across_an_await() {
    let found = super::check(explore(false).expect("a seed with two tellers at once"), "what was paid in");
    let trace = found.smallest().to_string();
    assert_eq!(trace.matches("handles deposit").count(), 2, "two tellers, one deposit each: {found}");
    assert!(found.faults() == 0 && found.deviations() > 0, "only the order is to blame: {found}");
}

#[test]
fn with_the_cure_no_deposit_is_lost() {
    assert!(explore(true).is_none());
}
