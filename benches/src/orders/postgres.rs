//! Into a PostgreSQL server.

use std::pin::Pin;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use ostraca::prelude::*;
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use super::server::Postgres;
use super::{Order, call, folder};
use crate::actors::peers::two_workers;
use crate::work::Figures;

const CONNECTIONS: usize = 16;

const TABLES: &str = "
    CREATE TABLE orders (id text PRIMARY KEY, customer int8 NOT NULL, cents int8 NOT NULL);
    CREATE TABLE order_lines (order_id text NOT NULL, number int8 NOT NULL, product int8 NOT NULL,
        quantity int8 NOT NULL, PRIMARY KEY (order_id, number))";

async fn pool(url: &str) -> Pool {
    let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(url.parse().unwrap(), NoTls, config);
    let pool = Pool::builder(manager).max_size(CONNECTIONS).build().unwrap();
    pool.get().await.unwrap().batch_execute(TABLES).await.unwrap();
    pool
}

type Done = Result<(), deadpool_postgres::PoolError>;

/// All of them in one statement, which is a transaction by itself and one way to the server.
async fn write_all(pool: &Pool, orders: &[Order]) -> Done {
    const SQL: &str = "
        WITH placed AS (INSERT INTO orders SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[]))
        INSERT INTO order_lines SELECT * FROM unnest($4::text[], $5::int8[], $6::int8[], $7::int8[])";
    let ids: Vec<&str> = orders.iter().map(|order| order.id.as_str()).collect();
    let customers: Vec<i64> = orders.iter().map(|order| order.customer).collect();
    let cents: Vec<i64> = orders.iter().map(|order| order.cents).collect();
    let lines =
        || orders.iter().flat_map(|order| order.lines.iter().enumerate().map(move |line| (order, line)));
    let line_ids: Vec<&str> = lines().map(|(order, _)| order.id.as_str()).collect();
    let numbers: Vec<i64> = lines().map(|(_, (number, _))| number as i64).collect();
    let products: Vec<i64> = lines().map(|(_, (_, (product, _)))| *product).collect();
    let quantities: Vec<i64> = lines().map(|(_, (_, (_, quantity)))| *quantity).collect();
    let client = pool.get().await?;
    let statement = client.prepare_cached(SQL).await?;
    let values: [&(dyn ToSql + Sync); 7] =
        [&ids, &customers, &cents, &line_ids, &numbers, &products, &quantities];
    client.execute(&statement, &values).await?;
    Ok(())
}

/// One order in a transaction of the statements that one writes; those that do not wait for one another go together.
async fn write_in_statements(pool: &Pool, order: &Order) -> Done {
    let mut client = pool.get().await?;
    let order_row = client.prepare_cached("INSERT INTO orders VALUES ($1, $2, $3)").await?;
    let line_rows =
        client.prepare_cached("INSERT INTO order_lines VALUES ($1, 0, $2, $3), ($1, 1, $4, $5)").await?;
    let transaction = client.transaction().await?;
    let [(first, of_first), (second, of_second)] = order.lines;
    let order_values: [&(dyn ToSql + Sync); 3] = [&order.id, &order.customer, &order.cents];
    let line_values: [&(dyn ToSql + Sync); 5] = [&order.id, &first, &of_first, &second, &of_second];
    tokio::try_join!(
        transaction.execute(&order_row, &order_values),
        transaction.execute(&line_rows, &line_values)
    )?;
    Ok(transaction.commit().await?)
}

#[derive(Clone, Debug)]
struct Broken;

#[derive(Message)]
#[message(reply = Result<(), Broken>)]
struct Place(Order);

#[derive(Message)]
#[message(reply = Result<(), Broken>)]
struct PlaceAdaptive(Order);

struct Orders(Pool);

#[actor]
impl Orders {
    #[start]
    fn start(pool: Pool) -> Self {
        Orders(pool)
    }

    #[handler(batch(len_max = 1024))]
    async fn place(&mut self, batch: Batch<Place>) -> Result<(), Broken> {
        let orders: Vec<_> = batch.iter().map(|place| place.0.clone()).collect();
        write_all(&self.0, &orders).await.map_err(|_| Broken)?;
        batch.into_iter().for_each(|place| place.reply(()));
        Ok(())
    }

    #[handler(batch(len_max = 1024, wait_max = adaptive))]
    async fn place_adaptive(&mut self, batch: Batch<PlaceAdaptive>) -> Result<(), Broken> {
        let orders: Vec<_> = batch.iter().map(|place| place.0.clone()).collect();
        write_all(&self.0, &orders).await.map_err(|_| Broken)?;
        batch.into_iter().for_each(|place| place.reply(()));
        Ok(())
    }
}

fn measure<F>(callers: u64, ops: u64, by: impl AsyncFnOnce(Pool, &System) -> F) -> Figures
where
    F: Fn(Order) -> Pin<Box<dyn Future<Output = ()> + Send>> + Clone + Send + 'static,
{
    let folder = folder();
    let Some(server) = Postgres::start(folder.path()) else { panic!("not run: needs postgresql") };
    let took = two_workers().block_on(async {
        let pool = pool(&server.url()).await;
        let system = System::start().unwrap();
        let place = by(pool.clone(), &system).await;
        let (took, written) = call(callers, ops, place).await;
        let client = pool.get().await.unwrap();
        let count: i64 = client.query_one("SELECT count(*) FROM orders", &[]).await.unwrap().get(0);
        assert_eq!(count, written as i64, "orders are missing");
        system.stop().await;
        took
    });
    Figures::each(took, ops)
}

pub(super) fn natural<const CALLERS: u64>(ops: u64) -> Figures {
    measure(CALLERS, ops, async |pool, system| {
        let orders = system.spawn::<Orders>(pool).await.unwrap();
        move |order| {
            let orders = orders.clone();
            Box::pin(async move { orders.place(Place(order)).await.unwrap() }) as _
        }
    })
}

pub(super) fn adaptive<const CALLERS: u64>(ops: u64) -> Figures {
    measure(CALLERS, ops, async |pool, system| {
        let orders = system.spawn::<Orders>(pool).await.unwrap();
        move |order| {
            let orders = orders.clone();
            Box::pin(async move { orders.place_adaptive(PlaceAdaptive(order)).await.unwrap() }) as _
        }
    })
}

/// Each order in a transaction of its own, in the statements that one writes.
pub(super) fn statements<const CALLERS: u64>(ops: u64) -> Figures {
    measure(CALLERS, ops, async |pool, _system| {
        move |order| {
            let pool = pool.clone();
            Box::pin(async move { write_in_statements(&pool, &order).await.unwrap() }) as _
        }
    })
}

/// Each order in one statement, which is a transaction by itself and one way to the server.
pub(super) fn one_statement<const CALLERS: u64>(ops: u64) -> Figures {
    const SQL: &str = "
        WITH placed AS (INSERT INTO orders VALUES ($1, $2, $3))
        INSERT INTO order_lines VALUES ($1, 0, $4, $5), ($1, 1, $6, $7)";
    measure(CALLERS, ops, async |pool, _system| {
        move |order: Order| {
            let pool = pool.clone();
            Box::pin(async move {
                let client = pool.get().await.unwrap();
                let statement = client.prepare_cached(SQL).await.unwrap();
                let [(first, of_first), (second, of_second)] = order.lines;
                let values: [&(dyn ToSql + Sync); 7] =
                    [&order.id, &order.customer, &order.cents, &first, &of_first, &second, &of_second];
                client.execute(&statement, &values).await.unwrap();
            }) as _
        }
    })
}
