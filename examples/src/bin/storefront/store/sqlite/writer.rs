//! The database's one writer, and its group commit.
//!
//! A commit waits for the disk, so those that wait for their turn meanwhile share the next one: whoever gets the
//! connection carries out everything that has queued up, each piece in a savepoint of its own, and commits once.
//!
//! ```text
//! thread 1   queue a ── lock ── [ a ] commit ── answer a
//! thread 2      queue b ── wait ............... lock ── [ b c d ] commit ── answer b, c, d
//! thread 3        queue c ── wait ........................................ has its answer
//! thread 4           queue d ── wait ..................................... has its answer
//! ```
//!
//! This is the "group commit" of DeWitt and others, "Implementation techniques for main memory database systems",
//! SIGMOD 1984.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

/// A connection that is written through by many threads.
pub(super) struct Writer {
    queue: Mutex<Vec<Job>>,
    connection: Mutex<Connection>,
}

/// Does its work in the open transaction, or hears why there is none; gives back what tells its caller, to be
/// called with the commit's outcome.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Tell + Send>;
type Tell = Box<dyn FnOnce(Result<(), StoreError>)>;

/// A piece of work's own outcome; the outer error is its panic.
type Done<T> = Result<Result<T, StoreError>, Box<dyn Any + Send>>;

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self { queue: Mutex::new(Vec::new()), connection: Mutex::new(connection) }
    }

    /// Carries out `work` and waits until it is on the disk. If it fails or panics, it has had no effect, and
    /// those that shared its commit do not notice.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, outcome) = sync_channel(1);
        lock(&self.queue).push(Box::new(move |transaction| carry_out(transaction, work, done)));
        let mut connection = lock(&self.connection);
        let jobs = std::mem::take(&mut *lock(&self.queue));
        // Empty if whoever held the connection before has carried this one out as well.
        if !jobs.is_empty() {
            carry_out_all(&mut connection, jobs);
        }
        drop(connection);
        let outcome = outcome.recv().expect("whoever takes a job tells it before letting the connection go");
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn carry_out_all(connection: &mut Connection, jobs: Vec<Job>) {
    let (told, committed): (Vec<Tell>, _) =
        match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => {
                let told = jobs.into_iter().map(|job| job(Ok(&transaction))).collect();
                (told, transaction.commit().map_err(StoreError::from))
            }
            Err(error) => {
                let error = StoreError::from(error);
                (jobs.into_iter().map(|job| job(Err(error.clone()))).collect(), Err(error))
            }
        };
    told.into_iter().for_each(|tell| tell(committed.clone()));
}

fn carry_out<T: Send + 'static>(
    transaction: Result<&Connection, StoreError>,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    done: SyncSender<Done<T>>,
) -> Tell {
    let outcome = match transaction {
        Ok(connection) => in_savepoint(connection, work),
        Err(error) => Ok(Err(error)),
    };
    Box::new(move |committed| {
        // The caller waits for it with the receiver in its hand.
        let _ = done.send(outcome.map(|outcome| committed.and(outcome)));
    })
}

/// Does the work, or rolls back what it did if it fails or panics.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Done<T> {
    let run = |sql| -> Result<(), StoreError> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    };
    if let Err(error) = run("SAVEPOINT work") {
        return Ok(Err(error));
    }
    // Half done work is rolled back before anybody sees it.
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
    let ended = match outcome {
        Ok(Ok(_)) => run("RELEASE work"),
        // If even this fails, SQLite has given up the transaction, and its commit fails for all who share it.
        _ => run("ROLLBACK TO work").and_then(|()| run("RELEASE work")),
    };
    outcome.map(|outcome| outcome.and_then(|value| ended.map(|()| value)))
}

/// Nothing panics while it holds one of these locks; if it did, what they hold would be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn work_that_shares_a_commit_fails_and_panics_alone() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("numbers.db")).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY)").unwrap();
        let writer = Writer::new(connection);
        let insert = |connection: &Connection, number: i64| -> Result<i64, StoreError> {
            connection.execute("INSERT INTO numbers VALUES (?1)", [number])?;
            Ok(number)
        };
        let (all, barrier) = (90, Barrier::new(90));
        let held = lock(&writer.connection);
        std::thread::scope(|scope| {
            for number in 0..all {
                let (writer, barrier) = (&writer, &barrier);
                let work = move |connection: &Connection| match number % 3 {
                    0 => insert(connection, number),
                    1 => insert(connection, number).and_then(|_| insert(connection, number)),
                    _ => panic!("{:?}", insert(connection, number).is_ok()),
                };
                scope.spawn(move || {
                    barrier.wait();
                    let outcome = catch_unwind(AssertUnwindSafe(|| writer.write(work)));
                    match number % 3 {
                        0 => assert_eq!(outcome.unwrap().unwrap(), number),
                        1 => assert!(outcome.unwrap().is_err()),
                        _ => assert!(outcome.is_err()),
                    }
                });
            }
            // All of them share a few commits, most of them one.
            drop(held);
        });
        let count = "SELECT count(*), sum(number % 3) FROM numbers";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        assert_eq!(lock(&writer.connection).query_row(count, [], row).unwrap(), (all / 3, 0));
    }
}
