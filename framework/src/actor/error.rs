//! What can go wrong with a tell, a send and an ask. One type an operation.

use std::convert::Infallible;
use std::fmt;

use thiserror::Error;

/// Why an ask has no accepted answer.
///
/// ```
/// # use ostraca::prelude::*;
/// #[derive(Debug)]
/// pub(crate) struct Empty;
///
/// # struct Stock { left: u32 }
/// # #[actor]
/// # impl Stock {
/// #     #[start] fn start() -> Self { Stock { left: 1 } }
/// #     #[handler]
/// #     fn take(&mut self) -> Result<u32, Empty> { self.left.checked_sub(1).inspect(|left| self.left = *left).ok_or(Empty) }
/// # }
/// # async fn sell(stock: &ActorRef<Stock>) -> Option<u32> {
/// match stock.take().await {
///     Ok(left) => Some(left),
///     Err(AskError::Refused(Empty)) => None, // the handler's answer
///     Err(error) if error.may_have_run() => None, // perhaps one was taken: look before you try again
///     Err(_) => stock.take().await.ok(), // it did not run
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AskError<E = Infallible> {
    /// The handler ran and refused: its own error.
    #[error("{0}")]
    Refused(E),
    /// The actor is stopped. The message did not run.
    #[error("the actor is stopped: the message did not run")]
    Stopped,
    /// The mailbox had no room before the deadline. The message did not run.
    #[error(
        "the mailbox is full, and had no room before the deadline: the message did not run, try again later"
    )]
    Full,
    /// No answer before the deadline. The message may have run, or may run yet.
    #[error("no answer before the deadline: the message may have run, or may run yet")]
    Deadline,
    /// The message was queued and thrown away before it ran: the actor stopped, or the mailbox made room.
    #[error("the message was dropped before it ran, by a stop or to make room: it is safe to send again")]
    Dropped,
    /// The handler panicked on this message, or on its batch. The message may have run in part.
    #[error("the handler panicked: the message may have run in part, the log says where")]
    Panicked,
    /// The handler ended, or was killed half way, without an answer.
    #[error("the handler ended without an answer: it dropped the way back, or was killed")]
    Unanswered,
    /// The actor has too much to do, or the handler's breaker is open: it was refused so that others are answered in time.
    /// The message did not run.
    #[error("overloaded: the message was refused before it ran, try again later")]
    Shed,
    /// An actor asked itself and would wait for itself: use `tell`, or call the method. It did not run.
    #[error("an actor cannot wait for its own answer: tell instead, or call the method")]
    WouldDeadlock,
}

impl<E> AskError<E> {
    /// Whether the message may have run, wholly or in part. If not, sending it again is safe.
    pub fn may_have_run(&self) -> bool {
        match self {
            AskError::Refused(_) | AskError::Deadline | AskError::Panicked | AskError::Unanswered => true,
            AskError::Stopped
            | AskError::Full
            | AskError::Dropped
            | AskError::Shed
            | AskError::WouldDeadlock => false,
        }
    }

    /// What it is without the refusal's type; nothing of a refusal, which is the handler's own answer.
    pub(super) fn failure(&self) -> Option<AskError> {
        Some(match self {
            AskError::Refused(_) => return None,
            AskError::Stopped => AskError::Stopped,
            AskError::Full => AskError::Full,
            AskError::Deadline => AskError::Deadline,
            AskError::Dropped => AskError::Dropped,
            AskError::Panicked => AskError::Panicked,
            AskError::Unanswered => AskError::Unanswered,
            AskError::Shed => AskError::Shed,
            AskError::WouldDeadlock => AskError::WouldDeadlock,
        })
    }

    /// The handler's own error, if that is what it is.
    pub fn refusal(self) -> Option<E> {
        match self {
            AskError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Why a tell was not taken. The message comes back.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TellError<M> {
    /// The mailbox is full. Wait with [`send`](crate::Request::send), or shed.
    #[error("the mailbox is full: the message comes back, try again later or wait for room")]
    Full(M),
    /// The actor is stopped.
    #[error("the actor is stopped: the message comes back")]
    Stopped(M),
    /// The actor has too much to do, or the handler's breaker is open.
    #[error("overloaded: the message comes back, try again later")]
    Shed(M),
}

impl<M> TellError<M> {
    /// The message that was not taken.
    pub fn into_inner(self) -> M {
        match self {
            TellError::Full(message) | TellError::Stopped(message) | TellError::Shed(message) => message,
        }
    }
}

/// Why a send was not taken. The message comes back.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError<M> {
    /// There was no room before the deadline.
    #[error(
        "the mailbox is full, and had no room before the deadline: the message comes back, try again later"
    )]
    Full(M),
    /// The actor is stopped.
    #[error("the actor is stopped: the message comes back")]
    Stopped(M),
    /// The actor has too much to do, or the handler's breaker is open.
    #[error("overloaded: the message comes back, try again later")]
    Shed(M),
    /// An actor would wait for room in its own full mailbox, which only it can make.
    #[error("an actor cannot wait for room in its own mailbox: tell instead")]
    WouldDeadlock(M),
}

impl<M> SendError<M> {
    /// The message that was not taken.
    pub fn into_inner(self) -> M {
        match self {
            SendError::Full(message)
            | SendError::Stopped(message)
            | SendError::Shed(message)
            | SendError::WouldDeadlock(message) => message,
        }
    }
}

// Written by hand, so that messages need not be Debug.
impl<M> fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TellError::Full(_) => "Full(..)",
            TellError::Stopped(_) => "Stopped(..)",
            TellError::Shed(_) => "Shed(..)",
        })
    }
}

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Full(_) => "Full(..)",
            SendError::Stopped(_) => "Stopped(..)",
            SendError::Shed(_) => "Shed(..)",
            SendError::WouldDeadlock(_) => "WouldDeadlock(..)",
        })
    }
}
