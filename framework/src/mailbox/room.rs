//! Senders that wait for room in a full mailbox, first come first let in.
//!
//! Admission comes before the ticket, so a sender that gives up has sent nothing. A sender that was let in and
//! gives up passes its turn on.
//!
//! The two sides meet as in Dekker's algorithm: the sender enters itself and then looks for room, the consumer
//! makes room and then looks for senders, with a sequentially consistent fence between the two steps of each;
//! so one of them sees the other.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};

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

    /// Ready when `has_room` says so or this waiter was let in.
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
                // ORDERING: Relaxed; the fence below orders it before the look for room.
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
        // ORDERING: SeqCst; pairs with the fence in `admit` (see the module's doc).
        fence(Ordering::SeqCst);
        if has_room() {
            self.leave(waiter);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Wakes the first waiting senders, as many as `free` says there is room for.
    pub(super) fn admit(&self, free: impl Fn() -> usize) {
        // ORDERING: SeqCst; pairs with the fence in `poll_wait`.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed; ordered by the fence.
        if self.len.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut waiting = self.waiting.lock();
        let count = free().min(waiting.entries.len());
        let admitted: Vec<Entry> = waiting.entries.drain(..count).collect();
        self.len.store(waiting.entries.len(), Ordering::Relaxed);
        drop(waiting);
        // Woken outside the lock: a waker is foreign code.
        admitted.into_iter().for_each(|entry| entry.waker.wake());
    }

    /// The sender gives up: a turn it was given and did not use goes to the next.
    pub(super) fn forget(&self, waiter: &mut Waiter) {
        if !self.leave(waiter) {
            self.admit(|| 1);
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
