//! Restarts a failed child alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::window::Window;
use crate::actor::{
    ActorId, AnyCell, Commons, Control, Failure, Label, Owner, Parent, Restart, StopReason, Verdict,
};
use crate::sync::Mutex;

/// Told of a child that was given up: its label and why.
pub(crate) type GivenUp = Box<dyn Fn(&Label, &StopReason) + Send + Sync>;

pub(crate) struct OneForOne {
    commons: Arc<Commons>,
    given_up: GivenUp,
    children: Mutex<Children>,
}

struct Children {
    /// By number, which is the order of their starts.
    by_id: BTreeMap<ActorId, Child>,
    takes_more: bool,
}

struct Child {
    cell: Arc<dyn AnyCell>,
    window: Window,
}

impl OneForOne {
    pub(crate) fn new(commons: Arc<Commons>, given_up: GivenUp) -> Arc<Self> {
        let children = Children { by_id: BTreeMap::new(), takes_more: true };
        Arc::new(OneForOne { commons, given_up, children: Mutex::new(children) })
    }

    /// The supervisor of an actor's children: the actor fails when one is given up.
    pub(crate) fn of_actor(commons: &Arc<Commons>, owner: Owner) -> Arc<dyn Parent> {
        let given_up = move |child: &Label, reason: &StopReason| {
            if let Some(owner) = owner.upgrade() {
                owner.order(Control::Escalated(Failure::child(child, reason)));
            }
        };
        Self::new(commons.clone(), Box::new(given_up))
    }

    /// Takes no more children from now on.
    pub(crate) fn close(&self) {
        self.children.lock().takes_more = false;
    }
}

impl Parent for OneForOne {
    fn adopt(&self, cell: Arc<dyn AnyCell>) -> bool {
        let mut children = self.children.lock();
        if children.takes_more {
            children.by_id.insert(cell.label().id(), Child { cell, window: Window::default() });
        }
        children.takes_more
    }

    fn failed(&self, child: ActorId, restart: &Restart, _failure: &Failure) -> Verdict {
        let (now, random) = (self.commons.now(), self.commons.runtime.random());
        let mut children = self.children.lock();
        let child = children.by_id.get_mut(&child).expect("a child is here until it has stopped");
        match child.window.failed(restart, now, random) {
            Some(after) => Verdict::Restart { after },
            None => Verdict::GiveUp,
        }
    }

    fn stopped(&self, child: &Label, reason: &StopReason) {
        let gone = self.children.lock().by_id.remove(&child.id());
        if let (Some(_), StopReason::GaveUp(_)) = (gone, reason) {
            (self.given_up)(child, reason);
        }
    }

    fn children(&self) -> Vec<Arc<dyn AnyCell>> {
        self.children.lock().by_id.values().map(|child| child.cell.clone()).collect()
    }
}
