//! What actix takes an actor of ours for.
//!
//! An `Addr` of actix's leads to a channel of envelopes, and an envelope is packed by a function of the actor's context
//! type. That is all that is needed of the context: it never runs anything. What is packed is opened by the forwarder.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix::dev::{Envelope as TheirEnvelope, EnvelopeProxy, MessageResult, ToEnvelope};
use actix::{ActorContext, ActorState};

use super::answer::{Crossing, Tx, answer};
use super::answering::Answering;
use crate::actor::{
    Actor, ActorRef, AskError, DeadLetter, DeadReason, Envelope, Handles, TellError, reply_pair,
};

/// An actor of ours, as actix knows it: `actix::Addr<Ours<Counter>>` is what [`to_actix`](super::to_actix) gives.
pub struct Ours<A: Actor> {
    /// In a box, because actix's actors are `Unpin`.
    actor: Box<ActorRef<A>>,
    /// Messages that were taken and did not run, by handler and reason, until they are recorded.
    dead: Vec<(&'static str, DeadReason, usize)>,
}

/// The context of [`Ours`]: it packs messages, and runs nothing.
pub struct OursContext {
    /// What is to become of the next message.
    order: Order,
    /// What became of it.
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Deliver,
    Refuse(Refusal),
}

/// Why a message that was taken does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// More waits than may.
    Full,
    Shed,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is on its way, or answered, or a dead letter.
    Done,
    /// The actor's mailbox is full; the envelope has the message still.
    Full,
}

impl<A: Actor> actix::Actor for Ours<A> {
    type Context = OursContext;
}

/// For the bound of actix's methods: messages are opened by the bridge, and never come here.
impl<A: Handles<M>, M: Crossing> actix::Handler<M> for Ours<A> {
    type Result = MessageResult<M>;

    fn handle(&mut self, _message: M, _ctx: &mut OursContext) -> MessageResult<M> {
        unreachable!("nobody but the bridge has such an actor, and it opens envelopes itself")
    }
}

impl ActorContext for OursContext {
    fn stop(&mut self) {}

    fn terminate(&mut self) {}

    fn state(&self) -> ActorState {
        ActorState::Running
    }
}

impl<A: Handles<M>, M: Crossing> ToEnvelope<Ours<A>, M> for OursContext {
    fn pack(message: M, tx: Option<Tx<M>>) -> TheirEnvelope<Ours<A>> {
        TheirEnvelope::with_proxy(Box::new(Parcel { message: Some(message), tx }))
    }
}

impl<A: Actor> Ours<A> {
    pub(super) fn new(actor: ActorRef<A>) -> Self {
        Ours { actor: Box::new(actor), dead: Vec::new() }
    }

    /// Puts a message into the actor's mailbox, if there is room.
    pub(super) fn deliver(&mut self, envelope: &mut TheirEnvelope<Self>) -> Outcome {
        self.open(envelope, Order::Deliver)
    }

    /// Answers a message that is not to run, or counts it as a dead letter.
    pub(super) fn refuse(&mut self, mut envelope: TheirEnvelope<Self>, refusal: Refusal) {
        self.open(&mut envelope, Order::Refuse(refusal));
    }

    fn open(&mut self, envelope: &mut TheirEnvelope<Self>, order: Order) -> Outcome {
        let mut ctx = OursContext { order, outcome: Outcome::Done };
        // The drop of a message and the waker of its asker are foreign code: one that panics takes nobody else along.
        if catch_unwind(AssertUnwindSafe(|| envelope.handle(self, &mut ctx))).is_err() {
            tracing::error!(target: "ostraca::bridge", actor = %ActorRef::label(&self.actor), "a message's own code panicked");
            return Outcome::Done;
        }
        ctx.outcome
    }

    /// Records the dead letters since the last time.
    pub(super) fn bury(&mut self) {
        let cell = ActorRef::cell(&self.actor);
        for (handler, reason, count) in self.dead.drain(..) {
            let actor = ActorRef::label(&self.actor);
            cell.commons().dead_letters.record(DeadLetter { actor, handler, reason, count });
        }
    }

    fn note_dead<M: crate::actor::Message>(&mut self, message: M, reason: DeadReason)
    where
        A: Handles<M>,
    {
        let handler = A::HANDLERS[A::handler_of(&A::wrap(Envelope::told(message)))].name();
        match self.dead.iter_mut().find(|(name, why, _)| *name == handler && *why == reason) {
            Some((_, _, count)) => *count += 1,
            None => self.dead.push((handler, reason, 1)),
        }
    }
}

/// A message on its way, and where its answer goes.
struct Parcel<M: Crossing> {
    /// Until it is delivered.
    message: Option<M>,
    tx: Option<Tx<M>>,
}

impl<A: Handles<M>, M: Crossing> EnvelopeProxy<Ours<A>> for Parcel<M> {
    fn handle(&mut self, ours: &mut Ours<A>, ctx: &mut OursContext) {
        let Some(message) = self.message.take() else { return };
        let tx = self.tx.take();
        if let Order::Refuse(refusal) = ctx.order {
            return refuse(ours, message, tx, refusal);
        }
        // As actix has it: an asker that is gone before its message is handled spares the handler.
        if tx.as_ref().is_some_and(|tx| tx.is_closed()) {
            return ours.note_dead(message, DeadReason::Cancelled);
        }
        match deliver(&ours.actor, message, tx) {
            Ok(()) => {}
            Err((TellError::Full(message), tx)) => {
                ctx.outcome = Outcome::Full;
                (self.message, self.tx) = (Some(message), tx);
            }
            Err((TellError::Stopped(message), tx)) => refuse(ours, message, tx, Refusal::Stopped),
            Err((TellError::Shed(message), tx)) => refuse(ours, message, tx, Refusal::Shed),
        }
    }
}

type NotTaken<M> = (TellError<M>, Option<Tx<M>>);

fn deliver<A: Handles<M>, M: Crossing>(
    actor: &ActorRef<A>,
    message: M,
    tx: Option<Tx<M>>,
) -> Result<(), NotTaken<M>> {
    let request = ActorRef::request(actor, message);
    let Some(tx) = tx else { return request.tell().map_err(|error| (error, None)) };
    let (rx, reply) = reply_pair(None);
    // The slot of one that is not taken has an error, which nobody sees.
    if let Err(error) = request.forward(reply.open()) {
        return Err((error, Some(tx)));
    }
    Answering::<M>::begin(rx, tx);
    Ok(())
}

fn refuse<A: Handles<M>, M: Crossing>(ours: &mut Ours<A>, message: M, tx: Option<Tx<M>>, refusal: Refusal) {
    let (reason, error) = match refusal {
        Refusal::Full => (DeadReason::Shed, AskError::Full),
        Refusal::Shed => (DeadReason::Shed, AskError::Shed),
        Refusal::Stopped => (DeadReason::Stopped, AskError::Stopped),
    };
    match tx {
        None => ours.note_dead(message, reason),
        Some(tx) => answer::<M>(tx, Err(error)),
    }
}

/// The channel is gone and the message with it.
impl<M: Crossing> Drop for Parcel<M> {
    fn drop(&mut self) {
        if let Some(tx) = self.tx.take() {
            answer::<M>(tx, Err(AskError::Stopped));
        }
    }
}
