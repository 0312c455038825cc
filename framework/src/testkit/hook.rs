//! Keeps the panics of runs off the terminal: there are thousands of them, and the report has the one that counts.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    /// Where this thread last panicked while it was quiet.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// While it lives, panics of this thread are not printed. The hook of before goes on for all other threads.
pub(super) struct Quiet {
    before: bool,
}

impl Quiet {
    pub(super) fn begin() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if IS_QUIET.get() {
                    PLACE.set(info.location().map(ToString::to_string));
                } else {
                    usual(info);
                }
            }));
        });
        Quiet { before: IS_QUIET.replace(true) }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IS_QUIET.set(self.before);
    }
}

/// What a panic that was caught on this thread said, and where it was.
pub(super) fn describe(payload: &(dyn Any + Send)) -> (String, Option<String>) {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    (text.unwrap_or("a panic whose payload is no text").to_owned(), PLACE.take())
}
