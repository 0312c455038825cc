//! Keys find their shards; `.shard(n)` and `.all()` find the others.

use std::collections::HashMap;

use ostraca::prelude::*;
use ostraca::shard::shard_of;

struct Accounts {
    shard: usize,
    rows: HashMap<u64, i64>,
}

#[derive(Clone, Message)]
#[message(reply = i64)]
struct Deposit {
    #[key]
    account: u64,
    cents: i64,
}

#[actor]
impl Accounts {
    #[start]
    fn start(ctx: &mut Context<Self>) -> Self {
        Accounts { shard: ctx.shard(), rows: HashMap::new() }
    }

    #[handler]
    fn owner(&mut self, #[key] _account: u64) -> usize {
        self.shard
    }

    #[handler(batch(len_max = 16))]
    fn deposit(&mut self, batch: Batch<Deposit>) {
        for item in batch {
            let row = self.rows.entry(item.account).or_default();
            *row += item.cents;
            let balance = *row;
            item.reply(balance);
        }
    }

    #[handler]
    fn sum(&mut self) -> i64 {
        self.rows.values().sum()
    }

    #[cached]
    fn total(&self) -> i64 {
        self.rows.values().sum()
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_finds_the_shard_its_bytes_say() {
    let system = System::start().unwrap();
    let accounts: Shards<Accounts> = system.shards(8, ()).await.unwrap();
    for account in 0..100u64 {
        assert_eq!(accounts.owner(account).await, Ok(shard_of(&account, 8)));
    }
    assert_eq!(ActorRef::label(&accounts.shard(3)).to_string(), "Accounts/3#4");
}

#[tokio::test(start_paused = true)]
async fn all_gathers_one_answer_a_shard_in_their_order() {
    let system = System::start().unwrap();
    let accounts: Shards<Accounts> = system.shards(4, ()).await.unwrap();
    for account in 0..100u64 {
        accounts.deposit(Deposit { account, cents: 1 }).await.unwrap();
    }
    let sums: Vec<i64> = accounts.all().sum().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(sums.iter().sum::<i64>(), 100);
    let totals: Vec<i64> = accounts.all().total().into_iter().map(Option::unwrap).collect();
    assert_eq!(totals, sums, "the views say the same without a message");
    assert_eq!(accounts.shard(2).total(), Some(sums[2]));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "shard 4 of 4: numbered from 0")]
async fn a_shard_that_is_not_there_is_named() {
    let system = System::start().unwrap();
    let accounts: Shards<Accounts> = system.shards(4, ()).await.unwrap();
    drop(accounts.shard(4));
}
