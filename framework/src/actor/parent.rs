//! What an actor knows of its supervisor, and what a supervisor knows of its actors.

use std::any::TypeId;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{BatchStats, Tuned};
use super::home::MoveOrder;
use super::lifecycle::{ActorId, Exit, Failure, Label, StopReason};
use super::settings::Restart;
use super::stats::{ActorState, CellStats, HandlerCounts, RareStats};
use crate::cache::{CacheStats, TieredStats};
use crate::mailbox::Activity;
use crate::runtime::{Counted, Handle, WeakHandle};

/// A supervisor, as its children see it. Called by the child's runner, so an implementation decides at once and
/// does not wait.
pub(crate) trait Parent: Send + Sync {
    /// A new child, before it starts, and where it is kept from then on. `None`: no children are taken any more.
    fn adopt(&self, child: AnyRef) -> Option<ChildSlot>;

    /// Whether it is this supervisor that decides what follows the end of an incarnation, later and by
    /// [`Control::Restart`] or [`Control::Close`]. If not, a child that stops or is killed is gone, and one that fails
    /// is asked about by [`failed`](Self::failed).
    fn decides(&self) -> bool {
        false
    }

    /// Until when what a child asks in its `#[start]` is to be answered, seen from now.
    fn start_deadline(&self, _child: ChildSlot) -> Option<Instant> {
        None
    }

    /// A child has started. Only for who decides.
    fn started(&self, _child: ChildSlot) {}

    /// An incarnation of a child has ended, or has not started: its state is dropped and the children of its context
    /// have stopped; its mailbox is kept. Only for who decides.
    fn ended(&self, _child: ChildSlot, _end: IncarnationEnd) {}

    /// A child failed; its state is dropped, its mailbox kept.
    fn failed(&self, child: ChildSlot, restart: &Restart, failure: &Failure) -> Verdict;

    /// A child stopped for good, and is no longer kept. False: it was not.
    fn forget(&self, child: ChildSlot) -> bool;

    /// A child that was forgotten had stopped for this reason.
    fn stopped(&self, slot: ChildSlot, child: &Label, reason: &StopReason);

    /// The children, in the order of their start.
    fn children(&self) -> Vec<AnyRef>;

    /// The actor whose children they are; `None` at the top of the tree.
    fn owner(&self) -> Option<ActorId> {
        None
    }

    /// The children that know each other, with their names: those of a group.
    fn siblings(&self) -> Vec<(Option<Arc<str>>, AnyRef)> {
        Vec::new()
    }
}

/// A supervisor by one thin pointer: each cell keeps one.
pub(crate) struct AnyParent(Arc<dyn Parent>);

impl AnyParent {
    pub(crate) fn new(parent: Arc<dyn Parent>) -> Arc<Self> {
        Arc::new(AnyParent(parent))
    }
}

impl Deref for AnyParent {
    type Target = dyn Parent;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// What becomes of a failed child.
pub(crate) enum Verdict {
    /// It is started again after a while.
    Restart {
        /// How long after.
        after: Duration,
    },
    /// It is given up.
    GiveUp,
}

/// How one incarnation of an actor ended.
#[derive(Clone, Debug)]
pub(crate) enum IncarnationEnd {
    /// In order, for this reason.
    InOrder(StopReason),
    /// It panicked, did not start, or fell with another.
    Failed(Failure),
    /// A suspended handler may have been dropped half way.
    Killed,
}

/// Orders to a cell, on the lane that never waits behind users' messages.
pub(crate) enum Control {
    /// Stop when the current handler has ended; what is queued is dropped.
    Stop(StopReason),
    /// Take no more messages, handle what is queued, then stop.
    Drain(StopReason),
    /// Stop now; a suspended handler is dropped half way.
    Kill(StopReason),
    /// Start again: the wait after a failure is over.
    Restart,
    /// End this incarnation in order, for this reason; another one may follow. Only from who decides, as the next two.
    Halt(StopReason),
    /// End this incarnation now; a suspended handler is dropped half way.
    Cut,
    /// No restart follows: end for good.
    Close(StopReason),
    /// What this actor was there for is over: it ends, for this reason.
    Quit(StopReason),
    /// All children have stopped.
    ChildrenStopped,
    /// Run elsewhere from now on.
    Move(MoveOrder),
    /// A child was given up: this actor fails.
    Escalated(Failure),
    /// From this actor itself: it links to that one.
    LinkTo {
        /// The other end, whose incarnation is not known yet.
        other: Linked,
        /// This one.
        from: u64,
    },
    /// From the actor that links to this one: an answer is due.
    Link(Linked),
    /// The answer: whom the link leads to, and from which incarnation of this actor.
    LinkMade {
        /// The other end.
        other: Linked,
        /// This one.
        from: u64,
    },
    /// The actor of this number is not linked any more.
    Unlink(ActorId),
    /// The other end of a link fell, and this incarnation falls with it.
    LinkBroken {
        /// This end.
        incarnation: u64,
        /// The other end, and how it ended.
        failure: Failure,
    },
}

/// One end of a link.
#[derive(Clone)]
pub(crate) struct Linked {
    pub(crate) cell: WeakAnyRef,
    pub(crate) id: ActorId,
    /// Not known until the other end has answered.
    pub(crate) incarnation: Option<u64>,
}

/// A reference to a cell whose actor type is forgotten.
pub(crate) type AnyRef = Handle<dyn AnyCell>;
/// One that does not keep it.
pub(crate) type WeakAnyRef = WeakHandle<dyn AnyCell>;

/// Where a parent keeps a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChildSlot(pub(crate) u32);

/// A cell whose actor type is forgotten.
pub(crate) trait AnyCell: Counted {
    fn id(&self) -> ActorId;
    fn type_name(&self) -> &'static str;
    fn label(&self) -> Label;
    fn actor_type(&self) -> TypeId;
    fn stats(&self) -> &CellStats;
    /// The counts of what is rare; made if need be.
    fn rare_stats(&self) -> &RareStats;
    /// The same, if anything rare was counted.
    fn rare_stats_if_any(&self) -> Option<&RareStats>;
    fn exit(&self) -> &Exit;
    fn mailbox_len(&self) -> usize;
    /// What it does. A guess, since it goes on.
    fn activity(&self) -> Activity;
    /// Whose answer it waited for when it last suspended; `None` if not for an actor's. Says something of one that is
    /// suspended now.
    fn awaited(&self) -> Option<ActorId>;
    /// `None` for an unbounded one.
    fn mailbox_len_max(&self) -> Option<usize>;
    /// The most messages that its runners have seen waiting.
    fn mailbox_high_water(&self) -> usize;
    fn state(&self) -> ActorState;
    /// The actor that supervises it, if it is one.
    fn owner(&self) -> Option<ActorId>;
    /// What may be tuned of the batched handler of this name. None before its first batch.
    fn tuned(&self, handler: &str) -> Option<&Tuned>;
    /// Messages in batches that are held open, or in their handler.
    fn in_hand(&self) -> usize;
    /// Shows what each handler has done, in the order of their declaration.
    fn each_handler(&self, see: &mut dyn FnMut(&'static str, HandlerCounts));
    /// What the batched handlers have done, by the name of their method; of those that had a batch.
    fn batches(&self) -> Vec<(&'static str, BatchStats)>;
    /// The keyed caches, by the name of their method.
    fn caches(&self) -> Vec<(&'static str, CacheStats)>;

    /// Those with tiers, tier by tier.
    fn tiered(&self) -> Vec<(&'static str, TieredStats)>;
    fn order(&self, control: Control);
}
