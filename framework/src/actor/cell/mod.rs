//! The cell: what an actor is at run time.
//!
//! ```text
//!   anybody may touch                     only the runner (who holds the claim)
//!   ┌───────────────────────────────┐     ┌────────────────────────────────────────┐
//!   │ claim word   mailbox          │     │ future: an unfinished handler or start │
//!   │ views        counters   exit  │     │ state: the actor     ctx     life      │
//!   └───────────────────────────────┘     └────────────────────────────────────────┘
//! ```
//!
//! **What it is.** Not a task: an object with a [claim word](super::claim). Whoever moves it from idle runs it:
//! a worker that took it from the run queue, or an asker on its own thread. While idle it is in no queue.
//!
//! **Guarantees.** One runner at a time. All user code (handlers, start, stop, `Drop`, `Clone` and `PartialEq`
//! of views) runs under a guard that catches its panic: the message is spent, the state is dropped, the mailbox
//! and the asks in it stay, the supervisor decides. Control is looked at between messages.
//!
//! **Bad at.** Interrupting a plain `fn` handler: nothing can.

mod fate;
mod future_slot;
mod inline;
mod life;
mod runner;

use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::{Arc, Weak};
use std::task::Wake;
use std::time::Instant;

use super::Actor;
use super::claim::{Claim, Wake as Awake};
use super::commons::{Commons, DeadLetter, DeadReason};
use super::context::Context;
use super::lifecycle::{Exit, Label, SpawnError, StopReason, short_type_name};
use super::parent::{AnyCell, Control, Parent};
use super::scope::{self, Place};
use super::settings::{Inline, Restart};
use super::stats::CellStats;
use crate::cache::CacheStats;
use crate::mailbox::{Mailbox, Pushed, TryPushError};
use crate::runtime::Runnable;
pub(super) use future_slot::{Ended, FutureSlot};
use life::{Life, Started};

pub(crate) struct Cell<A: Actor> {
    claim: Claim,
    mailbox: Mailbox<A::Message, Control>,
    views: A::Views,
    stats: CellStats,
    exit: Exit,
    label: Label,
    commons: Arc<Commons>,
    parent: Arc<dyn Parent>,
    restart: Restart,
    inline: Inline,
    this: Weak<Cell<A>>,
    // The runner's half. The future borrows `state` and `ctx`.
    future: UnsafeCell<FutureSlot>,
    state: UnsafeCell<Option<A>>,
    ctx: UnsafeCell<Context<A>>,
    life: UnsafeCell<Life<A>>,
}

// SAFETY: the shared half is Sync by itself (messages are Send, views Sync). The runner's half is touched by one
// thread at a time: the claim word says whose it is, and hands over with Release and Acquire. All in it is Send:
// the state, the arguments, the futures, the context.
unsafe impl<A: Actor> Sync for Cell<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Send for Cell<A> {}

/// Where a new actor's start begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartOn {
    /// The spawner's thread, until it first waits: for a spawner that waits for it anyway.
    Spawner,
    Workers,
}

/// Where a new actor belongs.
pub(crate) struct Birth {
    pub(crate) parent: Arc<dyn Parent>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) shard: Option<usize>,
}

impl<A: Actor> Cell<A> {
    /// Makes a cell, hands it to its parent and begins its start, whose outcome goes to `started`. Without
    /// `started` a first start that fails is a failure like any other, which the parent may answer by a restart.
    ///
    /// # Errors
    ///
    /// When the parent takes no children any more.
    pub(crate) fn spawn(
        commons: &Arc<Commons>,
        birth: Birth,
        args: A::Args,
        start_on: StartOn,
        started: Option<Started>,
    ) -> Result<Arc<Self>, SpawnError> {
        let cell = Cell::new(commons, birth, args, started);
        commons.enter(cell.label.id, cell.this.clone() as Weak<dyn AnyCell>);
        if !cell.parent.adopt(cell.clone()) {
            commons.leave(&*cell);
            cell.exit.set(StopReason::SystemStopped);
            return Err(SpawnError::Stopping);
        }
        match start_on {
            StartOn::Spawner if cell.may_start_here() => cell.start_here(),
            _ => commons.runtime.schedule(cell.clone()),
        }
        Ok(cell)
    }

    /// Not from within a turn: starts that spawn would pile up on the stack. Nor where a seeded run says that
    /// only steps run cells.
    fn may_start_here(&self) -> bool {
        let commons = &self.commons;
        !scope::is_entered() && commons.inline != Some(Inline::Never) && !commons.runtime.is_closed()
    }

    fn start_here(self: &Arc<Self>) {
        let _entered = self.commons.runtime.enter_unless_in();
        if self.claim.take() {
            // SAFETY: the claim was just taken.
            unsafe { runner::activate(self, Place::Worker, 0) };
        }
    }

    fn new(commons: &Arc<Commons>, birth: Birth, args: A::Args, started: Option<Started>) -> Arc<Self> {
        let settings = A::settings();
        let label = Label {
            name: birth.name,
            type_name: short_type_name::<A>(),
            shard: birth.shard,
            id: commons.next_id(),
        };
        Arc::new_cyclic(|this| Cell {
            claim: Claim::queued(),
            mailbox: Mailbox::new(settings.mailbox_len_max, settings.overflow),
            views: A::Views::default(),
            stats: CellStats::default(),
            exit: Exit::default(),
            label,
            commons: commons.clone(),
            parent: birth.parent,
            restart: settings.restart,
            inline: commons.inline.unwrap_or(settings.inline),
            this: this.clone(),
            future: UnsafeCell::new(FutureSlot::new()),
            state: UnsafeCell::new(None),
            ctx: UnsafeCell::new(Context::new(Link::new(this))),
            life: UnsafeCell::new(Life::new(args, started)),
        })
    }

    /// Puts a message into the mailbox. The caller sees to it that the cell runs ([`nudge`](Self::nudge)), if the
    /// answer says so.
    pub(super) fn push(&self, message: A::Message) -> Result<bool, TryPushError<A::Message>> {
        let Pushed { must_wake, displaced } = self.mailbox.try_push(message)?;
        if let Some(displaced) = displaced {
            self.bury(&displaced, DeadReason::Displaced);
        }
        Ok(must_wake)
    }

    /// After a push that said so: sees to it that the cell runs.
    pub(super) fn nudge(&self, must_wake: bool) {
        if must_wake {
            self.schedule_if(self.claim.notify());
        }
    }

    /// Counts a message that will not run.
    fn bury(&self, message: &A::Message, reason: DeadReason) {
        self.stats.dropped.add(1);
        let handler = A::HANDLERS[A::handler_of(message)].name();
        self.dead_letter(handler, reason, 1);
    }

    fn dead_letter(&self, handler: &'static str, reason: DeadReason, count: usize) {
        self.commons.dead_letters.record(DeadLetter { actor: self.label.clone(), handler, reason, count });
    }

    fn schedule_if(&self, wake: Awake) {
        if wake == Awake::Schedule {
            let cell = self.this.upgrade().expect("whoever wakes a cell holds it");
            self.commons.runtime.schedule(cell);
        }
    }

    /// A reference that does not keep the cell.
    pub(super) fn weak(&self) -> Weak<Cell<A>> {
        self.this.clone()
    }

    pub(super) fn views(&self) -> &A::Views {
        &self.views
    }

    pub(super) fn mailbox(&self) -> &Mailbox<A::Message, Control> {
        &self.mailbox
    }

    pub(super) fn commons(&self) -> &Arc<Commons> {
        &self.commons
    }

    pub(super) fn now(&self) -> Instant {
        self.commons.now()
    }

    /// Tells cells on one thread's stack apart.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl<A: Actor> AnyCell for Cell<A> {
    fn label(&self) -> &Label {
        &self.label
    }

    fn stats(&self) -> &CellStats {
        &self.stats
    }

    fn exit(&self) -> &Exit {
        &self.exit
    }

    fn mailbox_len(&self) -> usize {
        self.mailbox.len()
    }

    fn caches(&self) -> Vec<(&'static str, CacheStats)> {
        A::caches(&self.views)
    }

    fn order(&self, control: Control) {
        self.mailbox.push_control(control);
        self.schedule_if(self.claim.control());
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}

/// The cell is the waker of its own unfinished future.
impl<A: Actor> Wake for Cell<A> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.schedule_if(self.claim.wake());
    }
}

impl<A: Actor> Runnable for Cell<A> {
    fn run(self: Arc<Self>) {
        if self.claim.take() {
            // SAFETY: the claim was just taken.
            unsafe { runner::activate(&self, Place::Worker, 0) };
        }
    }

    fn abandon(self: Arc<Self>) {
        if self.claim.take() {
            // SAFETY: the claim was just taken.
            unsafe { runner::abandon(&self) };
        }
    }
}

impl<A: Actor> Drop for Cell<A> {
    fn drop(&mut self) {
        // The future borrows state and ctx, which are dropped after this body.
        self.future.get_mut().clear();
    }
}

/// The context's way to the cell it lives in.
pub(super) struct Link<A: Actor>(NonNull<Cell<A>>);

// SAFETY: it is a shared reference to a Cell, which is Sync.
unsafe impl<A: Actor> Send for Link<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Sync for Link<A> {}

impl<A: Actor> Link<A> {
    /// Only for the context inside the cell of `this`.
    fn new(this: &Weak<Cell<A>>) -> Self {
        Link(NonNull::new(this.as_ptr().cast_mut()).expect("a Weak made by new_cyclic points to its cell"))
    }

    pub(super) fn cell(&self) -> &Cell<A> {
        // SAFETY: the link is in the context, the context is in the cell, and a cell never moves out of its Arc.
        unsafe { self.0.as_ref() }
    }

    /// Takes the next message if `wanted` likes it.
    pub(super) fn pop_if(&mut self, wanted: impl FnOnce(&A::Message) -> bool) -> Option<A::Message> {
        // SAFETY: whoever has the context mutably is the runner, or the runner's handler.
        unsafe { self.cell().mailbox.pop_if(wanted) }
    }
}
