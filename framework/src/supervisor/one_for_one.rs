//! Restarts a failed child alone.

use std::collections::HashMap;
use std::sync::Arc;

use super::window::{Backoff, Window};
use crate::actor::{
    ActorId, AnyParent, AnyRef, ChildSlot, Commons, Control, Failure, Label, Owner, Parent, Restart,
    StopReason, Verdict,
};
use crate::sync::Mutex;

/// Told of a child that was given up: its label and why.
pub(crate) type GivenUp = Box<dyn Fn(&Label, &StopReason) + Send + Sync>;

pub(crate) struct OneForOne {
    commons: Arc<Commons>,
    given_up: GivenUp,
    /// The actor whose children they are; `None` at the top of the tree.
    owner: Option<ActorId>,
    children: Mutex<Children>,
}

struct Children {
    kept: Vec<Option<AnyRef>>,
    free: Vec<ChildSlot>,
    /// Of those that have failed.
    failures: HashMap<ChildSlot, (Window, Backoff)>,
    takes_more: bool,
}

impl OneForOne {
    pub(crate) fn new(commons: Arc<Commons>, given_up: GivenUp) -> Arc<Self> {
        Self::of(commons, None, given_up)
    }

    fn of(commons: Arc<Commons>, owner: Option<ActorId>, given_up: GivenUp) -> Arc<Self> {
        let children =
            Children { kept: Vec::new(), free: Vec::new(), failures: HashMap::new(), takes_more: true };
        let supervisor = Arc::new(OneForOne { commons, given_up, owner, children: Mutex::new(children) });
        let known = Arc::downgrade(&supervisor);
        supervisor.commons.enter(known);
        supervisor
    }

    /// The supervisor of an actor's children: the actor fails when one is given up.
    pub(crate) fn of_actor(commons: &Arc<Commons>, owner: Owner) -> Arc<AnyParent> {
        let id = owner.upgrade().map(|owner| owner.id());
        let given_up = move |child: &Label, reason: &StopReason| {
            if let Some(owner) = owner.upgrade() {
                owner.order(Control::Escalated(Failure::child(child, reason)));
            }
        };
        AnyParent::new(Self::of(commons.clone(), id, Box::new(given_up)))
    }

    /// Takes no more children from now on.
    pub(crate) fn close(&self) {
        self.children.lock().takes_more = false;
    }
}

impl Parent for OneForOne {
    fn adopt(&self, child: AnyRef) -> Option<ChildSlot> {
        let mut children = self.children.lock();
        if !children.takes_more {
            return None;
        }
        let slot = children.free.pop().unwrap_or_else(|| {
            children.kept.push(None);
            ChildSlot(
                (children.kept.len() - 1).try_into().expect("fewer than four thousand million children"),
            )
        });
        children.kept[slot.0 as usize] = Some(child);
        Some(slot)
    }

    fn owner(&self) -> Option<ActorId> {
        self.owner
    }

    fn failed(&self, child: ChildSlot, restart: &Restart, _failure: &Failure) -> Verdict {
        let (now, random) = (self.commons.now(), self.commons.runtime.random());
        let mut children = self.children.lock();
        let (window, backoff) = children.failures.entry(child).or_default();
        match window.allows(restart, now) {
            true => Verdict::Restart { after: backoff.failed(restart, now, random) },
            false => Verdict::GiveUp,
        }
    }

    fn forget(&self, child: ChildSlot) -> bool {
        let mut children = self.children.lock();
        let gone = children.kept[child.0 as usize].take();
        if gone.is_some() {
            children.failures.remove(&child);
            children.free.push(child);
        }
        drop(children);
        gone.is_some()
    }

    fn stopped(&self, _slot: ChildSlot, child: &Label, reason: &StopReason) {
        if matches!(reason, StopReason::GaveUp(_)) {
            (self.given_up)(child, reason);
        }
    }

    fn children(&self) -> Vec<AnyRef> {
        let mut children: Vec<_> = self.children.lock().kept.iter().flatten().cloned().collect();
        children.sort_unstable_by_key(|child| child.id());
        children
    }
}
