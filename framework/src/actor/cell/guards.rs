//! What keeps the rare apart from a push.

/// Between a ticket and its message nothing may unwind: the consumer would wait for ever.
pub(super) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    #[cold]
    fn drop(&mut self) {
        std::process::abort();
    }
}

#[cold]
#[inline(never)]
pub(super) fn out_of_line<T>(does: impl FnOnce() -> T) -> T {
    does()
}
