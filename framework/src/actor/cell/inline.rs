//! An ask of an idle actor runs where the asker stands.
//!
//! ```text
//!   claimed, nothing queued ──> the handler is called: the message enters no mailbox, the answer no slot
//!   claimed, a few queued ────> pushed behind them, all of them run here
//!   lost to another runner ───> stands back a moment and tries again; then pushed, and left to the others
//!   else ─────────────────────> pushed; a worker runs it
//! ```
//!
//! Several askers at once combine: one runs the cell, the others' messages are in its run.

use std::time::Instant;

use tokio::runtime::EnterGuard;

use super::super::error::AskError;
use super::super::message::Direct;
use super::super::reply::ReplyRx;
use super::super::scope::Asker;
use super::super::{Actor, Handles, Message, scope};
use super::Cell;
use super::{runner, single};
use crate::mailbox::{LastReference, Manners, Tried, TryPushError};
use crate::sync::hint;

/// An asker runs a mailbox of at most this many messages; a longer one is the workers'.
const INLINE_LEN_MAX: usize = 4;
/// How long an asker that lost the claim stands back after each try, in pauses of the processor: some
/// microseconds in all, in which the other asks a hundred times. (Two threads of 32 askers each: 122 ns an ask with 10
/// pauses, 66 with 20 and 40, 39 with 300, 37 with 40 to 160.)
const BACK_OFF: &[u32] = &[20, 40, 80, 160, 0];
/// How often an asker that lost the claim looks for its answer, or for the claim, before it leaves both to others.
const LOOKS: u32 = 2;

/// The claim of a cell that is ready to be called, and where it was idle.
#[must_use = "the claim is held"]
pub(in super::super) struct IdleAt(u64);

impl<A: Actor> Cell<A> {
    /// Takes the claim to call a plain handler here and now, if the cell is idle and everything speaks for it, and the
    /// system's runtime is known to be around the asker, who stands in no turn. Then [`call`](Self::call) is due.
    #[inline(always)]
    pub(in super::super) fn claim_to_call(&self) -> Option<IdleAt> {
        if !self.residence.may_be_called() || !self.commons.runtime.is_known_here() {
            return None;
        }
        match self.claim().try_claim() {
            // SAFETY: the claim was just taken.
            Tried::Claimed { idle_at } => unsafe { self.keep_if_ready(idle_at) },
            Tried::Taken | Tried::NotForAskers => None,
        }
    }

    /// As [`claim_to_call`](Self::claim_to_call), for any asker; waits a little for another who runs the cell. The call
    /// that is due then is to be made [entered](Self::enter_for_asker).
    pub(in super::super) fn claim_to_call_soon(&self, asker: &Asker) -> Option<IdleAt> {
        if !self.residence.may_be_called() || asker.is_inline {
            return None;
        }
        let idle_at = self.claim_soon()?;
        // SAFETY: the claim was just taken.
        unsafe { self.keep_if_ready(idle_at) }
    }

    /// # Safety
    ///
    /// The caller holds the claim, which was idle at that ticket, and gives it to this function, which gives it up or
    /// returns it.
    #[inline(always)]
    unsafe fn keep_if_ready(&self, idle_at: Option<u64>) -> Option<IdleAt> {
        // SAFETY: the caller's duty is passed on.
        let ready_at = unsafe { self.ready_at(idle_at) };
        if ready_at.is_none() {
            self.give_to_workers();
        }
        ready_at
    }

    /// Whether a message may run at once, before any other.
    ///
    /// # Safety
    ///
    /// The caller holds the claim, which was idle at that ticket, and keeps it.
    #[inline(always)]
    unsafe fn ready_at(&self, idle_at: Option<u64>) -> Option<IdleAt> {
        if let Some(ticket) = idle_at
            // SAFETY: the claim is held, so this is the consumer.
            && unsafe { self.mailbox.is_empty_at(ticket) }
            // SAFETY: the claim is held.
            && unsafe { runner::is_ready_for_asker(self) }
        {
            return Some(IdleAt(ticket));
        }
        None
    }

    #[cold]
    #[inline(never)]
    fn give_to_workers(&self) {
        self.schedule_if(self.claim().requeue());
    }

    /// Calls a plain handler of the cell that was [claimed](Self::claim_to_call) for it.
    #[inline(always)]
    pub(in super::super) fn call<M: Message>(
        &self,
        message: M,
        direct: &Direct<A, M>,
        deadline: Option<Instant>,
        idle_at: IdleAt,
    ) -> Result<M::Reply, AskError<M::Refusal>>
    where
        A: Handles<M>,
    {
        self.stats.inline_runs.add(1);
        // SAFETY: the claim is held, the actor is ready, and nothing is queued: `IdleAt` stands for that.
        let (answer, last) = unsafe { single::call(self, message, direct, deadline, idle_at.0) };
        self.let_go(last);
        answer
    }

    /// Another runs the cell. It may be about to end, or be at the first of many asks of its own: either way both get on
    /// better when this one stands back for a moment than when the line goes to and fro at every ask.
    #[inline(never)]
    fn claim_soon(&self) -> Option<Option<u64>> {
        for pauses in BACK_OFF {
            match self.claim().try_claim() {
                Tried::Claimed { idle_at } => return Some(idle_at),
                Tried::Taken => (0..*pauses).for_each(|_| hint::spin_loop()),
                Tried::NotForAskers => break,
            }
        }
        None
    }

    /// Delivers the message of an ask, whose answer comes to `rx`, and sees to it that it runs: here if the cell is
    /// idle and everything speaks for it, else on a worker. `is_tried` says that to call it directly was tried.
    pub(in super::super) fn ask<T, E>(
        &self,
        message: A::Message,
        rx: &ReplyRx<T, E>,
        asker: &Asker,
        is_tried: bool,
    ) -> Result<(), TryPushError<A::Message>> {
        let is_async = A::HANDLERS[A::handler_of(&message)].is_async();
        if self.residence.is_never_inline() || is_async || asker.is_inline {
            return self.ask_elsewhere(message);
        }
        if self.residence.is_watched() {
            return self.ask_watched(message, rx);
        }
        let claimed = match self.claim().try_claim() {
            Tried::Claimed { idle_at } => Some(idle_at),
            Tried::Taken if !is_tried => self.claim_soon(),
            Tried::Taken | Tried::NotForAskers => None,
        };
        if let Some(idle_at) = claimed {
            // SAFETY: the claim was just taken.
            return unsafe { self.ask_claimed(message, rx.address(), idle_at) };
        }
        self.ask_elsewhere(message)?;
        self.look_for_answer(rx);
        Ok(())
    }

    /// # Safety
    ///
    /// The caller holds the claim, which was idle at that ticket, and gives it to this function, which gives it up.
    unsafe fn ask_claimed(
        &self,
        message: A::Message,
        slot: usize,
        idle_at: Option<u64>,
    ) -> Result<(), TryPushError<A::Message>> {
        // SAFETY: the claim is held.
        let Some(IdleAt(ticket)) = (unsafe { self.ready_at(idle_at) }) else {
            // SAFETY: the caller's duty is passed on.
            return unsafe { self.ask_behind_others(message, slot) };
        };
        let _entered = self.enter_for_asker();
        self.stats.inline_runs.add(1);
        // SAFETY: the claim is held, the actor is ready, and nothing is queued.
        self.let_go(unsafe { single::run_message(self, message, slot, ticket) });
        Ok(())
    }

    /// After a run where the asker stands, who keeps the cell.
    #[inline(always)]
    fn let_go(&self, last: LastReference) {
        if last == LastReference::Mine {
            // SAFETY: the claim said so; the asker's reference keeps the cell.
            unsafe { Self::end(self.place()) };
        }
    }

    #[inline(never)]
    pub(super) fn ask_elsewhere(&self, message: A::Message) -> Result<(), TryPushError<A::Message>> {
        let must_wake = self.push(|| message, Manners::AtOnce)?;
        self.nudge(must_wake);
        Ok(())
    }

    /// # Safety
    ///
    /// As [`ask_claimed`](Self::ask_claimed).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn ask_behind_others(
        &self,
        message: A::Message,
        slot: usize,
    ) -> Result<(), TryPushError<A::Message>> {
        let pushed = self.push(|| message, Manners::AtOnce);
        // SAFETY: the caller's duty is passed on.
        unsafe { self.run_queued_for_asker(if pushed.is_ok() { slot } else { 0 }) };
        pushed.map(drop)
    }

    /// Runs what is queued, if that is little.
    ///
    /// # Safety
    ///
    /// As [`ask_claimed`](Self::ask_claimed).
    unsafe fn run_queued_for_asker(&self, slot: usize) {
        // SAFETY: the claim is held.
        if unsafe { runner::is_ready_for_asker(self) } && self.mailbox.len() <= INLINE_LEN_MAX {
            let _entered = self.enter_for_asker();
            self.stats.inline_runs.add(1);
            // SAFETY: the caller's duty is passed on.
            self.let_go(unsafe { runner::activate(self, scope::Place::Asker, slot, false) });
        } else {
            self.give_to_workers();
        }
    }

    /// Handlers find the system's runtime around them, whichever the asker stands in.
    pub(in super::super) fn enter_for_asker(&self) -> Option<EnterGuard<'_>> {
        let runtime = &self.commons.runtime;
        if scope::is_in(runtime.address()) { None } else { runtime.enter_unless_in() }
    }

    /// Another runs the cell, and may have this asker's message in its run.
    fn look_for_answer<T, E>(&self, rx: &ReplyRx<T, E>) {
        for _ in 0..LOOKS {
            if rx.is_ready() {
                return;
            }
            match self.claim().try_claim() {
                // SAFETY: the claim was just taken.
                Tried::Claimed { .. } => return unsafe { self.run_queued_for_asker(rx.address()) },
                Tried::Taken => hint::spin_loop(),
                Tried::NotForAskers => return,
            }
        }
    }
}
