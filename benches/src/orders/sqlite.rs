//! Into one SQLite file.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ostraca::prelude::*;
use rusqlite::{Connection, TransactionBehavior};

use super::{Order, call, folder};
use crate::actors::peers::two_workers;
use crate::work::Figures;

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection
        .execute_batch(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, customer INTEGER NOT NULL, cents INTEGER NOT NULL)
                STRICT, WITHOUT ROWID;
             CREATE TABLE order_lines (order_id TEXT NOT NULL, number INTEGER NOT NULL, product INTEGER NOT NULL,
                quantity INTEGER NOT NULL, PRIMARY KEY (order_id, number)) STRICT, WITHOUT ROWID",
        )
        .unwrap();
    connection
}

/// All of them in one transaction.
fn write(connection: &mut Connection, orders: &[Order]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut order_row = transaction.prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3)")?;
        let mut line_row = transaction.prepare_cached("INSERT INTO order_lines VALUES (?1, ?2, ?3, ?4)")?;
        for order in orders {
            order_row.execute((&order.id, order.customer, order.cents))?;
            for (number, (product, quantity)) in order.lines.iter().enumerate() {
                line_row.execute((&order.id, number as i64, product, quantity))?;
            }
        }
    }
    transaction.commit()
}

type Database = Arc<Mutex<Connection>>;

#[derive(Clone, Debug)]
struct Broken;

#[derive(Message)]
#[message(reply = Result<(), Broken>)]
struct Place(Order);

#[derive(Message)]
#[message(reply = Result<(), Broken>)]
struct PlaceAdaptive(Order);

struct Orders(Database);

#[actor]
impl Orders {
    #[start]
    fn start(database: Database) -> Self {
        Orders(database)
    }

    #[handler(batch(len_max = 1024))]
    async fn place(&mut self, ctx: &mut Context<Self>, batch: Batch<Place>) -> Result<(), Broken> {
        let orders: Vec<_> = batch.iter().map(|place| place.0.clone()).collect();
        let database = self.0.clone();
        ctx.blocking(move || write(&mut database.lock().unwrap(), &orders)).await.map_err(|_| Broken)?;
        batch.into_iter().for_each(|place| place.reply(()));
        Ok(())
    }

    #[handler(batch(len_max = 1024, wait_max = adaptive))]
    async fn place_adaptive(
        &mut self,
        ctx: &mut Context<Self>,
        batch: Batch<PlaceAdaptive>,
    ) -> Result<(), Broken> {
        let orders: Vec<_> = batch.iter().map(|place| place.0.clone()).collect();
        let database = self.0.clone();
        ctx.blocking(move || write(&mut database.lock().unwrap(), &orders)).await.map_err(|_| Broken)?;
        batch.into_iter().for_each(|place| place.reply(()));
        Ok(())
    }
}

fn measure<F>(callers: u64, ops: u64, by: impl AsyncFnOnce(Database, &System) -> F) -> Figures
where
    F: Fn(Order) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Clone + Send + 'static,
{
    let folder = folder();
    let database = Arc::new(Mutex::new(open(&folder.path().join("orders.db"))));
    let took = two_workers().block_on(async {
        let system = System::start().unwrap();
        let place = by(database.clone(), &system).await;
        let (took, written) = call(callers, ops, place).await;
        let count = database.lock().unwrap().query_row("SELECT count(*) FROM orders", [], |row| row.get(0));
        assert_eq!(count, Ok(written as i64), "orders are missing");
        system.stop().await;
        took
    });
    Figures::each(took, ops)
}

pub(super) fn natural<const CALLERS: u64>(ops: u64) -> Figures {
    measure(CALLERS, ops, async |database, system| {
        let orders = system.spawn::<Orders>(database).await.unwrap();
        move |order| {
            let orders = orders.clone();
            Box::pin(async move { orders.place(Place(order)).await.unwrap() }) as _
        }
    })
}

pub(super) fn adaptive<const CALLERS: u64>(ops: u64) -> Figures {
    measure(CALLERS, ops, async |database, system| {
        let orders = system.spawn::<Orders>(database).await.unwrap();
        move |order| {
            let orders = orders.clone();
            Box::pin(async move { orders.place_adaptive(PlaceAdaptive(order)).await.unwrap() }) as _
        }
    })
}

/// By hand: whoever places an order takes the connection, on a thread for blocking work.
pub(super) fn one_each<const CALLERS: u64>(ops: u64) -> Figures {
    measure(CALLERS, ops, async |database, _system| {
        move |order| {
            let database = database.clone();
            let write = move || write(&mut database.lock().unwrap(), &[order]).unwrap();
            Box::pin(async move { tokio::task::spawn_blocking(write).await.unwrap() }) as _
        }
    })
}
