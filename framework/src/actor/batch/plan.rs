//! What a batched handler says about its batches: the options of `#[handler(batch(..))]`.

use std::hash::RandomState;
use std::time::Duration;

use super::shared::Copies;
use super::tuned::Tuned;
use crate::actor::Message;

/// When a batch of messages `M` is closed, and what becomes of one that fails. The macro writes it.
pub struct BatchPlan<M: Message> {
    pub(super) handler: usize,
    pub(super) len_min: usize,
    pub(super) len_max: usize,
    pub(super) bytes_max: usize,
    pub(super) wait: Wait,
    pub(super) on_error: OnError,
    pub(super) dedup: Option<Dedup<M>>,
}

/// How long a batch shorter than `len_min` is held open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Never,
    AtMost(Duration),
    Adaptive,
}

/// What becomes of the messages that a failed call has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    FailAll,
    Retry { max: u32, backoff_min: Duration, backoff_max: Duration },
    Bisect,
}

/// How messages with the same key are told, and answered by one.
pub(super) struct Dedup<M: Message> {
    pub(super) hash: fn(&M, &RandomState) -> u64,
    pub(super) is_same: fn(&M, &M) -> bool,
    pub(super) copy: Copies<M>,
}

impl<M: Message> Clone for Dedup<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Message> Copy for Dedup<M> {}

impl<M: Message> BatchPlan<M> {
    /// Batches of at most `len_max` messages, for the handler of this index.
    pub fn new(handler: usize, len_max: usize) -> Self {
        BatchPlan {
            handler,
            len_min: 1,
            len_max: len_max.max(1),
            bytes_max: usize::MAX,
            wait: Wait::Never,
            on_error: OnError::FailAll,
            dedup: None,
        }
    }

    /// A batch that waits is closed when it holds so many messages.
    #[must_use]
    pub fn len_min(mut self, len_min: usize) -> Self {
        self.len_min = len_min.clamp(1, self.len_max);
        self
    }

    /// The most bytes of messages in a batch, by [`Message::size`]; one message may be larger.
    #[must_use]
    pub fn bytes_max(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// How long a batch is held open for more messages.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> Self {
        self.wait = Wait::AtMost(wait_max);
        self
    }

    /// A batch is held open while that pays, and never longer than a call costs beside its messages.
    #[must_use]
    pub fn wait_adaptive(mut self) -> Self {
        self.wait = Wait::Adaptive;
        self
    }

    /// What a failed call left is tried again whole, at most `max` times.
    #[must_use]
    pub fn retry(mut self, max: u32, backoff_min: Duration, backoff_max: Duration) -> Self {
        self.on_error = OnError::Retry { max, backoff_min, backoff_max };
        self
    }

    /// What a failed call left is tried again in halves, down to single messages.
    #[must_use]
    pub fn bisect(mut self) -> Self {
        self.on_error = OnError::Bisect;
        self
    }

    /// One of the messages with the same key stands for all of them; `hash` and `is_same` are of the key.
    #[must_use]
    pub fn dedup(mut self, hash: fn(&M, &RandomState) -> u64, is_same: fn(&M, &M) -> bool) -> Self
    where
        M::Reply: Clone,
        M::Refusal: Clone,
    {
        self.dedup = Some(Dedup { hash, is_same, copy: Clone::clone });
        self
    }

    /// As it is tuned now.
    pub(super) fn tuned(mut self, tuned: &Tuned) -> Self {
        let len_max = tuned.len_max(self.len_max);
        // Who waits for a full batch still does.
        self.len_min = if self.len_min == self.len_max { len_max } else { self.len_min.min(len_max) };
        self.len_max = len_max;
        if let Wait::AtMost(own) = self.wait {
            self.wait = Wait::AtMost(tuned.wait_max(own));
        }
        self
    }

    /// Whether an item that is dropped unanswered may be needed again, told ones among them.
    pub(super) fn keeps_messages(&self) -> bool {
        self.on_error != OnError::FailAll
    }
}
