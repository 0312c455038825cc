//! Where an actor's handlers run, and how it moves from one place to another while messages flow.
//!
//! ```text
//!   senders ──> mailbox with claim word ──queued──> home ─0─> run queue of the system's workers
//!               (stays)       (stays)                   ─1─> run queue of the thread pinned to the first core
//!                                                       ─2─> ..
//!
//!   runner at the old home    takes Control::Move, between two messages or two polls of a handler
//!                             writes the home's byte, claim still held      left_at ─┐
//!                             gives the claim up as queued, at the new home          │ the pause
//!   runner at the new home    takes the claim                              arrived <─┘
//! ```
//!
//! **What it is.** A home is a run queue and who serves it. A cell keeps its identity, its mailbox, its state and
//! its place in its supervisor for life; the one thing that moves is which run queue it is put on. So a move has
//! nothing to forward, no second copy to keep in step, no map of shards to exchange and no moment in which a message
//! has nowhere to go. The alternatives, a second cell that takes the state over, or a forwarding mailbox, pay for each
//! of these with a protocol.
//!
//! **Guarantees.** A move loses, repeats and reorders nothing, whatever waits or runs: the mailbox is untouched. It is
//! carried out by the runner, who holds the claim and so knows that no run queue has an entry of this cell: from then
//! on no worker of the old home runs it. A handler that waits in an await moves with its future. A handler finds its
//! system's tokio runtime around it in every home, so that its timers, sockets and tasks do not move and need not.
//! A restart stays at home. An actor that is not with the system's workers is not run on askers' threads.
//!
//! **Cost.** A byte beside the claim word, read when the cell is put on a run queue. A move is a control message and
//! one trip over the new home's injector; the actor pauses for as long as that takes, and for as long as the new home
//! runs what is before it.
//!
//! **To stay.** An actor with a [`Bound`](super::Bound) value does not move any more. It has begun on a pinned thread.
//!
//! **Bad at.** Moving a handler that blocks its thread: the move
//! waits for its end like any control message.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::oneshot;

use super::Actor;
use super::cell::Cell;
use super::parent::{AnyCell, Control};
use super::settings::Inline;
use super::trace;
use crate::runtime::Runtime;
use crate::sync::atomic::{AtomicU8, Ordering};

/// Where an actor's handlers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// On the system's workers, whichever is free, and on askers' threads. Every actor begins here, but those that are
    /// [spawned elsewhere](crate::System::spawn_pinned).
    Workers,
    /// On the thread pinned to a core, by its place in
    /// [`SystemBuilder::pinned_cores`](crate::SystemBuilder::pinned_cores), or among those that
    /// [`SystemBuilder::pinned_cores_auto`](crate::SystemBuilder::pinned_cores_auto) found.
    Pinned(usize),
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Home::Workers => f.write_str("the workers"),
            Home::Pinned(core) => write!(f, "pinned core {core}"),
        }
    }
}

/// A move that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// From the moment the old home let the actor go until the new one took it. Nothing ran meanwhile. Zero if it was
    /// there already.
    pub pause: Duration,
}

/// Why an actor did not move.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The system has no such home.
    #[error(
        "there is no {home}: the system has {pinned} pinned cores; name them by `pinned_cores` in its builder"
    )]
    NoHome {
        /// The home that was asked for.
        home: Home,
        /// How many pinned cores there are.
        pinned: usize,
    },
    /// The actor has a [`Bound`](crate::Bound) value, which cannot leave its thread.
    #[error("the actor stays: it has a value that is bound to its thread")]
    Bound,
    /// The actor has stopped.
    #[error("the actor has stopped before it arrived")]
    Stopped,
}

/// The two bytes of a cell that say where it runs. Written by who holds the claim.
pub(super) struct Residence {
    /// Whether askers run it, [`TRACED`], [`WATCHED`] and [`BOUND`].
    inline: AtomicU8,
    /// 0: the workers; else one more than the number of a pinned core.
    home: AtomicU8,
}

const AUTO: u8 = 0;
const ALWAYS: u8 = 1;
const NEVER: u8 = 2;
/// Messages had spans when it last looked, which what is called without an envelope has not. A bit of its own: whoever
/// is about to call looks at the byte anyway.
const TRACED: u8 = 4;
/// A seeded run is to see every message in the mailbox, so that no ask passes it by.
const WATCHED: u8 = 8;
/// It has a value that is bound to its thread, and does not move.
const BOUND: u8 = 16;

/// The most pinned cores of one system.
pub(crate) const PINNED_MAX: usize = u8::MAX as usize;

impl Residence {
    pub(super) fn new(inline: Inline, is_watched: bool) -> Self {
        let traced = if trace::is_on() { TRACED } else { 0 };
        let watched = if is_watched { WATCHED } else { 0 };
        Residence { inline: AtomicU8::new(byte_of(inline) | traced | watched), home: AtomicU8::new(0) }
    }

    /// Whether an asker may run it. A guess, unless the claim is held.
    #[inline]
    pub(super) fn is_never_inline(&self) -> bool {
        // ORDERING: Relaxed; the claim orders it for its holder, and everybody else only guesses.
        self.inline.load(Ordering::Relaxed) & NEVER != 0
    }

    /// Whether an asker may try to call a handler without an envelope. A guess.
    #[inline(always)]
    pub(super) fn may_be_called(&self) -> bool {
        // ORDERING: Relaxed; as above.
        self.inline.load(Ordering::Relaxed) & (NEVER | TRACED | WATCHED) == 0
    }

    /// Whether an ask is to go through the mailbox even where it runs at once. As it was made.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        // ORDERING: Relaxed; it never changes.
        self.inline.load(Ordering::Relaxed) & WATCHED != 0
    }

    /// Whether an asker who holds the claim may run it, if `is_quick`.
    #[inline]
    pub(super) fn lets_askers(&self, is_quick: impl FnOnce() -> bool) -> bool {
        // ORDERING: Relaxed; the claim is held.
        match self.inline.load(Ordering::Relaxed) & !(TRACED | WATCHED) {
            AUTO => is_quick(),
            inline => inline == ALWAYS,
        }
    }

    fn home(&self) -> u8 {
        // ORDERING: Relaxed; who schedules the cell has just moved its claim word, which orders what the last runner
        // wrote; who asks for it otherwise may be told the one before.
        self.home.load(Ordering::Relaxed)
    }

    /// It does not move any more. The claim is held.
    pub(super) fn bind(&self) {
        // ORDERING: Relaxed, both; as in `set`.
        self.inline.store(self.inline.load(Ordering::Relaxed) | BOUND, Ordering::Relaxed);
    }

    fn is_bound(&self) -> bool {
        // ORDERING: Relaxed; the claim is held.
        self.inline.load(Ordering::Relaxed) & BOUND != 0
    }

    /// A new cell's, before anybody else has it: it begins on this pinned core.
    pub(super) fn begin_at(&self, core: usize) {
        self.set(core as u8 + 1, Inline::Never);
    }

    fn set(&self, home: u8, inline: Inline) {
        // ORDERING: Relaxed, all; the claim is held, and giving it up publishes them.
        self.home.store(home, Ordering::Relaxed);
        let kept = self.inline.load(Ordering::Relaxed) & (TRACED | WATCHED);
        self.inline.store(byte_of(inline) | kept, Ordering::Relaxed);
    }

    /// The runner has looked whether messages have spans.
    #[inline]
    pub(super) fn set_traced(&self, is_traced: bool) {
        // ORDERING: Relaxed, both; as in `set`.
        let inline = self.inline.load(Ordering::Relaxed);
        if (inline & TRACED != 0) != is_traced {
            self.inline.store(inline ^ TRACED, Ordering::Relaxed);
        }
    }
}

fn byte_of(inline: Inline) -> u8 {
    match inline {
        Inline::Auto => AUTO,
        Inline::Always => ALWAYS,
        Inline::Never => NEVER,
    }
}

/// An order to move.
pub(crate) struct MoveOrder {
    home: u8,
    arrived: Arrived,
}

/// Told the pause, or why the actor stays. Dropped if it stops before it arrives.
type Arrived = oneshot::Sender<Result<Duration, MoveError>>;

/// A cell that has left and not yet arrived.
pub(super) struct Leaving {
    left_at: Instant,
    arrived: Arrived,
}

impl Leaving {
    pub(super) fn arrive(self, now: Instant) {
        // Nobody need wait for it.
        let _unheard = self.arrived.send(Ok(now.saturating_duration_since(self.left_at)));
    }
}

impl<A: Actor> Cell<A> {
    /// The runtime whose workers run this cell.
    #[inline]
    pub(super) fn runtime(&self) -> &Arc<Runtime> {
        match self.residence().home() {
            0 => self.workers(),
            core => &self.commons().pinned[usize::from(core) - 1],
        }
    }

    pub(super) fn home(&self) -> Home {
        match self.residence().home() {
            0 => Home::Workers,
            core => Home::Pinned(usize::from(core) - 1),
        }
    }

    /// Orders a move. What is returned is told the pause or the refusal, or dropped if the actor stops first.
    pub(super) fn move_to(
        &self,
        home: Home,
    ) -> Result<oneshot::Receiver<Result<Duration, MoveError>>, MoveError> {
        let pinned = self.commons().pinned.len();
        let home = match home {
            Home::Workers => 0,
            Home::Pinned(core) if core < pinned => core as u8 + 1,
            Home::Pinned(_) => return Err(MoveError::NoHome { home, pinned }),
        };
        let (arrived, arrival) = oneshot::channel();
        if self.exit().reason().is_none() {
            self.order(Control::Move(MoveOrder { home, arrived }));
        }
        // If it is not over yet, its runner finds the order, and drops it if it closes first.
        if self.exit().is_over() { Err(MoveError::Stopped) } else { Ok(arrival) }
    }

    /// Carries an order out, for the runner. `Some`: the cell has left, and is to be put on its new home's queue.
    pub(super) fn leave_for(&self, order: MoveOrder) -> Option<Leaving> {
        let MoveOrder { home, arrived } = order;
        let leaving = Leaving { left_at: self.now(), arrived };
        if home == self.residence().home() {
            leaving.arrive(self.now());
            return None;
        }
        if self.residence().is_bound() {
            // Nobody need wait for it.
            let _unheard = leaving.arrived.send(Err(MoveError::Bound));
            return None;
        }
        let inline = match home {
            0 => self.commons().inline_of::<A>(),
            _ => Inline::Never,
        };
        self.residence().set(home, inline);
        let home = self.home();
        self.tell_sim(&format_args!("moves to {home}"));
        tracing::debug!(target: "ostraca::actor", actor = %self.label(), "moves to {home}");
        Some(leaving)
    }
}
