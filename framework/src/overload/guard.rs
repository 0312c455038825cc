//! What stands at an actor's mailbox: at its entry, when a message is sent, and at its exit, when it would run.

use std::sync::Arc;
use std::time::Instant;

use super::breaker::{Breaker, BreakerPermit};
use super::clock;
use super::limit::{Limit, LimitNumbers, LimitSettings};
use super::priority::Priority;
use super::shedder::{Shedder, ShedderNumbers};
use crate::actor::{Actor, Context, Envelope, Message};

/// The guard of one actor: in its views, where `#[actor(limit, shed)]` puts it. Clones are one guard.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    shared: Arc<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    limit: Option<Limit>,
    shedder: Option<Shedder>,
}

/// When a message was sent. Beside it in the actor's enum.
#[derive(Clone, Copy, Debug)]
pub struct Stamp(Instant);

/// A message that may run. Dropped when it has, the guard learns how long it took.
#[must_use = "it says when the message has run"]
#[derive(Debug)]
pub struct Guarded {
    guard: Option<(Guard, Stamp, u32)>,
    permit: Option<BreakerPermit>,
}

impl Stamp {
    /// Now.
    pub fn now() -> Self {
        Stamp(clock::now())
    }
}

impl Guard {
    /// A guard with these parts.
    pub fn new(limit: Option<LimitSettings>, shedder: Option<Shedder>) -> Self {
        Guard { shared: Arc::new(Parts { limit: limit.map(Limit::new), shedder }) }
    }

    /// Whether a message of this priority is sent, where so many wait. The one that runs is not among them.
    pub fn admits(&self, priority: Priority, mailbox_len: usize) -> bool {
        self.shared.limit.as_ref().is_none_or(|limit| limit.admits(mailbox_len, priority))
    }

    /// What its limit has done, if it has one. Whose call is under way it does not count.
    pub fn limit(&self) -> Option<LimitNumbers> {
        self.shared.limit.as_ref().map(Limit::numbers)
    }

    /// What its shedder has done, if it has one.
    pub fn shedder(&self) -> Option<ShedderNumbers> {
        self.shared.shedder.as_ref().map(Shedder::numbers)
    }

    fn sheds<M: Message>(&self, priority: Priority, stamp: Stamp, envelope: &Envelope<M>) -> bool {
        let Some(shedder) = &self.shared.shedder else { return false };
        let now = clock::now();
        // Both: what nobody waits for has waited as well.
        let waited_too_long = shedder.sheds(now, now.saturating_duration_since(stamp.0), priority);
        waited_too_long || envelope.is_unwanted(now)
    }
}

/// Lets a message pass that is about to run, or answers it: for generated code.
pub fn pass<A: Actor, M: Message>(
    ctx: &mut Context<A>,
    envelope: Envelope<M>,
    handler: usize,
    guard: Option<(Guard, Priority, Stamp)>,
    breaker: Option<Breaker>,
) -> Option<(Envelope<M>, Guarded)> {
    if let Some((guard, priority, stamp)) = &guard
        && guard.sheds(*priority, *stamp, &envelope)
    {
        ctx.shed(envelope, handler);
        return None;
    }
    let permit = match breaker.as_ref().map(Breaker::try_acquire) {
        Some(Err(_)) => {
            ctx.shed(envelope, handler);
            return None;
        }
        Some(Ok(permit)) => Some(permit),
        None => None,
    };
    let in_flight = ctx.mailbox_len() as u32 + 1;
    let guard = guard.map(|(guard, _, stamp)| (guard, stamp, in_flight));
    Some((envelope, Guarded { guard, permit }))
}

impl Guarded {
    /// The handler returned: with an answer, or a refusal, which to a breaker is a failure.
    pub fn ended(mut self, is_answer: bool) {
        if let Some(permit) = self.permit.take() {
            if is_answer {
                permit.answered();
            } else {
                permit.failed();
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let Some((guard, stamp, in_flight)) = self.guard.take() else { return };
        if let Some(limit) = &guard.shared.limit {
            limit.observe(stamp.0, clock::now(), in_flight, false);
        }
    }
}
