//! What ends later than it begins: a start, a handler that waits, `#[stop]`. One future at a time, in the cell's slot.

use std::task::{Context as TaskContext, Poll, Waker};

use super::super::lifecycle::{Failure, StartError};
use super::super::parent::AnyCell;
use super::super::stats::ActorState;
use super::super::{Actor, scope};
use super::Ended;
use super::gather::Gathers;
use super::life::{At, Phase};
use super::runner::{Next, Runner};

impl<A: Actor> Runner<'_, A> {
    /// Polls the unfinished future if it wants to be. `None`: it is done.
    #[inline(never)]
    pub(super) fn poll_unfinished(&mut self) -> Option<Next> {
        let is_first = std::mem::take(&mut self.life().is_fresh);
        let is_due = self.cell.claim().take_woken() | is_first | self.life().take_gathers().is_some();
        if !is_due {
            return Some(Next::Wait);
        }
        let handle = self.cell.handle();
        let waker = handle.waker_ref();
        let mut cx = TaskContext::from_waker(&waker);
        let traced = self.life().cold.as_mut().and_then(|cold| cold.traced.take());
        let is_traced = traced.is_some();
        if let Some(traced) = traced {
            traced.enter(self.cell.address());
        }
        if self.cell.commons.is_seeded() {
            self.poll_seeded(is_first);
        }
        let starts = self.life().phase == Phase::Starting;
        if starts {
            scope::inherit_deadline(self.cell.parent.start_deadline(self.cell.child_slot()));
        }
        let outer = scope::swap_awaited(0);
        let timed = self.begin_poll();
        let polled = self.future().poll(&mut cx);
        let awaited = scope::swap_awaited(outer);
        if polled.is_pending() {
            self.cell.set_awaited(awaited);
        }
        let at = self.life().at;
        let handled = match at {
            At::Handler(handler) if polled.is_ready() => Some(usize::from(handler)),
            _ => None,
        };
        self.end_poll(timed, handled);
        if starts {
            // It was for what this poll asked.
            scope::inherit_deadline(None);
        }
        if is_traced {
            self.end_traced(polled.is_ready());
        }
        let Poll::Ready(ended) = polled else {
            if self.life().phase == Phase::Running {
                self.cell.shown.set(ActorState::Suspended);
            }
            return Some(self.rest_of_unfinished());
        };
        match ended {
            Ended::Started(outcome) => self.start_done(outcome),
            Ended::Done if self.life().phase == Phase::Stopping => {
                let reason = self.life().take_stop().expect("a stopping actor has its reason");
                self.stopped(reason);
            }
            Ended::Done => {
                self.cell.shown.set(ActorState::Running);
                self.message_done(handled.expect("what has ended is a handler"));
                if self.cell.commons.is_seeded() {
                    self.done_seeded();
                }
            }
        }
        None
    }

    fn rest_of_unfinished(&mut self) -> Next {
        match self.life().cold.as_ref().and_then(|cold| cold.gathers) {
            None | Some(Gathers::Paused) => Next::Wait,
            Some(Gathers::Parked) => Next::Gather,
            Some(Gathers::Yields) => Next::Requeue,
        }
    }

    #[inline(never)]
    pub(super) fn begin_start(&mut self) {
        let args = self.life().args.clone();
        // SAFETY: there is no state and no future; the start's future is dropped before either is touched again.
        let (state, ctx) = unsafe { self.borrow_half() };
        let start = async move {
            *state = Some(A::start(ctx, args).await?);
            Ok::<_, StartError>(())
        };
        self.enter_phase(Phase::Starting);
        let life = self.life();
        life.at = At::Start;
        if A::START_IS_PLAIN {
            let mut cx = TaskContext::from_waker(Waker::noop());
            return match std::pin::pin!(start).poll(&mut cx) {
                Poll::Ready(outcome) => self.start_done(outcome),
                Poll::Pending => panic!("`START_IS_PLAIN` is set for a start that waits"),
            };
        }
        life.is_fresh = true;
        // SAFETY: as above, and the cell outlives it.
        unsafe { self.future().put(start) };
    }

    fn start_done(&mut self, outcome: Result<(), StartError>) {
        if let Err(error) = outcome {
            return self.fail(&Failure::start(&error), false);
        }
        A::forget(&self.cell.views);
        // SAFETY: the start's future is gone.
        let (state, _) = unsafe { self.borrow_half() };
        state.as_ref().expect("a start that succeeded has put the actor there").publish(&self.cell.views);
        self.enter_phase(Phase::Running);
        self.cell.tell_sim(&"has started");
        self.cell.parent.started(self.cell.child_slot());
        let rare = self.cell.rare_stats_if_any();
        let is_again = rare.is_some_and(|rare| rare.restarts.value() > 0);
        let label = self.cell.label();
        match label.shard {
            _ if is_again => tracing::info!(target: "ostraca::actor", actor = %label, "restarted"),
            // The system says it once of all shards.
            Some(_) => tracing::debug!(target: "ostraca::actor", actor = %label, "started"),
            None => tracing::info!(target: "ostraca::actor", actor = %label, "started"),
        }
        if self.life().started.is_awaited() {
            self.life().started.take().open().reply(());
        }
    }
}
