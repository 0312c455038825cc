//! How an incarnation of an actor ends, and what follows: stop, drain, kill, failure, restart.
//!
//! Under a supervisor that [decides](super::super::parent::Parent::decides) every end but a drain's leads to `Down`, is
//! reported once, and waits for an order. Under the flat list of an actor or a system only a failure does, and the
//! verdict comes at once.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::super::commons::DeadReason;
use super::super::lifecycle::{Failure, StopReason};
use super::super::parent::{AnyCell, AnyRef, Control, IncarnationEnd, Verdict};
use super::super::{Actor, panics, scope};
use super::life::{At, Phase};
use super::runner::Runner;
use crate::mailbox::Pop;

impl<A: Actor> Runner<'_, A> {
    /// Carries out all of the control lane. True: the cell has left its home, and is not to run here any more.
    #[cold]
    #[inline(never)]
    pub(super) fn obey(&mut self) -> bool {
        let mut has_left = false;
        for control in self.cell.mailbox.take_control() {
            match control {
                Control::Stop(reason) => self.stop(reason),
                Control::Drain(reason) => self.drain(reason),
                Control::Kill(reason) => self.kill(reason),
                Control::Halt(reason) => self.end_in_order(reason),
                Control::Cut => self.cut(),
                Control::Close(reason) => self.end(reason),
                Control::Quit(reason) => self.quit(reason),
                Control::Restart if self.life().phase == Phase::Down => self.restart(),
                Control::ChildrenStopped if self.life().phase == Phase::StoppingChildren => self.run_stop(),
                Control::ChildrenStopped if self.life().phase == Phase::Down => self.report_end(),
                Control::LinkTo { other, from } => self.link_to(other, from),
                Control::Link(from) => self.link(from),
                Control::LinkMade { other, from } => self.link_made(other, from),
                Control::Unlink(id) => self.unlink(id),
                Control::LinkBroken { incarnation, failure } => self.link_broken(incarnation, &failure),
                Control::Escalated(failure) if self.life().phase == Phase::Running => {
                    let in_hand = self.future().is_some();
                    self.fail(&failure, in_hand);
                }
                Control::Move(order) if self.life().phase != Phase::Closed => {
                    if let Some(leaving) = self.cell.leave_for(order) {
                        self.life().cold().leaving.push(leaving);
                        has_left = true;
                    }
                }
                // The phase it was for has passed.
                Control::Restart | Control::ChildrenStopped | Control::Escalated(_) | Control::Move(_) => {}
            }
        }
        has_left && self.life().phase != Phase::Closed
    }

    /// Puts the cell on its new home's queue, between two messages or two polls.
    #[cold]
    #[inline(never)]
    pub(super) fn leave(&mut self) {
        self.keep_suspended();
        // This worker keeps its own runtime; the new home may be done with the cell, and its system gone, before the
        // entry is seen to be on its queue.
        let runtime = self.cell.runtime().clone();
        self.requeue_on(&runtime, false);
    }

    /// The first activation in a new home.
    #[cold]
    pub(super) fn arrive(&mut self) {
        let now = self.cell.now();
        std::mem::take(&mut self.life().cold().leaving).into_iter().for_each(|leaving| leaving.arrive(now));
    }

    /// Whether another incarnation may follow, by the supervisor's order.
    fn is_decided_elsewhere(&mut self) -> bool {
        !self.life().is_last() && self.cell.parent.decides()
    }

    fn stop(&mut self, reason: StopReason) {
        if self.is_decided_elsewhere() {
            return self.end_in_order(reason);
        }
        match self.life().phase {
            Phase::Running => {
                self.life().cold().stop.get_or_insert(reason);
                self.cell.mailbox.close();
            }
            Phase::New | Phase::Starting | Phase::Down => self.close(reason),
            Phase::StoppingChildren | Phase::Stopping | Phase::Closed => {}
        }
    }

    /// Ends this incarnation when the current handler has ended; the mailbox stays.
    fn end_in_order(&mut self, reason: StopReason) {
        match self.life().phase {
            Phase::Running => drop(self.life().cold().stop.get_or_insert(reason)),
            Phase::New | Phase::Starting => {
                self.drop_incarnation();
                self.go_down(IncarnationEnd::InOrder(reason));
            }
            // There is none, or it is ending.
            Phase::Down | Phase::StoppingChildren | Phase::Stopping | Phase::Closed => {}
        }
    }

    fn cut(&mut self) {
        match self.life().phase {
            Phase::New | Phase::Starting | Phase::Running | Phase::StoppingChildren | Phase::Stopping => {
                if self.life().is_last() {
                    return self.end(StopReason::Killed);
                }
                self.drop_handler();
                self.drop_incarnation();
                self.go_down(IncarnationEnd::Killed);
            }
            Phase::Down | Phase::Closed => {}
        }
    }

    fn quit(&mut self, reason: StopReason) {
        if self.life().phase != Phase::Running {
            return;
        }
        if !self.is_decided_elsewhere() {
            return self.close(reason);
        }
        self.drop_incarnation();
        self.go_down(IncarnationEnd::InOrder(reason));
    }

    fn restart(&mut self) {
        self.enter_phase(Phase::New);
        // One that is being drained was counted when it fell.
        if self.is_decided_elsewhere() {
            self.cell.rare_stats().restarts.add(1);
        }
    }

    /// `#[stop]` has run.
    pub(super) fn stopped(&mut self, reason: StopReason) {
        if !self.is_decided_elsewhere() {
            return self.close(reason);
        }
        self.drop_incarnation();
        self.go_down(IncarnationEnd::InOrder(reason));
    }

    /// This incarnation is dropped: when the children have stopped, the supervisor hears of it.
    fn go_down(&mut self, end: IncarnationEnd) {
        self.break_links(&end);
        // SAFETY: the future is gone.
        let (_, ctx) = unsafe { self.borrow_half() };
        let children = ctx.children();
        let order = if matches!(end, IncarnationEnd::Killed) { Control::Kill } else { Control::Stop };
        let life = self.life();
        life.cold().stop = None;
        life.cold().end = Some(end);
        self.enter_phase(Phase::Down);
        if children.is_empty() {
            self.life().wait_for(None);
            return self.report_end();
        }
        let waiting = self.when_stopped(children, order, Duration::ZERO, || Control::ChildrenStopped);
        self.life().wait_for(Some(waiting));
    }

    fn report_end(&mut self) {
        if let Some(end) = self.life().cold().end.take() {
            self.cell.parent.ended(self.cell.child_slot(), end);
        }
    }

    fn drain(&mut self, reason: StopReason) {
        match self.life().phase {
            Phase::New | Phase::Starting | Phase::Running | Phase::Down => {
                self.life().cold().drain.get_or_insert(reason);
                self.life().cold().is_last = true;
                self.cell.mailbox.close();
            }
            Phase::StoppingChildren | Phase::Stopping | Phase::Closed => {}
        }
    }

    pub(super) fn kill(&mut self, reason: StopReason) {
        match reason {
            StopReason::Killed if self.is_decided_elsewhere() => self.cut(),
            reason => self.end(reason),
        }
    }

    /// Ends the actor for good, now.
    fn end(&mut self, reason: StopReason) {
        self.drop_handler();
        self.close(reason);
    }

    /// A suspended handler is dropped half way.
    fn drop_handler(&mut self) {
        if self.life().phase == Phase::Running && self.future().is_some() {
            self.guard_drop(|runner| runner.future().clear());
            self.spend_messages(DeadReason::Killed);
        }
    }

    /// The messages that the handler had in hand are spent: they will not run again.
    fn spend_messages(&mut self, reason: DeadReason) {
        let at = self.life().at;
        // SAFETY: the future is gone.
        let (_, ctx) = unsafe { self.borrow_half() };
        let in_hand = ctx.end_messages();
        if in_hand == 0 {
            return;
        }
        // In hand is only what a handler had.
        if let At::Handler(handler) = at {
            let errors = self.cell.rare_stats().errors.of(handler.into(), A::HANDLERS.len());
            errors.failed.add(u64::from(in_hand));
        }
        let place = at.name::<A>();
        self.cell.dead_letter(place, reason, in_hand as usize);
    }

    /// Stops the children, then runs `#[stop]`.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_stop(&mut self, reason: StopReason) {
        if !self.is_decided_elsewhere() {
            self.cell.mailbox.close();
        }
        let life = self.life();
        let drains = life.take_drain().is_some();
        life.cold().stop = Some(reason);
        self.enter_phase(Phase::StoppingChildren);
        // SAFETY: no future is unfinished.
        let (_, ctx) = unsafe { self.borrow_half() };
        ctx.abort_tasks();
        let children = ctx.children();
        if children.is_empty() {
            return self.run_stop();
        }
        let order = if drains { Control::Drain } else { Control::Stop };
        let waiting = self.when_stopped(children, order, Duration::ZERO, || Control::ChildrenStopped);
        self.life().wait_for(Some(waiting));
    }

    /// Stops the children one after the other, newest first; waits; then sends this cell `control`.
    fn when_stopped(
        &self,
        children: Vec<AnyRef>,
        order: fn(StopReason) -> Control,
        after: Duration,
        control: fn() -> Control,
    ) -> tokio::task::AbortHandle {
        let cell = self.cell.weak();
        let task = self.cell.commons.runtime.spawn(async move {
            for child in children.into_iter().rev() {
                child.order(order(StopReason::Requested));
                child.exit().wait().await;
            }
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            if let Some(cell) = cell.upgrade() {
                cell.order(control());
            }
        });
        task.abort_handle()
    }

    fn run_stop(&mut self) {
        self.enter_phase(Phase::Stopping);
        let life = self.life();
        life.at = At::Stop;
        life.is_fresh = true;
        let reason = life.cold().stop.clone().expect("a stopping actor has its reason");
        // SAFETY: no future is unfinished; this one is dropped before state and ctx are touched again.
        let (state, ctx) = unsafe { self.borrow_half() };
        let state = state.as_mut().expect("an actor that stops in order has its state");
        let stop = async move { state.stop(ctx, &reason).await };
        // SAFETY: it is dropped before state and ctx are touched again, and the cell outlives it.
        unsafe { self.future().put(stop) };
    }

    pub(super) fn panicked(&mut self, payload: &(dyn Any + Send)) {
        let at = self.life().at;
        self.fail(&Failure::panic(at.name::<A>(), payload), matches!(at, At::Handler(_)));
    }

    /// Drops this incarnation and asks the supervisor what next. `in_hand`: a handler had begun.
    pub(super) fn fail(&mut self, failure: &Failure, in_hand: bool) {
        panics::log(&self.cell.label(), failure);
        if let Some(sim) = self.cell.commons.runtime.sim() {
            scope::end_strike();
            let place = self.life().at.name::<A>();
            sim.failed(self.cell.address(), place, failure);
        }
        let rare = self.cell.rare_stats();
        *rare.last_failure.lock() = Some((failure.clone(), self.cell.now()));
        self.guard_drop(|runner| runner.future().clear());
        if in_hand {
            self.spend_messages(DeadReason::Panicked);
        }
        self.drop_incarnation();
        scope::release_held();
        if self.is_decided_elsewhere() {
            return self.go_down(IncarnationEnd::Failed(failure.clone()));
        }
        self.break_links(&IncarnationEnd::Failed(failure.clone()));
        let life = self.life();
        if let Some(reason) = life.take_stop() {
            // It was stopping anyway.
            return self.close(reason);
        }
        if life.started.is_awaited() {
            return self.close(StopReason::NotStarted(failure.clone()));
        }
        let settings = self.cell.commons.configured.settings::<A>();
        match self.cell.parent.failed(self.cell.child_slot(), &settings.restart, failure) {
            Verdict::Restart { after } => self.begin_restart(after),
            Verdict::GiveUp => self.close(StopReason::GaveUp(failure.clone())),
        }
    }

    /// Waits for the children's end and for the backoff.
    fn begin_restart(&mut self, after: Duration) {
        self.cell.rare_stats().restarts.add(1);
        tracing::info!(target: "ostraca::actor", actor = %self.cell.label(), "starts again in {} ms", after.as_millis());
        // SAFETY: the future is gone.
        let (_, ctx) = unsafe { self.borrow_half() };
        let children = ctx.children();
        let waiting = self.when_stopped(children, Control::Stop, after, || Control::Restart);
        self.enter_phase(Phase::Down);
        self.life().wait_for(Some(waiting));
    }

    /// Drops the future, the state and the tasks. A `Drop` that panics is logged and takes nothing else along.
    fn drop_incarnation(&mut self) {
        if let Some(cold) = &mut self.life().cold {
            cold.suspended = Default::default();
            cold.gathers = None;
            cold.traced = None;
        }
        self.forget_sample();
        self.guard_drop(|runner| runner.future().clear());
        // SAFETY: the future is gone.
        let (state, ctx) = unsafe { self.borrow_half() };
        ctx.abort_tasks();
        self.guard_drop(|_| *state = None);
    }

    fn guard_drop(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(self))) {
            let failure = Failure::panic("drop", &*payload);
            tracing::error!(target: "ostraca::actor", actor = %self.cell.label(), "{failure}");
        }
    }

    /// Ends the actor for good: nothing is left in the mailbox, and whoever waits is told.
    pub(super) fn close(&mut self, reason: StopReason) {
        if self.life().phase == Phase::Closed {
            return;
        }
        let cell = self.cell;
        self.enter_phase(Phase::Closed);
        cell.mailbox.close();
        self.drop_incarnation();
        self.break_links(&match &reason {
            StopReason::Killed | StopReason::RuntimeLost => IncarnationEnd::Killed,
            reason => IncarnationEnd::InOrder(reason.clone()),
        });
        self.life().wait_for(None);
        if let Some(cold) = &mut self.life().cold {
            cold.leaving.clear();
        }
        // SAFETY: the future is gone.
        let (_, ctx) = unsafe { self.borrow_half() };
        for child in ctx.children().into_iter().rev() {
            child.order(Control::Kill(reason.clone()));
        }
        self.bury_mailbox();
        if self.life().started.is_awaited() {
            self.life().started.take().open().refuse(reason.clone());
        }
        let label = cell.label();
        cell.tell_sim(&reason);
        match &reason {
            // The system says it once of all shards.
            StopReason::SystemStopped if label.shard.is_some() => {
                tracing::debug!(target: "ostraca::actor", actor = %label, "{reason}");
            }
            _ => tracing::info!(target: "ostraca::actor", actor = %label, "{reason}"),
        }
        cell.commons.leave(cell, &**cell.parent, cell.child_slot());
        if let Some(name) = label.name() {
            cell.commons.names.free(name, cell.id());
        }
        cell.parent.stopped(cell.child_slot(), &label, &reason);
        cell.exit().set(reason);
        self.answer_late_orders();
    }

    fn bury_mailbox(&mut self) {
        loop {
            // SAFETY: the claim is held, so this is the consumer.
            match unsafe { self.cell.mailbox.pop() } {
                Pop::Item(message) => {
                    self.cell.bury(&message, DeadReason::Stopped);
                    self.guard_drop(|_| drop(message));
                }
                Pop::Empty => return,
                // A sender has its ticket and is about to fill its place; nobody can get a later one.
                Pop::Busy => crate::sync::thread::yield_now(),
            }
        }
    }
}
