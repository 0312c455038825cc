//! The cell: what an actor is at run time.
//!
//! ```text
//!   anybody may touch                     only the runner (who holds the claim)
//!   ┌───────────────────────────────┐     ┌────────────────────────────────────────┐
//!   │ counts  mailbox with claim    │     │ future: an unfinished handler or start │
//!   │ views   counters  aside       │     │ state: the actor     ctx     life      │
//!   └───────────────────────────────┘     └────────────────────────────────────────┘
//! ```
//!
//! **What it is.** Not a task: an object with a [claim](crate::queue). Whoever moves it from idle runs it:
//! a worker that took it from the run queue, or an asker on its own thread. While idle it is in no queue. It lies in
//! its system's [slab](crate::runtime::Slab); what few actors need is apart and made when it is needed (`Aside`,
//! `Cold`).
//!
//! **Guarantees.** One runner at a time. All user code (handlers, start, stop, `Drop`, `Clone` and `PartialEq`
//! of views) runs under a guard that catches its panic: the message is spent, the state is dropped, the mailbox
//! and the asks in it stay, the supervisor decides. Control is looked at between messages.
//!
//! **Bad at.** Interrupting a plain `fn` handler: nothing can.

mod counts;
mod erased;
mod fate;
mod future_slot;
mod gather;
mod guards;
mod inline;
mod life;
mod links;
mod of_type;
mod runner;
mod sampled;
mod seeded;
mod single;
mod take;
mod unfinished;

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use super::Actor;
use super::commons::{Commons, DeadLetter, DeadReason};
use super::context::Context;
use super::home::Residence;
use super::lifecycle::{ActorId, Exit, Failure, SpawnError, StopReason};
use super::parent::{AnyCell, AnyParent, ChildSlot, Control};
use super::scope;
use super::settings::Inline;
use super::stats::{CellStats, HighWater, RareStats, ShownState};
use crate::mailbox::{
    Begin, Claim, LastReference, LazyBox, Mailbox, Manners, Pushed, Taken, TryPushError, Wake,
};
use crate::runtime::{Counted, Handle, Job, Refs, Runnable, Runtime, Wakes, WeakHandle};
use crate::stats::Counter;
use crate::sync::atomic::{AtomicU8, AtomicU32, Ordering};
pub(super) use counts::Handled;
pub(super) use future_slot::{Ended, FutureSlot};
pub(super) use gather::{Gathers, Next};
use guards::{AbortOnUnwind, out_of_line};
use life::{Life, Started};
pub(super) use of_type::{TypeCommons, TypeRef};

/// A reference to a cell.
pub(crate) type CellRef<A> = Handle<Cell<A>>;
/// One that does not keep it.
pub(crate) type WeakCellRef<A> = WeakHandle<Cell<A>>;

/// ```text
///     0  counts | called, home, shown | counters | future | aside | id    whoever runs it
///    64  the mailbox: what senders touch                              senders
///   128  the mailbox: what the consumer touches                       the runner
///   160  commons | parent | child slot, shard | views | ctx | life | state
/// ```
///
/// With a word of state, and neither views nor arguments, it is four cache lines: a test holds that.
#[repr(C, align(64))]
pub(crate) struct Cell<A: Actor> {
    refs: Refs,
    /// Not 0: the runner is to look at the claim, between two messages. It is set after the claim is, so that it may be
    /// set for nothing; who is about to rest looks at the claim itself.
    called: AtomicU8,
    residence: Residence,
    shown: ShownState,
    high_water: HighWater,
    stats: CellStats,
    // The runner's, as the last four are. The future borrows `state` and `ctx`.
    future: UnsafeCell<FutureSlot>,
    aside: LazyBox<Aside>,
    id: ActorId,
    mailbox: Mailbox<A::Message, Control>,
    commons: Arc<TypeCommons>,
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
// thread at a time: the claim says whose it is, and hands over with Release and Acquire. All in it is Send:
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
    /// The thread pinned to a core, of which there is one of this number; and there it runs from then on.
    Pinned(usize),
}

/// What a new actor is called.
pub(crate) enum Name {
    /// By one name in its system, which finds it.
    OfSystem(Arc<str>),
    /// In labels, and by its supervisor.
    AmongSiblings(Arc<str>),
}

/// Where a new actor belongs.
pub(crate) struct Birth {
    pub(crate) parent: Arc<AnyParent>,
    pub(crate) name: Option<Name>,
    pub(crate) shard: Option<usize>,
}

impl<A: Actor> Cell<A> {
    /// Makes a cell, hands it to its parent and begins its start, whose outcome goes to `started`. Without
    /// `started` a first start that fails is a failure like any other, which the parent may answer by a restart.
    ///
    /// # Errors
    ///
    /// When the name is taken, or the parent takes no children any more.
    pub(crate) fn spawn(
        commons: &Arc<Commons>,
        birth: Birth,
        args: A::Args,
        start_on: StartOn,
        started: Started,
    ) -> Result<CellRef<A>, SpawnError> {
        let name = match &birth.name {
            Some(Name::OfSystem(name)) => Some(commons.names.reserve(name.clone())?),
            Some(Name::AmongSiblings(_)) | None => None,
        };
        let cell = Cell::new(commons, birth, args, started);
        if let StartOn::Pinned(core) = start_on {
            cell.residence.begin_at(core);
        }
        if let Some(sim) = commons.runtime.sim() {
            sim.born(cell.address(), cell.type_name(), &cell.label());
        }
        let Some(slot) = cell.parent.adopt(cell.clone().into()) else {
            cell.exit().set(StopReason::SystemStopped);
            return Err(SpawnError::Stopping);
        };
        // ORDERING: Relaxed; the schedule below publishes it, and only runners read it.
        cell.child_slot.store(slot.0, Ordering::Relaxed);
        if let Some(name) = name {
            name.give_to(cell.clone().into());
        }
        // The reference that stands for its life, and keeps its entry in the run queue: `end` lets go of it.
        let _ = cell.clone().into_raw();
        match start_on {
            StartOn::Spawner if cell.may_start_here() => cell.start_here(),
            _ => cell.schedule_if(Wake::Schedule),
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
        // SAFETY: it is queued, and this is instead of its entry; the spawner keeps it.
        unsafe { Self::run(self.place()) };
    }

    fn new(commons: &Arc<Commons>, birth: Birth, args: A::Args, started: Started) -> CellRef<A> {
        let settings = commons.configured.settings::<A>();
        let aside = LazyBox::new();
        if let Some(Name::OfSystem(name) | Name::AmongSiblings(name)) = birth.name {
            aside.get_or_make(|| Aside { name: Some(name), ..Aside::default() });
        }
        let inline = commons.inline.unwrap_or(settings.inline);
        let mailbox = if commons.runtime.sim().is_some_and(|sim| sim.watches_mailboxes()) {
            Mailbox::watched(settings.mailbox_len_max, settings.overflow, Begin::Queued)
        } else {
            Mailbox::new(settings.mailbox_len_max, settings.overflow, Begin::Queued)
        };
        let of_type = TypeCommons::of::<A>(commons);
        commons.slab.insert(|refs, place| Cell {
            refs,
            called: AtomicU8::new(0),
            residence: Residence::new(inline, mailbox.is_watched()),
            shown: ShownState::default(),
            high_water: HighWater::default(),
            stats: CellStats { handled: Handled::new(), inline_runs: Counter::default() },
            future: UnsafeCell::new(FutureSlot::new()),
            aside,
            id: commons.next_id(),
            mailbox,
            commons: of_type,
            parent: birth.parent,
            child_slot: AtomicU32::new(0),
            shard: birth.shard.map_or(NO_SHARD, |shard| shard as u32),
            views: A::Views::default(),
            ctx: UnsafeCell::new(Context::new(Link(place))),
            life: UnsafeCell::new(Life::new(args, started)),
            state: UnsafeCell::new(None),
        })
    }

    /// Puts a message into the mailbox, where it is made. The caller sees to it that the cell runs
    /// ([`nudge`](Self::nudge)), if the answer says so.
    #[inline(always)]
    pub(super) fn push(
        &self,
        message: impl FnOnce() -> A::Message,
        manners: Manners,
    ) -> Result<bool, TryPushError<A::Message>> {
        match self.mailbox.take_ticket(manners) {
            Some(ticket) => {
                let must_wake = ticket.must_wake;
                let message = || {
                    let bomb = AbortOnUnwind;
                    let message = message();
                    std::mem::forget(bomb);
                    message
                };
                // SAFETY: it was just taken, and the message does not unwind.
                unsafe { self.mailbox.fill(ticket, message) };
                Ok(must_wake)
            }
            None => out_of_line(move || self.push_slowly(message(), manners)),
        }
    }

    fn push_slowly(&self, message: A::Message, manners: Manners) -> Result<bool, TryPushError<A::Message>> {
        let Pushed { must_wake, displaced } = match self.commons.runtime.sim() {
            Some(sim) if self.mailbox.is_watched() => self.push_watched(&**sim, message, manners)?,
            _ => self.mailbox.try_push(message)?,
        };
        if let Some(displaced) = displaced {
            self.bury_displaced(displaced);
        }
        Ok(must_wake)
    }

    /// Its drop is foreign code on an innocent sender's way, who has yet to wake the cell, and may hold its claim.
    #[cold]
    fn bury_displaced(&self, displaced: A::Message) {
        self.bury(&displaced, DeadReason::Displaced);
        self.drop_apart(displaced);
    }

    /// Drops what will not run. That is foreign code, in the middle of what is none of its business.
    #[cold]
    pub(super) fn drop_apart<T>(&self, dropped: T) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(dropped))) {
            let failure = Failure::panic("drop", &*payload);
            tracing::error!(target: "ostraca::actor", actor = %self.label(), "{failure}");
        }
    }

    /// After a push that said so: sees to it that the cell runs.
    #[inline]
    pub(super) fn nudge(&self, must_wake: bool) {
        if must_wake {
            self.schedule_if(Wake::Schedule);
        }
    }

    #[inline(always)]
    fn claim(&self) -> &Claim {
        self.mailbox.claim()
    }

    /// Counts a message that will not run.
    fn bury(&self, message: &A::Message, reason: DeadReason) {
        self.rare_stats().dropped.add(1);
        let handler = A::HANDLERS[A::handler_of(message)].name();
        self.dead_letter(handler, reason, 1);
    }

    /// Counts a message of this handler that was refused when it would have run.
    pub(super) fn count_shed(&self, handler: usize) {
        self.rare_stats().dropped.add(1);
        self.dead_letter(A::HANDLERS[handler].name(), DeadReason::Shed, 1);
    }

    fn dead_letter(&self, handler: &'static str, reason: DeadReason, count: usize) {
        self.commons.dead_letters.record(DeadLetter { actor: self.label(), handler, reason, count });
    }

    #[inline]
    fn schedule_if(&self, wake: Wake) {
        if wake == Wake::Schedule {
            scope::note_wake();
            // SAFETY: it was just marked as queued.
            self.runtime().schedule(unsafe { self.entry() });
        }
    }

    /// An entry for the run queue.
    ///
    /// # Safety
    ///
    /// The claim has just told the caller to schedule the cell.
    #[inline]
    unsafe fn entry(&self) -> Job {
        // SAFETY: cells lie in their system's slab.
        unsafe { Job::of(self) }
    }

    /// Where it lies, for a reference that is not counted.
    fn place(&self) -> NonNull<Self> {
        // SAFETY: cells lie in their system's slab, and whoever has one borrowed keeps it.
        unsafe { Handle::place(self) }
    }

    /// Lets go of the reference that stood for the cell's life.
    ///
    /// # Safety
    ///
    /// The claim has just told the caller that the last reference is its to drop. `this` is not used again, unless
    /// another reference keeps it.
    #[cold]
    unsafe fn end(this: NonNull<Self>) {
        // SAFETY: the reference that `spawn` gave up.
        drop(unsafe { Handle::from_raw(this) });
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

    /// What its [`ActorId`] is made of.
    pub(super) fn number(&self) -> u64 {
        self.id.0
    }

    /// Its unfinished future waits for the answer of the actor of this number; 0: for something else.
    #[inline]
    fn set_awaited(&self, actor: u64) {
        // Most actors never ask another.
        if actor != 0 || self.aside.get().is_some() {
            // ORDERING: Relaxed; a number for the monitor, which says nothing about other memory.
            self.rare_stats().awaited.store(actor, Ordering::Relaxed);
        }
    }

    pub(super) fn residence(&self) -> &Residence {
        &self.residence
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

    pub(super) fn parent(&self) -> &AnyParent {
        &self.parent
    }

    pub(crate) fn commons(&self) -> &Arc<Commons> {
        &self.commons.system
    }

    /// The system's workers.
    #[inline]
    pub(super) fn workers(&self) -> &Arc<Runtime> {
        &self.commons.runtime
    }

    pub(super) fn now(&self) -> Instant {
        self.commons.now()
    }

    /// Tells cells on one thread's stack apart.
    pub(super) fn address(&self) -> usize {
        // Exposed, because a turn finds its cell again by it: see `of_type`.
        std::ptr::from_ref(self).expose_provenance()
    }
}

/// The cell is the waker of its own unfinished future.
impl<A: Actor> Wakes for Cell<A> {
    fn wake(this: &Handle<Self>) {
        this.schedule_if(this.claim().wake());
    }
}

// SAFETY: from `spawn` to the end of the claim a reference stands for the cell's life; at the end it goes to the entry
// that is left, if one is.
unsafe impl<A: Actor> Runnable for Cell<A> {
    unsafe fn run(this: NonNull<Self>) {
        // SAFETY: the caller's word: the entry keeps it.
        let cell = unsafe { this.as_ref() };
        let last = match cell.claim().take() {
            // SAFETY: the claim was just taken.
            Taken::Claimed { is_called, end } => unsafe { single::take_turn(cell, is_called, end) },
            Taken::Nothing => return,
            Taken::Dead => LastReference::Mine,
        };
        if last == LastReference::Mine {
            // SAFETY: the claim said so, and this is the end.
            unsafe { Self::end(this) };
        }
    }

    unsafe fn abandon(this: NonNull<Self>) {
        // SAFETY: as above.
        let cell = unsafe { this.as_ref() };
        let last = match cell.claim().take() {
            // SAFETY: the claim was just taken.
            Taken::Claimed { .. } => unsafe { runner::abandon(cell) },
            Taken::Nothing => return,
            Taken::Dead => LastReference::Mine,
        };
        if last == LastReference::Mine {
            // SAFETY: as above.
            unsafe { Self::end(this) };
        }
    }
}

impl<A: Actor> Drop for Cell<A> {
    fn drop(&mut self) {
        // The future borrows state and ctx, which are dropped after this body.
        self.future.get_mut().clear();
        self.stats.handled.free(A::HANDLERS.len());
    }
}

/// The context's way to the cell it lives in.
pub(super) struct Link<A: Actor>(NonNull<Cell<A>>);

// SAFETY: it is a shared reference to a Cell, which is Sync.
unsafe impl<A: Actor> Send for Link<A> {}
// SAFETY: as above.
unsafe impl<A: Actor> Sync for Link<A> {}

#[cfg(test)]
mod tests;
