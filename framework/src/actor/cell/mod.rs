//! The cell: what an actor is at run time.
//!
//! ```text
//!   anybody may touch                     only the runner (who holds the claim)
//!   ┌───────────────────────────────┐     ┌────────────────────────────────────────┐
//!   │ counts  mailbox   claim word  │     │ future: an unfinished handler or start │
//!   │ views   counters  aside       │     │ state: the actor     ctx     life      │
//!   └───────────────────────────────┘     └────────────────────────────────────────┘
//! ```
//!
//! **What it is.** Not a task: an object with a [claim word](super::claim). Whoever moves it from idle runs it:
//! a worker that took it from the run queue, or an asker on its own thread. While idle it is in no queue. It lies in
//! its system's [slab](crate::runtime::Slab); what few actors need is apart and made when it is needed (`Aside`,
//! `Cold`).
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

use std::any::TypeId;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use super::Actor;
use super::claim::{Claim, Wake as Awake};
use super::commons::{Commons, DeadLetter, DeadReason};
use super::context::Context;
use super::lifecycle::{ActorId, Exit, Failure, Label, SpawnError, StopReason, short_type_name};
use super::parent::{AnyCell, AnyParent, AnyRef, ChildSlot, Control, WeakAnyRef};
use super::scope::{self, Place};
use super::settings::Inline;
use super::stats::{CellStats, RareStats};
use crate::cache::CacheStats;
use crate::mailbox::{LazyBox, Mailbox, Manners, Pushed, TryPushError};
use crate::runtime::{Counted, Handle, Refs, Runnable, Wakes, WeakHandle};
use crate::sync::atomic::{AtomicU32, Ordering};
pub(super) use future_slot::{Ended, FutureSlot};
use life::{Life, Started};

/// A reference to a cell.
pub(crate) type CellRef<A> = Handle<Cell<A>>;
/// One that does not keep it.
pub(crate) type WeakCellRef<A> = WeakHandle<Cell<A>>;

/// ```text
///     0  counts | claim, inline | counters | future | aside | id      whoever runs or claims it
///    64  the mailbox: what senders touch                              senders
///   128  the mailbox: what the consumer touches                       the runner
///   160  commons | parent | child slot, shard | views | ctx | life | state
/// ```
///
/// With a word of state, and neither views nor arguments, it is four cache lines: a test holds that.
#[repr(C, align(64))]
pub(crate) struct Cell<A: Actor> {
    refs: Refs,
    claim: Claim,
    inline: Inline,
    stats: CellStats,
    // The runner's, as the last four are. The future borrows `state` and `ctx`.
    future: UnsafeCell<FutureSlot>,
    aside: LazyBox<Aside>,
    id: ActorId,
    mailbox: Mailbox<A::Message, Control>,
    commons: Arc<Commons>,
    parent: Arc<AnyParent>,
    /// Where its parent keeps it.
    child_slot: AtomicU32,
    /// [`NO_SHARD`] if it is none.
    shard: u32,
    views: A::Views,
    ctx: UnsafeCell<Context<A>>,
    life: UnsafeCell<Life<A>>,
    state: UnsafeCell<Option<A>>,
}

const NO_SHARD: u32 = u32::MAX;

/// What few actors need: made by the first that does.
#[derive(Default)]
struct Aside {
    name: Option<Arc<str>>,
    exit: Exit,
    stats: RareStats,
}

// SAFETY: the shared half is Sync by itself (messages are Send, views Sync). The runner's half is touched by one
// thread at a time: the claim word says whose it is, and hands over with Release and Acquire. All in it is Send:
// the state, the arguments, the futures, the context.
unsafe impl<A: Actor> Sync for Cell<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Send for Cell<A> {}
// SAFETY: repr(C), and the counts come first.
unsafe impl<A: Actor> Counted for Cell<A> {}

/// Where a new actor's start begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartOn {
    /// The spawner's thread, until it first waits: for a spawner that waits for it anyway.
    Spawner,
    Workers,
}

/// Where a new actor belongs.
pub(crate) struct Birth {
    pub(crate) parent: Arc<AnyParent>,
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
        started: Started,
    ) -> Result<CellRef<A>, SpawnError> {
        let cell = Cell::new(commons, birth, args, started);
        let Some(slot) = cell.parent.adopt(cell.clone().into()) else {
            cell.exit().set(StopReason::SystemStopped);
            return Err(SpawnError::Stopping);
        };
        // ORDERING: Relaxed; the schedule below publishes it, and only runners read it.
        cell.child_slot.store(slot.0, Ordering::Relaxed);
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

    fn start_here(&self) {
        let _entered = self.commons.runtime.enter_unless_in();
        if self.claim.take() {
            // SAFETY: the claim was just taken.
            unsafe { runner::activate(self, Place::Worker, 0) };
        }
    }

    fn new(commons: &Arc<Commons>, birth: Birth, args: A::Args, started: Started) -> CellRef<A> {
        let settings = A::settings();
        let aside = LazyBox::new();
        if birth.name.is_some() {
            aside.get_or_make(|| Aside { name: birth.name, ..Aside::default() });
        }
        commons.slab.insert(|refs, place| Cell {
            refs,
            claim: Claim::queued(),
            inline: commons.inline.unwrap_or(settings.inline),
            stats: CellStats::default(),
            future: UnsafeCell::new(FutureSlot::new()),
            aside,
            id: commons.next_id(),
            mailbox: Mailbox::new(settings.mailbox_len_max, settings.overflow),
            commons: commons.clone(),
            parent: birth.parent,
            child_slot: AtomicU32::new(0),
            shard: birth.shard.map_or(NO_SHARD, |shard| shard as u32),
            views: A::Views::default(),
            ctx: UnsafeCell::new(Context::new(Link(place))),
            life: UnsafeCell::new(Life::new(args, started)),
            state: UnsafeCell::new(None),
        })
    }

    /// Puts a message into the mailbox. The caller sees to it that the cell runs ([`nudge`](Self::nudge)), if the
    /// answer says so.
    #[inline(always)]
    pub(super) fn push(
        &self,
        message: A::Message,
        manners: Manners,
    ) -> Result<bool, TryPushError<A::Message>> {
        match self.mailbox.take_ticket(manners) {
            Some(ticket) => {
                let must_wake = ticket.must_wake;
                // SAFETY: it was just taken.
                unsafe { self.mailbox.fill(ticket, message) };
                Ok(must_wake)
            }
            None => self.push_slowly(message),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_slowly(&self, message: A::Message) -> Result<bool, TryPushError<A::Message>> {
        let Pushed { must_wake, displaced } = self.mailbox.try_push(message)?;
        if let Some(displaced) = displaced {
            self.bury_displaced(displaced);
        }
        Ok(must_wake)
    }

    /// Its drop is foreign code on an innocent sender's way, who has yet to wake the cell, and may hold its claim.
    #[cold]
    fn bury_displaced(&self, displaced: A::Message) {
        self.bury(&displaced, DeadReason::Displaced);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(displaced))) {
            let failure = Failure::panic("drop", &*payload);
            tracing::error!(target: "ostraca::actor", actor = %self.label(), "{failure}");
        }
    }

    /// After a push that said so: sees to it that the cell runs.
    #[inline]
    pub(super) fn nudge(&self, must_wake: bool) {
        if must_wake {
            self.schedule_if(self.claim.notify());
        }
    }

    /// Counts a message that will not run.
    fn bury(&self, message: &A::Message, reason: DeadReason) {
        self.rare_stats().dropped.add(1);
        let handler = A::HANDLERS[A::handler_of(message)].name();
        self.dead_letter(handler, reason, 1);
    }

    fn dead_letter(&self, handler: &'static str, reason: DeadReason, count: usize) {
        self.commons.dead_letters.record(DeadLetter { actor: self.label(), handler, reason, count });
    }

    fn schedule_if(&self, wake: Awake) {
        if wake == Awake::Schedule {
            self.commons.runtime.schedule(self.handle());
        }
    }

    /// A reference to this cell.
    pub(super) fn handle(&self) -> CellRef<A> {
        // SAFETY: cells lie in their system's slab, and whoever has one borrowed keeps it: by a handle, or as its
        // runner, which does. The drop of a cell does not come here.
        unsafe { Handle::of(self) }
    }

    pub(super) fn shard(&self) -> Option<usize> {
        (self.shard != NO_SHARD).then_some(self.shard as usize)
    }

    fn aside(&self) -> &Aside {
        self.aside.get_or_make(Aside::default)
    }

    fn child_slot(&self) -> ChildSlot {
        // ORDERING: Relaxed; see `spawn`.
        ChildSlot(self.child_slot.load(Ordering::Relaxed))
    }

    /// A reference that does not keep the cell.
    pub(super) fn weak(&self) -> WeakCellRef<A> {
        self.handle().downgrade()
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
    fn id(&self) -> ActorId {
        self.id
    }

    fn type_name(&self) -> &'static str {
        short_type_name::<A>()
    }

    fn label(&self) -> Label {
        Label {
            name: self.aside.get().and_then(|aside| aside.name.clone()),
            type_name: short_type_name::<A>(),
            shard: self.shard(),
            id: self.id,
        }
    }

    fn actor_type(&self) -> TypeId {
        TypeId::of::<A>()
    }

    fn stats(&self) -> &CellStats {
        &self.stats
    }

    fn rare_stats(&self) -> &RareStats {
        &self.aside().stats
    }

    fn rare_stats_if_any(&self) -> Option<&RareStats> {
        self.aside.get().map(|aside| &aside.stats)
    }

    fn exit(&self) -> &Exit {
        &self.aside().exit
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
}

impl<A: Actor> From<CellRef<A>> for AnyRef {
    fn from(cell: CellRef<A>) -> Self {
        let cell: NonNull<dyn AnyCell> = cell.into_raw();
        // SAFETY: the handle's own pointer, named as one to a trait object.
        unsafe { Handle::from_raw(cell) }
    }
}

impl<A: Actor> From<WeakCellRef<A>> for WeakAnyRef {
    fn from(cell: WeakCellRef<A>) -> Self {
        let cell: NonNull<dyn AnyCell> = cell.into_raw();
        // SAFETY: as above.
        unsafe { WeakHandle::from_raw(cell) }
    }
}

impl<A: Actor> Cell<A> {
    /// The cell that `cell` refers to, if its actor is an `A`.
    pub(crate) fn downcast(cell: AnyRef) -> Option<CellRef<A>> {
        let is_it = cell.actor_type() == TypeId::of::<A>();
        // SAFETY: the handle's own pointer, named by the type it was made as.
        is_it.then(|| unsafe { Handle::from_raw(cell.into_raw().cast()) })
    }
}

/// The cell is the waker of its own unfinished future.
impl<A: Actor> Wakes for Cell<A> {
    fn wake(this: &Handle<Self>) {
        this.schedule_if(this.claim.wake());
    }
}

impl<A: Actor> Runnable for Cell<A> {
    fn run(&self) {
        if self.claim.take() {
            // SAFETY: the claim was just taken.
            unsafe { runner::activate(self, Place::Worker, 0) };
        }
    }

    fn abandon(&self) {
        if self.claim.take() {
            // SAFETY: the claim was just taken.
            unsafe { runner::abandon(self) };
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
    pub(super) fn cell(&self) -> &Cell<A> {
        // SAFETY: the link is in the context, the context is in the cell, and a cell stays where its slab put it.
        unsafe { self.0.as_ref() }
    }

    /// Takes the next message if `wanted` likes it.
    pub(super) fn pop_if(&mut self, wanted: impl FnOnce(&A::Message) -> bool) -> Option<A::Message> {
        // SAFETY: whoever has the context mutably is the runner, or the runner's handler.
        unsafe { self.cell().mailbox.pop_if(wanted) }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::actor::{
        Envelope, Handled, HandlerInfo, Handles, Message, NoMethods, Route, StartError, Turn,
    };

    struct Word(u64);

    impl Message for u64 {
        type Reply = u64;
        type Refusal = std::convert::Infallible;
    }

    impl Handles<u64> for Word {
        fn wrap(envelope: Envelope<u64>) -> Envelope<u64> {
            envelope
        }

        fn unwrap(message: Envelope<u64>) -> Envelope<u64> {
            message
        }
    }

    impl Actor for Word {
        type Args = ();
        type Message = Envelope<u64>;
        type Views = ();
        type Methods<R: Route<Self>> = NoMethods<R>;

        const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("add")];

        fn handler_of(_message: &Envelope<u64>) -> usize {
            0
        }

        async fn start(_ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
            Ok(Word(0))
        }

        fn handle<'a>(
            &'a mut self,
            message: Envelope<u64>,
            _ctx: &'a mut Context<Self>,
            turn: Turn<'a>,
        ) -> Handled<'a> {
            let (by, reply) = message.open();
            self.0 += by;
            reply.reply(self.0);
            turn.done()
        }
    }

    #[test]
    fn a_cell_with_a_word_of_state_is_four_cache_lines_and_senders_have_one_for_themselves() {
        assert_eq!(size_of::<Cell<Word>>(), 256);
        assert_eq!(offset_of!(Cell<Word>, mailbox), 64);
    }
}
