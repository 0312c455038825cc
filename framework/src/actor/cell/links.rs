//! Links: two actors that fall together.
//!
//! ```text
//!   A: link(B) ── Link(A, incarnation of A) ──> B keeps A
//!   A keeps B <── LinkMade(B, incarnation of B) ──
//! ```
//!
//! All of it is control: a handler that links also tells its own cell whom. Each end keeps the other, with the
//! incarnation that the link is to: one that has been restarted since is not linked any more. An incarnation that ends
//! badly breaks its links, and each other end fails if it still is the incarnation that was linked. One that ends in
//! order lets go of them.
//!
//! **No link is lost.** An end that has gone before the link reached it answers as if it broke at once: down, from its
//! control lane; closed, from what is left there; closed before that, by the asking side, which looks at the
//! [exit](super::super::lifecycle::Exit) after it has sent.

use super::super::Actor;
use super::super::lifecycle::{ActorId, Failure, StopReason};
use super::super::parent::{AnyCell, Control, IncarnationEnd, Linked};
use super::Cell;
use super::life::Phase;
use super::runner::Runner;

impl<A: Actor> Cell<A> {
    /// Which of this actor's incarnations runs, from 0.
    pub(in crate::actor) fn incarnation(&self) -> u64 {
        self.rare_stats_if_any().map_or(0, |rare| rare.restarts.value())
    }

    /// This end of a link.
    pub(in crate::actor) fn as_linked(&self) -> Linked {
        Linked { cell: self.weak().into(), id: self.id, incarnation: Some(self.incarnation()) }
    }
}

impl<A: Actor> Runner<'_, A> {
    /// A handler of this incarnation has linked it.
    pub(super) fn link_to(&mut self, other: Linked, from: u64) {
        let is_known = |link: &Linked| link.id == other.id;
        if self.is_there() && from == self.cell.incarnation() && !self.links().iter().any(is_known) {
            self.links().push(other);
        }
    }

    /// Another actor links itself to this one.
    pub(super) fn link(&mut self, from: Linked) {
        if !self.is_there() {
            return self.refuse_link(&from);
        }
        if let (Some(asker), Some(incarnation)) = (from.cell.upgrade(), from.incarnation) {
            asker.order(Control::LinkMade { other: self.cell.as_linked(), from: incarnation });
            self.links().retain(|link| link.id != from.id);
            self.links().push(from);
        }
    }

    /// There is an incarnation that can be linked.
    fn is_there(&mut self) -> bool {
        matches!(self.life().phase, Phase::New | Phase::Starting | Phase::Running)
    }

    fn refuse_link(&self, from: &Linked) {
        let failure = Failure::link(&self.cell.label(), "it was down when the link was made");
        break_link(from, &failure);
    }

    /// The other end has answered a link of the incarnation `from`.
    pub(super) fn link_made(&mut self, other: Linked, from: u64) {
        if !self.is_there() || from != self.cell.incarnation() {
            // The incarnation that asked ended before it knew whom to tell. In which way, nobody knows any more.
            let failure = Failure::link(&self.cell.label(), "it ended while the link was made");
            return break_link(&other, &failure);
        }
        if let Some(kept) = self.links().iter_mut().find(|link| link.id == other.id) {
            *kept = other;
        }
    }

    pub(super) fn unlink(&mut self, id: ActorId) {
        self.links().retain(|link| link.id != id);
    }

    pub(super) fn link_broken(&mut self, incarnation: u64, failure: &Failure) {
        let phase = self.life().phase;
        if incarnation == self.cell.incarnation() && matches!(phase, Phase::Starting | Phase::Running) {
            let in_hand = phase == Phase::Running && self.future().is_some();
            self.fail(failure, in_hand);
        }
    }

    /// This incarnation has ended: those that are linked to it fall, if it ended badly.
    pub(super) fn break_links(&mut self, end: &IncarnationEnd) {
        let links = match &mut self.life().cold {
            Some(cold) if !cold.links.is_empty() => std::mem::take(&mut cold.links),
            _ => return,
        };
        let text = match end {
            IncarnationEnd::Failed(failure) => failure.to_string(),
            IncarnationEnd::Killed => StopReason::Killed.to_string(),
            IncarnationEnd::InOrder(StopReason::Requested | StopReason::SystemStopped) => {
                let id = self.cell.id;
                let others = links.iter().filter_map(|link| link.cell.upgrade());
                return others.for_each(|other| other.order(Control::Unlink(id)));
            }
            IncarnationEnd::InOrder(reason) => reason.to_string(),
        };
        let failure = Failure::link(&self.cell.label(), &text);
        links.iter().for_each(|link| break_link(link, &failure));
    }

    /// Orders that came while this actor closed: links are answered, and nobody waits for one that is dropped.
    pub(super) fn answer_late_orders(&mut self) {
        for control in self.cell.mailbox.take_control() {
            if let Control::Link(from) = control {
                self.refuse_link(&from);
            }
        }
    }

    fn links(&mut self) -> &mut Vec<Linked> {
        &mut self.life().cold().links
    }
}

/// The end of a link that is not known has not answered yet: it will, and is told then.
fn break_link(link: &Linked, failure: &Failure) {
    if let (Some(incarnation), Some(cell)) = (link.incarnation, link.cell.upgrade()) {
        cell.order(Control::LinkBroken { incarnation, failure: failure.clone() });
    }
}
