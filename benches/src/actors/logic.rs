//! What the actors of all peers do; the same code for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts what was done by how many, and tells the bench when all have ended.
#[derive(Clone)]
pub struct Done(Arc<Inner>);

struct Inner {
    waiting: AtomicU64,
    sum: AtomicU64,
    all: Notify,
}

impl Done {
    pub fn of(parties: u64) -> Self {
        Done(Arc::new(Inner { waiting: AtomicU64::new(parties), sum: AtomicU64::new(0), all: Notify::new() }))
    }

    pub fn arrive(&self, did: u64) {
        self.0.sum.fetch_add(did, Ordering::AcqRel);
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.all.notify_one();
        }
    }

    /// What all did together.
    pub async fn wait(&self) -> u64 {
        self.0.all.notified().await;
        self.0.sum.load(Ordering::Acquire)
    }
}

/// The state of an actor of `big`.
pub struct Friend {
    pub me: usize,
    len: usize,
    left: u64,
    got: u64,
    rng: u64,
    done: Done,
}

impl Friend {
    pub fn new(me: usize, len: usize, pings: u64, done: Done) -> Self {
        Friend { me, len, left: pings, got: 0, rng: me as u64 * 0x9e37_79b9 + 1, done }
    }

    /// What [`new`](Self::new) makes it of: arguments of an actor that can be started again.
    pub fn into_args(self) -> (usize, usize, u64, Done) {
        (self.me, self.len, self.left, self.done)
    }

    /// Whom to ping next, if any ping is left.
    pub fn to_ping(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        // xorshift64: cheap beside a message, and the same for all peers.
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        let other = (self.rng % (self.len as u64 - 1)) as usize;
        Some(if other < self.me { other } else { other + 1 })
    }

    /// A ping was answered: whom to ping next.
    pub fn answered(&mut self) -> Option<usize> {
        self.got += 1;
        let next = self.to_ping();
        if next.is_none() {
            self.done.arrive(self.got);
        }
        next
    }
}
