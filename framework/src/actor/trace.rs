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
//! **Switched while it runs.** A cell that only askers run notices with the next message that is timed: within 64.
//!
//! **Bad at.** Whoever switches DEBUG on for another target pays for causes too, and for no spans.

use std::cell::RefCell;
use std::sync::Arc;

use tracing::span::Entered;
use tracing::{Level, Span};

use super::scope;

thread_local! {
    /// The message whose handler runs: `Orders#2.place`.
    static RUNNING: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
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
    fn record(&self) {
        let running = Span::current();
        running.follows_from(&self.span);
        match (&self.message, self.span.metadata()) {
            (Some(message), _) => running.record("cause", &**message),
            (None, Some(metadata)) => running.record("cause", metadata.name()),
            (None, None) => &running,
        };
    }
}

/// A message is opened: `cause` is what it carries.
#[inline]
pub(super) fn opened(cause: impl FnOnce() -> Option<Box<Cause>>) {
    if scope::is_traced()
        && let Some(cause) = cause()
    {
        cause.record();
    }
}

/// The span of a message that runs, or waits in an await.
pub(super) struct Traced {
    span: Span,
    name: Arc<str>,
}

/// Leaves the span when dropped.
pub(super) struct InSpan<'a> {
    _entered: Entered<'a>,
    was_traced: bool,
    outer: Option<Arc<str>>,
}

impl Traced {
    pub(super) fn new(actor: &dyn std::fmt::Display, handler: &'static str) -> Self {
        let span = tracing::debug_span!(
            target: "ostraca::message", "message", %actor, handler, cause = tracing::field::Empty,
        );
        Traced { span, name: format!("{actor}.{handler}").into() }
    }

    pub(super) fn enter(&self) -> InSpan<'_> {
        InSpan {
            _entered: self.span.enter(),
            was_traced: scope::set_traced(true),
            outer: RUNNING.replace(Some(self.name.clone())),
        }
    }
}

impl Drop for InSpan<'_> {
    fn drop(&mut self) {
        scope::set_traced(self.was_traced);
        RUNNING.set(self.outer.take());
    }
}
