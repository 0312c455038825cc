//! Models of the idle word alone: what its callers have moved is seen by whoever they leave the look to.

use std::task::Waker;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::idle::Idle;
use crate::sync::atomic::fence;

/// Two workers that search. What each has moved into its ring is a flag that nobody publishes.
struct Search {
    idle: Idle,
    moved: [AtomicU32; 2],
}

impl Search {
    fn of_two() -> Arc<Self> {
        // The first fence of a model makes what the others share, and orders them behind it.
        fence(Ordering::SeqCst);
        let search = Search { idle: Idle::new(2, false), moved: [AtomicU32::new(0), AtomicU32::new(0)] };
        search.idle.start_searching();
        search.idle.start_searching();
        Arc::new(search)
    }

    /// `worker` moves jobs to its ring and stops. True if the look is left to it.
    fn find(&self, worker: usize) -> bool {
        self.moved[worker].store(1, Ordering::Relaxed);
        self.idle.stop_searching()
    }

    fn sees_jobs_of(&self, worker: usize) -> bool {
        self.moved[worker].load(Ordering::Relaxed) == 1
    }
}

#[test]
fn loom_the_last_that_stops_searching_sees_what_the_others_moved() {
    loom::model(|| {
        let search = Search::of_two();
        let find_and_look = |search: &Search, worker: usize| {
            let is_last = search.find(worker);
            if is_last {
                assert!(search.sees_jobs_of(1 - worker));
            }
            is_last
        };
        let other = {
            let search = search.clone();
            thread::spawn(move || find_and_look(&search, 1))
        };
        let is_last = find_and_look(&search, 0);
        assert_ne!(is_last, other.join().expect("a worker does not panic"), "one of them looks");
    });
}

/// One that finds jobs leaves the look to one that is still searching, which then falls asleep, and looks.
#[test]
fn loom_a_searcher_that_falls_asleep_sees_what_the_others_moved() {
    loom::model(|| {
        let search = Search::of_two();
        let other = {
            let search = search.clone();
            thread::spawn(move || search.find(1))
        };
        assert_eq!(search.idle.fall_asleep(0, Waker::noop()), Some(false));
        let sees = search.sees_jobs_of(1);
        assert!(other.join().expect("a worker does not panic") || sees, "somebody looks");
    });
}
