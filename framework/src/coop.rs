//! tokio's cooperative budget, spent by what is ready at once.
//!
//! **Why.** A task gives the thread back to tokio when something that it awaits is pending. A loop of asks, sends or
//! cached reads that are ready at once would never: so each spends of the task's budget, and when that is gone it is
//! pending for a moment, as any of tokio's own operations is.
//!
//! **A unit for several.** tokio gives a task 128 units a poll, made for operations of a microsecond or so. An ask of an
//! idle actor takes twenty nanoseconds: a task that went back to tokio after 128 of them would do so every three
//! microseconds, and where that makes tokio wake another thread it costs as much as all the asks. So of operations that
//! are [short](Unit) eight in a row share a unit. One that was not pays for itself, and so does the one after it.
//!
//! **Guarantees.** A task that does nothing else is back at tokio after 1,024 short operations, which is some 25 us of
//! sends and at most a quarter of a millisecond of asks; after 128 others. In a seeded run whose steps are counted
//! each operation is a step.
//!
//! **Cost.** A counter of the thread's; every eighth time tokio's.
//!
//! **Source.** The budget is that of [`tokio::task::coop`].

use std::cell::Cell;
use std::task::{Context, Poll, ready};

use tokio::task::coop::{self, RestoreOnPending};

/// Short operations that share a unit with the one that spends it.
const SHARERS: u8 = 7;

thread_local! {
    /// How many operations may still share the unit that was spent last, by whichever task.
    static LEFT: Cell<u8> = const { Cell::new(0) };
    /// How many may share one.
    static SHARED_BY: Cell<u8> = const { Cell::new(SHARERS) };
}

/// What an operation may spend. Given back when it is dropped, unless there was progress.
pub(crate) struct Unit(Option<RestoreOnPending>);

/// Spends for an operation that is about to look whether it is ready. It is taken for a short one, under a quarter of a
/// microsecond, unless it says that it [was long](was_long). Pending when the budget is gone: the task is polled anew.
#[inline]
pub(crate) fn poll_spend(cx: &mut Context<'_>) -> Poll<Unit> {
    let left = LEFT.get();
    if left > 0 {
        LEFT.set(left - 1);
        return Poll::Ready(Unit(None));
    }
    let unit = ready!(coop::poll_proceed(cx));
    LEFT.set(SHARED_BY.get());
    Poll::Ready(Unit(Some(unit)))
}

/// What runs now is not short: the next operation spends a unit.
#[inline]
pub(crate) fn was_long() {
    LEFT.set(0);
}

/// From here on, on this thread, each operation spends a unit of its own, or not; and the next does.
pub(crate) fn count_each(each: bool) {
    LEFT.set(0);
    SHARED_BY.set(if each { 0 } else { SHARERS });
}

impl Unit {
    #[inline]
    pub(crate) fn made_progress(self) {
        if let Some(unit) = self.0 {
            unit.made_progress();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// How many operations a task can do before it has to give way, each followed by `after`.
    fn ready_in_a_row(each: bool, after: fn()) -> u32 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let task = runtime.spawn(poll_fn(move |cx| {
            count_each(each);
            let mut count = 0;
            while let Poll::Ready(unit) = poll_spend(cx) {
                unit.made_progress();
                after();
                count += 1;
            }
            count_each(false);
            Poll::Ready(count)
        }));
        runtime.block_on(task).unwrap()
    }

    #[test]
    fn eight_short_operations_share_a_unit() {
        assert_eq!(ready_in_a_row(false, || ()), 1_024);
    }

    #[test]
    fn a_long_operation_has_a_unit_of_its_own() {
        assert_eq!(ready_in_a_row(false, was_long), 128);
    }

    #[test]
    fn where_each_is_counted_none_share() {
        assert_eq!(ready_in_a_row(true, || ()), 128);
    }

    #[test]
    fn what_was_pending_has_spent_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let task = runtime.spawn(poll_fn(|cx| {
            was_long();
            let pending = (0..1_000).all(|_| {
                was_long();
                poll_spend(cx).map(drop).is_ready()
            });
            Poll::Ready(pending)
        }));
        assert!(runtime.block_on(task).unwrap());
    }
}
