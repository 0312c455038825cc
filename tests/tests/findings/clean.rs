//! Load without a fault: none is named.

use std::collections::BTreeMap;
use std::time::Duration;

use ostraca::prelude::*;
use ostraca_tests::random::Random;
use ostraca_tests::runs::number;
use tokio::time::{Instant, sleep, sleep_until};

use super::memory;

/// Reads with a cache, and writes; sharded.
struct Account {
    cents: i64,
}

#[actor]
impl Account {
    #[start]
    fn start() -> Self {
        Account { cents: 0 }
    }

    #[handler]
    async fn pay(&mut self, #[key] _id: u64, cents: i64) -> i64 {
        sleep(Duration::from_millis(5)).await;
        self.cents += cents;
        self.cents
    }

    #[cached(ttl = "2s", capacity = 1000)]
    fn limit(&self, #[key] id: u64) -> u64 {
        id % 7
    }

    /// Falls now and then: that is no loop.
    #[handler]
    fn audit(&mut self, #[key] id: u64) {
        assert_ne!(id, 13, "account 13 is odd");
    }
}

/// Writes in batches.
struct Journal;

#[derive(Message)]
struct Entry;

#[actor]
impl Journal {
    #[start]
    fn start() -> Self {
        Journal
    }

    #[handler(batch(len_max = 256, wait_max = "5ms"))]
    async fn append(&mut self, batch: Batch<Entry>) {
        sleep(Duration::from_millis(4) + Duration::from_micros(100) * batch.len() as u32).await;
        batch.into_iter().for_each(|entry| entry.reply(()));
    }
}

/// Asks the accounts, and the journal: one way only.
struct Teller {
    accounts: Shards<Account>,
    journal: ActorRef<Journal>,
}

#[actor]
impl Teller {
    #[start]
    fn start(accounts: Shards<Account>, journal: ActorRef<Journal>) -> Self {
        Teller { accounts, journal }
    }

    #[handler]
    async fn serve(&mut self, id: u64) -> i64 {
        let limit = self.accounts.limit(id).await.unwrap();
        let cents = self.accounts.pay(id, limit as i64).await.unwrap();
        self.journal.append(Entry).await.unwrap();
        cents
    }
}

/// Customers that come at random, about 60 % of what the tellers can do.
async fn load(system: &System, seconds: u64) {
    let accounts = system.shards::<Account>(8, ()).await.unwrap();
    let journal = system.spawn::<Journal>(()).await.unwrap();
    let args = (accounts.clone(), journal);
    let tellers = system.pool::<Teller>(args).concurrency(4).start().await.unwrap();
    let mut random = Random(0x9e37_79b9);
    let mut next = Instant::now();
    let end = next + Duration::from_secs(seconds);
    let mut served = 0_u64;
    while next < end {
        next += random.gap(120.0);
        sleep_until(next).await;
        let id = random.draw() % 200;
        let tellers = tellers.clone();
        tokio::spawn(async move { tellers.serve(id).await.unwrap() });
        served += 1;
        if served.is_multiple_of(3_000) {
            let _falls = accounts.audit(13).tell();
        }
    }
}

async fn none_is_named(seconds: u64) {
    let system = System::start().unwrap();
    let mut watch = system.monitor().watch();
    let findings = tokio::spawn(async move {
        // Each once, as it was when it was opened.
        let mut named = BTreeMap::new();
        while let Some(snapshot) = watch.next().await {
            for finding in &snapshot.findings {
                let of = (finding.subject.to_string(), finding.kind.name());
                named.entry(of).or_insert_with(|| finding.to_string());
            }
        }
        named.into_values().collect::<Vec<_>>()
    });
    load(&system, seconds).await;
    let snapshot = system.monitor().latest().await;
    let served = snapshot.of_type("Teller").unwrap().numbers.handled;
    println!("{served} customers in {seconds} s");
    system.stop().await;
    assert_eq!(findings.await.unwrap(), [""; 0]);
    assert!(served > 60 * seconds, "there was load: {served}");
}

/// Ten minutes of paused time, or `OSTRACA_CLEAN_SECONDS` of real time.
#[test]
fn clean_load_has_no_findings() {
    let _alone = memory();
    match number("OSTRACA_CLEAN_SECONDS") {
        Some(seconds) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(none_is_named(seconds));
        }
        None => {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            runtime.unwrap().block_on(none_is_named(600));
        }
    }
}
