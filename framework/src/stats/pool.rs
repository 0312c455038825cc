//! What a pool has done.

use std::sync::Arc;
use std::time::Duration;

/// What one pool has done since its start, replicas that are gone included.
///
/// Exact when its callers rest; of one that works, each number is of some moment of the reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolNumbers {
    /// The type of its actors, without path and generics; of a blocking pool that of its threads' state.
    pub type_name: &'static str,
    /// The name that it was given.
    pub name: Option<Arc<str>>,
    /// Replicas, or threads.
    pub replicas: usize,
    /// The most that there may be.
    pub replicas_max: usize,
    /// Those of them that are ejected.
    pub ejected: usize,
    /// Those of them that have a call.
    pub active: usize,
    /// Calls under way, those that wait included.
    pub in_flight: usize,
    /// Messages that wait: in the replicas' mailboxes, or in the queue of a blocking pool.
    pub queue_len: usize,
    /// Calls and tells that were sent.
    pub picks: u64,
    /// Calls that were answered; refusals are answers, unless the pool counts them as failures.
    pub answered: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls whose caller went before they ended.
    pub left: u64,
    /// Messages that nobody waited for.
    pub told: u64,
    /// Times that a replica was ejected.
    pub ejections: u64,
    /// Replicas that were added for the load's sake.
    pub grown: u64,
    /// Replicas that were taken away again.
    pub shrunk: u64,
    /// How long the replicas have had calls, together.
    pub running: Duration,
    /// How long calls have waited for their replica, together.
    pub waiting: Duration,
}
