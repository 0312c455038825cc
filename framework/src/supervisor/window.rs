//! Restart intensity: failures in a sliding window, and the wait before the next start.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::actor::Restart;

/// The failures of one child that still count.
#[derive(Default)]
pub(super) struct Window {
    failures: VecDeque<Instant>,
}

impl Window {
    /// Counts a failure at `now`. The wait before the restart, or `None` when there were too many.
    ///
    /// `random` shortens the wait by up to a quarter.
    pub(super) fn failed(&mut self, restart: &Restart, now: Instant, random: u64) -> Option<Duration> {
        while self.failures.front().is_some_and(|&at| now.saturating_duration_since(at) > restart.within) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let count = self.failures.len();
        if count > restart.max as usize {
            return None;
        }
        let doublings = (count - 1).min(31) as u32;
        let wait = restart.backoff_min.saturating_mul(1 << doublings).min(restart.backoff_max);
        let jitter = wait.mul_f64(0.25 * (random as f64 / u64::MAX as f64));
        Some(wait - jitter)
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod tests {
    use super::*;
    use crate::actor::Settings;

    fn restart() -> Restart {
        let second = Duration::from_secs(1);
        Settings::default().restart_max(3).restart_within(10 * second).backoff(second, 4 * second).restart
    }

    #[test]
    fn the_fourth_failure_within_the_window_gives_up() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in 0..3 {
            let now = start + Duration::from_secs(second);
            assert!(window.failed(&restart(), now, 0).is_some(), "failure {second} is restarted");
        }
        assert_eq!(window.failed(&restart(), start + Duration::from_secs(10), 0), None);
    }

    #[test]
    fn a_failure_older_than_the_window_no_longer_counts() {
        let (mut window, start) = (Window::default(), Instant::now());
        for second in [0, 1, 2, 11, 12, 13] {
            let now = start + Duration::from_secs(second);
            assert!(
                window.failed(&restart(), now, 0).is_some(),
                "at {second} s only three are in the window"
            );
        }
    }

    #[test]
    fn the_wait_doubles_up_to_its_longest_and_starts_again_after_quiet() {
        let (mut window, start) = (Window::default(), Instant::now());
        let mut wait = |second| window.failed(&restart(), start + Duration::from_secs(second), 0);
        assert_eq!(wait(0), Some(Duration::from_secs(1)));
        assert_eq!(wait(1), Some(Duration::from_secs(2)));
        assert_eq!(wait(2), Some(Duration::from_secs(4)));
        assert_eq!(wait(30), Some(Duration::from_secs(1)));
    }

    #[test]
    fn chance_shortens_the_wait_by_up_to_a_quarter() {
        let wait = Window::default().failed(&restart(), Instant::now(), u64::MAX);
        assert_eq!(wait, Some(Duration::from_millis(750)));
    }
}
