//! Tell, send and ask, each with the check of what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ostraca::Handles;
use ostraca::prelude::*;

use super::actors::Plain;
use super::desk::{Deed, Job, Load, Refused, Work};
use super::ledger::{Fate, Ledger, Receipt, within_request};

type Answer = Result<Receipt, AskError<Refused>>;

/// Some way to wait, chosen by chance.
#[derive(Clone, Copy, Default)]
pub(crate) struct Patience {
    pub(crate) limit: Option<Duration>,
    /// Dropped after this many polls.
    pub(crate) polls: Option<u32>,
}

/// A request whose message is followed.
struct Followed<'a, T> {
    request: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
    fate: Arc<Fate>,
    ledger: Arc<Ledger>,
    polls_left: Option<u32>,
    kind: Kind,
    /// The token was dropped in the request, which is not done.
    is_withdrawn: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ask,
    Send,
}

impl<'a, T> Followed<'a, T> {
    fn new(
        kind: Kind,
        ledger: &Arc<Ledger>,
        fate: Arc<Fate>,
        patience: Patience,
        request: impl Future<Output = T> + Send + 'a,
    ) -> Self {
        let (request, ledger) = (Some(Box::pin(request) as _), ledger.clone());
        Followed { request, fate, ledger, polls_left: patience.polls, kind, is_withdrawn: false }
    }
}

/// What came of it, and whether its token was dropped in it; `None` when the patience was at its end.
impl<T> Future for Followed<'_, T> {
    type Output = Option<(T, bool)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(left) = &mut this.polls_left {
            if *left == 0 {
                return Poll::Ready(None);
            }
            *left -= 1;
            // Comes again at once, so that it ends wherever it is.
            cx.waker().wake_by_ref();
        }
        let request = this.request.as_mut().expect("polled after it was done");
        let (poll, is_withdrawn) = within_request(&this.fate, || request.as_mut().poll(cx));
        this.is_withdrawn |= is_withdrawn;
        poll.map(|outcome| {
            let done = this.request.take();
            this.is_withdrawn |= within_request(&this.fate, || drop(done)).1;
            Some((outcome, this.is_withdrawn))
        })
    }
}

/// The wait is cancelled: the message was not taken, or it goes its way without this sender.
impl<T> Drop for Followed<'_, T> {
    fn drop(&mut self) {
        let Some(request) = self.request.take() else { return };
        self.ledger.cancelled.add(1);
        self.is_withdrawn |= within_request(&self.fate, || drop(request)).1;
        if self.is_withdrawn {
            self.ledger.withdrawn.add(1);
        } else if self.kind == Kind::Send && !std::thread::panicking() {
            self.ledger.complain("a send that was dropped before it was ready was sent");
        }
    }
}

pub(crate) fn tell<A: Handles<M>, M: Work>(ledger: &Ledger, actor: &ActorRef<A>, load: Load) {
    let fate = load.token.fate().clone();
    // Its own drop is nobody else's: a token that comes back does not explode.
    if let Err(error) = ActorRef::request(actor, M::of(load)).tell() {
        error.into_inner().into_load().token.returned();
        if fate.has_run() {
            ledger.complain("a message was told, came back, and ran");
        }
    }
}

pub(crate) async fn send<A: Handles<M>, M: Work>(
    ledger: &Arc<Ledger>,
    actor: &ActorRef<A>,
    load: Load,
    patience: Patience,
) {
    let fate = load.token.fate().clone();
    let mut request = ActorRef::request(actor, M::of(load));
    if let Some(limit) = patience.limit {
        request = request.within(limit);
    }
    if let Some((Err(error), _)) = Followed::new(Kind::Send, ledger, fate, patience, request.send()).await {
        if patience.limit.is_none() && matches!(error, SendError::Full(_)) {
            ledger.complain("a send without a deadline found no room");
        }
        error.into_inner().into_load().token.returned();
    }
}

pub(crate) async fn ask<A: Handles<M>, M: Work>(
    ledger: &Arc<Ledger>,
    actor: &ActorRef<A>,
    load: Load,
    patience: Patience,
) -> Option<Answer> {
    let fate = load.token.fate().clone();
    let mut request = ActorRef::request(actor, M::of(load));
    if let Some(limit) = patience.limit {
        request = request.within(limit);
    }
    ledger.asked.add(1);
    let followed = Followed::new(Kind::Ask, ledger, fate.clone(), patience, request);
    judge(ledger, &fate, patience, followed.await)
}

/// Asks through a reference that knows only the message.
pub(crate) async fn ask_recipient<A: Handles<Job>>(
    ledger: &Arc<Ledger>,
    actor: &ActorRef<A>,
    load: Load,
    patience: Patience,
) {
    let fate = load.token.fate().clone();
    let recipient = ActorRef::recipient::<Job>(actor);
    let mut request = recipient.request(Job::of(load));
    if let Some(limit) = patience.limit {
        request = request.within(limit);
    }
    ledger.asked.add(1);
    let followed = Followed::new(Kind::Ask, ledger, fate.clone(), patience, request.into_future());
    judge(ledger, &fate, patience, followed.await);
}

/// Begins several asks in order, and awaits them from the last to the first.
pub(crate) async fn ask_many<A: Handles<Job>>(
    ledger: &Arc<Ledger>,
    actor: &ActorRef<A>,
    loads: Vec<Load>,
    patience: Patience,
) {
    let mut asks: Vec<_> = loads
        .into_iter()
        .map(|load| {
            ledger.asked.add(1);
            let fate = load.token.fate().clone();
            let request = ActorRef::request(actor, Job::of(load));
            Some((fate.clone(), Followed::new(Kind::Ask, ledger, fate, patience, request)))
        })
        .collect();
    std::future::poll_fn(|cx| {
        for place in &mut asks {
            if let Some((fate, ask)) = place
                && let Poll::Ready(outcome) = Pin::new(ask).poll(cx)
            {
                judge(ledger, fate, patience, outcome);
                *place = None;
            }
        }
        Poll::Ready(())
    })
    .await;
    for (fate, ask) in asks.into_iter().rev().flatten() {
        judge(ledger, &fate, patience, ask.await);
    }
}

/// Holds an ask's outcome against what its message went through.
fn judge(
    ledger: &Ledger,
    fate: &Fate,
    patience: Patience,
    outcome: Option<(Answer, bool)>,
) -> Option<Answer> {
    // Its drop has counted.
    let (answer, is_withdrawn) = outcome?;
    let id = fate.id();
    match &answer {
        Ok(receipt) if receipt.id() != id => {
            ledger.complain(format!("the ask of message {id} got the answer to {}", receipt.id()));
        }
        Ok(_) | Err(AskError::Refused(_) | AskError::Panicked | AskError::Unanswered) if !fate.has_run() => {
            ledger.complain(format!("message {id} did not run and was answered"));
        }
        // A handler that ran and forwarded the ask: the next actor did not take it.
        Err(AskError::Stopped | AskError::Full | AskError::Dropped) if fate.has_run() => {}
        Err(AskError::Stopped | AskError::Full | AskError::WouldDeadlock) => {
            ledger.withdrawn.add(1);
            if !is_withdrawn {
                ledger.complain(format!("message {id} was not taken and was not dropped with its request"));
            }
        }
        Err(AskError::Deadline) if is_withdrawn => {
            ledger.withdrawn.add(1);
        }
        _ => {}
    }
    if patience.limit.is_none()
        && matches!(answer, Err(AskError::Full | AskError::Deadline))
        && !fate.has_run()
    {
        ledger.complain(format!("message {id} has no deadline and got {:?}", answer.as_ref().err()));
    }
    Some(answer)
}

/// What a handler asks another actor.
pub(crate) async fn ask_from_handler(ledger: &Arc<Ledger>, lower: &ActorRef<Plain>) {
    let load = Load::new(ledger, Deed::Nothing, None, false);
    // The deadline is inherited, if there is one.
    let patience = Patience { limit: Some(Duration::from_secs(60)), polls: None };
    ask::<_, Job>(ledger, lower, load, patience).await;
}

/// An actor that asks itself is told so.
pub(crate) async fn ask_self<A: Handles<Job>>(ledger: &Arc<Ledger>, me: &ActorRef<A>) {
    let load = Load::new(ledger, Deed::Nothing, None, false);
    let answer = ask::<_, Job>(ledger, me, load, Patience::default()).await;
    if !matches!(answer, Some(Err(AskError::WouldDeadlock))) {
        ledger.complain(format!("an actor that asked itself got {:?}", answer.and_then(Result::err)));
    }
}
