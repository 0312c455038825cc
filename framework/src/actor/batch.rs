//! Batches: a run of queued messages of one kind, handed to one call of a handler.
//!
//! **Guarantees.** A batch ends at the first message of another kind, so batching never reorders. Each item has
//! its own answer. One that is not answered when the handler ends gets the handler's error if it returned one,
//! [`AskError::Unanswered`](crate::AskError::Unanswered) if not, [`AskError::Panicked`] if it panicked: an asker never hangs and never gets
//! its neighbour's answer. Items moved out of the handler (into a task, say) may be answered later.
//!
//! **Cost.** One vector and one shared list a batch.

use std::collections::{VecDeque, vec_deque};
use std::ops::Deref;
use std::sync::Arc;

use super::context::Context;
use super::message::Envelope;
use super::reply::ReplyTo;
use super::{Handles, Message};
use crate::sync::Mutex;

type Reply<M> = ReplyTo<<M as Message>::Reply, <M as Message>::Refusal>;

/// A run of messages `M`, oldest first; at least one.
pub struct Batch<M: Message> {
    items: VecDeque<Item<M>>,
}

/// One message of a batch; dereferences to it.
#[must_use = "dropping it leaves its asker to the handler's error"]
pub struct Item<M: Message> {
    message: M,
    reply: Option<Reply<M>>,
    unanswered: Arc<Unanswered<M>>,
}

/// The answers that items left behind. `None` when the handler has ended: then they are answered at once.
struct Unanswered<M: Message>(Mutex<Option<Vec<Reply<M>>>>);

/// What the generated code keeps of a batch, to answer for the handler.
pub struct BatchReplies<M: Message>(Arc<Unanswered<M>>);

/// Takes the run of messages `M` behind `first`, up to `len_max` in all.
pub fn take_batch<A: Handles<M>, M: Message>(
    ctx: &mut Context<A>,
    first: Envelope<M>,
    handler: usize,
    len_max: usize,
) -> (Batch<M>, BatchReplies<M>) {
    let unanswered = Arc::new(Unanswered(Mutex::new(Some(Vec::new()))));
    let mut items = VecDeque::new();
    let mut next = Some(first);
    while let Some(envelope) = next {
        let (message, reply) = envelope.open();
        items.push_back(Item { message, reply: Some(reply), unanswered: unanswered.clone() });
        let is_same = |message: &A::Message| A::handler_of(message) == handler;
        next = if items.len() < len_max { ctx.link().pop_if(is_same).map(A::unwrap) } else { None };
    }
    // Each caller has a deadline of its own: what the handler asks for all of them inherits none.
    super::scope::inherit_deadline(None);
    ctx.begin_batch(items.len());
    (Batch { items }, BatchReplies(unanswered))
}

impl<M: Message> Batch<M> {
    /// How many messages.
    #[expect(clippy::len_without_is_empty, reason = "a batch starts with at least one message")]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &M> {
        self.items.iter().map(|item| &item.message)
    }
}

impl<M: Message> IntoIterator for Batch<M> {
    type Item = Item<M>;
    type IntoIter = vec_deque::IntoIter<Item<M>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<M: Message> Item<M> {
    /// Answers this item's asker.
    pub fn reply(mut self, value: M::Reply) {
        self.take_reply().reply(value);
    }

    /// Refuses this item.
    pub fn refuse(mut self, refusal: M::Refusal) {
        self.take_reply().refuse(refusal);
    }

    /// Answers or refuses.
    pub fn send(mut self, outcome: Result<M::Reply, M::Refusal>) {
        self.take_reply().send(outcome);
    }

    /// Whether its asker is gone.
    pub fn is_cancelled(&self) -> bool {
        self.reply.as_ref().is_some_and(ReplyTo::is_cancelled)
    }

    fn take_reply(&mut self) -> Reply<M> {
        self.reply.take().expect("an item is answered by value, so once")
    }
}

impl<M: Message> Deref for Item<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M: Message> Drop for Item<M> {
    fn drop(&mut self) {
        let Some(reply) = self.reply.take() else { return };
        // While panicking the token itself says so.
        if !std::thread::panicking()
            && let Some(unanswered) = &mut *self.unanswered.0.lock()
        {
            unanswered.push(reply);
        }
    }
}

impl<M: Message> BatchReplies<M> {
    /// The handler ended and has no error to tell.
    pub fn finish(self) {
        // Each token that is dropped says `Unanswered`.
        drop(self.take());
    }

    /// The handler ended; its error answers every item not yet answered.
    pub fn finish_with(self, outcome: Result<(), M::Refusal>)
    where
        M::Refusal: Clone,
    {
        let replies = self.take();
        if let Err(refusal) = outcome {
            for reply in replies {
                reply.refuse(refusal.clone());
            }
        }
    }

    fn take(&self) -> Vec<Reply<M>> {
        self.0.0.lock().take().unwrap_or_default()
    }
}

impl<M: Message> Drop for BatchReplies<M> {
    fn drop(&mut self) {
        // The handler panicked or was killed: its items' tokens say which.
        drop(self.take());
    }
}
