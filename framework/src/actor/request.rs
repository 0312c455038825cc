//! A request: what a method on a reference gives. The caller picks the verb.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::cell::CellRef;
use super::error::{AskError, TellError};
use super::lifecycle::short_type_name;
use super::message::Envelope;
use super::parent::AnyCell;
use super::reply::{self, ReplyRx, ReplyTo};
use super::route::Target;
use super::scope::Asker;
use super::sending::Sending;
use super::trace::Cause;
use super::{Actor, Handles, Message, sampling, scope, trace};
use crate::coop;
use crate::mailbox::{Manners, TryPushError, Waiter};
use crate::runtime::Runtime;

/// A message on its way to an actor. Nothing is sent before its first poll, [`tell`](Self::tell),
/// [`send`](Self::send) or [`forward`](Self::forward).
///
/// | verb | waits for room | waits for the answer | a full mailbox |
/// |---|---|---|---|
/// | `.await` | yes, until the deadline | yes, until the deadline | [`AskError::Full`] at the deadline |
/// | `.tell()` | never | no | [`TellError::Full`], with the message |
/// | `.send().await` | yes, until the deadline | no | [`SendError::Full`](crate::SendError::Full) at the deadline, with the message |
///
/// ```
/// # use ostraca::prelude::*;
/// # struct Counter { count: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[start] fn start() -> Self { Counter { count: 0 } }
/// #     #[handler] fn add(&mut self, by: u64) -> u64 { self.count += by; self.count }
/// # }
/// # use std::time::Duration;
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// # let counter = system.spawn::<Counter>(()).await?;
/// counter.add(1).tell()?; // on its way
/// counter.add(1).send().await?; // in the mailbox
/// let count = counter.add(1).within(Duration::from_millis(50)).await?; // answered
/// assert_eq!(count, 3);
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// Without [`within`](Self::within) or [`by`](Self::by) the deadline is that of the ask being handled, if the
/// caller is a handler, or none.
///
/// # Cancellation
///
/// Dropping it cancels the wait. If the message has not been taken it was not sent; a handler that runs is
/// never cut off half way.
#[must_use = "a request does nothing until it is awaited, told or sent"]
pub struct Request<'a, A: Handles<M>, M: Message> {
    target: Target<'a, A>,
    /// Until it is sent.
    message: Option<M>,
    /// Once it is asked.
    rx: Option<ReplyRx<M::Reply, M::Refusal>>,
    deadline: Option<Instant>,
    /// Most asks wait for neither room nor a timer.
    waiting: Option<Box<Waiting<A>>>,
}

/// What a request waits for besides its answer.
struct Waiting<A: Actor> {
    /// A message that there was no room for.
    message: Option<A::Message>,
    room: RoomWait<A>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// A place among those who wait for room. Dropped, it is left, and a turn that was not used goes to the next.
pub(crate) struct RoomWait<A: Actor> {
    cell: CellRef<A>,
    waiter: Waiter,
}

impl<A: Actor> RoomWait<A> {
    pub(crate) fn new(cell: &CellRef<A>) -> Self {
        RoomWait { cell: cell.clone(), waiter: Waiter::default() }
    }

    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.cell.mailbox().poll_room(&mut self.waiter, cx)
    }
}

impl<A: Actor> Drop for RoomWait<A> {
    fn drop(&mut self) {
        self.cell.mailbox().forget_waiter(&mut self.waiter);
    }
}

type Answer<M> = Result<<M as Message>::Reply, AskError<<M as Message>::Refusal>>;

// No field is pinned in place: the message is moved, the sleep is boxed.
impl<A: Handles<M>, M: Message> Unpin for Request<'_, A, M> {}

impl<'a, A: Handles<M>, M: Message> Request<'a, A, M> {
    #[inline]
    pub(crate) fn new(target: Target<'a, A>, message: M) -> Self {
        Request { target, message: Some(message), rx: None, deadline: None, waiting: None }
    }

    /// Waits for room and for the answer no longer than `limit` from now.
    pub fn within(self, limit: Duration) -> Self {
        let deadline = self.target.cell().now() + limit;
        self.by(deadline)
    }

    /// Waits for room and for the answer no longer than until `deadline`.
    pub fn by(mut self, deadline: impl Into<Instant>) -> Self {
        self.deadline = earlier(self.deadline, Some(deadline.into()));
        self
    }

    /// Sends and does not wait: not for an answer, not for room.
    ///
    /// # Errors
    ///
    /// Gives the message back when the mailbox is full or the actor has stopped.
    #[inline(always)]
    pub fn tell(self) -> Result<(), TellError<M>> {
        let (target, message) = self.into_unsent();
        if is_refused::<A, M>(&target) {
            return Err(TellError::Shed(message));
        }
        deliver_told(&target, message).map_err(not_told)
    }

    /// Sends and waits for room, not for an answer.
    ///
    /// # Errors
    ///
    /// Gives the message back when there is no room before the deadline, the actor has stopped, or an actor
    /// would wait for room in its own mailbox.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, the message was not sent.
    #[inline(always)]
    pub fn send(self) -> Sending<'a, A, M> {
        let deadline = self.deadline;
        let (target, message) = self.into_unsent();
        Sending::new(target, message, deadline)
    }

    /// Sends this message in answer to another: its handler's answer goes to `reply`'s asker, whose deadline
    /// holds. Never waits.
    ///
    /// # Errors
    ///
    /// Gives the message back when the mailbox is full or the actor has stopped; the asker is told so.
    pub fn forward(self, reply: ReplyTo<M::Reply, M::Refusal>) -> Result<(), TellError<M>> {
        let (target, message) = self.into_unsent();
        let mut reply = reply.into_raw();
        if is_refused::<A, M>(&target) {
            reply.fail(AskError::Shed);
            return Err(TellError::Shed(message));
        }
        if trace::is_on() {
            reply.set_cause();
        }
        deliver(&target, Envelope::asked(message, reply)).map_err(|error| match error {
            TryPushError::Full(envelope) => {
                let (message, reply) = envelope.into_parts();
                reply.fail(AskError::Full);
                TellError::Full(message)
            }
            TryPushError::Closed(envelope) => {
                let (message, reply) = envelope.into_parts();
                reply.fail(AskError::Stopped);
                TellError::Stopped(message)
            }
        })
    }

    #[inline(always)]
    fn into_unsent(self) -> (Target<'a, A>, M) {
        let message = self.message;
        (self.target, message.expect("a request that was polled cannot be told, sent or forwarded as well"))
    }

    /// Sends for the first time. The answer, if the message ran where the asker stands.
    fn begin(&mut self, message: M) -> Option<Answer<M>> {
        let cell = self.target.cell();
        let asker = scope::asker(cell.address());
        if asker.would_deadlock {
            return Some(Err(AskError::WouldDeadlock));
        }
        self.deadline = earlier(self.deadline, asker.deadline);
        if self.deadline.is_some_and(|deadline| deadline <= cell.now()) {
            return Some(Err(AskError::Deadline));
        }
        if is_refused::<A, M>(&self.target) {
            return Some(Err(AskError::Shed));
        }
        if let Some(direct) = A::DIRECT
            && let Some(idle_at) = cell.claim_to_call_soon(&asker)
        {
            let _entered = cell.enter_for_asker();
            return Some(cell.call(message, &direct, self.deadline, idle_at));
        }
        self.begin_with_slot(message, &asker)
    }

    fn begin_with_slot(&mut self, message: M, asker: &Asker) -> Option<Answer<M>> {
        let commons = self.target.cell().commons();
        let stamp = if sampling::is_due() { sampling::stamp(commons) } else { None };
        let (rx, mut reply) = reply::pair_stamped(self.deadline, stamp);
        if trace::is_on() {
            reply.set_cause();
        }
        let message = A::wrap(Envelope::asked(message, reply));
        let asked = self.target.cell().ask(message, &rx, asker, A::DIRECT.is_some());
        self.rx = Some(rx);
        match asked.or_else(|error| self.not_taken(error)) {
            Ok(()) => self.take_answer(),
            Err(error) => Some(Err(error)),
        }
    }

    #[cold]
    fn not_taken(&mut self, error: TryPushError<A::Message>) -> Result<(), AskError<M::Refusal>> {
        match error {
            TryPushError::Full(message) => {
                self.waiting().message = Some(message);
                Ok(())
            }
            TryPushError::Closed(message) => {
                // The message goes first: its way back leads to this very request.
                drop(message);
                self.rx = None;
                Err(AskError::Stopped)
            }
        }
    }

    fn waiting(&mut self) -> &mut Waiting<A> {
        let cell = self.target.cell();
        self.waiting.get_or_insert_with(|| {
            Box::new(Waiting { message: None, room: RoomWait::new(cell), sleep: None })
        })
    }

    /// The answer, if the message ran where the asker stands.
    #[inline]
    fn take_answer(&mut self) -> Option<Answer<M>> {
        self.rx.take_if(|rx| rx.is_ready()).map(ReplyRx::take)
    }

    #[inline(never)]
    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<Answer<M>> {
        if let Some(message) = self.message.take()
            && let Some(answer) = self.begin(message)
        {
            return Poll::Ready(answer);
        }
        self.poll_begun(cx)
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Answer<M>> {
        loop {
            if let Some(waiting) = &mut self.waiting
                && let Some(message) = waiting.message.take()
            {
                let cell = self.target.cell();
                if waiting.room.poll(cx).is_pending() {
                    waiting.message = Some(message);
                    return self.poll_sleep(cx).map(|()| Err(AskError::Full));
                }
                let rx = self.rx.as_ref().expect("it waits for room to be answered");
                let asked = cell.ask(message, rx, &scope::asker(cell.address()), false);
                if let Err(error) = asked {
                    self.not_taken(error)?;
                }
                continue;
            }
            let rx = self.rx.as_mut().expect("a request was polled after it was done");
            if rx.poll(cx).is_pending() {
                return self.poll_sleep(cx).map(|()| Err(AskError::Deadline));
            }
            let rx = self.rx.take().expect("it was there");
            return Poll::Ready(rx.take());
        }
    }

    /// Says who did not answer, and what: an [`AskError`] is as small as it can be and knows neither.
    #[cold]
    fn note_failed(&self, error: &AskError<M::Refusal>) {
        if let Some(failure) = error.failure() {
            let asked = short_type_name::<M>();
            // The label is made only where somebody listens.
            tracing::debug!(target: "ostraca::ask", actor = %self.target.cell().label(), asked, "{failure}");
        }
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let mut sleep = self.waiting().sleep.take();
        let poll = poll_deadline(&mut sleep, Some(deadline), &self.target.cell().commons().runtime, cx);
        self.waiting().sleep = sleep;
        poll
    }
}

impl<A: Handles<M>, M: Message> Future for Request<'_, A, M> {
    type Output = Answer<M>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // An ask that is ready at once must not starve its task's neighbours: it spends tokio's budget.
        let budget = ready!(coop::poll_spend(cx));
        let this = self.get_mut();
        // The plain case by itself, with its own return: what is put together from several ways goes by memory.
        if let Some(direct) = A::DIRECT
            && this.message.is_some()
            && this.deadline.is_none()
            && !scope::is_entered()
            && let Some(idle_at) = this.target.cell().claim_to_call()
        {
            let message = this.message.take().expect("it was just there");
            budget.made_progress();
            return Poll::Ready(this.target.cell().call(message, &direct, None, idle_at));
        }
        let answer = this.poll_any(cx);
        coop::was_long();
        if let Poll::Ready(answer) = &answer {
            budget.made_progress();
            if let Err(error) = answer {
                this.note_failed(error);
            }
        } else if scope::is_entered() {
            scope::note_awaited(this.target.cell().number());
        }
        answer
    }
}

impl<A: Handles<M>, M: Message> fmt::Debug for Request<'_, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Whether the actor takes no message of this kind now. A constant for actors that do not ask.
#[inline(always)]
pub(super) fn is_refused<A: Handles<M>, M: Message>(target: &Target<'_, A>) -> bool {
    A::CHECKED && !A::admits(target.cell().views(), target.cell().mailbox().len())
}

/// As [`deliver`], of a message that is told, with its cause if anybody may want to know it.
#[inline(always)]
pub(super) fn deliver_told<A: Handles<M>, M: Message>(
    target: &Target<'_, A>,
    message: M,
) -> Result<(), TryPushError<Envelope<M>>> {
    // Two ways, so that the plain one's envelope has a constant for its reply.
    if trace::is_on() || sampling::is_due() {
        deliver_with(target, message)
    } else {
        deliver(target, Envelope::told(message))
    }
}

#[cold]
#[inline(never)]
fn deliver_with<A: Handles<M>, M: Message>(
    target: &Target<'_, A>,
    message: M,
) -> Result<(), TryPushError<Envelope<M>>> {
    let is_traced = trace::is_on();
    // Where spans are on the send was not counted yet.
    let stamp =
        if !is_traced || sampling::is_due() { sampling::stamp(target.cell().commons()) } else { None };
    let cause = if is_traced { Cause::here(false) } else { None };
    deliver(target, Envelope::told_with(message, cause, stamp))
}

#[inline(always)]
pub(super) fn deliver<A: Handles<M>, M: Message>(
    target: &Target<'_, A>,
    envelope: Envelope<M>,
) -> Result<(), TryPushError<Envelope<M>>> {
    let cell = target.cell();
    match cell.push(|| A::wrap(envelope), Manners::GiveWay) {
        Ok(must_wake) => {
            cell.nudge(must_wake);
            Ok(())
        }
        Err(error) => Err(unwrap_back::<A, M>(error)),
    }
}

#[cold]
#[inline(never)]
fn unwrap_back<A: Handles<M>, M: Message>(error: TryPushError<A::Message>) -> TryPushError<Envelope<M>> {
    match error {
        TryPushError::Full(message) => TryPushError::Full(A::unwrap(message)),
        TryPushError::Closed(message) => TryPushError::Closed(A::unwrap(message)),
    }
}

#[cold]
#[inline(never)]
fn not_told<M: Message>(error: TryPushError<Envelope<M>>) -> TellError<M> {
    match error {
        TryPushError::Full(envelope) => TellError::Full(envelope.into_parts().0),
        TryPushError::Closed(envelope) => TellError::Stopped(envelope.into_parts().0),
    }
}

/// Ready when the deadline is over. The timer is the system's, and made only when it is needed.
///
/// A runtime that is gone has none, and tokio's panic then. Its cells are closed, which answers their asks; one whose
/// answer is elsewhere waits for it no longer.
pub(super) fn poll_deadline(
    sleep: &mut Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
    runtime: &Runtime,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(deadline) = deadline else { return Poll::Pending };
    let sleep = sleep.get_or_insert_with(|| {
        let _entered = runtime.enter();
        Box::pin(tokio::time::sleep_until(deadline.into()))
    });
    match catch_unwind(AssertUnwindSafe(|| sleep.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(_) if runtime.is_closed() => Poll::Ready(()),
        Err(payload) => resume_unwind(payload),
    }
}

/// The future's output; `None` when the deadline is over first. The timer is that of [`poll_deadline`].
pub(crate) async fn until<F: Future>(
    runtime: &Runtime,
    deadline: Option<Instant>,
    future: F,
) -> Option<F::Output> {
    let (mut future, mut sleep) = (pin!(future), None);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => poll_deadline(&mut sleep, deadline, runtime, cx).map(|()| None),
    })
    .await
}

#[inline]
pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
