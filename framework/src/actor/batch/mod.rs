//! Batches: a run of queued messages of one kind, handed to one call of a handler.
//!
//! ```text
//!   mailbox [ d d d d d | other | d .. ]
//!             └── gather: what is there ──> leave out ──> one for each key ──> call ──> answer each
//!                  │    ^                   cancelled,      (dedup)             │ ^
//!                  └────┘ hold it open      expired                             └─┘ again, whole or in halves
//!                   (wait_max)                                                    (on_error)
//! ```
//!
//! **Guarantees.** A batch ends at the first message of another kind, so batching never reorders. Each message has
//! its own answer. One that is not answered when the handler ends gets the handler's error if it returned one,
//! [`AskError::Unanswered`](crate::AskError::Unanswered) if not, [`AskError::Panicked`](crate::AskError::Panicked) if it
//! panicked: an asker never hangs and never gets its neighbour's answer. Items moved out of the handler (into a task,
//! say) may be answered later. A message whose asker has gone, or whose deadline is over, when its batch is closed is
//! left out: it does not run, its asker is told [`AskError::Deadline`](crate::AskError::Deadline), and it is counted and a
//! dead letter. A batch that is held open keeps nobody out: control is obeyed at once, a stop closes the batch and runs
//! it, and what a kill or a failure of the actor finds in one that was not run yet is
//! [`AskError::Dropped`](crate::AskError::Dropped).
//!
//! **Cost.** Nothing is allocated in steady state: the actor keeps the memory of its longest batch of each kind, and
//! uses it for the next. An item moved out of the handler costs the next batch that comes before it is answered a new
//! list and a new buffer. A lock, which nobody else wants, when the handler has its last item and when it ends. While a
//! batch is held open each message that comes wakes the actor; while none is there, nothing happens.
//!
//! **Bad at.** Waits below a millisecond: timers have no less, so that a fixed one can be late by that much, and an
//! adaptive one takes turns with whatever else is ready. Values that differ under one key: `dedup` is for
//! messages that say the same.
//!
//! Files: [`plan`] says when a batch is closed; `take` is the way of a handler that only has a `len_max`, `gather` that of
//! all others; `adaptive` knows when waiting pays, `stats` what was.

mod adaptive;
mod gather;
mod plan;
mod rerun;
mod shared;
mod stats;
mod take;
mod tuned;

use std::iter::FusedIterator;
use std::ops::Deref;
use std::sync::Arc;

use super::Message;
use super::reply::ReplyTo;
use shared::{Buffer, Left, Shared};

pub use gather::Gathered;
pub use plan::BatchPlan;
pub(crate) use stats::{BatchCells, Batched};
pub use stats::{BatchStats, ClosedBy};
pub(super) use take::LeftOut;
pub use take::{BatchReplies, take_batch};
pub(crate) use tuned::Tuned;

type Reply<M> = ReplyTo<<M as Message>::Reply, <M as Message>::Refusal>;
type Outcome<M> = Result<<M as Message>::Reply, <M as Message>::Refusal>;

/// A run of messages `M`, oldest first; at least one.
///
/// ```
/// use ostraca::prelude::*;
///
/// /// A line to be written; answered with its number.
/// #[derive(Message)]
/// #[message(reply = u64)]
/// struct Line(String);
///
/// # struct Log { len: u64 }
/// #[actor]
/// impl Log {
/// #   #[start] fn start() -> Self { Log { len: 0 } }
///     #[handler(batch(len_max = 256))]
///     async fn line(&mut self, batch: Batch<Line>) {
///         let text: String = batch.iter().map(|line| line.0.as_str()).collect();
///         // .. one write of `text` ..
///         for line in batch {
///             self.len += 1;
///             line.reply(self.len);
///         }
///     }
/// }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// # let log = system.spawn::<Log>(()).await?;
///
/// assert_eq!(log.line(Line("first".to_owned())).await?, 1);
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct Batch<M: Message> {
    items: BatchItems<M>,
}

/// The items of a batch, oldest first.
pub struct BatchItems<M: Message> {
    buffer: Buffer<M>,
    shared: Arc<Shared<M>>,
    keeps: Keeps,
    call: u32,
}

/// What becomes of an item that is dropped unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// Its asker is left to the handler's error; of what was told nobody waits for an answer.
    Reply,
    /// As above, and others may wait for the same answer.
    Number,
    /// The handler may be called with it again.
    Message,
}

/// One message of a batch; dereferences to it.
#[must_use = "dropping it leaves its asker to the handler's error"]
pub struct Item<M: Message> {
    /// Until it is dropped.
    message: Option<M>,
    reply: Option<Reply<M>>,
    /// None of an item that was told, where that is all.
    shared: Option<Arc<Shared<M>>>,
    number: u32,
    call: u32,
    keeps: Keeps,
}

impl<M: Message> Batch<M> {
    fn new(buffer: Buffer<M>, shared: Arc<Shared<M>>, keeps: Keeps, call: u32) -> Self {
        Batch { items: BatchItems { buffer, shared, keeps, call } }
    }

    /// How many messages.
    #[expect(clippy::len_without_is_empty, reason = "a batch starts with at least one message")]
    pub fn len(&self) -> usize {
        self.items.buffer.queued.len()
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &M> {
        self.items.buffer.queued.iter().map(|(message, _)| message)
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
        let (message, reply) = self.buffer.queued.pop_front()?;
        let (keeps, call) = (self.keeps, self.call);
        let is_shared = keeps != Keeps::Reply || reply.is_awaited();
        let shared = is_shared.then(|| self.shared.clone());
        let number = if keeps == Keeps::Reply { 0 } else { self.buffer.number() };
        Some(Item { message: Some(message), reply: Some(reply), shared, number, call, keeps })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.buffer.queued.len(), Some(self.buffer.queued.len()))
    }
}

impl<M: Message> ExactSizeIterator for BatchItems<M> {}

impl<M: Message> FusedIterator for BatchItems<M> {}

impl<M: Message> Drop for BatchItems<M> {
    fn drop(&mut self) {
        // One at a time, as items: whoever asked gets what an item that is dropped gives.
        self.by_ref().for_each(drop);
        self.shared.keep_buffer(std::mem::take(&mut self.buffer));
    }
}

impl<M: Message> Buffer<M> {
    fn number(&mut self) -> u32 {
        self.numbers.pop_front().expect("each message has its number")
    }
}

impl<M: Message> Item<M> {
    /// Answers this item's asker.
    pub fn reply(self, value: M::Reply) {
        self.send(Ok(value));
    }

    /// Refuses this item.
    pub fn refuse(self, refusal: M::Refusal) {
        self.send(Err(refusal));
    }

    /// Answers or refuses.
    #[inline]
    pub fn send(mut self, outcome: Result<M::Reply, M::Refusal>) {
        let reply = self.reply.take().expect("an item is answered by value, so once");
        match &self.shared {
            Some(shared) if self.keeps != Keeps::Reply => shared.settle(self.number, reply, Some(outcome)),
            _ => reply.send(outcome),
        }
    }

    /// Whether its asker is gone, and everybody else who waits for the same answer.
    pub fn is_cancelled(&self) -> bool {
        self.reply.as_ref().is_some_and(ReplyTo::is_cancelled)
            && self.shared.as_ref().is_none_or(|shared| shared.is_cancelled(self.number))
    }
}

impl<M: Message> Deref for Item<M> {
    type Target = M;

    fn deref(&self) -> &M {
        self.message.as_ref().expect("it is there until the item is dropped")
    }
}

impl<M: Message> Drop for Item<M> {
    fn drop(&mut self) {
        let Some(shared) = &self.shared else { return };
        let Some(reply) = self.reply.take() else { return };
        if std::thread::panicking() {
            // The tokens themselves say so.
            return shared.settle(self.number, reply, None);
        }
        let message = if self.keeps == Keeps::Message { self.message.take() } else { None };
        shared.leave(self.call, Left { number: self.number, message, reply });
    }
}

/// Answers all that a call left behind, in the order of its messages.
fn settle_all<M: Message>(
    shared: &Shared<M>,
    mut left: Vec<Left<M>>,
    mut outcome: impl FnMut() -> Option<Outcome<M>>,
) {
    for Left { number, message, reply } in left.drain(..) {
        shared.settle(number, reply, outcome());
        drop(message);
    }
    shared.keep_list(left);
}
