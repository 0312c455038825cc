//! Batches: a run of queued messages of one kind, handed to one call of a handler.
//!
//! **Guarantees.** A batch ends at the first message of another kind, so batching never reorders. Each item has
//! its own answer. One that is not answered when the handler ends gets the handler's error if it returned one,
//! [`AskError::Unanswered`](crate::AskError::Unanswered) if not, [`AskError::Panicked`] if it panicked: an asker never hangs and never gets
//! its neighbour's answer. Items moved out of the handler (into a task, say) may be answered later.
//!
//! **Cost.** Nothing is allocated in steady state: the actor keeps the memory of its longest batch of each kind, and
//! uses it for the next. An item moved out of the handler costs the next batch that comes before it is answered a new
//! list and a new buffer. A lock, which nobody else wants, when the handler has its last item and when it ends.
//!
//! ```text
//!   Context ── keeps ──> Arc<Shared>  <── Batch, its iterator, each Item, BatchReplies: gone when all is answered,
//!                        [ replies | buffer ]                                           and then used again
//! ```

use std::collections::VecDeque;
use std::iter::FusedIterator;
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
    items: BatchItems<M>,
}

/// The items of a batch, oldest first.
pub struct BatchItems<M: Message> {
    queued: VecDeque<(M, Reply<M>)>,
    shared: Arc<Shared<M>>,
}

/// One message of a batch; dereferences to it.
#[must_use = "dropping it leaves its asker to the handler's error"]
pub struct Item<M: Message> {
    message: M,
    reply: Option<Reply<M>>,
    /// None of an item that was told.
    shared: Option<Arc<Shared<M>>>,
}

/// What the generated code keeps of a batch, to answer for the handler.
pub struct BatchReplies<M: Message>(Arc<Shared<M>>);

/// What a batch, its items and its handler have in common. The actor keeps it for its next batch.
struct Shared<M: Message>(Mutex<State<M>>);

struct State<M: Message> {
    /// The answers that items left behind.
    unanswered: Vec<Reply<M>>,
    /// The handler has ended: items that are left behind from now on are answered at once.
    is_over: bool,
    /// The items' memory between two batches.
    buffer: VecDeque<(M, Reply<M>)>,
}

impl<M: Message> Default for Shared<M> {
    fn default() -> Self {
        Shared(Mutex::new(State { unanswered: Vec::new(), is_over: false, buffer: VecDeque::new() }))
    }
}

/// Takes the run of messages `M` behind `first`, up to `len_max` in all.
pub fn take_batch<A: Handles<M>, M: Message>(
    ctx: &mut Context<A>,
    first: Envelope<M>,
    handler: usize,
    len_max: usize,
) -> (Batch<M>, BatchReplies<M>) {
    let shared = begin::<A, M>(ctx);
    let mut queued = std::mem::take(&mut shared.0.lock().buffer);
    queued.push_back(first.open_of_many());
    ctx.cell_link().take_run(handler, len_max - queued.len(), |message| {
        queued.push_back(A::unwrap(message).open_of_many());
    });
    // Each caller has a deadline of its own: what the handler asks for all of them inherits none.
    super::scope::inherit_deadline(None);
    ctx.begin_batch(queued.len());
    (Batch { items: BatchItems { queued, shared: shared.clone() } }, BatchReplies(shared))
}

/// What the last batch of this kind left, if nobody has an item of it any more.
fn begin<A: Handles<M>, M: Message>(ctx: &mut Context<A>) -> Arc<Shared<M>> {
    let kept = ctx.kept::<Arc<Shared<M>>>();
    if Arc::get_mut(kept).is_none() {
        *kept = Arc::default();
    }
    kept.0.lock().is_over = false;
    kept.clone()
}

impl<M: Message> Batch<M> {
    /// How many messages.
    #[expect(clippy::len_without_is_empty, reason = "a batch starts with at least one message")]
    pub fn len(&self) -> usize {
        self.items.queued.len()
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &M> {
        self.items.queued.iter().map(|(message, _)| message)
    }
}

impl<M: Message> IntoIterator for Batch<M> {
    type Item = Item<M>;
    type IntoIter = BatchItems<M>;

    fn into_iter(self) -> Self::IntoIter {
        self.items
    }
}

impl<M: Message> Iterator for BatchItems<M> {
    type Item = Item<M>;

    fn next(&mut self) -> Option<Item<M>> {
        let (message, reply) = self.queued.pop_front()?;
        // Of what was told nobody waits for an answer.
        let shared = reply.is_awaited().then(|| self.shared.clone());
        Some(Item { message, reply: Some(reply), shared })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.queued.len(), Some(self.queued.len()))
    }
}

impl<M: Message> ExactSizeIterator for BatchItems<M> {}

impl<M: Message> FusedIterator for BatchItems<M> {}

impl<M: Message> Drop for BatchItems<M> {
    fn drop(&mut self) {
        // One at a time, as items: whoever asked gets what an item that is dropped gives.
        self.by_ref().for_each(drop);
        self.shared.0.lock().buffer = std::mem::take(&mut self.queued);
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
        let Some(shared) = &self.shared else { return };
        let Some(reply) = self.reply.take() else { return };
        // While panicking the token itself says so.
        if std::thread::panicking() {
            return;
        }
        let mut state = shared.0.lock();
        if !state.is_over {
            state.unanswered.push(reply);
        }
    }
}

impl<M: Message> BatchReplies<M> {
    /// The handler ended and has no error to tell.
    pub fn finish(self) {
        drop(self);
    }

    /// The handler ended; its error answers every item not yet answered.
    pub fn finish_with(self, outcome: Result<(), M::Refusal>)
    where
        M::Refusal: Clone,
    {
        if let Err(refusal) = outcome {
            self.end(|reply| reply.refuse(refusal.clone()));
        }
    }

    fn end(&self, answer: impl FnMut(Reply<M>)) {
        let mut unanswered = {
            let mut state = self.0.0.lock();
            state.is_over = true;
            std::mem::take(&mut state.unanswered)
        };
        // Without the lock: to answer may run foreign code.
        unanswered.drain(..).for_each(answer);
        self.0.0.lock().unanswered = unanswered;
    }
}

impl<M: Message> Drop for BatchReplies<M> {
    fn drop(&mut self) {
        // Each token that is dropped says `Unanswered`, or that the handler panicked.
        self.end(drop);
    }
}
