//! Senders that wait for room in a full mailbox, first come first let in.
//!
//! Admission comes before the ticket, so a sender that gives up has sent nothing. A sender that was let in and
//! gives up passes its turn on.
//!
//! **Batches.** A consumer that lets one sender in a message wakes one a message. So in passing it lets them in only
//! when half of the mailbox is free, and then as many as fit.
//!
//! **Why none is forgotten.** The two sides meet as in Dekker's algorithm: the sender enters itself and then looks
//! for room; the consumer makes room and then looks for senders; between the two steps of each is a
//! read-modify-write of one word, the queue's claim. The consumer's is the one by which it rests or suspends, which it
//! tries after it has looked for senders: a sender's that comes before it marks the word, so that the rest fails, and
//! the consumer looks again; one that comes after sees the room. A consumer that goes on looks in passing: what it
//! misses it sees later.

use std::collections::VecDeque;
#[cfg(not(ostraca_loom))]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Wakers that are taken out under one lock.
const BATCH_LEN: usize = 32;

pub(super) struct Room {
    /// Length of `waiting`, so that a consumer nobody waits for takes no lock.
    len: AtomicUsize,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    next_id: u64,
    entries: VecDeque<Entry>,
}

struct Entry {
    id: u64,
    waker: Waker,
}

/// One sender's place.
#[derive(Default)]
pub(crate) struct Waiter {
    id: Option<u64>,
}

impl Room {
    pub(super) fn new() -> Self {
        Room {
            len: AtomicUsize::new(0),
            waiting: Mutex::new(Waiting { next_id: 0, entries: VecDeque::new() }),
        }
    }

    /// Ready when `has_room`, which takes the sender's step, says so, or this waiter was let in.
    pub(super) fn poll_wait(
        &self,
        waiter: &mut Waiter,
        cx: &Context<'_>,
        has_room: impl Fn() -> bool,
    ) -> Poll<()> {
        let mut waiting = self.waiting.lock();
        match waiter.id {
            None => {
                let id = waiting.next_id;
                waiting.next_id += 1;
                waiting.entries.push_back(Entry { id, waker: cx.waker().clone() });
                waiter.id = Some(id);
                // ORDERING: Relaxed; the sender's step, in `has_room`, orders it before the look for room.
                self.len.store(waiting.entries.len(), Ordering::Relaxed);
            }
            Some(id) => match waiting.entries.iter_mut().find(|entry| entry.id == id) {
                Some(entry) => entry.waker.clone_from(cx.waker()),
                None => {
                    waiter.id = None;
                    return Poll::Ready(());
                }
            },
        }
        drop(waiting);
        if has_room() {
            self.leave(waiter);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Whether somebody may be waiting.
    pub(super) fn is_waited_for(&self) -> bool {
        // ORDERING: Relaxed; see the module's doc: what must not be missed is ordered by the tail.
        self.len.load(Ordering::Relaxed) != 0
    }

    /// Wakes the first waiting senders, at most `count`.
    pub(super) fn admit(&self, count: usize) {
        let mut left = count;
        while left > 0 {
            let mut waiting = self.waiting.lock();
            let len = left.min(BATCH_LEN).min(waiting.entries.len());
            if len == 0 {
                return;
            }
            let mut admitted: [Option<Waker>; BATCH_LEN] = [const { None }; BATCH_LEN];
            for (place, entry) in admitted.iter_mut().zip(waiting.entries.drain(..len)) {
                *place = Some(entry.waker);
            }
            self.len.store(waiting.entries.len(), Ordering::Relaxed);
            drop(waiting);
            // Woken outside the lock: a waker is foreign code.
            admitted.into_iter().flatten().for_each(wake);
            left -= len;
        }
    }

    /// The sender gives up: a turn it was given and did not use goes to the next.
    pub(super) fn forget(&self, waiter: &mut Waiter) {
        if !self.leave(waiter) {
            self.admit(1);
        }
    }

    /// Takes the waiter out. False when it had been let in.
    fn leave(&self, waiter: &mut Waiter) -> bool {
        let Some(id) = waiter.id.take() else { return true };
        let mut waiting = self.waiting.lock();
        let len_before = waiting.entries.len();
        waiting.entries.retain(|entry| entry.id != id);
        self.len.store(waiting.entries.len(), Ordering::Relaxed);
        waiting.entries.len() != len_before
    }
}

/// Whoever makes room may hold a claim, and the next waits for its turn: a waker that panics takes neither along.
#[cfg(not(ostraca_loom))]
fn wake(waker: Waker) {
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!(target: "ostraca::mailbox", "a waker panicked; its task may hang");
    }
}

/// Under loom a panic is a model that failed.
#[cfg(ostraca_loom)]
fn wake(waker: Waker) {
    waker.wake();
}
