//! A message that is being sent: waits for room, not for an answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::Sleep;

use super::error::SendError;
use super::message::Envelope;
use super::reply::RawReply;
use super::request::{RoomWait, deliver, deliver_told, earlier, is_refused, poll_deadline};
use super::route::Target;
use super::{Handles, Message, scope};
use crate::coop;
use crate::mailbox::TryPushError;

/// What [`Request::send`](super::Request::send) gives. Nothing is sent before its first poll.
///
/// A future by hand: what is sent at once goes by registers, where an `async fn` keeps all it holds in memory.
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending<'a, A: Handles<M>, M: Message> {
    target: Target<'a, A>,
    /// Until it is sent.
    message: Option<M>,
    deadline: Option<Instant>,
    /// Most find room at once.
    waiting: Option<Waiting<A, M>>,
}

struct Waiting<A: Handles<M>, M: Message> {
    room: RoomWait<A>,
    /// What its envelope was made with: when it was first tried to send it, and why.
    reply: RawReply<M::Reply, M::Refusal>,
    sleep: Option<Pin<Box<Sleep>>>,
}

// No field is pinned in place: the message is moved, the sleep is boxed.
impl<A: Handles<M>, M: Message> Unpin for Sending<'_, A, M> {}

impl<'a, A: Handles<M>, M: Message> Sending<'a, A, M> {
    #[inline(always)]
    pub(super) fn new(target: Target<'a, A>, message: M, deadline: Option<Instant>) -> Self {
        Sending { target, message: Some(message), deadline, waiting: None }
    }

    #[cold]
    #[inline(never)]
    fn not_sent(
        &mut self,
        error: TryPushError<Envelope<M>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<M>>> {
        match error {
            TryPushError::Closed(envelope) => Poll::Ready(Err(stopped(envelope))),
            TryPushError::Full(envelope) => {
                let (message, reply) = envelope.into_parts();
                let room = RoomWait::new(self.target.cell());
                self.waiting = Some(Waiting { room, reply, sleep: None });
                self.deadline = earlier(self.deadline, scope::asker(self.target.cell().address()).deadline);
                self.poll_room(message, cx)
            }
        }
    }

    /// There was no room for the message, so far.
    #[cold]
    #[inline(never)]
    fn poll_room(&mut self, mut message: M, cx: &mut Context<'_>) -> Poll<Result<(), SendError<M>>> {
        let cell = self.target.cell();
        let asker = scope::asker(cell.address());
        if asker.would_deadlock {
            return Poll::Ready(Err(SendError::WouldDeadlock(message)));
        }
        let waiting = self.waiting.as_mut().expect("it waits for room");
        loop {
            if waiting.room.poll(cx).is_pending() {
                let late = poll_deadline(&mut waiting.sleep, self.deadline, &cell.commons().runtime, cx);
                if late.is_ready() {
                    return Poll::Ready(Err(SendError::Full(message)));
                }
                self.message = Some(message);
                return Poll::Pending;
            }
            let envelope = Envelope::with(message, waiting.reply.take());
            (message, waiting.reply) = match deliver(&self.target, envelope) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TryPushError::Closed(envelope)) => return Poll::Ready(Err(stopped(envelope))),
                Err(TryPushError::Full(envelope)) => envelope.into_parts(),
            };
        }
    }
}

impl<A: Handles<M>, M: Message> Future for Sending<'_, A, M> {
    type Output = Result<(), SendError<M>>;

    /// # Panics
    ///
    /// When it is polled after it was ready.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // One that finds room at once must not starve its task's neighbours: it spends tokio's budget.
        let budget = ready!(coop::poll_spend(cx));
        let this = self.get_mut();
        let message = this.message.take().expect("a message is sent once");
        let sent = if this.waiting.is_some() {
            this.poll_room(message, cx)
        } else if is_refused::<A, M>(&this.target) {
            Poll::Ready(Err(SendError::Shed(message)))
        } else {
            match deliver_told(&this.target, message) {
                // With a return of its own: what several ways share goes by memory.
                Ok(()) => {
                    budget.made_progress();
                    return Poll::Ready(Ok(()));
                }
                Err(error) => this.not_sent(error, cx),
            }
        };
        coop::was_long();
        if sent.is_ready() {
            budget.made_progress();
        }
        sent
    }
}

#[cold]
fn stopped<M: Message>(envelope: Envelope<M>) -> SendError<M> {
    SendError::Stopped(envelope.into_parts().0)
}

impl<A: Handles<M>, M: Message> fmt::Debug for Sending<'_, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
