//! What lies behind the memory: a disk, a server, a cluster of servers.
//!
//! **What it is.** A [`Store`] is a place: a file, a Redis server. A [`Tier`] is the part of it that one cache uses,
//! by the name of its space. Tiers keep bytes and what is known of them ([`Entry`]); values are encoded once for all
//! tiers, by the cache, and the memory in front of them keeps values as they are. To add a place of one's own is to
//! write these two traits; `tier_contract.rs` is the list of what is asked of them, and runs on each.
//!
//! **What a tier promises.**
//!
//! 1. *Only newer wins.* [`put`](Tier::put) keeps the entry with the higher [`Stamp`]; of equal ones the one that
//!    comes later, except that no value replaces a [`Body::Removed`] of its own stamp. The comparison and the write are one step, whoever else writes, other processes included.
//! 2. *Nothing comes back.* Once [`clear`](Tier::clear) or [`remove_tag`](Tier::remove_tag) at a stamp has returned,
//!    no `get` gives an entry (with that tag) of a lower stamp, and a `put` of one is [`Put::Outdated`], also if it
//!    began before. Entries are removed, not only hidden, though perhaps a little later.
//! 3. *Lifetimes.* An entry past its `keep_until` is not given. Time is given in: a tier reads no clock, except to
//!    wait for its own network.
//! 4. *Bytes are not believed.* What cannot be read back is [`TierError::Corrupt`], with memory bounded by the limit of
//!    a value, and never a panic.
//! 5. *A loss is told.* If entries may have gone back in time (a server that restarted from an old snapshot, a
//!    promoted replica), those are not given any more.
//!
//! **What it need not care about.** Time-outs, breakers, retries and the order of writes to one key: whoever calls
//! does that. An error is a miss to the reader, and never reaches them. A call's future may be dropped half way; the
//! write may then have happened.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use super::entry::{Entry, Stamp, Timestamp};

/// What a tier's methods return. Boxed: a call goes to a disk or a network.
pub type TierFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, TierError>> + Send + 'a>>;

/// A place where several caches keep entries, each in a space of its own.
pub trait Store: Send + Sync + 'static {
    /// What it is called in statistics, logs and configuration: `disk`, `redis`.
    fn name(&self) -> &str;

    /// Why it is out of reach, if it is: caches go on without it, and a service may want to say so. Does not wait.
    fn outage(&self) -> Option<TierError> {
        None
    }

    /// The part of it named `space`. Does not wait: what cannot be reached yet is an error of the tier's calls.
    /// Twice the same name is twice the same part.
    fn tier(&self, space: &str) -> Arc<dyn Tier>;
}

/// The entries of one cache in one place. See the module's doc for what it promises.
pub trait Tier: Send + Sync + 'static {
    /// What is kept of `key` at `now`, [`Body::Removed`](super::Body::Removed) included.
    fn get<'a>(&'a self, key: &'a [u8], now: Timestamp) -> TierFuture<'a, Option<Entry>>;

    /// Keeps `entry`, which the source has from now on, unless something newer is kept or was removed. Other processes
    /// are told.
    fn put<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put>;

    /// As [`put`](Self::put), of what was read from the source. Nobody is told: nothing has changed.
    fn fill<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put> {
        self.put(key, entry, now)
    }

    /// Removes every entry with this tag and a stamp below `stamp`.
    fn remove_tag<'a>(&'a self, tag: &'a str, stamp: Stamp, now: Timestamp) -> TierFuture<'a, ()>;

    /// Removes every entry with a stamp below `stamp`.
    fn clear(&self, stamp: Stamp, now: Timestamp) -> TierFuture<'_, ()>;

    /// Makes what was put outlast the process, where that is possible. Called at a stop.
    fn flush(&self) -> TierFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Whom to tell what others do to the entries. A tier that nobody else writes to has nothing to tell.
    ///
    /// From before this returns, or from the [`lost`](Watcher::lost) that follows, every change by another process is
    /// told; the tier's own calls are not.
    fn watch(&self, watcher: Weak<dyn Watcher>) {
        let _nobody = watcher;
    }

    /// What is in it. Read by whoever wants statistics, so it does not wait.
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

/// Who holds copies of a tier's entries, and drops those that others have changed.
pub trait Watcher: Send + Sync + 'static {
    /// Another process has put or removed this key.
    fn changed(&self, key: &[u8]);

    /// Another process has removed what has this tag.
    fn tag_removed(&self, tag: &str, stamp: Stamp);

    /// Another process has removed everything.
    fn cleared(&self, stamp: Stamp);

    /// Changes may have been missed: no copy is to be trusted.
    fn lost(&self);
}

/// What became of a [`put`](Tier::put).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is kept.
    Stored,
    /// It is older than what is kept, or than what was removed, which has this stamp.
    Outdated(Stamp),
}

/// What is in a tier. What it cannot tell without waiting is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Entries, those past their lifetime included.
    pub len: Option<u64>,
    /// What they take, in bytes.
    pub bytes: Option<u64>,
    /// Entries that made room for others.
    pub evictions: Option<u64>,
}

/// Why a tier did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TierError {
    /// The place cannot be reached, or refuses.
    #[error("out of reach: {0}")]
    Unavailable(Arc<str>),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// What is kept cannot be read back: it is a miss.
    #[error("cannot be read back: {0}")]
    Corrupt(Arc<str>),
    /// The entry, or its key, is longer than the tier takes.
    #[error("too long: {len} bytes of at most {len_max}")]
    TooLong {
        /// How long it is.
        len: usize,
        /// How long it may be.
        len_max: usize,
    },
}

impl TierError {
    /// Out of reach, and why.
    pub fn unavailable(why: impl fmt::Display) -> Self {
        TierError::Unavailable(why.to_string().into())
    }

    /// Cannot be read back, and why.
    pub fn corrupt(why: impl fmt::Display) -> Self {
        TierError::Corrupt(why.to_string().into())
    }

    /// Whether it speaks against the place, and not only against one entry.
    pub fn is_outage(&self) -> bool {
        matches!(self, TierError::Unavailable(_) | TierError::TimedOut)
    }
}
