//! The queue's word: its next ticket, and who consumes.
//!
//! ```text
//!    63                                   8   7                          0
//!   [ next ticket                           | state of the consumer's role ]
//!
//!              push / control / wake             take (worker)
//!   idle ───────────────────────────> QUEUED ─────────────────────> RUNNING
//!     │                                 │      claim (asker)          │ │ │
//!     └─────────────────────────────────┴─────────────────────────────┘ │ │
//!     <──────────── release: nothing is queued ─────────────────────────┘ │
//!     QUEUED <───── requeue: the budget is gone ──────────────────────────┤
//!     SUSPENDED <── suspend: a handler waits, or the actor failed ────────┤
//!        │ control / wake: + QUEUED                                       │
//!     DEAD <─────── end: for good ────────────────────────────────────────┘
//! ```
//!
//! The bits are independent. RUNNING: somebody has the role, and with it what the owner guards by it; nobody else
//! touches that. QUEUED: an entry is in the run queue (an asker may run the cell before the entry is taken; the entry
//! then finds nothing to do). SUSPENDED: rests with something unfinished; only control and wake move it, a push or an
//! asker never does. NOTED: look again before you rest. CONTROL: the control lane has work. WOKEN: the unfinished
//! future wants to be polled. CLOSED: no more pushes. None of RUNNING, QUEUED, SUSPENDED, DEAD: idle.
//!
//! **Why in one word.** The push that finds the consumer idle queues it by the very exchange that takes its ticket;
//! the runner that finds no more tickets rests by the exchange that proves it. A hop between two actors is four
//! read-modify-writes: the push, the run queue's slot, the claim, the rest.
//!
//! **Guarantees.** At most one runner; what a runner did happens before what the next one does; a push, a control or
//! a wake that comes at any moment is seen by a runner after it. After RUNNING is given up its former holder does not
//! touch the queue: it may be gone.
//!
//! **Why no push is forgotten.** Pushes and rests change one word, each by a read-modify-write. A push before the rest
//! makes the rest fail; one after it finds the consumer idle, and queues it: it does so in the exchange, or, when it
//! has taken its ticket by an addition, in a second step, before which whoever claims the idle queue finds the ticket.
//!
//! **The entry's reference.** Whoever sets QUEUED puts one entry on the run queue, and nobody puts another before it
//! is taken. So the owner can let one reference stand for "is not DEAD": it keeps the entry as well, and passes to an
//! entry that is left when the role ends ([`Claim::die`]).

use crate::sync::atomic::{AtomicU64, Ordering};

const RUNNING: u64 = 1;
const QUEUED: u64 = 1 << 1;
const NOTED: u64 = 1 << 2;
const CONTROL: u64 = 1 << 3;
const SUSPENDED: u64 = 1 << 4;
const WOKEN: u64 = 1 << 5;
const CLOSED: u64 = 1 << 6;
const DEAD: u64 = 1 << 7;
/// Not idle.
const BUSY: u64 = RUNNING | QUEUED | SUSPENDED | DEAD;
/// One ticket.
const ONE: u64 = 1 << 8;

/// The word, and where a closed queue ends.
#[repr(C)]
pub(crate) struct Claim {
    word: AtomicU64,
    /// Of a closed queue: the first ticket that was refused.
    closed_at: AtomicU64,
}

/// A reading of the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

/// What the consumer does, as somebody else sees it: it may be over when it is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activity {
    /// Nothing: there is nothing to do.
    #[default]
    Idle,
    /// It waits for a thread.
    Queued,
    /// It runs.
    Running,
    /// A handler, a start or a restart waits for something.
    Suspended,
    /// It is over, for good.
    Stopped,
}

/// The caller puts the cell on the run queue.
#[must_use = "the cell is marked as queued: it must be put on the run queue"]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    Schedule,
    Nothing,
}

/// How a queue begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Its maker has the consumer's role.
    Running,
    /// Its maker puts it on the run queue.
    Queued,
}

/// What an asker's try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// The role is the caller's.
    Claimed {
        /// Nothing was called for, and no ticket was taken from this one on: if it is the consumer's position,
        /// nothing is queued.
        idle_at: Option<u64>,
    },
    /// Somebody runs the cell, or was faster: worth another try.
    Taken,
    /// Only a worker may run it: it is suspended, has control work, or is at its end.
    NotForAskers,
}

/// What an entry of the run queue finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The role is the caller's.
    Claimed {
        /// The control lane may have work, which the caller looks at now.
        is_called: bool,
        /// Messages are there, or about to be, up to this ticket.
        end: u64,
    },
    /// Another has run it, or does.
    Nothing,
    /// The role is at its end: the entry's reference is the caller's.
    Dead,
}

/// What a rest came to.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The role is given up.
    Resting,
    /// Something came meanwhile; the role is still held.
    LookAgain,
}

/// Who lets go of the reference that stands for the role.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastReference {
    /// The caller, now.
    Mine,
    /// Somebody else, later: the role goes on, or an entry of the run queue is left.
    Others,
}

impl Word {
    /// The next ticket.
    #[inline(always)]
    pub(super) fn ticket(self) -> u64 {
        self.0 / ONE
    }

    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline(always)]
    pub(super) fn is_idle(self) -> bool {
        self.0 & BUSY == 0
    }
}

impl Claim {
    pub(super) fn new(begin: Begin) -> Self {
        let word = match begin {
            Begin::Running => RUNNING,
            Begin::Queued => QUEUED,
        };
        Claim { word: AtomicU64::new(word), closed_at: AtomicU64::new(0) }
    }

    /// The word, for a number in it, or to exchange it.
    #[inline(always)]
    pub(super) fn glance(&self) -> Word {
        // ORDERING: Relaxed; only the number is read, and an exchange checks it.
        Word(self.word.load(Ordering::Relaxed))
    }

    /// What the consumer does, for who only wants to know.
    pub(crate) fn activity(&self) -> Activity {
        match self.glance().0 {
            word if word & DEAD != 0 => Activity::Stopped,
            word if word & RUNNING != 0 => Activity::Running,
            word if word & QUEUED != 0 => Activity::Queued,
            word if word & SUSPENDED != 0 => Activity::Suspended,
            _ => Activity::Idle,
        }
    }

    /// The word, with what was done before it was closed.
    pub(super) fn look(&self) -> Word {
        // ORDERING: Acquire; pairs with the Release in `close`.
        Word(self.word.load(Ordering::Acquire))
    }

    /// Takes `count` tickets from the one in `word` on, and queues an idle consumer, if the word is still that.
    #[inline(always)]
    pub(super) fn try_push(&self, word: Word, count: u64) -> Result<(), Word> {
        let queued = if word.is_idle() { QUEUED } else { 0 };
        let pushed = word.0 + count * ONE + queued;
        // ORDERING: Acquire; pairs with the Release in `horizon` (rule 3 of `mpsc`), and in `release`.
        match self.word.compare_exchange(word.0, pushed, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(seen) => Err(Word(seen)),
        }
    }

    /// Takes `count` tickets, whatever the word is, and returns it. If it was idle, and is open, [`wake_idle`] is due.
    ///
    /// [`wake_idle`]: Self::wake_idle
    #[inline]
    pub(super) fn push(&self, count: u64) -> Word {
        // ORDERING: Acquire; as in `try_push`.
        Word(self.word.fetch_add(count * ONE, Ordering::Acquire))
    }

    /// A ticket was taken while the consumer was idle.
    #[cold]
    pub(super) fn wake_idle(&self) -> Wake {
        self.raise(0)
    }

    /// The next ticket, so that every later ticket's producer sees what the caller did before.
    pub(super) fn horizon(&self) -> u64 {
        // ORDERING: Release; pairs with the Acquire in `try_push`. Rule 3 of `mpsc` rests on it.
        Word(self.word.fetch_add(0, Ordering::Release)).ticket()
    }

    /// The first ticket that has no message and, so far, will have none.
    pub(super) fn end(&self) -> u64 {
        self.end_of(self.look())
    }

    #[inline(always)]
    fn end_of(&self, word: Word) -> u64 {
        // ORDERING: Relaxed; stored before the queue was closed, and never again: who saw CLOSED by an Acquire sees it,
        // and only the consumer, who stored it, asks without.
        if word.is_closed() { self.closed_at.load(Ordering::Relaxed) } else { word.ticket() }
    }

    /// Refuses pushes from now on. Only for the consumer, which alone writes the end.
    pub(super) fn close(&self) {
        let mut word = self.look();
        while !word.is_closed() {
            // ORDERING: Relaxed; the exchange below publishes it.
            self.closed_at.store(word.ticket(), Ordering::Relaxed);
            // ORDERING: Release; who sees CLOSED sees the end, and what was done before. Acquire; sees what came
            // before an `announce`. Relaxed on failure; only the number is read.
            let closed = word.0 | CLOSED;
            match self.word.compare_exchange_weak(word.0, closed, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => word = Word(seen),
            }
        }
    }

    /// There is something to look at besides messages.
    pub(crate) fn note(&self) -> Wake {
        self.raise(NOTED)
    }

    /// There is control work.
    pub(crate) fn control(&self) -> Wake {
        self.raise(CONTROL)
    }

    /// The unfinished future wants to be polled.
    pub(crate) fn wake(&self) -> Wake {
        self.raise(WOKEN)
    }

    fn raise(&self, bits: u64) -> Wake {
        let raised = |word: u64| match word {
            word if word & DEAD != 0 => None,
            word if word & (RUNNING | QUEUED) != 0 => Some(word | bits),
            // A push does not move what is suspended.
            word if bits == 0 && word & SUSPENDED != 0 => None,
            word => Some(word | bits | QUEUED),
        };
        // ORDERING: AcqRel; Release publishes what the caller has to show (a control message, the waker's reason). Acquire
        // sees where the last runner left the cell: a cell that moved is queued in its new home.
        match self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, raised) {
            Ok(word) if word & (RUNNING | QUEUED) == 0 => Wake::Schedule,
            _ => Wake::Nothing,
        }
    }

    /// The caller has entered itself in a list that the consumer looks at before it rests, and looks at the queue
    /// next: of that look and the consumer's rest the later sees what came before the earlier.
    pub(crate) fn announce(&self) {
        let noted = |word: u64| Some(if word & RUNNING == 0 { word } else { word | NOTED });
        // ORDERING: AcqRel; pairs with the exchanges of a rest, in whichever order they come.
        let noted = self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, noted);
        debug_assert!(noted.is_ok(), "it always goes on");
    }

    /// A worker took the entry.
    #[inline]
    pub(crate) fn take(&self) -> Taken {
        // ORDERING: Relaxed; only a guess, checked by the exchange.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let next = match word {
                word if word & (DEAD | QUEUED) != QUEUED => break,
                // An asker runs it: it sees what came meanwhile before it rests.
                word if word & RUNNING != 0 => word & !QUEUED,
                word => (word & !(QUEUED | SUSPENDED | NOTED | CONTROL)) | RUNNING,
            };
            // ORDERING: Acquire; sees all that the last runner did and what a notifier published.
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) if word & RUNNING != 0 => return Taken::Nothing,
                Ok(_) => {
                    return Taken::Claimed { is_called: word & CONTROL != 0, end: self.end_of(Word(word)) };
                }
                Err(seen) => word = seen,
            }
        }
        if word & DEAD == 0 {
            return Taken::Nothing;
        }
        // ORDERING: Acquire; pairs with the Release in `die`: what the last runner did happens before the drop.
        self.word.load(Ordering::Acquire);
        Taken::Dead
    }

    /// An asker takes an idle cell, on the run queue or not. Control work is left to the workers.
    #[inline(always)]
    pub(crate) fn try_claim(&self) -> Tried {
        // ORDERING: Relaxed; only a guess, checked by the exchange.
        let word = self.word.load(Ordering::Relaxed);
        if word & (RUNNING | SUSPENDED | DEAD | CONTROL) != 0 {
            let is_hopeless = word & (SUSPENDED | DEAD | CONTROL) != 0;
            return if is_hopeless { Tried::NotForAskers } else { Tried::Taken };
        }
        // ORDERING: Acquire; as in `take`.
        match self.word.compare_exchange(word, word | RUNNING, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {
                let is_idle = word & (QUEUED | NOTED | CLOSED) == 0;
                Tried::Claimed { idle_at: is_idle.then_some(word / ONE) }
            }
            Err(_) => Tried::Taken,
        }
    }

    /// Gives the role up, if no ticket was taken from `position` on and nothing was noted.
    #[inline(always)]
    pub(crate) fn release(&self, position: u64) -> Rest {
        self.release_unless(NOTED | CONTROL, position)
    }

    /// As [`release`](Self::release), with something unfinished that the next push, control or wake goes on with.
    pub(crate) fn release_unfinished(&self, position: u64) -> Rest {
        self.release_unless(NOTED | CONTROL | WOKEN, position)
    }

    #[inline(always)]
    fn release_unless(&self, called: u64, position: u64) -> Rest {
        // ORDERING: Relaxed; only a guess, checked by the exchange.
        let mut word = Word(self.word.load(Ordering::Relaxed));
        while word.0 & called == 0 && self.end_of(word) == position {
            let next = word.0 & !(RUNNING | WOKEN);
            // ORDERING: Release; gives all that this runner did to the next.
            match self.word.compare_exchange_weak(word.0, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Rest::Resting,
                Err(seen) => word = Word(seen),
            }
        }
        Rest::LookAgain
    }

    /// Gives the role up with something unfinished.
    pub(crate) fn suspend(&self) -> Rest {
        let suspended =
            |word: u64| (word & (NOTED | CONTROL | WOKEN) == 0).then_some((word & !RUNNING) | SUSPENDED);
        // ORDERING: Release; as in `release`.
        match self.word.fetch_update(Ordering::Release, Ordering::Relaxed, suspended) {
            Ok(_) => Rest::Resting,
            Err(_) => Rest::LookAgain,
        }
    }

    /// Gives the role up with work left. `Schedule` unless an entry is on the run queue already.
    pub(crate) fn requeue(&self) -> Wake {
        // ORDERING: Relaxed; only the runner sets it in a running cell, so that a 0 stays.
        if self.word.load(Ordering::Relaxed) & QUEUED == 0 {
            // Two steps that always succeed, and no exchange, as producers may be flooding the word.
            // ORDERING: Relaxed; nothing is handed on before the second.
            self.word.fetch_or(QUEUED, Ordering::Relaxed);
            // ORDERING: Release; as in `release`.
            self.word.fetch_and(!RUNNING, Ordering::Release);
            return Wake::Schedule;
        }
        // The entry may be taken at this instant.
        let requeued = |word: u64| Some((word & !RUNNING) | QUEUED);
        // ORDERING: Release; as in `release`.
        match self.word.fetch_update(Ordering::Release, Ordering::Relaxed, requeued) {
            Ok(word) if word & QUEUED != 0 => Wake::Nothing,
            _ => Wake::Schedule,
        }
    }

    /// The runner takes note of what came: what is in the lanes now will be seen. True if the control lane has work.
    pub(crate) fn take_noted(&self) -> bool {
        self.take_flags(NOTED | CONTROL) & CONTROL != 0
    }

    /// As [`take_noted`](Self::take_noted), by an asker, who leaves the control lane to a worker: true if there is
    /// such work, which stays.
    pub(crate) fn acknowledge(&self) -> bool {
        self.take_flags(NOTED);
        // ORDERING: Relaxed; acted upon by a requeue, and by the worker that takes the entry.
        self.word.load(Ordering::Relaxed) & CONTROL != 0
    }

    /// The runner is about to poll the unfinished future: wakes from here on count.
    pub(crate) fn take_woken(&self) -> bool {
        self.take_flags(WOKEN) != 0
    }

    fn take_flags(&self, flags: u64) -> u64 {
        // ORDERING: Relaxed; most often nothing came, and the exchange below orders what did.
        if self.word.load(Ordering::Relaxed) & flags == 0 {
            return 0;
        }
        // ORDERING: Acquire; sees what the notifier published.
        self.word.fetch_and(!flags, Ordering::Acquire) & flags
    }

    /// The runner leaves for good.
    pub(crate) fn die(&self) -> LastReference {
        let ended =
            |word: u64| Some((word & !(RUNNING | SUSPENDED | NOTED | CONTROL | WOKEN)) | CLOSED | DEAD);
        // ORDERING: Release; whoever drops the cell sees what the last runner did.
        match self.word.fetch_update(Ordering::Release, Ordering::Relaxed, ended) {
            Ok(word) if word & QUEUED != 0 => LastReference::Others,
            _ => LastReference::Mine,
        }
    }
}

#[cfg(all(test, ostraca_loom))]
#[path = "claim_loom_tests.rs"]
mod loom_tests;
