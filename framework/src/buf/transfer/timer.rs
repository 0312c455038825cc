//! A deadline that is moved often and passes rarely.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer for all waits of a connection, one after the other.
///
/// A wait that ends in time leaves the timer where it is: it is only moved when it fires too early. So a request on a
/// warm connection touches the runtime's timer wheel not at all (a timer made for each wait took its lock twice).
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Ready when `due` has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        // Moved to an earlier time at once, to a later one when it fires.
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_fires_at_the_due_time_of_each_wait_whatever_the_last_one_was() {
        let mut timer = Timer::default();
        for millis in [50, 5_000, 1, 300] {
            let begun = Instant::now();
            let due = begun + Duration::from_millis(millis);
            // A longer wait that ended in time leaves its mark.
            let later = due + Duration::from_secs(60);
            assert!(poll_fn(|cx| Poll::Ready(timer.poll(cx, later).is_pending())).await);
            poll_fn(|cx| timer.poll(cx, due)).await;
            assert_eq!(begun.elapsed(), Duration::from_millis(millis));
        }
    }
}
