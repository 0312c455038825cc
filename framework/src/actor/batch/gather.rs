//! The long way: a handler whose batches wait, are bounded by bytes, are told apart by key, or are tried again.
//!
//! ```text
//!   begin ──> wait ──> next ──> (the handler) ──> ended ──> pause ──> next ──> .. ──> none is left
//! ```
//!
//! The generated code is that loop, in the handler's own future. Until a batch is closed its messages are in their
//! envelopes: whoever drops them says that they did not run.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::hash::RandomState;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop;
use tokio::time::Sleep;

use super::adaptive::{Arrivals, Cost, Held};
use super::plan::{BatchPlan, Wait};
use super::rerun::Rerun;
use super::shared::{Buffer, Shared};
use super::stats::ClosedBy;
use super::take::LeftOut;
use super::{Batch, Keeps, Reply, settle_all};
use crate::actor::cell::{Gathers, Next};
use crate::actor::context::Context;
use crate::actor::message::Envelope;
use crate::actor::trace;
use crate::actor::{Handles, Message, scope};

/// What timers tell apart: shorter waits take turns with whatever else is ready.
const TICK: Duration = Duration::from_millis(1);
/// What tokio gives a task a poll.
const COOP_BUDGET: u32 = 128;
/// A clock that has not moved over so many turns is one that stands still while anything is ready.
const STILL_MAX: u32 = 64;

/// What the actor keeps for its batches of messages `M`.
pub(super) struct Kept<M: Message> {
    pub(super) shared: Arc<Shared<M>>,
    gathered: VecDeque<Envelope<M>>,
    pub(super) rerun: Rerun<M>,
    seen: Seen,
    sleep: Option<Pin<Box<Sleep>>>,
    pub(super) cost: Cost,
    arrivals: Arrivals,
}

/// Which keys are in a batch: the message's number by its key's hash, or by the next hash that is free.
#[derive(Default)]
struct Seen {
    state: RandomState,
    numbers: HashMap<u64, u32>,
}

/// A batch from its first message on, until each of its messages is answered.
pub struct Gathered<M: Message> {
    pub(super) plan: BatchPlan<M>,
    /// Once it is closed.
    shared: Option<Arc<Shared<M>>>,
    gathered: VecDeque<Envelope<M>>,
    /// In `gathered`, by [`Message::size`].
    bytes: usize,
    nearest: Option<Instant>,
    closed_by: Option<ClosedBy>,
    opens_at: Option<Instant>,
    last_at: Option<Instant>,
    how: Held,
    /// How many came while it was held open.
    came: usize,
    has_rested: bool,
    /// At the last look, and how often the clock has not moved since the one before.
    looked_at: Option<Instant>,
    still: u32,
    pub(super) rerun: Rerun<M>,
}

impl<M: Message> Default for Kept<M> {
    fn default() -> Self {
        Kept {
            shared: Arc::default(),
            gathered: VecDeque::new(),
            rerun: Rerun::default(),
            seen: Seen::default(),
            sleep: None,
            cost: Cost::default(),
            arrivals: Arrivals::default(),
        }
    }
}

impl<M: Message> Kept<M> {
    pub(super) fn sleep(&mut self) -> &mut Option<Pin<Box<Sleep>>> {
        &mut self.sleep
    }
}

impl<M: Message> Gathered<M> {
    /// A batch that begins with this message and takes what is behind it.
    pub fn begin<A: Handles<M>>(ctx: &mut Context<A>, first: Envelope<M>, plan: BatchPlan<M>) -> Self {
        let handler = plan.handler;
        let plan = plan.tuned(&ctx.batch_cells(handler).tuned);
        let opens_at = (plan.wait != Wait::Never).then(|| ctx.now());
        let kept = ctx.kept::<Kept<M>>();
        let mut this = Gathered {
            shared: None,
            gathered: std::mem::take(&mut kept.gathered),
            bytes: 0,
            nearest: None,
            closed_by: None,
            opens_at,
            last_at: opens_at,
            how: kept.arrivals.begin(),
            came: 0,
            has_rested: false,
            looked_at: None,
            still: 0,
            rerun: std::mem::take(&mut kept.rerun),
            plan,
        };
        // Each caller has a deadline of its own: what the handler asks for all of them inherits none.
        scope::inherit_deadline(None);
        this.admit(first);
        this.closed_by = this.take(ctx);
        this
    }

    fn admit(&mut self, envelope: Envelope<M>) {
        self.bytes = self.bytes.saturating_add(envelope.message().size());
        if self.plan.wait != Wait::Never {
            self.nearest = super::super::request::earlier(self.nearest, envelope.deadline());
        }
        self.gathered.push_back(envelope);
    }

    /// Takes what is queued. `None`: it is all of it, and the batch may be held open for more.
    fn take<A: Handles<M>>(&mut self, ctx: &mut Context<A>) -> Option<ClosedBy> {
        let bytes_max = self.plan.bytes_max;
        let closed_by = loop {
            if self.gathered.len() >= self.plan.len_max {
                break Some(ClosedBy::LenMax);
            }
            let bytes = self.bytes;
            let fits = |message: &A::Message| {
                bytes_max == usize::MAX
                    || A::peek(message)
                        .is_none_or(|message| bytes.saturating_add(message.size()) <= bytes_max)
            };
            match ctx.cell_link().take_next(self.plan.handler, fits) {
                Next::Message(message) => self.admit(A::unwrap(message)),
                Next::Other => break Some(ClosedBy::OtherMessage),
                Next::Refused => break Some(ClosedBy::BytesMax),
                Next::Empty => break None,
            }
        };
        ctx.cell_link().show_room();
        self.hold(ctx, self.gathered.len());
        closed_by
    }

    fn hold<A: Handles<M>>(&self, ctx: &mut Context<A>, len: usize) {
        ctx.set_in_hand(len);
        ctx.batch_cells(self.plan.handler).tuned.hold(len);
    }

    /// Holds the batch open while that is wanted.
    pub async fn wait<A: Handles<M>>(&mut self, ctx: &mut Context<A>) {
        if self.closed_by.is_none() {
            self.closed_by = Some(poll_fn(|cx| self.poll_closed(ctx, cx)).await);
        }
        if self.has_rested {
            let held =
                ctx.now().saturating_duration_since(self.opens_at.expect("a batch that waits has a clock"));
            let came = self.came;
            ctx.kept::<Kept<M>>().arrivals.observe(held, came);
        }
    }

    fn poll_closed<A: Handles<M>>(
        &mut self,
        ctx: &mut Context<A>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<ClosedBy> {
        let before = self.gathered.len();
        let closed_by = self.take(ctx);
        let now = ctx.now();
        let came = self.gathered.len() - before;
        if came > 0 {
            self.came += came;
            self.last_at = Some(now);
        }
        if let Some(closed_by) = closed_by {
            return Poll::Ready(closed_by);
        }
        if ctx.is_ending() {
            return Poll::Ready(ClosedBy::Stop);
        }
        if self.plan.wait != Wait::Adaptive && self.gathered.len() >= self.plan.len_min {
            return Poll::Ready(if self.came > 0 { ClosedBy::LenMin } else { ClosedBy::Empty });
        }
        let until = match self.until(ctx, now) {
            Ok(until) => until,
            Err(ClosedBy::Wait) if !self.has_rested => return Poll::Ready(ClosedBy::Empty),
            Err(closed_by) => return Poll::Ready(closed_by),
        };
        self.rest(ctx, cx, now, until);
        Poll::Pending
    }

    /// Until when it is held open, if nobody comes; or why no longer.
    fn until<A: Handles<M>>(&self, ctx: &mut Context<A>, now: Instant) -> Result<Instant, ClosedBy> {
        let opens_at = self.opens_at.expect("a batch that waits has a clock");
        let kept = ctx.kept::<Kept<M>>();
        let until = match self.plan.wait {
            Wait::Never => return Err(ClosedBy::Empty),
            Wait::AtMost(limit) => opens_at + limit,
            Wait::Adaptive => {
                let held = now.saturating_duration_since(opens_at);
                let silent = now.saturating_duration_since(self.last_at.unwrap_or(opens_at));
                let len = self.gathered.len();
                let left = kept.arrivals.patience(self.how, &kept.cost, len, held, silent);
                now + left.ok_or(ClosedBy::Wait)?
            }
        };
        // In time for the call and the timer, for whoever waits least long.
        let takes = kept.cost.expected(self.gathered.len()) + TICK;
        if let Some(nearest) = self.nearest
            && let Some(latest) = nearest.checked_sub(takes)
            && latest < until
        {
            return if latest <= now { Err(ClosedBy::Deadline) } else { Ok(latest) };
        }
        if until <= now { Err(ClosedBy::Wait) } else { Ok(until) }
    }

    /// Sees to it that the batch is looked at again: at the next message, at an order, and at the latest then.
    fn rest<A: Handles<M>>(
        &mut self,
        ctx: &mut Context<A>,
        cx: &mut TaskContext<'_>,
        now: Instant,
        until: Instant,
    ) {
        let left = until.saturating_duration_since(now);
        let is_adaptive = self.plan.wait == Wait::Adaptive;
        self.has_rested = true;
        self.still = if self.looked_at.replace(now) == Some(now) { self.still + 1 } else { 0 };
        if is_adaptive && left < 2 * TICK && self.still < STILL_MAX && !ctx.commons().is_seeded() {
            ctx.cell_link().gathers(Gathers::Yields);
            // Whoever is to send the next message is a task as well, and comes only when the worker's is done, which it
            // is when its budget is gone.
            for _ in 0..COOP_BUDGET {
                let Poll::Ready(budget) = coop::poll_proceed(cx) else { break };
                budget.made_progress();
            }
            return cx.waker().wake_by_ref();
        }
        // An adaptive wait is never longer than it says: the timer is late by up to a tick.
        let at = if is_adaptive && left >= 2 * TICK { until - TICK } else { until };
        ctx.cell_link().gathers(Gathers::Parked);
        if poll_sleep(&mut ctx.kept::<Kept<M>>().sleep, at, cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// The messages of the next call. None: all are answered.
    pub fn next<A: Handles<M>>(&mut self, ctx: &mut Context<A>) -> Option<Batch<M>> {
        let batch = match self.closed_by.take() {
            Some(closed_by) => self.open(ctx, closed_by),
            None if !self.gathered.is_empty() => self.open(ctx, ClosedBy::Empty),
            None => match self.shared.clone() {
                Some(shared) => self.rerun.next_part(shared, self.keeps()),
                None => None,
            },
        };
        match batch {
            Some(batch) => {
                self.rerun.begin_call(ctx, self.plan.handler, batch.len());
                Some(batch)
            }
            None => {
                ctx.batch_cells(self.plan.handler).tuned.hold(0);
                let kept = ctx.kept::<Kept<M>>();
                kept.gathered = std::mem::take(&mut self.gathered);
                kept.rerun = std::mem::take(&mut self.rerun);
                None
            }
        }
    }

    pub(super) fn shared(&self) -> &Shared<M> {
        self.shared.as_deref().expect("a batch that was called for is closed")
    }

    fn keeps(&self) -> Keeps {
        match () {
            () if self.plan.keeps_messages() => Keeps::Message,
            () if self.plan.dedup.is_some() => Keeps::Number,
            () => Keeps::Reply,
        }
    }

    /// Leaves out whom nobody waits for any more, and opens the rest.
    fn open<A: Handles<M>>(&mut self, ctx: &mut Context<A>, closed_by: ClosedBy) -> Option<Batch<M>> {
        let mut left_out = LeftOut::default();
        for _ in 0..self.gathered.len() {
            let envelope = self.gathered.pop_front().expect("it was counted");
            self.gathered.extend(left_out.filter(envelope, ctx.cell_link().cell()));
        }
        let len = self.gathered.len();
        self.hold(ctx, len);
        if left_out.cancelled + left_out.expired > 0 {
            ctx.leave_out(self.plan.handler, &left_out);
        }
        if len == 0 {
            return None;
        }
        if let Some(opens_at) = self.opens_at {
            let cells = ctx.batch_cells(self.plan.handler);
            cells.waited(ctx.now().saturating_duration_since(opens_at));
        }
        ctx.count_batch(self.plan.handler, len, closed_by);
        let kept = ctx.kept::<Kept<M>>();
        let (shared, mut buffer) = Shared::begin(&mut kept.shared, self.plan.dedup.map(|dedup| dedup.copy));
        self.fill(&mut kept.seen, &mut buffer, &shared);
        let duplicates = len - buffer.queued.len();
        ctx.batch_cells(self.plan.handler).duplicates.add(duplicates as u64);
        self.shared = Some(shared.clone());
        Some(Batch::new(buffer, shared, self.keeps(), 0))
    }

    /// Opens the messages into the buffer, each key once.
    fn fill(&mut self, seen: &mut Seen, buffer: &mut Buffer<M>, shared: &Shared<M>) {
        if trace::wants_cause() {
            self.gathered.iter_mut().for_each(Envelope::show_cause);
        }
        let Some(dedup) = self.plan.dedup else {
            let opened = self.gathered.drain(..).map(Envelope::open_of_many);
            buffer.queued.extend(opened);
            if self.plan.keeps_messages() {
                buffer.numbers.extend(0..buffer.queued.len() as u32);
            }
            return;
        };
        seen.numbers.clear();
        let mut followers: Vec<(u32, Reply<M>)> = Vec::new();
        for envelope in self.gathered.drain(..) {
            let (message, reply) = envelope.open_of_many();
            let number = buffer.queued.len() as u32;
            let is_same = |of: u32| (dedup.is_same)(&buffer.queued[of as usize].0, &message);
            match seen.find((dedup.hash)(&message, &seen.state), number, is_same) {
                Some(leader) if reply.is_awaited() => followers.push((leader, reply)),
                Some(_) => {}
                None => {
                    buffer.queued.push_back((message, reply));
                    buffer.numbers.push_back(number);
                }
            }
        }
        shared.set_followers(followers.into_iter());
    }
}

impl Seen {
    /// The number of the message with the same key, or none, and then it is this one.
    fn find(&mut self, mut hash: u64, number: u32, is_same: impl Fn(u32) -> bool) -> Option<u32> {
        loop {
            match self.numbers.entry(hash) {
                std::collections::hash_map::Entry::Occupied(of) if is_same(*of.get()) => {
                    return Some(*of.get());
                }
                std::collections::hash_map::Entry::Occupied(_) => hash = hash.wrapping_add(1),
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(number);
                    return None;
                }
            }
        }
    }
}

/// Ready at that time. One timer, made by the first who needs it.
pub(super) fn poll_sleep(
    sleep: &mut Option<Pin<Box<Sleep>>>,
    at: Instant,
    cx: &mut TaskContext<'_>,
) -> Poll<()> {
    let at = tokio::time::Instant::from_std(at);
    let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
    if sleep.deadline() != at {
        sleep.as_mut().reset(at);
    }
    sleep.as_mut().poll(cx)
}

impl<M: Message> Drop for Gathered<M> {
    fn drop(&mut self) {
        // A panic, or a kill: each token says by itself what became of it.
        let Some(shared) = self.shared.take() else { return };
        let left = shared.end_call();
        settle_all(&shared, left, || None);
        self.rerun.give_up(&shared);
    }
}
