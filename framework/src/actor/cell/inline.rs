//! An ask of an idle actor runs where the asker stands.

use std::sync::Arc;

use super::super::settings::Inline;
use super::super::{Actor, scope};
use super::Cell;
use super::runner::{self, Place};

/// An asker runs a mailbox of at most this many messages; a longer one is the workers'.
const INLINE_LEN_MAX: usize = 4;

impl<A: Actor> Cell<A> {
    /// After the push of an ask for `handler`: runs the cell on this thread if it is idle, and everything speaks
    /// for it; else sees to it that a worker does.
    pub(in super::super) fn run_for_asker(self: &Arc<Self>, must_wake: bool, handler: usize) {
        if !self.may_run_here(handler) || !self.claim.try_claim() {
            return self.nudge(must_wake);
        }
        // SAFETY: the claim was just taken.
        if unsafe { runner::is_ready_for_asker(self) } {
            self.stats.inline_runs.add(1);
            // A worker's thread is in the runtime already; so is an asker that is itself a turn.
            let _entered = (!scope::is_entered()).then(|| self.commons.runtime.enter());
            // SAFETY: as above; the claim is still held.
            unsafe { runner::activate(self, Place::Asker) };
        } else {
            self.schedule_if(self.claim.requeue());
        }
    }

    fn may_run_here(&self, handler: usize) -> bool {
        self.inline != Inline::Never
            && !A::HANDLERS[handler].is_async()
            && self.mailbox.len() <= INLINE_LEN_MAX
            && !scope::is_inline()
    }
}
