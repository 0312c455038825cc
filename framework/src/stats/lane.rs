//! What a file lane has done.

use std::net::SocketAddr;

/// Counts of a file lane since its listener was made, restarts included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneNumbers {
    /// Where it listens: its name, in metrics and on the page.
    pub address: SocketAddr,
    /// Connections that are open now.
    pub connections: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Of those, told 503 because there were too many.
    pub turned_away: u64,
    /// Idle ones that made room for others.
    pub evicted: u64,
    /// Answers with a file or a part of one.
    pub sent: u64,
    /// Answers that the client has the file already.
    pub not_modified: u64,
    /// Requests refused with a status of 400 and above.
    pub refused: u64,
    /// Bytes of files that the kernel took.
    pub bytes: u64,
    /// Connections closed because a head took too long.
    pub late: u64,
    /// Connections closed because the client read too slowly.
    pub stalled: u64,
    /// Connections closed because a file was truncated while it was sent.
    pub truncated: u64,
    /// Connections that ended by a panic.
    pub panicked: u64,
}

/// A file lane, as the monitor knows it. Asked at every pull: it only reads counters.
pub(crate) trait LaneSource: Send + Sync + 'static {
    /// What it has done up to now.
    fn numbers(&self) -> LaneNumbers;
}
