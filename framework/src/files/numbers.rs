//! What a lane has done.

use super::status::Status;
use crate::stats::{SharedCounter, Striped};

/// Counts of a lane since its listener was made, restarts included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Numbers {
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

/// The same, while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// What every request counts.
    often: Striped<Often>,
    pub(super) accepted: SharedCounter,
    pub(super) ended: SharedCounter,
    pub(super) turned_away: SharedCounter,
    pub(super) evicted: SharedCounter,
    pub(super) late: SharedCounter,
    pub(super) stalled: SharedCounter,
    pub(super) truncated: SharedCounter,
    pub(super) panicked: SharedCounter,
}

#[derive(Debug, Default)]
struct Often {
    sent: SharedCounter,
    not_modified: SharedCounter,
    refused: SharedCounter,
    bytes: SharedCounter,
}

impl Counts {
    /// An answer begins.
    pub(super) fn answered(&self, status: Status) {
        let often = self.often.mine();
        let counter = match status {
            Status::NOT_MODIFIED => &often.not_modified,
            Status(400..) => &often.refused,
            _ => &often.sent,
        };
        counter.add(1);
    }

    /// Bytes of a file were sent.
    pub(super) fn sent(&self, bytes: u64) {
        self.often.mine().bytes.add(bytes);
    }

    pub(super) fn read(&self) -> Numbers {
        // Ended first: one that ends in between is counted as open, never a negative number.
        let ended = self.ended.value();
        let accepted = self.accepted.value();
        Numbers {
            connections: accepted.saturating_sub(ended),
            accepted,
            turned_away: self.turned_away.value(),
            evicted: self.evicted.value(),
            sent: self.often.sum(|often| often.sent.value()),
            not_modified: self.often.sum(|often| often.not_modified.value()),
            refused: self.often.sum(|often| often.refused.value()),
            bytes: self.often.sum(|often| often.bytes.value()),
            late: self.late.value(),
            stalled: self.stalled.value(),
            truncated: self.truncated.value(),
            panicked: self.panicked.value(),
        }
    }
}
