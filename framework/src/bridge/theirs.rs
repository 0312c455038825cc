//! An actor of actix's, as a recipient of ours.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Crossing;
use super::answering::Flight;
use crate::actor::{
    AskError, BoxFuture, Commons, DeadLetter, DeadReason, Label, Limit, RawReply, SendError, Takes,
    TellError, reply_pair, short_type_name, until,
};

pub(super) struct Theirs<M: Crossing> {
    label: Label,
    commons: Arc<Commons>,
    recipient: actix::Recipient<M>,
    /// A permit is with each message until actix has handled it, or thrown it away.
    room: Arc<Semaphore>,
}

impl<M: Crossing> Theirs<M> {
    pub(super) fn new(commons: Arc<Commons>, recipient: actix::Recipient<M>, len_max: usize) -> Self {
        let name = format!("actix's taker of {}", short_type_name::<M>());
        let label =
            Label { name: Some(name.into()), type_name: "Recipient", shard: None, id: commons.next_id() };
        let room = Arc::new(Semaphore::new(len_max.min(Semaphore::MAX_PERMITS)));
        Theirs { label, commons, recipient, room }
    }

    fn begin(&self, message: M, reply: RawReply<M::Reply, M::Refusal>, permit: OwnedSemaphorePermit) {
        let (commons, actor) = (self.commons.clone(), self.label.clone());
        let lost = move || {
            let handler = short_type_name::<M>();
            let (actor, reason) = (actor.clone(), DeadReason::Lost);
            commons.dead_letters.record(DeadLetter { actor, handler, reason, count: 1 });
        };
        Flight::begin(self.recipient.send(message), reply, permit, lost);
    }

    /// Room for one message; `None` when there is none before the deadline.
    async fn room(&self, deadline: Option<Instant>) -> Option<OwnedSemaphorePermit> {
        let acquired = until(&self.commons.runtime, deadline, self.room.clone().acquire_owned()).await?;
        Some(acquired.expect("the semaphore is never closed"))
    }
}

impl<M: Crossing> Takes<M> for Theirs<M> {
    fn label(&self) -> Label {
        self.label.clone()
    }

    fn tell(&self, message: M) -> Result<(), TellError<M>> {
        if !self.recipient.connected() {
            return Err(TellError::Stopped(message));
        }
        let Ok(permit) = self.room.clone().try_acquire_owned() else { return Err(TellError::Full(message)) };
        self.begin(message, RawReply::nobody(), permit);
        Ok(())
    }

    fn send(&self, message: M, limit: Limit) -> BoxFuture<'_, Result<(), SendError<M>>> {
        Box::pin(async move {
            let deadline = limit.deadline(self.commons.now());
            if !self.recipient.connected() {
                return Err(SendError::Stopped(message));
            }
            let Some(permit) = self.room(deadline).await else { return Err(SendError::Full(message)) };
            if !self.recipient.connected() {
                return Err(SendError::Stopped(message));
            }
            self.begin(message, RawReply::nobody(), permit);
            Ok(())
        })
    }

    fn ask(&self, message: M, limit: Limit) -> BoxFuture<'_, Result<M::Reply, AskError<M::Refusal>>> {
        Box::pin(async move {
            let deadline = limit.deadline(self.commons.now());
            if !self.recipient.connected() {
                return Err(AskError::Stopped);
            }
            let permit = self.room(deadline).await.ok_or(AskError::Full)?;
            if !self.recipient.connected() {
                return Err(AskError::Stopped);
            }
            let (mut rx, reply) = reply_pair(deadline);
            self.begin(message, reply, permit);
            let answered = until(&self.commons.runtime, deadline, poll_fn(|cx| rx.poll(cx))).await;
            answered.ok_or(AskError::Deadline)?;
            rx.take()
        })
    }
}
