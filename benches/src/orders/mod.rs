//! Orders in a database: a batched handler, one transaction a batch, against one transaction an order.
//!
//! An order is a row and two lines. Callers are tasks on the workers, each one order at a time. SQLite is one file with
//! `synchronous=FULL`; PostgreSQL is a server with its default settings, started for the measurement and stopped with it.
//! Both lie in the folder of the build, on its disk. At the end the rows are counted.

mod postgres;
#[path = "../../../examples/tests/support/postgres.rs"]
mod server;
mod sqlite;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::work::{Bar, Group, Work};

pub fn group() -> Group {
    // One caller alone within 10 %.
    const ALONE: f64 = 1.0 / 1.1;
    let sqlite = Work::new("orders/sqlite", &[Bar::AtLeast { times: 10.0, of: &["one-each"] }])
        .by("ostraca", "natural", 20_000, sqlite::natural::<64>)
        .by("ostraca", "adaptive", 20_000, sqlite::adaptive::<64>)
        .by("one-each", "", 2_000, sqlite::one_each::<64>);
    let sqlite_alone = Work::new("orders/sqlite-alone", &[Bar::AtLeast { times: ALONE, of: &["one-each"] }])
        .by("ostraca", "natural", 1_000, sqlite::natural::<1>)
        .by("ostraca", "adaptive", 1_000, sqlite::adaptive::<1>)
        .by("one-each", "", 1_000, sqlite::one_each::<1>);
    let postgres = Work::new("orders/postgres", &[Bar::AtLeast { times: 3.0, of: &["pool-16"] }])
        .by("ostraca", "natural", 60_000, postgres::natural::<64>)
        .by("ostraca", "adaptive", 60_000, postgres::adaptive::<64>)
        .by("pool-16", "in statements", 20_000, postgres::statements::<64>)
        .by("pool-16", "in one statement", 20_000, postgres::one_statement::<64>);
    let postgres_alone =
        Work::new("orders/postgres-alone", &[Bar::AtLeast { times: ALONE, of: &["pool-16"] }])
            .by("ostraca", "natural", 1_000, postgres::natural::<1>)
            .by("ostraca", "adaptive", 1_000, postgres::adaptive::<1>)
            .by("pool-16", "in statements", 1_000, postgres::statements::<1>)
            .by("pool-16", "in one statement", 1_000, postgres::one_statement::<1>);
    Group { name: "orders", works: vec![sqlite, sqlite_alone, postgres, postgres_alone] }
}

/// What is ordered.
#[derive(Clone)]
struct Order {
    id: String,
    customer: i64,
    cents: i64,
    /// Product and quantity.
    lines: [(i64, i64); 2],
}

impl Order {
    fn new(number: u64) -> Self {
        let customer = number as i64 % 1_000;
        Order {
            id: format!("order-{number:08}"),
            customer,
            cents: 1_299,
            lines: [(107, 2), (number as i64 % 500, 1)],
        }
    }
}

/// A folder on the disk of the build.
fn folder() -> TempDir {
    let program = std::env::current_exe().unwrap();
    tempfile::Builder::new().prefix("orders-").tempdir_in(program.parent().unwrap()).unwrap()
}

/// Lets callers place `ops` orders in all, each one at a time, after a tenth to warm up; the time it takes.
async fn call<F>(
    callers: u64,
    ops: u64,
    place: impl Fn(Order) -> F + Clone + Send + 'static,
) -> (Duration, u64)
where
    F: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let round = async |until: u64| {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (next, place) = (next.clone(), place.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= until {
                            return;
                        }
                        place(Order::new(number)).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        begun.elapsed()
    };
    let warm = ops / 10;
    round(warm).await;
    next.store(warm, Ordering::Relaxed);
    (round(warm + ops).await, warm + ops)
}
