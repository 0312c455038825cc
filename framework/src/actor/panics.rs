//! A panic's message and backtrace, once.
//!
//! **What it is.** std's panic hook prints a panic before anybody can say whose it is; then the actor's failure is
//! logged, and the message stands there twice. After [`log_panics`] the hook keeps what it knows of a panic in an
//! actor's turn, its place and, if `RUST_BACKTRACE` asks for it, its backtrace, and the log of the failure shows all of
//! it once, with the actor and the handler. Other panics go to the hook that was there before.
//!
//! **Bad at.** A handler that catches a panic itself: that panic is not shown at all.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use super::lifecycle::{Failure, Label};
use super::scope;

thread_local! {
    static LAST: RefCell<Option<Details>> = const { RefCell::new(None) };
}

/// What only the hook knows of a panic.
struct Details {
    text: String,
    place: String,
    backtrace: Backtrace,
}

/// Shows each panic of an actor once, in the log of its failure, with the actor, the place and the backtrace; without
/// it std prints the panic too. A process has one panic hook, so this is the process's to call, best first in `main`:
/// it sets one that hands all other panics on. Called again, it does nothing.
pub fn log_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !scope::is_entered() {
                return before(panic);
            }
            let details = Details {
                text: Failure::text_of(panic.payload()).to_owned(),
                place: panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string),
                backtrace: Backtrace::capture(),
            };
            LAST.set(Some(details));
        }));
    });
}

/// Logs a failure, with what the hook kept of its panic.
pub(super) fn log(actor: &Label, failure: &Failure) {
    // Of an earlier panic, which a handler has caught itself, if the text is another.
    let details = LAST.take().filter(|details| failure.is_panic() && details.text == failure.text());
    match details {
        None => tracing::warn!(target: "ostraca::actor", %actor, "{failure}"),
        Some(Details { place, backtrace, .. }) if backtrace.status() == BacktraceStatus::Captured => {
            let backtrace = format_args!("\n{backtrace}");
            tracing::warn!(target: "ostraca::actor", %actor, %place, %backtrace, "{failure}");
        }
        Some(Details { place, .. }) => tracing::warn!(target: "ostraca::actor", %actor, %place, "{failure}"),
    }
}
