//! What carries an answer across as soon as it is there, without a task: a waker.
//!
//! ```text
//!   ours:   slot ── wakes ──> Answering: takes the answer out, into actix's oneshot
//!   actix:  oneshot ── wakes ──> Flight: takes the result out, into our slot, and gives the permit back
//! ```
//!
//! Both keep the future whose waker they are, under a lock, and the future's own place keeps the waker: whoever answers
//! breaks the circle, and both frameworks answer everything that they have, at the latest when they drop it.
//!
//! A poll under the lock never wakes this same waker: an answer's slot does so only in the instant between an answerer's
//! taking the waker and its showing the answer, and such a waker was there before only if it was polled before, which is
//! once, at the beginning; a oneshot is polled outside tokio's budget, which alone would make it wake by itself.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop::unconstrained;

use super::answer::{Answer, Crossing, Tx, answer};
use crate::actor::{AskError, Message, RawReply, ReplyRx};
use crate::sync::Mutex;

/// An answer of ours on its way to an asker of actix's.
pub(super) struct Answering<M: Crossing>(Mutex<Option<Ends<M>>>);

/// Where the answer comes from, and where it goes.
type Ends<M> = (ReplyRx<<M as Message>::Reply, <M as Message>::Refusal>, Tx<M>);

impl<M: Crossing> Answering<M> {
    pub(super) fn begin(rx: ReplyRx<M::Reply, M::Refusal>, tx: Tx<M>) {
        Arc::new(Answering::<M>(Mutex::new(Some((rx, tx))))).wake();
    }
}

impl<M: Crossing> Wake for Answering<M> {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut waiting = self.0.lock();
        let is_there =
            waiting.as_mut().is_some_and(|(rx, _)| rx.poll(&Context::from_waker(&waker)).is_ready());
        let ready = if is_there { waiting.take() } else { None };
        drop(waiting);
        if let Some((rx, tx)) = ready {
            answer::<M>(tx, rx.take());
        }
    }
}

/// A message of ours in an actor of actix's: until it was handled it has a permit.
pub(super) struct Flight<M: Crossing> {
    under_way: Mutex<Option<UnderWay<M>>>,
    /// Told of what was told and had no end.
    lost: Box<dyn Fn() + Send + Sync>,
}

struct UnderWay<M: Crossing> {
    request: Pin<Box<actix::dev::RecipientRequest<M>>>,
    reply: RawReply<M::Reply, M::Refusal>,
    permit: OwnedSemaphorePermit,
}

impl<M: Crossing> Flight<M> {
    /// Sends the message, at once.
    pub(super) fn begin(
        request: actix::dev::RecipientRequest<M>,
        reply: RawReply<M::Reply, M::Refusal>,
        permit: OwnedSemaphorePermit,
        lost: impl Fn() + Send + Sync + 'static,
    ) {
        let under_way = UnderWay { request: Box::pin(request), reply, permit };
        Arc::new(Flight { under_way: Mutex::new(Some(under_way)), lost: Box::new(lost) }).wake();
    }
}

impl<M: Crossing> Wake for Flight<M> {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut under_way = self.under_way.lock();
        let Some(flight) = &mut *under_way else { return };
        let request = std::pin::pin!(unconstrained(flight.request.as_mut()));
        let Poll::Ready(result) = request.poll(&mut Context::from_waker(&waker)) else { return };
        let landed = under_way.take();
        drop(under_way);
        let Some(UnderWay { reply, permit, .. }) = landed else { return };
        // Before the answer: who has it finds room.
        drop(permit);
        match result {
            Ok(result) => match result.into_answer() {
                Ok(value) => reply.open().reply(value),
                Err(error) => reply.fail(error),
            },
            Err(_) if reply.is_awaited() => reply.fail(AskError::Unanswered),
            Err(_) => (self.lost)(),
        }
    }
}
