//! One SQLite file.
//!
//! SQLite takes one writer at a time, so the process has one writing connection, and writes that meet share a
//! commit. Readers see the last commit (WAL) and wait for nobody; whoever reads opens a connection of its own with
//! [`Sqlite::reader`].
//!
//! What a write has returned is on the disk: `synchronous` is `FULL`.
//!
//! The actors keep in memory what is in the file, so a second process that wrote to it would make them wrong: a lock
//! on a file beside it keeps others out. The lock ends with the process, however that ends.

pub(crate) mod carts;
pub(crate) mod orders;
pub(crate) mod products;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use self::writer::Writer;
use super::{OpenError, StoreError, VERSION};
use crate::model::ProductId;

/// The file; clones share its one writer.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Shared>);

struct Shared {
    path: PathBuf,
    writer: Writer,
    /// Held for as long as the file is written to.
    _lock: File,
}

impl Sqlite {
    /// Opens the file, or makes it, and sees to it that these products are in its catalog.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, is no database, is in use by another process, or was made by another version
    /// of this program.
    pub(crate) fn open(
        path: &Path,
        products: impl IntoIterator<Item = ProductId> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let refuse = |source: StoreError| OpenError::Store { path: path.to_owned(), source };
        let writer = open_writer(path).map_err(|error| refuse(error.into()))?;
        let lock = lock(path)?;
        let found = writer.query_row("PRAGMA user_version", [], |row| row.get(0));
        let version: i64 = found.map_err(|error| refuse(error.into()))?;
        if version != 0 && version != VERSION {
            return Err(OpenError::Version { path: path.to_owned(), version });
        }
        let writer = Writer::new(writer);
        let database = Self(Arc::new(Shared { path: path.to_owned(), writer, _lock: lock }));
        let prepare = move |connection: &Connection| {
            connection.execute_batch(SCHEMA)?;
            products::generate(connection, products)
        };
        database.write(prepare).map_err(refuse)?;
        Ok(database)
    }

    /// Carries out `work` as a whole or not at all, and waits until it is on the disk: to be called from a
    /// blocking thread.
    ///
    /// # Panics
    ///
    /// If `work` does; then it has had no effect.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.writer.write(work)
    }

    /// Opens a connection that only reads.
    pub(crate) fn reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Connection::open_with_flags(&self.0.path, flags)?)
    }

    /// Where the file lies.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let writer = Connection::open(path)?;
    writer.pragma_update(None, "journal_mode", "WAL")?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    writer.pragma_update(None, "foreign_keys", true)?;
    Ok(writer)
}

/// Locks a file beside the database: SQLite's own locks on the file itself would be lost with one of its handles.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let lock_path = PathBuf::from(name);
    let refuse = |source| OpenError::Lock { path: lock_path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(refuse(source)),
    }
}

const SCHEMA: &str = "
    PRAGMA user_version = 1;
    CREATE TABLE IF NOT EXISTS products (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        cents INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS cart_lines (
        number INTEGER PRIMARY KEY,
        customer INTEGER NOT NULL,
        id TEXT NOT NULL,
        product INTEGER NOT NULL REFERENCES products,
        quantity INTEGER NOT NULL,
        UNIQUE (customer, id)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS orders (
        id TEXT PRIMARY KEY,
        customer INTEGER NOT NULL,
        cents INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS order_lines (
        order_id TEXT NOT NULL REFERENCES orders,
        number INTEGER NOT NULL,
        customer INTEGER NOT NULL,
        id TEXT NOT NULL,
        product INTEGER NOT NULL REFERENCES products,
        quantity INTEGER NOT NULL,
        cents INTEGER NOT NULL,
        PRIMARY KEY (order_id, number),
        UNIQUE (customer, id)
    ) STRICT, WITHOUT ROWID;
";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A database of five products in a folder that goes with the guard.
    pub(crate) fn database() -> (tempfile::TempDir, Sqlite) {
        let folder = tempfile::tempdir().unwrap();
        let database = Sqlite::open(&folder.path().join("shop.db"), 0..5).unwrap();
        (folder, database)
    }

    #[test]
    fn a_failed_or_panicked_write_leaves_no_trace_and_the_next_one_works() {
        let (_folder, database) = database();
        let failed = database.write(|connection| {
            products::reprice(connection, 1, 7)?;
            Ok(connection.execute_batch("not sql")?)
        });
        assert!(failed.unwrap_err().to_string().starts_with("the database failed: "));
        let write = || {
            database.write(|connection| -> Result<(), StoreError> {
                products::reprice(connection, 1, 7)?;
                panic!("half way")
            })
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(write)).is_err());
        let reader = database.reader().unwrap();
        assert_ne!(products::find(&reader, 1).unwrap().unwrap().cents, 7);
        assert!(database.write(|connection| products::reprice(connection, 1, 7)).unwrap());
        assert_eq!(products::find(&reader, 1).unwrap().unwrap().cents, 7);
    }

    #[test]
    fn a_file_in_use_is_refused_until_it_is_let_go() {
        let (folder, database) = database();
        let path = folder.path().join("shop.db");
        let said = Sqlite::open(&path, 0..5).err().unwrap().to_string();
        assert!(said.ends_with("shop.db: in use by another storefront"), "{said}");
        drop(database);
        assert!(Sqlite::open(&path, 0..5).is_ok());
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "these are notes, and by no means a database of any kind".repeat(20)).unwrap();
        let said = Sqlite::open(&path, 0..5).err().unwrap().to_string();
        assert!(said.contains("notes.txt: the database failed: "), "{said}");
    }

    #[test]
    fn a_file_of_another_version_is_refused() {
        let (folder, database) = database();
        database.write(|connection| Ok(connection.pragma_update(None, "user_version", 9)?)).unwrap();
        drop(database);
        let said = Sqlite::open(&folder.path().join("shop.db"), 0..5).err().unwrap().to_string();
        assert!(said.contains("version 9, not 1"), "{said}");
    }
}
