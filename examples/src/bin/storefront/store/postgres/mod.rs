//! PostgreSQL, over a pool of connections.
//!
//! The connections live on a thread of their own, which moves bytes and nothing else; whoever calls waits for it. A
//! batch is one transaction, and in it each table one statement, whatever the length: rows go as arrays. Connections
//! are not encrypted: this is a shop on one machine, or behind something that encrypts.
//!
//! An advisory lock, held by a connection that is not of the pool, keeps other storefronts out.

mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use super::{Added, NotPlaced, OpenError, StoreError, VERSION};
use crate::model::{Cart, CustomerId, Line, Order, OrderId, Product, ProductId};

/// How many connections there are at most.
const CONNECTIONS_MAX: usize = 16;
/// A number that no other program is likely to lock.
const LOCK: i64 = 0x6f73_7472_6163_6101;

/// The database; clones share its connections.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Shared>);

struct Shared {
    pool: Pool,
    name: String,
    io: Handle,
    /// Ends the thread of the connections, which comes after the pool.
    thread: Option<IoThread>,
    /// Holds the lock.
    _locked: Client,
}

impl Postgres {
    /// Connects, makes the tables if need be, and sees to it that these products are in the catalog.
    pub(super) fn open(url: &str, products: Vec<ProductId>) -> Result<Self, OpenError> {
        // The URL may hold a password.
        let refuse = |name: &str, source: StoreError| OpenError::Store { path: name.into(), source };
        let config: Config = url.parse().map_err(|error| refuse("--database", StoreError::from(error)))?;
        let name = name(&config);
        let (io, thread) =
            start_io().map_err(|source| OpenError::Lock { path: name.clone().into(), source })?;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config.clone(), NoTls, manager))
            .max_size(CONNECTIONS_MAX)
            .build()
            .map_err(|error| refuse(&name, StoreError(error.to_string().into())))?;
        let prepare = prepare(config, pool.clone(), products);
        let prepared = wait(&io, prepare).map_err(|source| refuse(&name, source))?;
        let path = PathBuf::from(&name);
        let locked = match prepared {
            Prepared::Ready(locked) => locked,
            Prepared::InUse => return Err(OpenError::InUse { path }),
            Prepared::Version(version) => return Err(OpenError::Version { path, version }),
        };
        Ok(Self(Arc::new(Shared { pool, name, io, thread: Some(thread), _locked: locked })))
    }

    /// Carries out `work` on a connection of the pool, and waits for it.
    fn run<T, F>(
        &self,
        work: impl FnOnce(deadpool_postgres::Client) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send + 'static,
    {
        let pool = self.0.pool.clone();
        wait(&self.0.io, async move { work(pool.get().await?).await })
    }

    pub(super) fn reprice(&self, id: ProductId, cents: i64) -> Result<bool, StoreError> {
        self.run(async move |client| {
            let update = client.prepare_cached("UPDATE products SET cents = $2 WHERE id = $1").await?;
            Ok(client.execute(&update, &[&i64::from(id), &cents]).await? == 1)
        })
    }

    pub(super) fn add_lines(&self, lines: Vec<(CustomerId, Line)>) -> Result<Vec<Added>, StoreError> {
        self.run(async move |mut client| rows::add_lines(&mut client, &lines).await)
    }

    pub(super) fn remove(&self, customer: CustomerId, product: ProductId) -> Result<(), StoreError> {
        self.run(async move |client| {
            let delete = "DELETE FROM cart_lines WHERE customer = $1 AND product = $2";
            let delete = client.prepare_cached(delete).await?;
            client.execute(&delete, &[&i64::from(customer), &i64::from(product)]).await?;
            Ok(())
        })
    }

    pub(super) fn place(
        &self,
        places: Vec<(OrderId, CustomerId)>,
    ) -> Result<Vec<Result<Order, NotPlaced>>, StoreError> {
        self.run(async move |mut client| rows::place(&mut client, &places).await)
    }

    pub(super) fn product(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.run(async move |client| {
            let select = client.prepare_cached("SELECT id, name, cents FROM products WHERE id = $1").await?;
            let row = client.query_opt(&select, &[&i64::from(id)]).await?;
            row.as_ref().map(rows::product).transpose()
        })
    }

    pub(super) fn products(&self) -> Result<Vec<Product>, StoreError> {
        self.run(async move |client| {
            let rows = client.query("SELECT id, name, cents FROM products ORDER BY id", &[]).await?;
            rows.iter().map(rows::product).collect()
        })
    }

    pub(super) fn cart(&self, customer: CustomerId) -> Result<Cart, StoreError> {
        self.run(async move |client| {
            let select = "SELECT id, product, quantity FROM cart_lines WHERE customer = $1 ORDER BY number";
            let select = client.prepare_cached(select).await?;
            let rows = client.query(&select, &[&i64::from(customer)]).await?;
            Ok(Cart { customer, lines: rows.iter().map(rows::line).collect::<Result<_, _>>()? })
        })
    }

    pub(super) fn carts(&self) -> Result<Vec<Cart>, StoreError> {
        self.run(async move |client| {
            let select = "SELECT id, product, quantity, customer FROM cart_lines ORDER BY number";
            let mut carts = BTreeMap::<CustomerId, Vec<Line>>::new();
            for row in client.query(select, &[]).await? {
                carts.entry(rows::number(&row, 3)?).or_default().push(rows::line(&row)?);
            }
            Ok(carts.into_iter().map(|(customer, lines)| Cart { customer, lines }).collect())
        })
    }

    pub(super) fn order(&self, id: &str) -> Result<Option<Order>, StoreError> {
        let id = id.to_owned();
        self.run(async move |client| Ok(rows::orders(&client, Some(&[id])).await?.pop()))
    }

    pub(super) fn orders(&self) -> Result<Vec<Order>, StoreError> {
        self.run(async move |client| rows::orders(&client, None).await)
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.close();
        if let Some((stop, thread)) = self.thread.take() {
            // It may have ended by itself.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

/// What stops it, and the thread.
type IoThread = (oneshot::Sender<()>, JoinHandle<()>);

/// The thread that the connections live on.
fn start_io() -> std::io::Result<(Handle, IoThread)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (io, (stop, stopped)) = (runtime.handle().clone(), oneshot::channel());
    let body = move || {
        // An error: nobody is left to stop it.
        let _ = runtime.block_on(stopped);
    };
    let thread = std::thread::Builder::new().name("postgres".to_owned()).spawn(body)?;
    Ok((io, (stop, thread)))
}

/// Waits for `work`, which is done on the connections' thread.
fn wait<T: Send + 'static>(
    io: &Handle,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let (done, outcome) = mpsc::sync_channel(1);
    io.spawn(async move {
        // Whoever waits does so with the receiver in its hand.
        let _ = done.send(work.await);
    });
    outcome.recv().unwrap_or_else(|_| Err(StoreError("its connections are closed".into())))
}

/// Host, port and database.
fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or_else(|| config.get_user()).unwrap_or_default();
    format!("postgres://{host}:{port}/{database}")
}

enum Prepared {
    Ready(Client),
    InUse,
    Version(i64),
}

async fn prepare(config: Config, pool: Pool, products: Vec<ProductId>) -> Result<Prepared, StoreError> {
    let (client, connection) = config.connect(NoTls).await?;
    // It ends with the client.
    tokio::spawn(connection);
    if !client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?.try_get::<_, bool>(0)? {
        return Ok(Prepared::InUse);
    }
    let mut first = pool.get().await?;
    first.batch_execute(SCHEMA).await?;
    let version: i64 = first.query_one("SELECT max(version) FROM storefront", &[]).await?.try_get(0)?;
    if version != VERSION {
        return Ok(Prepared::Version(version));
    }
    rows::generate(&mut first, products).await?;
    Ok(Prepared::Ready(client))
}

const SCHEMA: &str = "
    SET client_min_messages = warning;
    CREATE TABLE IF NOT EXISTS storefront (version int8 NOT NULL);
    INSERT INTO storefront SELECT 1 WHERE NOT EXISTS (SELECT FROM storefront);
    CREATE TABLE IF NOT EXISTS products (id int8 PRIMARY KEY, name text NOT NULL, cents int8 NOT NULL);
    CREATE TABLE IF NOT EXISTS cart_lines (
        number bigserial PRIMARY KEY,
        customer int8 NOT NULL,
        id text NOT NULL,
        product int8 NOT NULL REFERENCES products,
        quantity int8 NOT NULL,
        UNIQUE (customer, id)
    );
    CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, customer int8 NOT NULL, cents int8 NOT NULL);
    CREATE TABLE IF NOT EXISTS order_lines (
        order_id text NOT NULL REFERENCES orders,
        number int8 NOT NULL,
        customer int8 NOT NULL,
        id text NOT NULL,
        product int8 NOT NULL REFERENCES products,
        quantity int8 NOT NULL,
        cents int8 NOT NULL,
        PRIMARY KEY (order_id, number),
        UNIQUE (customer, id)
    );
";

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        // Its own text says only what kind it is.
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        Self(format!("{error}{}", source.unwrap_or_default()).into())
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            error => Self(error.to_string().into()),
        }
    }
}
