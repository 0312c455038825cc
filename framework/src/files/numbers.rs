//! What a lane has done.

use std::net::SocketAddr;

use super::status::Status;
use crate::stats::{LaneNumbers, LaneSource, SharedCounter, Striped};

/// [`LaneNumbers`], while they are counted.
#[derive(Debug)]
pub(super) struct Counts {
    address: SocketAddr,
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
    /// Of the lane that listens there.
    pub(super) fn new(address: SocketAddr) -> Self {
        let (often, accepted, ended, turned_away, evicted) = Default::default();
        let (late, stalled, truncated, panicked) = Default::default();
        Counts { address, often, accepted, ended, turned_away, evicted, late, stalled, truncated, panicked }
    }

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
}

impl LaneSource for Counts {
    fn numbers(&self) -> LaneNumbers {
        // Ended first: one that ends in between is counted as open, never a negative number.
        let ended = self.ended.value();
        let accepted = self.accepted.value();
        LaneNumbers {
            address: self.address,
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
