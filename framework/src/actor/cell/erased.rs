//! A cell whose actor type is forgotten: what supervisors and the monitor see of it.

use std::any::TypeId;
use std::ptr::NonNull;

use super::super::Actor;
use super::super::batch::{BatchStats, Tuned};
use super::super::lifecycle::{ActorId, Exit, Label};
use super::super::parent::{AnyCell, AnyRef, Control, WeakAnyRef};
use super::super::stats::{ActorState, CellStats, HandlerCounts, RareStats};
use super::{Cell, CellRef, WeakCellRef, seeded};
use crate::cache::{CacheStats, TieredStats};
use crate::mailbox::Activity;
use crate::runtime::{Handle, WeakHandle};
use crate::sync::atomic::Ordering;

impl<A: Actor> AnyCell for Cell<A> {
    fn id(&self) -> ActorId {
        self.id
    }

    fn type_name(&self) -> &'static str {
        // Found once for all actors of the type: the monitor asks ten thousand of them each second.
        self.commons.times.type_name
    }

    fn label(&self) -> Label {
        Label {
            name: self.aside.get().and_then(|aside| aside.name.clone()),
            type_name: self.type_name(),
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

    fn mailbox_len_max(&self) -> Option<usize> {
        self.mailbox.len_max()
    }

    fn activity(&self) -> Activity {
        self.claim().activity()
    }

    fn awaited(&self) -> Option<ActorId> {
        let rare = self.rare_stats_if_any()?;
        // ORDERING: Relaxed; as in `set_awaited`.
        let awaited = rare.awaited.load(Ordering::Relaxed);
        (awaited != 0).then_some(ActorId(awaited))
    }

    fn mailbox_high_water(&self) -> usize {
        self.high_water.get()
    }

    fn state(&self) -> ActorState {
        self.shown.get()
    }

    fn owner(&self) -> Option<ActorId> {
        self.parent.owner()
    }

    fn each_handler(&self, see: &mut dyn FnMut(&'static str, HandlerCounts)) {
        let errors = self.rare_stats_if_any().map_or(&[][..], |rare| rare.errors.read());
        for (index, handler) in A::HANDLERS.iter().enumerate() {
            let (refused, failed) =
                errors.get(index).map_or((0, 0), |errors| (errors.refused.value(), errors.failed.value()));
            let handled = self.stats.handled.read(index, A::HANDLERS.len());
            see(handler.name(), HandlerCounts { handled, refused, failed });
        }
    }

    fn tuned(&self, handler: &str) -> Option<&Tuned> {
        let index = A::HANDLERS.iter().position(|info| info.name() == handler)?;
        Some(&self.rare_stats_if_any()?.batched.get(index)?.tuned)
    }

    fn in_hand(&self) -> usize {
        self.rare_stats_if_any().map_or(0, |rare| rare.batched.in_hand())
    }

    fn batches(&self) -> Vec<(&'static str, BatchStats)> {
        let batched = self.rare_stats_if_any().map(|rare| rare.batched.read());
        batched.into_iter().flatten().map(|(handler, stats)| (A::HANDLERS[handler].name(), stats)).collect()
    }

    fn caches(&self) -> Vec<(&'static str, CacheStats)> {
        A::caches(&self.views)
    }

    fn tiered(&self) -> Vec<(&'static str, TieredStats)> {
        A::tiered(&self.views)
    }

    fn order(&self, control: Control) {
        self.tell_sim(&seeded::order_name(&control));
        self.mailbox.push_control(control);
        self.schedule_if(self.claim().control());
        // ORDERING: Relaxed; a hint, which says to look at the claim, and that orders.
        self.called.store(1, Ordering::Relaxed);
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
