//! How an answer of one side is one of the other.

use std::convert::Infallible;

use crate::actor::{AskError, Message};

/// A result of actix's for an answer `T` or a refusal `E` of ours.
///
/// | our `#[message(reply = ..)]` | actix's `Result` | an error that is none of the handler's |
/// |---|---|---|
/// | `T` | `T` | `MailboxError::Closed` |
/// | `Result<T, E>` | `Result<T, E>` | `MailboxError::Closed` |
/// | `T` | `Result<T, AskError>` | says which |
/// | `Result<T, E>` | `Result<T, AskError<E>>` | says which |
pub trait Answer<T, E>: Sized + Send + 'static {
    /// What an asker of actix's gets for an answer of ours; `None` where there is no place for the error.
    fn from_answer(answer: Result<T, AskError<E>>) -> Option<Self>;

    /// What an asker of ours gets for a result of actix's.
    ///
    /// # Errors
    ///
    /// The result's own.
    fn into_answer(self) -> Result<T, AskError<E>>;
}

impl<T: Send + 'static> Answer<T, Infallible> for T {
    fn from_answer(answer: Result<T, AskError>) -> Option<Self> {
        answer.ok()
    }

    fn into_answer(self) -> Result<T, AskError> {
        Ok(self)
    }
}

impl<T: Send + 'static, E: Send + 'static> Answer<T, E> for Result<T, E> {
    fn from_answer(answer: Result<T, AskError<E>>) -> Option<Self> {
        match answer {
            Ok(reply) => Some(Ok(reply)),
            Err(error) => error.refusal().map(Err),
        }
    }

    fn into_answer(self) -> Result<T, AskError<E>> {
        self.map_err(AskError::Refused)
    }
}

impl<T: Send + 'static, E: Send + 'static> Answer<T, E> for Result<T, AskError<E>> {
    fn from_answer(answer: Result<T, AskError<E>>) -> Option<Self> {
        Some(answer)
    }

    fn into_answer(self) -> Result<T, AskError<E>> {
        self
    }
}

/// A message of both sides, whose answers fit. Every such message has it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross between ostraca and actix",
    note = "it needs `ostraca::Message` and `actix::Message`, with an `actix::Message::Result` that `ostraca::bridge::Answer` \
            lists for its reply, such as `Result<T, AskError>`"
)]
pub trait Crossing: Message + actix::Message<Result = Self::Crossed> {
    /// Its result in actix.
    type Crossed: Answer<Self::Reply, Self::Refusal>;
}

impl<M, R> Crossing for M
where
    M: Message + actix::Message<Result = R>,
    R: Answer<M::Reply, M::Refusal>,
{
    type Crossed = R;
}

/// What actix answers by.
pub(super) type Tx<M> = tokio::sync::oneshot::Sender<<M as actix::Message>::Result>;

/// Answers an asker of actix's. One that is gone gets nothing.
pub(super) fn answer<M: Crossing>(tx: Tx<M>, answer: Result<M::Reply, AskError<M::Refusal>>) {
    if let Some(result) = M::Crossed::from_answer(answer) {
        drop(tx.send(result));
    }
}
