//! A tier on disk, embedded: one redb file for all caches of a process.

mod table;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, Durability};
use tokio::sync::oneshot;

use super::entry::{Entry, Stamp, Timestamp};
use super::tier::{Put, Store, Tier, TierError, TierFuture, Usage};
use crate::sync::Mutex;
use table::{Counts, Tables, broken};

/// How often a transaction waits for the disk where nothing else is said.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// redb's page cache.
const PAGE_CACHE_BYTES: usize = 8 << 20;

/// A file in which caches keep entries. A clone is the same file.
///
/// ```text
///   one table a space     key   -> sequence number u64 | frame of the entry
///   table "\0order"       sequence number -> space, key        the oldest first: the first to make room
///   table "\0floors"      space, tag or nothing -> stamp       what was cleared
/// ```
///
/// **What it is.** A [`Disk`] is a file that outlives the process; a cache that is made again under its name finds
/// its entries there. A file belongs to one process at a time.
///
/// **Guarantees.** Those of every [tier](Tier). The file is made to last with the first write a second after the last
/// time ([`sync_every`](Self::sync_every)), at a [flush](Tier::flush), and when the `Disk` is dropped; a process that is killed loses what was put since, and
/// finds the file as it was then. A file that is damaged is replaced by an empty one, and that is logged: it is a
/// cache.
///
/// **Bounded** by the bytes of keys and entries, `bytes_max`; what was put first makes room first. The file is somewhat
/// larger, and keeps the size that it once had.
///
/// **Cost.** A read is a hop to a blocking thread and a look into redb's own page cache, or the disk. Writes that
/// arrive during a transaction share the next one; once a second one waits for the disk.
///
/// **Bad at.** Removing a tag, and clearing: both read every entry of the space.
///
/// redb (MIT or Apache-2.0, pure Rust, a stable file format, maintained weekly) and not fjall: one file, no threads of its
/// own, and a bounded cache has no use for an LSM tree's faster bulk writes.
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    path: PathBuf,
    bytes_max: u64,
    /// Writes that no transaction has taken yet.
    queue: Mutex<Vec<Write>>,
    /// Held during a transaction.
    writer: Mutex<Writer>,
    counts: Mutex<HashMap<Arc<str>, Counts>>,
}

struct Writer {
    synced_at: Instant,
    sync_every: Duration,
    /// Written since.
    is_dirty: bool,
}

struct Write {
    space: Arc<str>,
    change: Change,
    /// Told when the transaction has ended; an `Outdated` only of a put.
    done: Done,
}

type Done = oneshot::Sender<Result<Put, TierError>>;

enum Change {
    Put {
        key: Box<[u8]>,
        entry: Entry,
        frame: Vec<u8>,
        now: Timestamp,
    },
    RemoveTag {
        tag: Box<str>,
        stamp: Stamp,
    },
    Clear {
        stamp: Stamp,
    },
    /// Waits for the disk.
    Flush,
}

/// Why a disk tier cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Another process, or another `Disk`, has it open.
    #[error("{}: in use by another process, or by a `Disk` of this one that was not dropped", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made, opened or read.
    #[error("{}: {why}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Disk {
    /// Opens the file, or makes it, for at most `bytes_max` bytes of entries. What is damaged is replaced. It reads
    /// the file's index, so it may wait for the disk.
    ///
    /// # Errors
    ///
    /// When another process has the file open, or it cannot be written.
    pub fn open(path: impl AsRef<Path>, bytes_max: u64) -> Result<Self, DiskError> {
        let path = path.as_ref();
        let failed = |why: String| DiskError::Failed { path: path.to_owned(), why };
        let database = match open(path) {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(DiskError::InUse { path: path.to_owned() });
            }
            // A redb that cannot make sense of the file; a file that is none of redb's says "invalid data".
            Err(error) if is_damaged(&error) => {
                tracing::warn!(
                    target: "ostraca::cache", file = %path.display(),
                    "the disk tier's file is damaged and replaced by an empty one: {error}",
                );
                std::fs::remove_file(path).map_err(|error| failed(error.to_string()))?;
                open(path).map_err(|error| failed(error.to_string()))?
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let counts = table::count(&database).map_err(|error| failed(error.to_string()))?;
        let shared = Shared {
            database,
            path: path.to_owned(),
            bytes_max,
            queue: Mutex::new(Vec::new()),
            writer: Mutex::new(Writer { synced_at: Instant::now(), sync_every: SYNC_EVERY, is_dirty: false }),
            counts: Mutex::new(counts),
        };
        Ok(Disk { shared: Arc::new(shared) })
    }

    /// How often a transaction waits for the disk (`fsync`), 1 s by default. Zero makes each put last before it is
    /// answered, and costs it a wait for the disk; those that arrive meanwhile share the next one. The longer, the more
    /// is lost with the power, which a cache fills again. It holds for all clones.
    #[must_use]
    pub fn sync_every(self, every: Duration) -> Self {
        self.shared.writer.lock().sync_every = every;
        self
    }
}

fn open(path: &Path) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(PAGE_CACHE_BYTES).create(path)
}

fn is_damaged(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted => true,
        DatabaseError::Storage(redb::StorageError::Corrupted(_)) => true,
        DatabaseError::Storage(redb::StorageError::Io(error)) => {
            error.kind() == std::io::ErrorKind::InvalidData
        }
        _ => false,
    }
}

impl Store for Disk {
    fn name(&self) -> &str {
        "disk"
    }

    fn tier(&self, space: &str) -> Arc<dyn Tier> {
        Arc::new(DiskTier { shared: self.shared.clone(), space: space.into() })
    }
}

struct DiskTier {
    shared: Arc<Shared>,
    space: Arc<str>,
}

impl DiskTier {
    /// Queues a change, and sees to it that a transaction takes it.
    async fn write(&self, change: Change) -> Result<Put, TierError> {
        let (done, is_done) = oneshot::channel();
        self.shared.queue.lock().push(Write { space: self.space.clone(), change, done });
        let shared = self.shared.clone();
        let commit = tokio::task::spawn_blocking(move || {
            let told = shared.commit();
            // Before anybody is told: who drops the disk then has closed the file.
            drop(shared);
            told.into_iter().for_each(|(done, outcome)| {
                // Nobody waits any more: the write was made all the same.
                let _gone = done.send(outcome);
            });
        });
        let outcome =
            is_done.await.unwrap_or_else(|_| Err(TierError::unavailable("the disk's thread is gone")));
        commit.await.map_err(TierError::unavailable)?;
        outcome
    }
}

impl Tier for DiskTier {
    fn get<'a>(&'a self, key: &'a [u8], now: Timestamp) -> TierFuture<'a, Option<Entry>> {
        let (shared, space, key) = (self.shared.clone(), self.space.clone(), key.to_vec());
        Box::pin(async move {
            let read = move || table::read(&shared.database, &space, &key);
            let entry = tokio::task::spawn_blocking(read).await.map_err(TierError::unavailable)??;
            Ok(entry.filter(|entry| entry.is_kept(now)))
        })
    }

    fn put<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put> {
        Box::pin(async move {
            let frame = entry.to_frame()?;
            self.write(Change::Put { key: key.into(), entry: entry.clone(), frame, now }).await
        })
    }

    fn remove_tag<'a>(&'a self, tag: &'a str, stamp: Stamp, _now: Timestamp) -> TierFuture<'a, ()> {
        Box::pin(async move { self.write(Change::RemoveTag { tag: tag.into(), stamp }).await.map(|_| ()) })
    }

    fn clear(&self, stamp: Stamp, _now: Timestamp) -> TierFuture<'_, ()> {
        Box::pin(async move { self.write(Change::Clear { stamp }).await.map(|_| ()) })
    }

    fn flush(&self) -> TierFuture<'_, ()> {
        Box::pin(async move { self.write(Change::Flush).await.map(|_| ()) })
    }

    fn usage(&self) -> Usage {
        let counts = self.shared.counts.lock().get(&self.space).copied().unwrap_or_default();
        Usage { len: Some(counts.len), bytes: Some(counts.bytes), evictions: Some(counts.evictions) }
    }
}

impl Shared {
    /// One transaction over all that is queued, and what to tell whom.
    fn commit(&self) -> Vec<(Done, Result<Put, TierError>)> {
        let mut writer = self.writer.lock();
        let writes = std::mem::take(&mut *self.queue.lock());
        if writes.is_empty() {
            return Vec::new();
        }
        let must_sync = writes.iter().any(|write| matches!(write.change, Change::Flush))
            || writer.synced_at.elapsed() >= writer.sync_every;
        let outcomes = match self.transaction(&writes, must_sync) {
            Ok(outcomes) => {
                if must_sync {
                    writer.synced_at = Instant::now();
                }
                writer.is_dirty = !must_sync;
                outcomes
            }
            Err(error) => vec![Err(error); writes.len()],
        };
        writes.into_iter().map(|write| write.done).zip(outcomes).collect()
    }

    fn transaction(
        &self,
        writes: &[Write],
        must_sync: bool,
    ) -> Result<Vec<Result<Put, TierError>>, TierError> {
        let mut transaction = self.database.begin_write().map_err(broken)?;
        let durability = if must_sync { Durability::Immediate } else { Durability::None };
        transaction.set_durability(durability).map_err(broken)?;
        let mut counts = self.counts.lock().clone();
        let mut outcomes = Vec::with_capacity(writes.len());
        {
            let mut tables = Tables::open(&transaction, &mut counts)?;
            for Write { space, change, .. } in writes {
                outcomes.push(match change {
                    Change::Put { key, entry, frame, now } => tables.put(space, key, entry, frame, *now),
                    Change::RemoveTag { tag, stamp } => {
                        tables.remove_tag(space, tag, *stamp).map(|()| Put::Stored)
                    }
                    Change::Clear { stamp } => tables.clear(space, *stamp).map(|()| Put::Stored),
                    Change::Flush => Ok(Put::Stored),
                });
            }
            tables.make_room(self.bytes_max)?;
        }
        transaction.commit().map_err(broken)?;
        *self.counts.lock() = counts;
        Ok(outcomes)
    }
}

/// What was written in the last second is made to last.
impl Drop for Shared {
    fn drop(&mut self) {
        if self.writer.lock().is_dirty
            && let Ok(transaction) = self.database.begin_write()
            && let Err(error) = transaction.commit()
        {
            tracing::warn!(target: "ostraca::cache", file = %self.path.display(), "{error}");
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
