//! What a seeded run decides beyond the seam, and what it is told.
//!
//! A cell asks for its [`Sim`] on cold paths only: at a message whose handler is timed (every one, in a seeded run), at
//! a push that finds a mailbox at its limit (always, in a seeded run), at births, failures and ends. Cells are named by
//! their address, for whoever outlives none of them.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::coop;
use tokio::task::coop as tokio_coop;

/// A seeded run, as cells, mailboxes and tasks see it. No method calls back into them.
pub(crate) trait Sim: Send + Sync {
    /// A cell's job was put at the back of the run queue.
    fn queued(&self, cell: usize);

    /// A task is spawned that runs when the run says so; `owner` is the cell whose it is, or 0.
    fn strand(&self, owner: usize) -> u32;

    /// A strand is polled by tokio: how it may run, or `None`: not yet, and `waker` is kept.
    fn enter(&self, strand: u32, waker: &Waker) -> Option<Pace>;

    /// The poll is over.
    fn leave(&self, strand: u32, is_done: bool);

    /// A strand wants to be polled.
    fn wake(&self, strand: u32);

    /// A strand was dropped.
    fn gone(&self, strand: u32);

    /// Whether mailboxes take every message through the run.
    fn watches_mailboxes(&self) -> bool;

    /// There is a new cell.
    fn born(&self, cell: usize, type_name: &'static str, label: &dyn Display);

    /// `sender` (a cell, or 0) is about to send; only with watched mailboxes.
    fn sends(&self, sender: usize, sending: &Sending) -> Passage;

    /// How many of the last `len` messages, all of other senders, the next one overtakes.
    fn overtakes(&self, len: usize) -> usize;

    /// The message was not taken, because the mailbox is full, or closed.
    fn refused(&self, ticket: u32, why: &'static str);

    /// A handler is about to be called, with the messages of these tickets. True: it panics.
    fn begins(&self, cell: usize, tickets: &[u32]) -> bool;

    /// The call returned; `tickets` are those it took besides.
    fn called(&self, cell: usize, handler: &'static str, is_done: bool, tickets: &[u32]) -> Next;

    /// An unfinished handler is about to be polled. True: it panics instead.
    fn polls(&self, cell: usize, is_first: bool) -> bool;

    /// An unfinished handler is done.
    fn done(&self, cell: usize);

    /// A handler, or whatever runs at `place`, has failed.
    fn failed(&self, cell: usize, place: &'static str, failure: &dyn Display);

    /// Something else happened to a cell.
    fn told(&self, cell: usize, what: &dyn Display);
}

/// What is sent where.
pub(crate) struct Sending {
    pub(crate) to: usize,
    pub(crate) handler: &'static str,
    pub(crate) is_ask: bool,
    pub(crate) is_bounded: bool,
}

/// How a message goes.
pub(crate) struct Passage {
    /// Tells it from all others of the run.
    pub(crate) ticket: u32,
    /// Tells senders apart.
    pub(crate) sender: u64,
    /// The mailbox is to say that it is full.
    pub(crate) is_full: bool,
}

/// What follows a handler's call.
pub(crate) struct Next {
    /// Whether the next ask may run where its asker stands.
    pub(crate) runs_inline: bool,
    /// The cell makes way for others now.
    pub(crate) is_turn_over: bool,
}

/// How far a poll may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Free,
    /// This many operations of tokio's cooperative budget, asks among them; then each await lets others run.
    Steps(u8),
}

impl Pace {
    /// Leaves the task that is being polled no more of its budget than this.
    pub(crate) fn impose(self) {
        coop::count_each(matches!(self, Pace::Steps(_)));
        let Pace::Steps(left) = self else { return };
        let mut cx = Context::from_waker(Waker::noop());
        for _ in u32::from(left)..BUDGET {
            match tokio_coop::poll_proceed(&mut cx) {
                Poll::Ready(step) => step.made_progress(),
                Poll::Pending => return,
            }
        }
    }
}

/// What tokio gives a task a poll (`tokio::task::coop`). If it were another number, fewer or more steps would be left,
/// and the same in each replay.
const BUDGET: u32 = 128;

/// The waker of a strand's future.
pub(crate) struct Gate {
    sim: Arc<dyn Sim>,
    strand: u32,
}

impl Gate {
    pub(super) fn new(sim: &Arc<dyn Sim>, owner: usize) -> Self {
        Gate { strand: sim.strand(owner), sim: sim.clone() }
    }

    /// `future`, which runs when the run says so.
    pub(crate) fn hold<F: Future>(self, future: F) -> Gated<F> {
        Gated { gate: Arc::new(self), future: Box::pin(future) }
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.sim.wake(self.strand);
    }
}

/// A task's future in a seeded run.
pub(crate) struct Gated<F> {
    gate: Arc<Gate>,
    future: Pin<Box<F>>,
}

impl<F> Drop for Gated<F> {
    fn drop(&mut self) {
        self.gate.sim.gone(self.gate.strand);
    }
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Gated { gate, future } = self.get_mut();
        let Some(pace) = gate.sim.enter(gate.strand, cx.waker()) else { return Poll::Pending };
        pace.impose();
        let waker = Waker::from(gate.clone());
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        gate.sim.leave(gate.strand, poll.is_ready());
        poll
    }
}
