//! A span a message, and what caused it.
//!
//! ```text
//!   sender, in its span ──ask, tell──> the answer's slot carries the cause ──open──> the message's span:
//!   (a handler's, a request's)         until the message is opened                   an ask's within the sender's,
//!                    └─ span `waiting` (feature `otel`) ─────────────────┘           a tell's follows it;
//!                                                                                    cause=Orders#2.place
//! ```
//!
//! **What it is.** Where the level DEBUG is on at all, each message runs in a span `message` of the target
//! `ostraca::message`, with its actor, its handler and its cause: the message whose handler sent it, or the span that
//! the sender stood in. An ask's span is a child of its asker's, so that what a request asked for, and that in turn, is
//! one tree; its asker waits, so the tree is no deeper than asks are nested. A tell's span *follows* its sender's: as a
//! child it would keep its parent open, and an actor that tells itself would have a chain without an end. Of a batch the
//! first message decides, and the span follows the others' causes. An async handler is polled in its span, also in a new
//! home. The span begins when the message is [opened](super::message::Envelope::open): only then its cause is known.
//!
//! **Waiting.** With the feature `otel` each message with a cause has a second span `waiting` in its sender's, from when
//! it was sent until it is opened: the time in the mailbox, in any viewer of traces.
//!
//! **Cost.** Where DEBUG is off: one look at tracing's static level a tell, and one a turn; none an ask that runs where
//! its asker stands, which goes by a bit that the cell's last runner has set. Where it is on: a span (two with `otel`),
//! the actor's name and a small allocation a message, and asks are in an envelope, always.
//!
//! **Switched while it runs.** A cell that only askers run notices with the next message that is timed: within 128.
//!
//! **Bad at.** Whoever switches DEBUG on for another target pays for causes too, and for no spans. An actor written by
//! hand that takes a message without opening its envelope has no span of it.

use std::cell::RefCell;
use std::sync::Arc;

use tracing::span::EnteredSpan;
use tracing::{Level, Span};

use super::scope;

thread_local! {
    /// The message whose handler runs: `Orders#2.place`.
    static RUNNING: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
    /// The spans this thread is in: more than one where turns are nested.
    static ENTERED: RefCell<Vec<InSpan>> = const { RefCell::new(Vec::new()) };
}

/// Whether anything may want spans or causes.
#[inline]
pub(super) fn is_on() -> bool {
    tracing::level_enabled!(Level::DEBUG)
}

/// Why a message was sent.
pub(super) struct Cause {
    /// Kept open, so that it can be followed.
    span: Span,
    /// The message whose handler sent it.
    message: Option<Arc<str>>,
    /// The sender waits for the answer.
    is_asked: bool,
    /// Open until the message is opened, or dropped.
    #[cfg(feature = "otel")]
    waiting: Span,
}

impl Cause {
    /// The caller's, if it stands in anything.
    #[cold]
    pub(super) fn here(is_asked: bool) -> Option<Box<Self>> {
        let (span, message) = (Span::current(), RUNNING.with_borrow(Clone::clone));
        (message.is_some() || !span.is_none()).then(|| {
            Box::new(Cause {
                #[cfg(feature = "otel")]
                waiting: tracing::debug_span!(
                    target: "ostraca::message", parent: &span, "waiting", message = tracing::field::Empty,
                ),
                span,
                message,
                is_asked,
            })
        })
    }

    /// The span of a message that was sent for this, not entered yet.
    fn span_of(&self, traced: &Traced) -> Span {
        #[cfg(feature = "otel")]
        self.waiting.record("message", &*traced.name);
        let (actor, handler) = (traced.actor(), traced.handler);
        let parent = self.span.id().filter(|_| self.is_asked);
        let span = tracing::debug_span!(
            target: "ostraca::message", parent: parent, "message", actor, handler, cause = tracing::field::Empty,
        );
        if !self.is_asked {
            span.follows_from(&self.span);
        }
        match (&self.message, self.span.metadata()) {
            (Some(message), _) => span.record("cause", &**message),
            (None, Some(metadata)) => span.record("cause", metadata.name()),
            (None, None) => &span,
        };
        span
    }
}

/// Whether the message that is opened now has a span that wants to know its cause.
#[inline]
pub(super) fn wants_cause() -> bool {
    scope::is_traced()
}

/// Begins the span of the message that is opened now. Of those of a batch the first begins it.
#[cold]
pub(super) fn begin(cause: Option<&Cause>) {
    let pending = ENTERED.with_borrow_mut(|entered| {
        let last = entered.last_mut()?;
        // Taken, because a subscriber is foreign code and may be told only while nothing is borrowed.
        last.traced.span.is_none().then(|| last.traced.clone())
    });
    let Some(traced) = pending else {
        if let Some(cause) = cause {
            #[cfg(feature = "otel")]
            RUNNING.with_borrow(|running| cause.waiting.record("message", running.as_deref()));
            Span::current().follows_from(&cause.span);
        }
        return;
    };
    let span = match cause {
        Some(cause) => cause.span_of(&traced),
        None => {
            let (actor, handler) = (traced.actor(), traced.handler);
            tracing::debug_span!(
                target: "ostraca::message", "message", actor, handler, cause = tracing::field::Empty,
            )
        }
    };
    let span_entered = span.clone().entered();
    ENTERED.with_borrow_mut(|entered| {
        let last = entered.last_mut().expect("it was there, and spans come and go in order");
        last.traced.span = Some(span);
        last.entered = Some(span_entered);
    });
}

/// The span of a message that runs, or waits in an await.
#[derive(Clone)]
pub(super) struct Traced {
    /// None before the message is opened.
    span: Option<Span>,
    /// `Orders#2.place`.
    name: Arc<str>,
    handler: &'static str,
}

/// A message's span that this thread is in.
struct InSpan {
    entered: Option<EnteredSpan>,
    traced: Traced,
    /// Of the cell whose message it is.
    cell: usize,
    was_traced: bool,
    outer: Option<Arc<str>>,
}

impl Traced {
    #[cold]
    pub(super) fn new(actor: &dyn std::fmt::Display, handler: &'static str) -> Self {
        Traced { span: None, name: format!("{actor}.{handler}").into(), handler }
    }

    fn actor(&self) -> tracing::field::DisplayValue<&str> {
        tracing::field::display(&self.name[..self.name.len() - self.handler.len() - 1])
    }

    /// Enters the span, if it has begun, until [`leave`] of the same cell.
    #[cold]
    pub(super) fn enter(self, cell: usize) {
        let in_span = InSpan {
            entered: self.span.clone().map(Span::entered),
            cell,
            was_traced: scope::set_traced(true),
            outer: RUNNING.replace(Some(self.name.clone())),
            traced: self,
        };
        ENTERED.with_borrow_mut(|entered| entered.push(in_span));
    }
}

/// Leaves the span that was entered last, if it is of the cell at `cell`: after a panic it may be none.
#[cold]
pub(super) fn leave(cell: usize) -> Option<Traced> {
    let last = ENTERED.with_borrow_mut(|entered| entered.pop_if(|last| last.cell == cell))?;
    let InSpan { entered, traced, was_traced, outer, .. } = last;
    scope::set_traced(was_traced);
    RUNNING.set(outer);
    // Its subscriber is foreign code, and may be told only now that nothing is borrowed.
    drop(entered);
    Some(traced)
}
