//! The short way: a handler that only bounds the length of its batches.

use std::sync::Arc;
use std::time::Instant;

use super::shared::Shared;
use super::{Batch, Keeps, settle_all};
use crate::actor::cell::Cell;
use crate::actor::context::Context;
use crate::actor::error::AskError;
use crate::actor::message::Envelope;
use crate::actor::{Actor, Handles, Message, scope, trace};

/// What the generated code keeps of a batch, to answer for the handler.
pub struct BatchReplies<M: Message> {
    shared: Arc<Shared<M>>,
    handler: usize,
    began: Option<Instant>,
}

/// What of a message that is to be left out.
#[derive(Default)]
pub(in super::super) struct LeftOut {
    pub(in super::super) cancelled: usize,
    pub(in super::super) expired: usize,
    /// The time, once it was wanted.
    now: Option<Instant>,
}

impl LeftOut {
    /// The message, unless its asker is gone or its deadline over; then the asker is told, and the message dropped: by
    /// itself, for the others that were taken are innocent of what its drop does.
    #[inline]
    pub(super) fn filter<A: Actor, M: Message>(
        &mut self,
        envelope: Envelope<M>,
        cell: &Cell<A>,
    ) -> Option<Envelope<M>> {
        if !envelope.is_asked() {
            return Some(envelope);
        }
        if envelope.is_cancelled() {
            self.cancelled += 1;
            cell.drop_apart(envelope);
            return None;
        }
        let Some(deadline) = envelope.deadline() else { return Some(envelope) };
        if deadline > *self.now.get_or_insert_with(|| cell.now()) || envelope.is_run_by_its_asker() {
            return Some(envelope);
        }
        self.expired += 1;
        let (message, reply) = envelope.into_parts();
        reply.fail(AskError::Deadline);
        cell.drop_apart(message);
        None
    }
}

/// Takes the run of messages `M` behind `first`, up to `len_max` in all. None: nobody waits for any of them any more.
pub fn take_batch<A: Handles<M>, M: Message>(
    ctx: &mut Context<A>,
    first: Envelope<M>,
    handler: usize,
    len_max: usize,
) -> Option<(Batch<M>, BatchReplies<M>)> {
    let len_max = ctx.batch_cells(handler).tuned.len_max(len_max);
    let (shared, mut buffer) = Shared::begin(ctx.kept::<Arc<Shared<M>>>(), None);
    let mut left_out = LeftOut::default();
    let is_traced = trace::wants_cause();
    let mut push = |envelope: Envelope<M>, cell: &Cell<A>| {
        if let Some(mut envelope) = left_out.filter(envelope, cell) {
            if is_traced {
                envelope.show_cause();
            }
            buffer.queued.push_back(envelope.open_of_many());
        }
    };
    let link = ctx.cell_link();
    push(first, link.cell());
    let closed_by = link.take_run(handler, len_max - 1, |message, cell| push(A::unwrap(message), cell));
    // Each caller has a deadline of its own: what the handler asks for all of them inherits none.
    scope::inherit_deadline(None);
    if left_out.cancelled + left_out.expired > 0 {
        ctx.leave_out(handler, &left_out);
    }
    if buffer.queued.is_empty() {
        ctx.set_in_hand(0);
        shared.keep_buffer(buffer);
        return None;
    }
    let began = ctx.begin_batch(handler, buffer.queued.len(), closed_by);
    Some((Batch::new(buffer, shared.clone(), Keeps::Reply, 0), BatchReplies { shared, handler, began }))
}

impl<M: Message> BatchReplies<M> {
    /// The handler ended and has no error to tell.
    pub fn finish<A: Handles<M>>(self, ctx: &Context<A>) {
        self.ended(ctx);
        drop(self);
    }

    /// The handler ended; its error answers every item not yet answered.
    pub fn finish_with<A: Handles<M>>(self, ctx: &Context<A>, outcome: Result<(), M::Refusal>)
    where
        M::Refusal: Clone,
    {
        self.ended(ctx);
        if let Err(refusal) = outcome {
            ctx.batch_cells(self.handler).failures.add(1);
            let left = self.shared.end_call();
            settle_all(&self.shared, left, || Some(Err(refusal.clone())));
        }
    }

    fn ended<A: Handles<M>>(&self, ctx: &Context<A>) {
        let cells = ctx.batch_cells(self.handler);
        cells.tuned.hold(0);
        if let Some(began) = self.began {
            cells.ran(ctx.now().saturating_duration_since(began));
        }
    }
}

impl<M: Message> Drop for BatchReplies<M> {
    fn drop(&mut self) {
        // Each token that is dropped says `Unanswered`, or that the handler panicked.
        let left = self.shared.end_call();
        settle_all(&self.shared, left, || None);
    }
}
