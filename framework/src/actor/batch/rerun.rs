//! What becomes of a call that failed: its messages are refused, tried again whole, or in halves.
//!
//! ```text
//!   [ 1 2 3 4 5 6 7 8 ] fails        halves are tried oldest first, so what succeeds does so in order
//!   [ 1 2 3 4 ] done   [ 5 6 7 8 ] fails
//!                      [ 5 6 ] fails      [ 7 8 ] done
//!                      [ 5 ] done  [ 6 ] fails: quarantined, with an error of its own
//! ```
//!
//! With k bad ones among n (a power of two) at most k - 1 + k log2(n / k) calls of more than one message fail, and each
//! leads to two more: at most 1 + 2k(1 + log2(n / k)) calls.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::gather::{Gathered, Kept, poll_sleep};
use super::plan::{OnError, Wait};
use super::shared::{Left, Shared};
use super::{Batch, Keeps, Reply, settle_all};
use crate::actor::cell::Gathers;
use crate::actor::commons::DeadReason;
use crate::actor::context::Context;
use crate::actor::{Handles, Message};

/// What is still to be tried, and the call under way.
pub(super) struct Rerun<M: Message> {
    /// Oldest first.
    rest: VecDeque<(u32, M, Reply<M>)>,
    /// How many of them are tried together, the next last.
    parts: Vec<usize>,
    attempts: u32,
    backoff: Option<Duration>,
    began: Option<Instant>,
    len: usize,
    /// Until all is answered once, a call says what calls cost.
    is_again: bool,
}

impl<M: Message> Default for Rerun<M> {
    fn default() -> Self {
        Rerun {
            rest: VecDeque::new(),
            parts: Vec::new(),
            attempts: 0,
            backoff: None,
            began: None,
            len: 0,
            is_again: false,
        }
    }
}

impl<M: Message> Rerun<M> {
    /// The messages that are tried together next.
    pub(super) fn next_part(&mut self, shared: Arc<Shared<M>>, keeps: Keeps) -> Option<Batch<M>> {
        let Some(len) = self.parts.pop() else {
            self.attempts = 0;
            self.is_again = false;
            return None;
        };
        let (call, mut buffer) = shared.next_call();
        for (number, message, reply) in self.rest.drain(..len) {
            buffer.queued.push_back((message, reply));
            buffer.numbers.push_back(number);
        }
        self.is_again = true;
        Some(Batch::new(buffer, shared, keeps, call))
    }

    pub(super) fn begin_call<A: Handles<M>>(&mut self, ctx: &Context<A>, handler: usize, len: usize) {
        self.len = len;
        self.began = ctx.begin_call(handler, ctx.batch_cells(handler));
    }

    /// Nothing is tried again.
    pub(super) fn give_up(&mut self, shared: &Shared<M>) {
        for (number, _message, reply) in self.rest.drain(..) {
            shared.settle(number, reply, None);
        }
    }

    fn again(&mut self, left: &mut Vec<Left<M>>, parts: [usize; 2]) {
        // Oldest last, to go in at the front one by one: before what was behind them.
        left.sort_unstable_by_key(|left| std::cmp::Reverse(left.number));
        for Left { number, message, reply } in left.drain(..) {
            let message = message.expect("an item of a batch that may be tried again keeps its message");
            self.rest.push_front((number, message, reply));
        }
        self.parts.extend(parts.into_iter().filter(|len| *len > 0));
    }
}

impl<M: Message> Gathered<M> {
    /// A call ended that has no error to tell.
    pub fn done<A: Handles<M>>(&mut self, ctx: &mut Context<A>) {
        self.end_call(ctx, true);
        let left = self.shared().end_call();
        // Each token that is dropped says `Unanswered`.
        settle_all(self.shared(), left, || None);
    }

    /// A call ended, with this outcome.
    pub fn ended<A: Handles<M>>(&mut self, ctx: &mut Context<A>, outcome: Result<(), M::Refusal>)
    where
        M::Refusal: Clone,
    {
        let Err(refusal) = outcome else { return self.done(ctx) };
        self.end_call(ctx, false);
        let cells = ctx.batch_cells(self.plan.handler);
        cells.failures.add(1);
        let mut left = self.shared().end_call();
        match self.plan.on_error {
            OnError::Retry { max, backoff_min, backoff_max }
                if self.rerun.attempts < max && !left.is_empty() =>
            {
                let doubled = backoff_min.saturating_mul(1 << self.rerun.attempts.min(30));
                self.rerun.backoff = Some(doubled.min(backoff_max)).filter(|backoff| !backoff.is_zero());
                self.rerun.attempts += 1;
                cells.retries.add(1);
                let len = left.len();
                self.rerun.again(&mut left, [len, 0]);
            }
            OnError::Bisect if left.len() > 1 => {
                cells.splits.add(1);
                let first = left.len().div_ceil(2);
                let second = left.len() - first;
                self.rerun.again(&mut left, [second, first]);
            }
            OnError::Bisect if left.len() == 1 => {
                cells.quarantined.add(1);
                ctx.cell_link().bury(self.plan.handler, DeadReason::Quarantined, 1);
            }
            _ => {}
        }
        settle_all(self.shared(), left, || Some(Err(refusal.clone())));
    }

    fn end_call<A: Handles<M>>(&mut self, ctx: &mut Context<A>, is_done: bool) {
        let Some(began) = self.rerun.began.take() else { return };
        let took = ctx.now().saturating_duration_since(began);
        ctx.batch_cells(self.plan.handler).ran(took);
        if is_done && !self.rerun.is_again && self.plan.wait != Wait::Never {
            let len = self.rerun.len;
            ctx.kept::<Kept<M>>().cost.observe(len, took);
        }
    }

    /// Waits before what failed is tried again. An order to stop is not kept waiting.
    pub async fn pause<A: Handles<M>>(&mut self, ctx: &mut Context<A>) {
        let Some(backoff) = self.rerun.backoff.take() else { return };
        let until = ctx.now() + backoff;
        poll_fn(|cx| {
            if ctx.is_ending() || poll_sleep(ctx.kept::<Kept<M>>().sleep(), until, cx).is_ready() {
                return Poll::Ready(());
            }
            ctx.cell_link().gathers(Gathers::Paused);
            Poll::Pending
        })
        .await;
    }
}
