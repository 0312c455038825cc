//! What a batched handler has done: cells that its actor's runner writes, and what the monitor makes of them.

use std::ops::AddAssign;
use std::sync::OnceLock;
use std::time::Duration;

use super::tuned::Tuned;
use crate::stats::{Counter, Distribution, Histogram, nanos};

/// Why a batch took no more messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClosedBy {
    /// It held `len_max` messages.
    LenMax,
    /// It had waited for messages, and held `len_min` of them.
    LenMin,
    /// The next message would have taken it over `bytes_max`.
    BytesMax,
    /// It had waited for `wait_max`, or as long as waiting paid.
    Wait,
    /// The nearest deadline among its messages left no more time.
    Deadline,
    /// The next message was of another kind.
    OtherMessage,
    /// No more messages were queued, and it did not wait for any.
    Empty,
    /// The actor is to stop.
    Stop,
}

impl ClosedBy {
    /// All of them.
    pub const ALL: [ClosedBy; 8] = [
        ClosedBy::LenMax,
        ClosedBy::LenMin,
        ClosedBy::BytesMax,
        ClosedBy::Wait,
        ClosedBy::Deadline,
        ClosedBy::OtherMessage,
        ClosedBy::Empty,
        ClosedBy::Stop,
    ];

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            ClosedBy::LenMax => "len_max",
            ClosedBy::LenMin => "len_min",
            ClosedBy::BytesMax => "bytes_max",
            ClosedBy::Wait => "wait",
            ClosedBy::Deadline => "deadline",
            ClosedBy::OtherMessage => "other_message",
            ClosedBy::Empty => "empty",
            ClosedBy::Stop => "stop",
        }
    }
}

/// An actor's batched handlers, by their index. Made at the first batch of each.
#[derive(Debug, Default)]
pub(crate) struct Batched(OnceLock<Box<[OnceLock<Box<BatchCells>>]>>);

impl Batched {
    /// The cells of this handler, of `len` of the actor's.
    #[inline]
    pub(crate) fn of(&self, handler: usize, len: usize) -> &BatchCells {
        let all = self.0.get_or_init(|| (0..len).map(|_| OnceLock::new()).collect());
        all[handler].get_or_init(Box::default)
    }

    /// The cells of this handler, if it ever had a batch.
    pub(crate) fn get(&self, handler: usize) -> Option<&BatchCells> {
        self.0.get()?.get(handler)?.get().map(|cells| &**cells)
    }

    /// Messages in batches that are held open, or in their handler.
    pub(crate) fn in_hand(&self) -> usize {
        let all = self.0.get().into_iter().flatten();
        all.filter_map(|cells| Some(cells.get()?.tuned.in_hand())).sum()
    }

    /// Each handler that ever had a batch.
    pub(crate) fn read(&self) -> impl Iterator<Item = (usize, BatchStats)> + '_ {
        let all = self.0.get().into_iter().flatten().enumerate();
        all.filter_map(|(handler, cells)| Some((handler, cells.get()?.read())))
    }
}

/// One batched handler's cells.
#[derive(Debug, Default)]
pub(crate) struct BatchCells {
    pub(in crate::actor) failures: Counter,
    pub(in crate::actor) retries: Counter,
    pub(in crate::actor) splits: Counter,
    pub(in crate::actor) quarantined: Counter,
    pub(in crate::actor) duplicates: Counter,
    pub(in crate::actor) cancelled: Counter,
    pub(in crate::actor) expired: Counter,
    pub(in crate::actor) calls: Counter,
    pub(crate) tuned: Tuned,
    closed: [Counter; ClosedBy::ALL.len()],
    lengths: Histogram,
    waits: Histogram,
    runs: Histogram,
}

impl BatchCells {
    /// A batch was closed at this length.
    pub(in crate::actor) fn closed(&self, len: usize, by: ClosedBy) {
        self.lengths.record(len as u64);
        self.closed[by as usize].add(1);
    }

    pub(super) fn waited(&self, time: Duration) {
        self.waits.record(nanos(time));
    }

    pub(super) fn ran(&self, time: Duration) {
        self.runs.record(nanos(time));
    }

    pub(crate) fn read(&self) -> BatchStats {
        let lengths = self.lengths.read();
        BatchStats {
            batches: lengths.count(),
            messages: lengths.sum(),
            calls: self.calls.value(),
            failures: self.failures.value(),
            retries: self.retries.value(),
            splits: self.splits.value(),
            quarantined: self.quarantined.value(),
            duplicates: self.duplicates.value(),
            cancelled: self.cancelled.value(),
            expired: self.expired.value(),
            closed: self.closed.each_ref().map(Counter::value),
            lengths,
            waits: self.waits.read(),
            runs: self.runs.read(),
        }
    }
}

/// What one batched handler has done, in one actor or in all of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStats {
    /// Batches that were closed.
    pub batches: u64,
    /// Messages in them, duplicates among them. Those that were left out are not.
    pub messages: u64,
    /// Calls of the handler: more than batches where one failed and was tried again, whole or in parts.
    pub calls: u64,
    /// Calls that returned an error.
    pub failures: u64,
    /// Calls that tried again what had failed whole, under `on_error = retry(..)`.
    pub retries: u64,
    /// Failed calls whose messages were tried again in two halves, under `on_error = bisect`.
    pub splits: u64,
    /// Messages that failed alone, under `on_error = bisect`.
    pub quarantined: u64,
    /// Messages that got a copy of another's answer, under `dedup = key`.
    pub duplicates: u64,
    /// Messages left out because their asker was gone.
    pub cancelled: u64,
    /// Messages left out because their asker's deadline was over.
    pub expired: u64,
    closed: [u64; ClosedBy::ALL.len()],
    /// How long batches were, in messages.
    pub lengths: Distribution,
    /// How long batches were held open for more messages, in nanoseconds; of handlers that can wait.
    pub waits: Distribution,
    /// How long calls took, in nanoseconds. Of a plain `fn` that neither waits nor tries again one call in sixteen is
    /// timed, of others each.
    pub runs: Distribution,
}

impl BatchStats {
    /// How many batches were closed for this reason.
    pub fn closed_by(&self, why: ClosedBy) -> u64 {
        self.closed[why as usize]
    }
}

impl AddAssign<&BatchStats> for BatchStats {
    fn add_assign(&mut self, other: &BatchStats) {
        self.batches += other.batches;
        self.messages += other.messages;
        self.calls += other.calls;
        self.failures += other.failures;
        self.retries += other.retries;
        self.splits += other.splits;
        self.quarantined += other.quarantined;
        self.duplicates += other.duplicates;
        self.cancelled += other.cancelled;
        self.expired += other.expired;
        for (sum, count) in self.closed.iter_mut().zip(&other.closed) {
            *sum += count;
        }
        self.lengths += &other.lengths;
        self.waits += &other.waits;
        self.runs += &other.runs;
    }
}
