//! The task that takes messages out of actix's channel and puts them into a mailbox of ours.
//!
//! ```text
//!   Flowing ── the mailbox is full ──> Behind: one place a sender; sweeps the channel now and then
//!      ^                                 │ keeps what it finds, up to len_max; refuses what is beyond
//!      └──── nothing is left, here ──────┘
//!            or in the channel
//! ```
//!
//! While it is behind, what honest senders have sent stays in the channel, whose capacity is down to the one place that each
//! sender has: the next `try_send` says so. `do_send` knows no capacity, and the channel tells nobody its length; so it is
//! emptied every now and then, the oftener the more was in it, and its messages wait here in their order.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix::dev::channel::AddressReceiver;
use actix::dev::{Envelope, Stream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::ours::{Ours, Outcome, Refusal};
use crate::actor::{Actor, ActorRef, RoomWait, StopReason};

/// Between two sweeps, where the last one found much and where it found little.
const SWEEP_MIN: Duration = Duration::from_millis(10);
const SWEEP_MAX: Duration = Duration::from_millis(320);
/// What a few senders with one place each have sent since the last sweep is less than this.
const MUCH: usize = 64;
/// After so many, others on the thread have their turn before the next sweep.
const SWEEP_LEN_MAX: usize = 8 * 1024;
/// Messages before others on the thread have their turn.
const BUDGET: usize = 128;

pub(super) struct Forwarder<A: Actor> {
    ours: Ours<A>,
    channel: AddressReceiver<Ours<A>>,
    len_max: usize,
    /// Taken out of the channel; the first waits for room.
    kept: VecDeque<Envelope<Ours<A>>>,
    room: RoomWait<A>,
    behind: Option<Behind>,
    stopped: Pin<Box<dyn Future<Output = StopReason> + Send>>,
    stopping: oneshot::Receiver<()>,
    is_stopping: bool,
}

/// The mailbox was full, and since then the channel was never found empty.
struct Behind {
    sweep: Pin<Box<Sleep>>,
    period: Duration,
}

impl<A: Actor> Forwarder<A> {
    /// `stopping`, told or dropped, has it forward what there is and end.
    pub(super) fn new(
        actor: ActorRef<A>,
        channel: AddressReceiver<Ours<A>>,
        len_max: usize,
        stopping: oneshot::Receiver<()>,
    ) -> Self {
        Forwarder {
            stopped: Box::pin(ActorRef::wait_stopped(&actor)),
            room: RoomWait::new(ActorRef::cell(&actor)),
            ours: Ours::new(actor),
            channel,
            len_max,
            kept: VecDeque::new(),
            behind: None,
            stopping,
            is_stopping: false,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Envelope<Ours<A>>>> {
        Pin::new(&mut self.channel).poll_next(cx)
    }

    fn fall_behind(&mut self) {
        if self.behind.is_none() {
            // Each sender keeps the place of its own that actix gives it.
            self.channel.set_capacity(1);
            let sweep = Box::pin(tokio::time::sleep(SWEEP_MIN));
            self.behind = Some(Behind { sweep, period: SWEEP_MIN });
        }
    }

    fn catch_up(&mut self) {
        if self.behind.take().is_some() {
            self.channel.set_capacity(self.len_max);
        }
    }

    /// Sweeps when it is time.
    fn poll_sweep(&mut self, cx: &mut Context<'_>) {
        while self.behind.as_mut().is_some_and(|behind| behind.sweep.as_mut().poll(cx).is_ready()) {
            let found = self.sweep(cx);
            let Some(behind) = &mut self.behind else { return };
            if found == SWEEP_LEN_MAX {
                behind.sweep.as_mut().reset(Instant::now());
                cx.waker().wake_by_ref();
                return;
            }
            behind.period = if found >= MUCH { SWEEP_MIN } else { SWEEP_MAX.min(behind.period * 2) };
            behind.sweep.as_mut().reset(Instant::now() + behind.period);
        }
    }

    /// Empties the channel, but for a flood that is as fast as this. How many there were.
    fn sweep(&mut self, cx: &mut Context<'_>) -> usize {
        let mut found = 0;
        while found < SWEEP_LEN_MAX
            && let Poll::Ready(Some(envelope)) = self.poll_next(cx)
        {
            found += 1;
            match self.kept.len() < self.len_max {
                true => self.kept.push_back(envelope),
                false => self.ours.refuse(envelope, Refusal::Full),
            }
        }
        self.ours.bury();
        found
    }

    /// Forwards what there is. Ready when it is over.
    fn poll_forward(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..BUDGET {
            if self.kept.is_empty() {
                let Poll::Ready(Some(envelope)) = self.poll_next(cx) else {
                    self.catch_up();
                    return self.poll_end(cx);
                };
                self.kept.push_back(envelope);
            }
            let first = self.kept.front_mut().expect("there is one");
            match self.ours.deliver(first) {
                Outcome::Done => drop(self.kept.pop_front()),
                Outcome::Full if self.room.poll(cx).is_ready() => {}
                Outcome::Full => {
                    self.fall_behind();
                    self.poll_sweep(cx);
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The channel was empty. Ready when nothing will come any more.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_stopping {
            return Poll::Ready(());
        }
        if self.channel.connected() {
            return Poll::Pending;
        }
        // What the last sender sent before it went may have come in between.
        match self.poll_next(cx) {
            Poll::Ready(Some(envelope)) => {
                self.kept.push_back(envelope);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Refuses what is left.
    fn end(&mut self, cx: &mut Context<'_>) {
        while let Some(envelope) = self.kept.pop_front() {
            self.ours.refuse(envelope, Refusal::Stopped);
        }
        // No more than could be kept: what is sent while this goes on is refused by the channel's own end.
        for _ in 0..2 * self.len_max + MUCH {
            let Poll::Ready(Some(envelope)) = self.poll_next(cx) else { break };
            self.ours.refuse(envelope, Refusal::Stopped);
        }
    }
}

impl<A: Actor> Future for Forwarder<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !this.is_stopping && Pin::new(&mut this.stopping).poll(cx).is_ready() {
            this.is_stopping = true;
        }
        this.poll_sweep(cx);
        let is_over = this.stopped.as_mut().poll(cx).is_ready() || this.poll_forward(cx).is_ready();
        if is_over {
            this.end(cx);
        }
        this.ours.bury();
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}
