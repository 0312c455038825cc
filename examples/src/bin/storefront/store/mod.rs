//! The shop's database: one SQLite file, or PostgreSQL.
//!
//! ```text
//! products     id, name, cents
//! cart_lines   number, customer, id, product, quantity            a cart is its customer's lines
//! orders       id, customer, cents
//! order_lines  order_id, number, customer, id, product, quantity, cents
//! ```
//!
//! What the shop does with it is here, as a call each; how, in [`sqlite`] and [`postgres`]. Every call waits for the
//! database, and writes until what they did is on the disk: writes are for threads that may block, and reads, which are
//! point reads but for those of a start, take a worker's thread for a page's look-up in SQLite and for a way to the
//! server and back in PostgreSQL.
//!
//! The actors keep in memory what is in the database, so a second process that wrote to it would make them wrong: a lock
//! keeps others out, for as long as this process lives.

mod postgres;
mod sqlite;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rusqlite::Connection;

use self::postgres::Postgres;
use self::sqlite::{Sqlite, carts, orders, products};
use crate::model::{Cart, CustomerId, Line, Order, OrderId, Product, ProductId};

/// The database that was opened; clones share it.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What only reads.
pub(crate) enum Reader {
    Sqlite(Connection),
    Postgres(Postgres),
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    /// A URL of PostgreSQL.
    Server(String),
}

/// What became of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// The cart has the line now.
    New,
    /// A line with this id is or was in this customer's cart or orders: nothing was done.
    Known,
    /// The line names a product that does not exist: nothing was done.
    NoSuchProduct,
    /// The cart holds [`LINES_LEN_MAX`] lines: nothing was done.
    Full,
}

/// How many lines a cart may hold.
pub(crate) const LINES_LEN_MAX: usize = 500;

/// Why a cart was not turned into an order. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotPlaced {
    #[error("the cart is empty")]
    EmptyCart,
    #[error("another customer has an order of this id")]
    IdTaken,
}

/// Of the tables, kept in the database.
const VERSION: i64 = 1;

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_server = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        Ok(if is_server { Place::Server(text.to_owned()) } else { Place::File(text.into()) })
    }
}

impl Database {
    /// Opens it, makes its tables if need be, and sees to it that these products are in its catalog.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, is in use by another process, or was made by another version of this program.
    pub(crate) fn open(
        place: &Place,
        products: impl IntoIterator<Item = ProductId> + Send + 'static,
    ) -> Result<Self, OpenError> {
        Ok(match place {
            Place::File(path) => Database::Sqlite(Sqlite::open(path, products)?),
            Place::Server(url) => Database::Postgres(Postgres::open(url, products.into_iter().collect())?),
        })
    }

    /// Sets a price, and says whether there is such a product.
    pub(crate) fn reprice(&self, id: ProductId, cents: i64) -> Result<bool, StoreError> {
        match self {
            Database::Sqlite(file) => file.write(move |connection| products::reprice(connection, id, cents)),
            Database::Postgres(server) => server.reprice(id, cents),
        }
    }

    /// Adds lines to customers' carts in one transaction, each once however often it is asked.
    pub(crate) fn add_lines(&self, lines: Vec<(CustomerId, Line)>) -> Result<Vec<Added>, StoreError> {
        match self {
            Database::Sqlite(file) => file.write(move |connection| {
                lines.iter().map(|(customer, line)| carts::add(connection, *customer, line)).collect()
            }),
            Database::Postgres(server) => server.add_lines(lines),
        }
    }

    /// Takes a customer's lines of one product out of the cart.
    pub(crate) fn remove(&self, customer: CustomerId, product: ProductId) -> Result<(), StoreError> {
        match self {
            Database::Sqlite(file) => {
                file.write(move |connection| carts::remove(connection, customer, product))
            }
            Database::Postgres(server) => server.remove(customer, product),
        }
    }

    /// Turns carts into orders, all in one transaction: each line is in its cart or in one order, whatever happens. An
    /// order that is there already is given as it is.
    pub(crate) fn place(
        &self,
        places: Vec<(OrderId, CustomerId)>,
    ) -> Result<Vec<Result<Order, NotPlaced>>, StoreError> {
        match self {
            Database::Sqlite(file) => file.write(move |connection| {
                places.iter().map(|(id, customer)| orders::place(connection, id, *customer)).collect()
            }),
            Database::Postgres(server) => server.place(places),
        }
    }

    /// What reads of it.
    pub(crate) fn reader(&self) -> Result<Reader, StoreError> {
        Ok(match self {
            Database::Sqlite(file) => Reader::Sqlite(file.reader()?),
            Database::Postgres(server) => Reader::Postgres(server.clone()),
        })
    }
}

/// Where it is, without a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Sqlite(file) => file.path().display().fmt(f),
            Database::Postgres(server) => server.fmt(f),
        }
    }
}

impl Reader {
    /// The product with this number.
    pub(crate) fn product(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        match self {
            Reader::Sqlite(file) => products::find(file, id),
            Reader::Postgres(server) => server.product(id),
        }
    }

    /// Every product.
    pub(crate) fn products(&self) -> Result<Vec<Product>, StoreError> {
        match self {
            Reader::Sqlite(file) => products::all(file),
            Reader::Postgres(server) => server.products(),
        }
    }

    /// One customer's cart, empty if there is none.
    pub(crate) fn cart(&self, customer: CustomerId) -> Result<Cart, StoreError> {
        match self {
            Reader::Sqlite(file) => carts::find(file, customer),
            Reader::Postgres(server) => server.cart(customer),
        }
    }

    /// Every cart that is not empty.
    pub(crate) fn carts(&self) -> Result<Vec<Cart>, StoreError> {
        match self {
            Reader::Sqlite(file) => carts::all(file),
            Reader::Postgres(server) => server.carts(),
        }
    }

    /// The order of this name.
    pub(crate) fn order(&self, id: &str) -> Result<Option<Order>, StoreError> {
        match self {
            Reader::Sqlite(file) => orders::find(file, id),
            Reader::Postgres(server) => server.order(id),
        }
    }

    /// Every order.
    pub(crate) fn orders(&self) -> Result<Vec<Order>, StoreError> {
        match self {
            Reader::Sqlite(file) => orders::all(file),
            Reader::Postgres(server) => server.orders(),
        }
    }
}

/// The database did not do what it was asked; its transaction had no effect.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the database failed: {0}")]
pub(crate) struct StoreError(Arc<str>);

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string().into())
    }
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{}: {source}", .path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error("{}: made by another version of storefront (its tables are version {version}, not {VERSION})", .path.display())]
    Version { path: PathBuf, version: i64 },
    #[error("{}: in use by another storefront", .path.display())]
    InUse { path: PathBuf },
    #[error("{}: {source}", .path.display())]
    Lock { path: PathBuf, source: std::io::Error },
}
