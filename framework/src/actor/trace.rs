//! A span a message, and what caused it.
//!
//! ```text
//!   sender, in its span ──ask, tell──> the answer's slot carries the cause ──open──> the message's span:
//!   (a handler's, a request's)         until the answer is written                   follows the sender's,
//!                                                                                    cause=Orders#2.place
//! ```
//!
//! **What it is.** Where the level DEBUG is on at all, each message runs in a span `message` of the target
//! `ostraca::message`, with its actor, its handler and its cause: the message whose handler sent it, or the span that
//! the sender stood in. The span *follows* the cause's. On an asker's own thread it lies in the asker's span besides.
//! An async handler is polled in its span, also in a new home.
//!
//! **Cost.** Where DEBUG is off: one look at tracing's static level a tell, and one a turn; none an ask that runs where
//! its asker stands, which goes by a bit that the cell's last runner has set. Where it is on: a span, the actor's name
//! and a small allocation a message, and asks are in an envelope, always.
//!
//! **Switched while it runs.** A cell that only askers run notices with the next message that is timed: within 128.
//!
//! **Bad at.** Whoever switches DEBUG on for another target pays for causes too, and for no spans.

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
}

impl Cause {
    /// The caller's, if it stands in anything.
    #[cold]
    pub(super) fn here() -> Option<Box<Self>> {
        let (span, message) = (Span::current(), RUNNING.with_borrow(Clone::clone));
        (message.is_some() || !span.is_none()).then(|| Box::new(Cause { span, message }))
    }

    /// Tells the span of the message that runs now.
    pub(super) fn record(&self) {
        let running = Span::current();
        running.follows_from(&self.span);
        match (&self.message, self.span.metadata()) {
            (Some(message), _) => running.record("cause", &**message),
            (None, Some(metadata)) => running.record("cause", metadata.name()),
            (None, None) => &running,
        };
    }
}

/// Whether the message that is opened now has a span that wants to know its cause.
#[inline]
pub(super) fn wants_cause() -> bool {
    scope::is_traced()
}

/// The span of a message that runs, or waits in an await.
pub(super) struct Traced {
    span: Span,
    name: Arc<str>,
}

/// A span that this thread is in.
struct InSpan {
    _entered: EnteredSpan,
    traced: Traced,
    /// Of the cell whose message it is.
    cell: usize,
    was_traced: bool,
    outer: Option<Arc<str>>,
}

impl Traced {
    #[cold]
    pub(super) fn new(actor: &dyn std::fmt::Display, handler: &'static str) -> Self {
        let span = tracing::debug_span!(
            target: "ostraca::message", "message", %actor, handler, cause = tracing::field::Empty,
        );
        Traced { span, name: format!("{actor}.{handler}").into() }
    }

    /// Enters the span, until [`leave`] of the same cell.
    #[cold]
    pub(super) fn enter(self, cell: usize) {
        let in_span = InSpan {
            _entered: self.span.clone().entered(),
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
    let InSpan { _entered: entered, traced, was_traced, outer, .. } = last;
    scope::set_traced(was_traced);
    RUNNING.set(outer);
    // Its subscriber is foreign code, and may be told only now that nothing is borrowed.
    drop(entered);
    Some(traced)
}
