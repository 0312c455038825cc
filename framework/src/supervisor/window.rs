//! Restart intensity: restarts in a sliding window; and the wait before the next start.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::actor::Restart;

/// The restarts that still count.
#[derive(Default)]
pub(super) struct Window {
    restarts: VecDeque<Instant>,
}

impl Window {
    /// Counts a restart at `now`. False: it is one too many.
    ///
    /// One that is exactly `within` old still counts, as in OTP.
    pub(super) fn allows(&mut self, restart: &Restart, now: Instant) -> bool {
        while self.restarts.front().is_some_and(|&at| now.saturating_duration_since(at) > restart.within) {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        self.restarts.len() <= restart.max as usize
    }
}

/// How long one child waits before its next start.
#[derive(Default)]
pub(super) struct Backoff {
    doublings: u8,
    /// Since when it runs, or will.
    up_since: Option<Instant>,
}

impl Backoff {
    /// The wait after a failure at `now`. `random` shortens it by up to a quarter.
    pub(super) fn failed(&mut self, restart: &Restart, now: Instant, random: u64) -> Duration {
        let is_steady = |&since: &Instant| now.saturating_duration_since(since) >= restart.within;
        if self.up_since.as_ref().is_none_or(is_steady) {
            self.doublings = 0;
        }
        let wait = restart.backoff_min.saturating_mul(1 << self.doublings).min(restart.backoff_max);
        self.doublings = (self.doublings + 1).min(31);
        let jitter = wait.mul_f64(0.25 * (random as f64 / u64::MAX as f64));
        self.started(now + (wait - jitter));
        wait - jitter
    }

    /// It runs since `now`: the quiet that resets the wait begins.
    pub(super) fn started(&mut self, now: Instant) {
        self.up_since = Some(now);
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn restart() -> Restart {
        Restart::new(3, 10 * SECOND).backoff(SECOND, 4 * SECOND)
    }

    #[test]
    fn the_fourth_restart_within_the_window_is_one_too_many() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in 0..3 {
            assert!(window.allows(&restart(), start + second * SECOND), "restart {second}");
        }
        assert!(!window.allows(&restart(), start + 10 * SECOND), "the first is as old as may be, and counts");
    }

    #[test]
    fn a_restart_older_than_the_window_no_longer_counts() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in [0, 1, 2, 11, 12, 13] {
            assert!(
                window.allows(&restart(), start + second * SECOND),
                "at {second} s only three are in the window"
            );
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_longest_and_starts_again_after_quiet() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let mut wait = |second| backoff.failed(&restart(), start + second * SECOND, 0);
        assert_eq!(wait(0), SECOND);
        assert_eq!(wait(1), 2 * SECOND);
        assert_eq!(wait(3), 4 * SECOND);
        assert_eq!(wait(16), 4 * SECOND, "up since second 7: nine seconds are no quiet");
        assert_eq!(wait(30), SECOND, "up since second 20");
    }

    #[test]
    fn a_wait_longer_than_the_window_is_no_quiet() {
        let restart = Restart::new(3, SECOND).backoff(8 * SECOND, 64 * SECOND);
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        assert_eq!(backoff.failed(&restart, start, 0), 8 * SECOND);
        assert_eq!(backoff.failed(&restart, start + 8 * SECOND, 0), 16 * SECOND);
    }

    #[test]
    fn chance_shortens_the_wait_by_up_to_a_quarter() {
        let wait = Backoff::default().failed(&restart(), Instant::now(), u64::MAX);
        assert_eq!(wait, Duration::from_millis(750));
    }
}
