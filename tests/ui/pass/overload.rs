//! What stands against overload, beside views, caches, generics and every kind of handler.

use std::collections::HashMap;

use ostraca::prelude::*;

pub struct Refused;

#[derive(Message)]
#[message(reply = u64)]
pub struct Add(u64);

pub trait Store: Send + 'static {}
impl Store for () {}

pub struct Ledger<S: Store> {
    rows: HashMap<u64, u64>,
    _store: S,
}

#[actor(limit(max = 100), shed(target = "5ms", interval = "100ms"), mailbox(len_max = 64))]
impl<S: Store + Clone + Sync> Ledger<S> {
    #[start]
    fn start(store: S) -> Self {
        Ledger { rows: HashMap::new(), _store: store }
    }

    #[handler(priority = high, breaker(failures = 3, open = "1s..60s", trials = 2, trial_max = "5s", slow = "2s"))]
    async fn withdraw(&mut self, #[key] id: u64, by: u64) -> Result<u64, Refused> {
        let row = self.rows.entry(id).or_default();
        *row = row.checked_sub(by).ok_or(Refused)?;
        Ok(*row)
    }

    #[handler(breaker, invalidates(balance))]
    fn deposit(&mut self, #[key] id: u64, by: u64) -> Result<u64, Refused> {
        *self.rows.entry(id).or_default() += by;
        Ok(by)
    }

    #[handler(priority = low)]
    fn audit(&self, reply: ReplyTo<u64>) {
        reply.reply(self.rows.len() as u64);
    }

    #[handler(batch(len_max = 8), priority = normal)]
    fn add(&mut self, batch: Batch<Add>) {
        for item in batch {
            let sum = item.0;
            item.reply(sum);
        }
    }

    #[cached(ttl = "1s")]
    fn balance(&self, #[key] id: u64) -> u64 {
        self.rows.get(&id).copied().unwrap_or_default()
    }

    #[cached]
    fn guard(&self) -> usize {
        self.rows.len()
    }
}

async fn caller(ledger: ActorRef<Ledger<()>>, shards: Shards<Ledger<()>>, pool: Pool<Ledger<()>>) {
    let _: Result<u64, AskError<Refused>> = ledger.withdraw(1, 2).await;
    let _ = shards.deposit(1, 2).tell();
    let _: Result<u64, AskError> = pool.audit().await;
    let _ = ledger.balance(1).await;
    let _ = ledger.guard();
    let _ = pool.add(Add(1)).await;
}

fn main() {
    let _ = caller;
}
