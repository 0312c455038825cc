//! The ledger of the design, over a database that is not one.

use std::collections::HashMap;
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Recipient, SendError};

type AccountId = u64;

/// A database.
#[derive(Clone)]
pub struct Db;

/// Why it did not take a batch.
#[derive(Clone, Debug)]
pub struct DbError;

/// Why money was not paid out.
#[derive(Clone, Debug, PartialEq)]
pub struct Insufficient;

impl std::fmt::Display for DbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database is not there")
    }
}

impl std::error::Error for DbError {}

impl Db {
    async fn load(&self, _shard: usize) -> Result<HashMap<AccountId, i64>, DbError> {
        Ok(HashMap::new())
    }

    async fn append(&self, _items: impl ExactSizeIterator<Item = &Deposit>) -> Result<(), DbError> {
        Ok(())
    }
}

/// One shard of account balances.
pub struct Ledger {
    rows: HashMap<AccountId, i64>,
    db: Db,
}

/// Money paid in; answered with the new balance.
#[derive(Message)]
#[message(reply = Result<i64, DbError>)]
pub struct Deposit {
    #[key]
    pub id: AccountId,
    pub cents: i64,
}

#[actor(mailbox(len_max = 4096, overflow = reject), restart(max = 5, within = "10s", backoff = "50ms..5s"))]
impl Ledger {
    #[start]
    async fn start(ctx: &mut Context<Self>, db: Db) -> Result<Self, StartError> {
        Ok(Ledger { rows: db.load(ctx.shard()).await?, db })
    }

    #[handler(invalidates(balance))]
    fn withdraw(&mut self, #[key] id: AccountId, cents: i64) -> Result<i64, Insufficient> {
        let balance = self.rows.entry(id).or_default();
        if *balance < cents {
            return Err(Insufficient);
        }
        *balance -= cents;
        Ok(*balance)
    }

    #[handler(batch(len_max = 1024), invalidates(balance))]
    async fn deposit(&mut self, batch: Batch<Deposit>) -> Result<(), DbError> {
        self.db.append(batch.iter()).await?;
        for item in batch {
            let balance = self.rows.entry(item.id).or_default();
            *balance += item.cents;
            let balance = *balance;
            item.reply(balance);
        }
        Ok(())
    }

    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: AccountId) -> i64 {
        self.rows.get(&id).copied().unwrap_or_default()
    }

    #[cached]
    fn total(&self) -> i64 {
        self.rows.values().sum()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let ledger: Shards<Ledger> = system.shards(4, Db).await?;
    let second = Duration::from_secs(60);
    assert_eq!(ledger.deposit(Deposit { id: 7, cents: 900 }).await.ok(), Some(900));
    assert_eq!(ledger.withdraw(7, 500).await, Ok(400));
    assert_eq!(ledger.withdraw(7, 500).within(second).await, Err(AskError::Refused(Insufficient)));
    assert!(ledger.deposit(Deposit { id: 7, cents: 100 }).tell().is_ok());
    let sent: Result<(), SendError<Withdraw>> = ledger.withdraw(7, 1).send().await;
    assert!(sent.is_ok());
    let id = &7;
    assert_eq!(ledger.balance(id).latest().await, Ok(499));
    assert_eq!(ledger.balance(7).max_stale(second).await, Ok(499));
    assert_eq!(ledger.all().total().into_iter().flatten().sum::<i64>(), 499);
    assert_eq!(ledger.all().withdraw(8, 1).await.len(), 4, "what it made can be cloned");
    assert!(ledger.shard(3).total().is_some());
    let recipient: Recipient<Withdraw> = ActorRef::recipient(&ledger.shard(0));
    drop(recipient);
    system.stop().await;
    Ok(())
}
