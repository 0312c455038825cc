//! How long a worker goes on before tokio has its turn.
//!
//! A worker is a task among others: tokio's timers, sockets and other tasks on its thread have no turn before it returns
//! from its poll. But a task that returns and is not done makes tokio wake another thread, which finds nothing, and on
//! machines where a wake is slow that costs more than all else (a ring of 100 actors: 38 ns a hop with a return after
//! every 32 cells, 28 with this). So a worker returns after a time; sooner when it has woken a task, for that may lie in
//! the slot that tokio keeps for this very thread, whence no other takes it.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How many cells a worker runs between two looks at whether its shift is over.
const JOBS_A_LOOK: usize = 32;
/// For tasks that were woken unseen, by what handlers do. As long as a task may be that keeps to tokio's advice.
const SHIFT_TIME: Duration = Duration::from_micros(50);

thread_local! {
    /// A task was woken in the shift that this thread is in.
    static HAS_WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// What a worker does in one poll.
pub(super) struct Shift {
    jobs: usize,
    began: Option<Instant>,
}

impl Shift {
    pub(super) fn begin() -> Self {
        HAS_WOKEN.set(false);
        Shift { jobs: 0, began: None }
    }

    /// Asked before each job.
    #[inline]
    pub(super) fn is_over(&mut self) -> bool {
        self.jobs += 1;
        self.jobs.is_multiple_of(JOBS_A_LOOK) && self.is_over_now()
    }

    #[inline(never)]
    fn is_over_now(&mut self) -> bool {
        // Not the seam's clock: tokio's patience is the machine's.
        let now = Instant::now();
        HAS_WOKEN.get() || now.saturating_duration_since(*self.began.get_or_insert(now)) >= SHIFT_TIME
    }
}

/// What the caller runs has woken a task, or is about to. A worker then lets tokio have its turn soon.
#[inline]
pub(crate) fn note_woken_task() {
    HAS_WOKEN.set(true);
}
