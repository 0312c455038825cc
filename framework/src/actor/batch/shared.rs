//! What a batch, its items and its handler have in common.
//!
//! ```text
//!   Context ── keeps ──> Arc<Shared>  <── Batch, its iterator, each Item, whoever runs the handler
//!                        [ copy | left behind | followers | buffers ]    gone when all is answered, and then used again
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Outcome, Reply};
use crate::actor::Message;
use crate::sync::Mutex;

/// How an answer is copied.
pub(super) type Copies<M> = fn(&Outcome<M>) -> Outcome<M>;

/// The actor keeps it for its next batch.
pub(super) struct Shared<M: Message> {
    /// How an answer is copied for those that had the same key. Set while nobody else has it.
    copy: Option<Copies<M>>,
    state: Mutex<State<M>>,
}

struct State<M: Message> {
    /// What items left behind.
    unanswered: Vec<Left<M>>,
    /// Which call of the handler this is; `None` when it has ended: items that are left behind from now on, and those of
    /// an earlier call, are answered at once.
    call: Option<u32>,
    /// By the item that stands for them: who gets a copy of its answer.
    followers: Vec<(u32, Option<Reply<M>>)>,
    /// The items' memory between two batches.
    buffer: Buffer<M>,
}

/// Messages and where their answers go; beside them the items' numbers, where those matter.
pub(super) struct Buffer<M: Message> {
    pub(super) queued: VecDeque<(M, Reply<M>)>,
    pub(super) numbers: VecDeque<u32>,
}

/// An item that was dropped without an answer.
pub(super) struct Left<M: Message> {
    pub(super) number: u32,
    /// If it may be needed again.
    pub(super) message: Option<M>,
    pub(super) reply: Reply<M>,
}

impl<M: Message> Default for Buffer<M> {
    fn default() -> Self {
        Buffer { queued: VecDeque::new(), numbers: VecDeque::new() }
    }
}

impl<M: Message> Default for Shared<M> {
    fn default() -> Self {
        let state =
            State { unanswered: Vec::new(), call: None, followers: Vec::new(), buffer: Buffer::default() };
        Shared { copy: None, state: Mutex::new(state) }
    }
}

impl<M: Message> Shared<M> {
    /// What is kept of the last batch, if nobody has an item of it any more.
    pub(super) fn begin(kept: &mut Arc<Self>, copy: Option<Copies<M>>) -> (Arc<Self>, Buffer<M>) {
        if Arc::get_mut(kept).is_none() {
            *kept = Arc::default();
        }
        let shared = Arc::get_mut(kept).expect("it was just made");
        shared.copy = copy;
        let mut state = shared.state.lock();
        state.call = Some(0);
        let buffer = std::mem::take(&mut state.buffer);
        drop(state);
        (kept.clone(), buffer)
    }

    /// The handler is called again, with other items.
    pub(super) fn next_call(&self) -> (u32, Buffer<M>) {
        let mut state = self.state.lock();
        let call = state.call.map_or(0, |call| call + 1);
        state.call = Some(call);
        (call, std::mem::take(&mut state.buffer))
    }

    pub(super) fn keep_buffer(&self, buffer: Buffer<M>) {
        self.state.lock().buffer = buffer;
    }

    /// An item of this call was dropped unanswered.
    pub(super) fn leave(&self, call: u32, left: Left<M>) {
        let mut state = self.state.lock();
        if state.call == Some(call) {
            state.unanswered.push(left);
        } else {
            drop(state);
            // Too late for the handler's error.
            self.settle(left.number, left.reply, None);
        }
    }

    /// The call has ended: what it left behind. To be given back by [`keep_list`](Self::keep_list).
    pub(super) fn end_call(&self) -> Vec<Left<M>> {
        let mut state = self.state.lock();
        state.call = None;
        std::mem::take(&mut state.unanswered)
    }

    /// Gives the memory of a list back, with nothing in it.
    pub(super) fn keep_list(&self, list: Vec<Left<M>>) {
        debug_assert!(list.is_empty());
        self.state.lock().unanswered = list;
    }

    /// Who has the same key as the items of these numbers.
    pub(super) fn set_followers(&self, followers: impl Iterator<Item = (u32, Reply<M>)>) {
        let mut state = self.state.lock();
        state.followers.clear();
        state.followers.extend(followers.map(|(number, reply)| (number, Some(reply))));
        state.followers.sort_unstable_by_key(|(number, _)| *number);
    }

    /// Answers an item, and those that have the same key. No outcome: each token says by itself that there is none.
    pub(super) fn settle(&self, number: u32, reply: Reply<M>, outcome: Option<Outcome<M>>) {
        if let Some(copy) = self.copy {
            for follower in self.take_followers(number) {
                match &outcome {
                    Some(outcome) => follower.send(copy(outcome)),
                    None => drop(follower),
                }
            }
        }
        match outcome {
            Some(outcome) => reply.send(outcome),
            None => drop(reply),
        }
    }

    fn take_followers(&self, number: u32) -> Vec<Reply<M>> {
        let mut state = self.state.lock();
        let from = state.followers.partition_point(|(of, _)| *of < number);
        let of_it = state.followers[from..].iter_mut().take_while(|(of, _)| *of == number);
        // No allocation where there are none.
        of_it.filter_map(|(_, reply)| reply.take()).collect()
    }

    /// Whether all that have the same key as this item are gone as well.
    pub(super) fn is_cancelled(&self, number: u32) -> bool {
        self.copy.is_none() || {
            let state = self.state.lock();
            let mut of_it = state.followers.iter().filter(|(of, _)| *of == number);
            of_it.all(|(_, reply)| reply.as_ref().is_none_or(Reply::<M>::is_cancelled))
        }
    }
}
