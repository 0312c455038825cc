//! A small service with something for every panel, and its load.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ostraca::cache::{Lifetime, MapStore};
use ostraca::http::{self, Dashboard};
use ostraca::prelude::*;
use ostraca::{Restart, Strategy};
use ostraca_tests::random::Random;
use tokio::task::JoinHandle;

/// Shards of the accounts.
const SHARDS: usize = 16;
/// Accounts: those of a small number are asked for more often.
const ACCOUNTS: u64 = 2_000;

/// One shard of account balances.
pub(crate) struct Ledger {
    rows: HashMap<u64, i64>,
}

/// There is not enough on the account.
#[derive(Clone, Debug)]
pub(crate) struct Insufficient;

/// Money paid in; answered with the new balance.
#[derive(Message)]
#[message(reply = i64)]
pub(crate) struct Deposit {
    #[key]
    id: u64,
    cents: i64,
}

#[actor(mailbox(len_max = 4096), restart(max = 100, within = "10s", backoff = "1ms..20ms"))]
impl Ledger {
    #[start]
    fn start() -> Self {
        Ledger { rows: HashMap::new() }
    }

    #[handler(invalidates(balance))]
    fn withdraw(&mut self, #[key] id: u64, cents: i64) -> Result<i64, Insufficient> {
        let balance = self.rows.entry(id).or_insert(1_000);
        if *balance < cents {
            return Err(Insufficient);
        }
        *balance -= cents;
        Ok(*balance)
    }

    #[handler(batch(len_max = 64, wait_max = "500us"), invalidates(balance))]
    fn deposit(&mut self, batch: Batch<Deposit>) {
        for item in batch {
            let balance = self.rows.entry(item.id).or_insert(1_000);
            *balance += item.cents;
            item.reply(*balance);
        }
    }

    #[cached(ttl = "5s", tiers, capacity = 1000)]
    fn balance(&self, #[key] id: u64) -> i64 {
        self.rows.get(&id).copied().unwrap_or(1_000)
    }
}

/// Asks the ledger, and takes a while.
pub(crate) struct Scorer {
    ledger: Shards<Ledger>,
}

#[actor]
impl Scorer {
    #[start]
    fn start(ledger: Shards<Ledger>) -> Self {
        Scorer { ledger }
    }

    #[handler]
    async fn score(&mut self, #[key] id: u64) -> i64 {
        let mut sum = 0;
        for other in id..id + 3 {
            sum += self.ledger.balance(other).await.unwrap_or(0);
        }
        tokio::time::sleep(Duration::from_micros(400 + id % 7 * 300)).await;
        sum
    }
}

/// Writes what happened, one line after the other.
pub(crate) struct Journal {
    lines: u64,
}

#[actor(mailbox(len_max = 1000), restart(max = 100, within = "10s", backoff = "1ms..20ms"))]
impl Journal {
    #[start]
    fn start() -> Self {
        Journal { lines: 0 }
    }

    #[handler]
    async fn append(&mut self, text_len: u64) -> u64 {
        self.lines += 1;
        tokio::time::sleep(Duration::from_micros(100 + text_len)).await;
        self.lines
    }

    #[handler]
    fn tear(&mut self) {
        panic!("the disk is gone: page {} cannot be read", self.lines);
    }
}

/// Keeps nothing, and says hello.
pub(crate) struct Greeter;

#[actor]
impl Greeter {
    #[start]
    fn start() -> Self {
        Greeter
    }

    #[handler]
    fn greet(&self, name_len: u64) -> u64 {
        name_len * 31
    }
}

/// The running service. Its load ends with it.
pub(crate) struct Service {
    pub(crate) system: System,
    pub(crate) address: SocketAddr,
    pub(crate) journal: ActorRef<Journal>,
    stop_load: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Service {
    pub(crate) async fn start(access: Dashboard) -> Self {
        let near = MapStore::new();
        let builder = System::builder().name("bank").tier(near, Lifetime::fresh(Duration::from_secs(20)));
        let system = builder.start().unwrap();
        let ledger = system.shards::<Ledger>(SHARDS, ()).await.unwrap();
        let scorers = system.pool::<Scorer>(ledger.clone()).named("scorers").concurrency(2..=6);
        let scorers = scorers.balance(ostraca::pool::Balance::Adaptive).start().await.unwrap();
        let restart = Restart::new(100, Duration::from_secs(10));
        let branch = system
            .supervisor(Strategy::RestForOne, restart)
            .child::<Journal>(())
            .child::<Greeter>(())
            .child::<Greeter>(())
            .start()
            .await
            .unwrap();
        let journal = branch.actor::<Journal>().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = http::serve(&system, listener, move |app| {
            app.app_data(access.clone());
        })
        .unwrap();
        let stop_load = Arc::new(AtomicBool::new(false));
        let load = Load { ledger, scorers, journal: journal.clone(), over: stop_load.clone() };
        let clients = (0..6).map(|number| load.client(number)).collect();
        Service { system, address, journal, stop_load, clients }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends the load, and waits until all is done.
    pub(crate) async fn rest(&mut self) {
        self.stop_load.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.await.unwrap();
        }
        // Behind the lines that nobody waited for.
        self.journal.append(0).await.unwrap();
    }

    /// Ends the load, and then the system.
    pub(crate) async fn stop(mut self) {
        self.rest().await;
        assert!(self.system.stop().await.is_clean());
    }
}

#[derive(Clone)]
struct Load {
    ledger: Shards<Ledger>,
    scorers: Pool<Scorer>,
    journal: ActorRef<Journal>,
    over: Arc<AtomicBool>,
}

impl Load {
    /// One client that asks for one thing after the other, a few hundred times a second.
    fn client(&self, number: u64) -> JoinHandle<()> {
        let load = self.clone();
        tokio::spawn(async move {
            let mut random = Random(number + 1);
            while !load.over.load(Ordering::Relaxed) {
                for _ in 0..4 {
                    // The lesser of two: some accounts have more to do than others.
                    let chance = random.draw();
                    let id = (chance % ACCOUNTS).min(chance / ACCOUNTS % ACCOUNTS);
                    // Errors are part of the load.
                    let _ = load.ledger.balance(id).await;
                    let _ = load.ledger.withdraw(id, 400).await;
                    let _ = load.ledger.deposit(Deposit { id, cents: 150 }).await;
                    if chance.is_multiple_of(4) {
                        let _ = load.journal.append(chance % 500).tell();
                        let _ = load.scorers.score(id).await;
                    }
                }
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
        })
    }
}
