//! The claim word: who may run a cell.
//!
//! ```text
//!              notify / wake                  take (worker)
//!   parked ──────────────────> QUEUED ─────────────────────────> RUNNING
//!     │                          │      claim (asker)             │ │ │
//!     └──────────────────────────┴────────────────────────────────┘ │ │
//!     <──────────── release: parked, wake-up armed ─────────────────┘ │
//!     QUEUED <───── requeue: the budget is gone ──────────────────────┤
//!     SUSPENDED <── suspend: a handler waits, or the actor failed ────┤
//!        │ notify / wake: + QUEUED                                    │
//!     CLOSED <───── close: for good ──────────────────────────────────┘
//! ```
//!
//! The bits are independent. RUNNING: somebody owns the consumer's end, the state and the context; nobody else
//! touches them. QUEUED: an entry is in the run queue (an asker may run the cell before the entry is taken; the
//! entry then finds nothing to do). SUSPENDED: rests with something unfinished; only notify and wake move it,
//! an asker never does. NOTIFIED: look again before you rest. CONTROL: the control lane has work. WOKEN: the
//! unfinished future wants to be polled. None of RUNNING, QUEUED, SUSPENDED, CLOSED: parked, with the mailbox's
//! wake-up armed.
//!
//! **Guarantees.** At most one runner; what a runner did happens before what the next one does; a notify, a
//! control or a wake that comes at any moment is seen by a runner after it. Models: `loom_tests` below.

use crate::sync::atomic::{AtomicU32, Ordering};

const RUNNING: u32 = 1;
const QUEUED: u32 = 1 << 1;
const NOTIFIED: u32 = 1 << 2;
const CONTROL: u32 = 1 << 3;
const SUSPENDED: u32 = 1 << 4;
const WOKEN: u32 = 1 << 5;
const CLOSED: u32 = 1 << 6;

pub(super) struct Claim(AtomicU32);

/// The caller puts the cell on the run queue.
#[must_use = "the cell is marked as queued: it must be put on the run queue"]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Schedule,
    Nothing,
}

/// What an asker's try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// The claim is the caller's.
    Claimed,
    /// Somebody runs the cell, or was faster: worth another try.
    Taken,
    /// Only a worker may run it: it is suspended, has control work, or is closed.
    NotForAskers,
}

/// What a rest came to.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The claim is given up.
    Resting,
    /// Something came meanwhile; the claim is still held.
    LookAgain,
}

impl Claim {
    /// A cell that is about to be scheduled for the first time.
    pub(super) fn queued() -> Self {
        Claim(AtomicU32::new(QUEUED))
    }

    /// A sender was told to wake the cell.
    pub(super) fn notify(&self) -> Wake {
        self.raise(NOTIFIED)
    }

    /// There is control work.
    pub(super) fn control(&self) -> Wake {
        self.raise(NOTIFIED | CONTROL)
    }

    /// The unfinished future wants to be polled.
    pub(super) fn wake(&self) -> Wake {
        self.raise(WOKEN)
    }

    fn raise(&self, bits: u32) -> Wake {
        let raised = |state: u32| match state {
            state if state & CLOSED != 0 => None,
            state if state & (RUNNING | QUEUED) != 0 => Some(state | bits),
            state => Some(state | bits | QUEUED),
        };
        // ORDERING: AcqRel; Release publishes what the caller has to show (a control message, a message, the
        // waker's reason), Acquire orders the scheduling after what the last runner did.
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, raised) {
            Ok(state) if state & (RUNNING | QUEUED) == 0 => Wake::Schedule,
            _ => Wake::Nothing,
        }
    }

    /// A worker took the entry. False: there is nothing to do for it.
    pub(super) fn take(&self) -> bool {
        let taken = |state: u32| match state {
            state if state & (CLOSED | QUEUED) != QUEUED => None,
            // An asker runs it: it looks again before it rests.
            state if state & RUNNING != 0 => Some((state & !QUEUED) | NOTIFIED),
            // Control is taken note of with the rest of it.
            state if state & CONTROL != 0 => Some((state & !(QUEUED | SUSPENDED)) | RUNNING),
            // Whoever begins to run looks at the mailbox: a note to do so is taken by that.
            state => Some((state & !(QUEUED | SUSPENDED | NOTIFIED)) | RUNNING),
        };
        // ORDERING: AcqRel; Acquire sees all that the last runner did, Release hands NOTIFIED to the current one.
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, taken)
            .is_ok_and(|state| state & RUNNING == 0)
    }

    /// An asker takes an idle cell, on the run queue or not. Control work is left to the workers.
    #[inline]
    pub(super) fn try_claim(&self) -> Tried {
        // ORDERING: Relaxed; only a guess, checked by the exchange.
        let state = self.0.load(Ordering::Relaxed);
        if state & (RUNNING | SUSPENDED | CLOSED | CONTROL) != 0 {
            let is_hopeless = state & (SUSPENDED | CLOSED | CONTROL) != 0;
            return if is_hopeless { Tried::NotForAskers } else { Tried::Taken };
        }
        // ORDERING: AcqRel; as in `take`.
        match self.0.compare_exchange(state, state | RUNNING, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Tried::Claimed,
            Err(_) => Tried::Taken,
        }
    }

    /// Gives the claim up; the mailbox's wake-up is armed.
    pub(super) fn release(&self) -> Rest {
        self.rest(NOTIFIED | CONTROL, 0)
    }

    /// Gives the claim up with something unfinished.
    pub(super) fn suspend(&self) -> Rest {
        self.rest(NOTIFIED | CONTROL | WOKEN, SUSPENDED)
    }

    fn rest(&self, reasons_to_stay: u32, mark: u32) -> Rest {
        let rested =
            |state: u32| (state & reasons_to_stay == 0).then_some((state & !(RUNNING | WOKEN)) | mark);
        // ORDERING: AcqRel; Release gives all that this runner did to the next, Acquire sees what a notify
        // published when it fails.
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, rested) {
            Ok(_) => Rest::Resting,
            Err(_) => Rest::LookAgain,
        }
    }

    /// Gives the claim up with work left. `Schedule` unless an entry is on the run queue already.
    pub(super) fn requeue(&self) -> Wake {
        let requeued = |state: u32| Some((state & !RUNNING) | QUEUED);
        // ORDERING: AcqRel; as in `rest`.
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, requeued) {
            Ok(state) if state & QUEUED != 0 => Wake::Nothing,
            _ => Wake::Schedule,
        }
    }

    /// The runner takes note of what came: what is in the mailbox's lanes now will be seen. True if the control
    /// lane has work.
    pub(super) fn take_notified(&self) -> bool {
        // ORDERING: Relaxed; most often nothing came, and the exchange below orders what did.
        if self.0.load(Ordering::Relaxed) & (NOTIFIED | CONTROL) == 0 {
            return false;
        }
        // ORDERING: AcqRel; Acquire sees what the notifier published.
        self.0.fetch_and(!(NOTIFIED | CONTROL), Ordering::AcqRel) & CONTROL != 0
    }

    /// As [`take_notified`](Self::take_notified), by an asker, who leaves the control lane to a worker.
    pub(super) fn acknowledge(&self) {
        // ORDERING: Relaxed; as above.
        if self.0.load(Ordering::Relaxed) & NOTIFIED != 0 {
            // ORDERING: AcqRel; Acquire sees what the notifier published.
            self.0.fetch_and(!NOTIFIED, Ordering::AcqRel);
        }
    }

    /// The runner is about to poll the unfinished future: wakes from here on count.
    pub(super) fn take_woken(&self) -> bool {
        // ORDERING: AcqRel; Acquire sees what the waker published.
        self.0.fetch_and(!WOKEN, Ordering::AcqRel) & WOKEN != 0
    }

    /// Whether there is control work. A guess: it may be raised the next instant.
    pub(super) fn has_control(&self) -> bool {
        // ORDERING: Relaxed; acted upon by `take_notified`, which orders.
        self.0.load(Ordering::Relaxed) & CONTROL != 0
    }

    /// Whether the runner was called since it last took note. A guess, too.
    #[inline]
    pub(super) fn is_called(&self) -> bool {
        // ORDERING: Relaxed; acted upon by `take_notified` or `acknowledge`, which order.
        self.0.load(Ordering::Relaxed) & (NOTIFIED | CONTROL) != 0
    }

    /// The runner leaves for good.
    pub(super) fn close(&self) {
        // ORDERING: Release; whoever drops the cell sees what the last runner did.
        self.0.store(CLOSED, Ordering::Release);
    }
}

#[cfg(all(test, ostraca_loom))]
#[path = "claim_loom_tests.rs"]
mod loom_tests;
