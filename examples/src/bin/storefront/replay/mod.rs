//! The replay: a trace's page requests over real connections, with writes between them, every answer checked.
//!
//! The loop is closed: a connection sends its next request when it has the answer to the last one, so the
//! latencies are those of a service that is as busy as its clients can make it, and a stall shows once a
//! connection and not once a request that would have come meanwhile. The client runs on a thread of its own
//! beside the service and takes its share of the machine.
//!
//! A write is sent once. Afterwards every cart and order is read back, over HTTP and from the database file, and
//! held against what was acknowledged.

mod audit;
mod client;
mod plan;
mod report;
mod tally;
mod visitor;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant, SystemTime};

use hyper::StatusCode;
use ostraca::System;
use tokio::sync::oneshot::{self, error::RecvError};
use tokio::task::{JoinError, JoinSet};

use self::audit::{Audit, Book, Found};
use self::client::{Client, TransportError};
pub(crate) use self::report::Report;
use self::report::Service;
use self::tally::Tally;
use self::visitor::{Tour, Visitor};
use crate::chaos::Chaos;
use crate::config::Config;
use crate::model::{Cart, CustomerId};
use crate::store::{Database, StoreError};
use crate::trace::Trace;

/// A replay that has not begun.
pub(crate) struct Replay {
    trace: Trace,
    connections: NonZeroU16,
    seed: u64,
    shards: NonZeroUsize,
    /// To know the prices that pages must show, and to compare in the end.
    database: Database,
    chaos: Chaos,
}

/// What clients saw, and what was found afterwards.
struct Outcome {
    tally: Tally,
    elapsed: Duration,
    service: Service,
    audit: Audit,
    /// Customers of whom not everything could be read back over HTTP.
    unread: usize,
}

/// Why a replay came to no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a connection of the replay panicked: {0}")]
    Connection(#[from] JoinError),
    #[error("the replay's client panicked")]
    Client(#[from] RecvError),
    #[error("failed to start the replay's client: {0}")]
    Runtime(#[from] std::io::Error),
}

/// A request that takes longer counts as one that hangs.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Replay {
    pub(crate) fn new(config: &Config, trace: Trace, database: Database, chaos: Chaos) -> Self {
        let Config { connections, seed, shards, .. } = *config;
        Self { trace, connections, seed, shards, database, chaos }
    }

    /// Sends everything to `address`, where `system` serves, and looks what has become of it.
    pub(crate) async fn run(self, system: &System, address: SocketAddr) -> Result<Report, ReplayError> {
        let (system, connections) = (system.clone(), self.connections);
        // Not a blocking task of the service's runtime: that would wait for it when it is shut down.
        let (done, outcome) = oneshot::channel();
        let client = move || -> Result<Outcome, ReplayError> {
            // One thread: with more, client and service would get in each other's way on small machines.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(self.replay(system, address))
        };
        std::thread::Builder::new().name("replay".to_owned()).spawn(move || {
            // Nobody waits for the outcome when the service was stopped meanwhile.
            let _ = done.send(client());
        })?;
        Ok(Report::new(outcome.await??, connections.get()))
    }

    async fn replay(self, system: System, address: SocketAddr) -> Result<Outcome, ReplayError> {
        let reader = self.database.reader()?;
        let products = reader.products()?;
        let tour = Arc::new(Tour {
            trace: self.trace,
            next: AtomicUsize::new(0),
            products: products.into_iter().map(|product| (product.id, product)).collect(),
            seed: self.seed,
            run: run_prefix(),
        });
        let begun = Instant::now();
        let mut visitors = JoinSet::new();
        for number in 0..self.connections.get() {
            visitors.spawn(Visitor::new(tour.clone(), Client::new(address, TIMEOUT), number).browse());
        }
        let (mut tally, mut books) = (Tally::default(), BTreeMap::new());
        while let Some(visitor) = visitors.join_next().await {
            let visitor = visitor?;
            tally.add(visitor.tally);
            books.extend(visitor.books);
        }
        let elapsed = begun.elapsed();
        // Before anything is read back, while the service has done nothing but the replay.
        let service = Service::count(&system, &self.chaos, self.shards.get()).await;

        let served = read_back(Client::new(address, TIMEOUT), &books).await;
        let carts = reader.carts()?;
        let stored = Found { carts, orders: reader.orders()?, unread: Default::default() };
        let audit = worse(Audit::of(&books, &stored, &tour.run), Audit::of(&books, &served, &tour.run));
        Ok(Outcome { tally, elapsed, service, audit, unread: served.unread.len() })
    }
}

/// The service and its database should be wrong about the same writes, which are counted once.
fn worse(stored: Audit, served: Audit) -> Audit {
    Audit {
        lost: stored.lost.max(served.lost),
        duplicated: stored.duplicated.max(served.duplicated),
        done_unanswered: stored.done_unanswered.max(served.done_unanswered),
        wrong: if stored.wrong.is_empty() { served.wrong } else { stored.wrong },
    }
}

fn run_prefix() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-", now.as_nanos())
}

/// Reads every customer's cart and orders over HTTP.
async fn read_back(mut client: Client, books: &BTreeMap<CustomerId, Book>) -> Found {
    let mut found = Found::default();
    for (customer, book) in books {
        match read_json::<Cart>(&mut client, &format!("/carts/{customer}")).await {
            Ok(cart) => found.carts.extend(cart),
            Err(Unread) => drop(found.unread.insert(*customer)),
        }
        for id in book.orders.keys() {
            match read_json(&mut client, &format!("/orders/{id}")).await {
                Ok(order) => found.orders.extend(order),
                Err(Unread) => drop(found.unread.insert(*customer)),
            }
        }
    }
    found
}

/// The service could not be made to tell.
struct Unread;

/// Reads until there is an answer: a read may be repeated, and chaos may strike it.
async fn read_json<T: serde::de::DeserializeOwned>(
    client: &mut Client,
    path: &str,
) -> Result<Option<T>, Unread> {
    const TRIES_MAX: u32 = 10;
    for _ in 0..TRIES_MAX {
        match client.fetch(path).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                return serde_json::from_slice(&answer.body).map(Some).map_err(|_| Unread);
            }
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => return Ok(None),
            Ok(answer) if answer.status == StatusCode::INTERNAL_SERVER_ERROR => {}
            Ok(_) | Err(TransportError::Timeout(_)) => return Err(Unread),
            Err(_) => {}
        }
    }
    Err(Unread)
}
