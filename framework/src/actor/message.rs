//! Messages, and the envelope that carries one with the way back to its asker.

use std::time::Instant;

use super::context::Context;
use super::error::AskError;
use super::reply::{RawReply, ReplyTo};
use super::stamp::Stamp;
use super::trace::Cause;
use super::{Actor, scope, trace};

/// Something an actor can be told or asked.
///
/// `#[derive(Message)]` writes this; `#[message(reply = Result<T, E>)]` becomes `Reply = T, Refusal = E`.
pub trait Message: Send + 'static {
    /// What the handler answers when it accepts.
    type Reply: Send + 'static;
    /// What the handler answers when it refuses; [`Infallible`](std::convert::Infallible) when it never does.
    type Refusal: Send + 'static;

    /// What it counts against a batch's `bytes_max`, in bytes: by default what it takes itself, without what it points
    /// to. `#[message(size = ..)]` names a function of it.
    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// A type of actor that takes `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for `{M}`",
    note = "add a method with `#[handler]` to its `#[actor]` impl, or implement `Handles<{M}>` by hand"
)]
pub trait Handles<M: Message>: Actor {
    /// How an ask that runs where its asker stands calls the handler: without an envelope. Only for a plain handler,
    /// which answers when it returns; [`Actor::handle`] does the same then.
    const DIRECT: Option<Direct<Self, M>> = None;

    /// Whether [`admits`](Self::admits) is asked before the message is sent. Where it is not, nothing of it is compiled.
    const CHECKED: bool = false;

    /// Whether the message is to be sent now, where so many wait in the mailbox: its sender is told so if not. What is
    /// needed for it is among the views, which anybody may look at.
    fn admits(views: &Self::Views, mailbox_len: usize) -> bool {
        let _unused = (views, mailbox_len);
        true
    }

    /// Puts the message into the actor's enum.
    fn wrap(envelope: Envelope<M>) -> Self::Message;

    /// Takes it out again.
    ///
    /// # Panics
    ///
    /// When the enum holds another message: callers check first.
    fn unwrap(message: Self::Message) -> Envelope<M>;

    /// Looks at it there; `None` for another one. Only a batch with `bytes_max` needs it.
    fn peek(message: &Self::Message) -> Option<&M> {
        let _unused = message;
        None
    }
}

/// `Handles` of an actor that is written by hand and takes this message alone: instead of an enum it has the envelope.
macro_rules! takes_only {
    ($message:ty, $actor:ty) => {
        impl $crate::actor::Handles<$message> for $actor {
            fn wrap(envelope: $crate::actor::Envelope<$message>) -> Self::Message {
                envelope
            }

            fn unwrap(message: Self::Message) -> $crate::actor::Envelope<$message> {
                message
            }
        }
    };
}

pub(crate) use takes_only;

/// A plain handler: what it is called by when neither the message nor its answer has to travel.
pub struct Direct<A: Actor, M: Message> {
    pub(super) index: usize,
    pub(super) call: Call<A, M>,
}

type Call<A, M> = fn(&mut A, M, &mut Context<A>) -> Result<<M as Message>::Reply, <M as Message>::Refusal>;

impl<A: Actor, M: Message> Direct<A, M> {
    /// The handler of this index in [`Actor::HANDLERS`].
    pub const fn new(index: usize, call: Call<A, M>) -> Self {
        Direct { index, call }
    }
}

impl<A: Handles<M>, M: Message> Direct<A, M> {
    /// Takes the message out of its envelope, handles it and answers.
    #[inline]
    pub fn answer(actor: &mut A, envelope: Envelope<M>, ctx: &mut Context<A>) {
        const { assert!(A::DIRECT.is_some(), "only a handler that can be called directly answers so") };
        let Some(direct) = A::DIRECT else { return };
        let (message, reply) = envelope.open();
        reply.send((direct.call)(actor, message, ctx));
    }
}

/// A message and where its answer goes: what each variant of an actor's enum holds.
///
/// Dropped unopened, it tells its asker [`AskError::Dropped`](crate::AskError::Dropped): the message did not
/// run.
pub struct Envelope<M: Message> {
    message: M,
    reply: RawReply<M::Reply, M::Refusal>,
}

impl<M: Message> Envelope<M> {
    /// Whether somebody waits for an answer, or did. Of a traced or a stamped tell too.
    #[inline]
    pub(super) fn is_asked(&self) -> bool {
        self.reply.is_awaited()
    }

    /// Whether its asker is gone.
    pub(super) fn is_cancelled(&self) -> bool {
        self.reply.is_cancelled()
    }

    /// Whether its asker runs the turn: it waits for nothing, and is here to be answered.
    pub(super) fn is_run_by_its_asker(&self) -> bool {
        self.reply.is_run_by_its_asker()
    }

    /// Its asker's deadline.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.reply.deadline()
    }

    /// A told message: nobody waits for an answer.
    pub(crate) fn told(message: M) -> Self {
        Envelope { message, reply: RawReply::nobody() }
    }

    /// A told message with its cause and its stamp.
    #[cold]
    pub(super) fn told_with(message: M, cause: Option<Box<Cause>>, stamp: Option<Stamp>) -> Self {
        Envelope { message, reply: RawReply::told(cause, stamp) }
    }

    /// An asked message.
    pub(crate) fn asked(message: M, reply: RawReply<M::Reply, M::Refusal>) -> Self {
        Self::with(message, reply)
    }

    /// What [`into_parts`](Self::into_parts) took apart.
    #[inline]
    pub(super) fn with(message: M, reply: RawReply<M::Reply, M::Refusal>) -> Self {
        Envelope { message, reply }
    }

    /// The message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Takes it apart to run it. From here on an answer that never comes is
    /// [`AskError::Unanswered`](crate::AskError::Unanswered). Asks that the handler makes inherit the deadline.
    #[inline]
    pub fn open(self) -> (M, ReplyTo<M::Reply, M::Refusal>) {
        let Envelope { message, reply } = self;
        // Most messages have nothing to hand on: what does so is kept out of the handler's way into its caller.
        let hands_on = reply.hands_on() || scope::has_deadline() || trace::wants_cause();
        let reply = if hands_on { hand_on(reply) } else { reply };
        (message, reply.open())
    }

    /// Whether its asker is gone, or its deadline over. False for a tell, which nobody waits for.
    pub(crate) fn is_unwanted(&self, now: Instant) -> bool {
        let is_late = self.reply.deadline().is_some_and(|deadline| deadline <= now);
        self.reply.is_cancelled() || (is_late && !self.is_run_by_its_asker())
    }

    /// Tells the asker that it was refused.
    pub(super) fn shed(self) -> M {
        let (message, reply) = self.into_parts();
        reply.fail(AskError::Shed);
        message
    }

    /// As [`open`](Self::open), where asks that the handler makes inherit nothing of this one.
    #[inline]
    pub(crate) fn open_of_many(self) -> (M, ReplyTo<M::Reply, M::Refusal>) {
        if self.reply.is_stamped() {
            note_waiting(&self.reply);
        }
        (self.message, self.reply.open())
    }

    /// Begins the span of a batch, or tells the one that has begun what caused this message too.
    #[cold]
    pub(crate) fn show_cause(&mut self) {
        self.reply.show_cause();
    }

    /// Takes the message back and forgets the way to the asker, who gets no answer through this envelope.
    pub(crate) fn into_parts(self) -> (M, RawReply<M::Reply, M::Refusal>) {
        (self.message, self.reply)
    }
}

/// Counts how long a message waited that was stamped, now that it is opened.
#[inline(never)]
fn note_waiting<T, E>(reply: &RawReply<T, E>) {
    if let Some(stamp) = reply.take_stamp() {
        scope::waited(stamp);
    }
}

/// Hands the deadline on to the asks that the handler makes, and the cause to its span.
#[inline(never)]
fn hand_on<T, E>(mut reply: RawReply<T, E>) -> RawReply<T, E> {
    note_waiting(&reply);
    scope::inherit_deadline(reply.deadline());
    if trace::wants_cause() {
        reply.show_cause();
    }
    reply
}

/// What the macro needs to flatten an alias of `Result` (`reply = result`).
pub trait IsResult {
    /// The type of the accepted answer.
    type Ok;
    /// The type of the refusal.
    type Err;
}

impl<T, E> IsResult for Result<T, E> {
    type Ok = T;
    type Err = E;
}
