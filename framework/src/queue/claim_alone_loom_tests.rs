//! Models of the claim alone: what it hands over by itself, with no queue round it.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::AtomicUsize;
use loom::thread;

use super::super::*;
use super::model;

/// A cell whose claim is all that orders what callers and runners do. What a caller has to show is a number that
/// nobody publishes: a runner that is not ordered after the caller reads an old one. The run queue is a count, which
/// orders the taking of an entry after its scheduling and no more: `take` needs that to find QUEUED.
struct Desk {
    claim: Claim,
    entries: AtomicUsize,
    /// How often anybody wanted something: a message, a poll of the unfinished future; and control.
    posted: AtomicUsize,
    ordered: AtomicUsize,
    /// The runner's half.
    seen: UnsafeCell<Seen>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    posted: usize,
    ordered: usize,
    polls: usize,
}

impl Desk {
    fn queued() -> Arc<Self> {
        Arc::new(Desk {
            claim: Claim::new(Begin::Queued),
            entries: AtomicUsize::new(1),
            posted: AtomicUsize::new(0),
            ordered: AtomicUsize::new(0),
            seen: UnsafeCell::new(Seen::default()),
        })
    }

    fn idle() -> Arc<Self> {
        let desk = Desk::queued();
        desk.work();
        desk
    }

    fn schedule_if(&self, wake: Wake) {
        if wake == Wake::Schedule {
            self.entries.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes an entry off the run queue.
    fn take_entry(&self) -> bool {
        let fewer = |entries: usize| entries.checked_sub(1);
        self.entries.fetch_update(Ordering::Acquire, Ordering::Acquire, fewer).is_ok()
    }

    fn tell(&self) {
        self.posted.fetch_add(1, Ordering::Relaxed);
        self.schedule_if(self.claim.note());
    }

    fn order(&self) {
        self.ordered.fetch_add(1, Ordering::Relaxed);
        self.schedule_if(self.claim.control());
    }

    fn wake(&self) {
        self.posted.fetch_add(1, Ordering::Relaxed);
        self.schedule_if(self.claim.wake());
    }

    fn see(&self, see: impl FnOnce(&mut Seen)) {
        // SAFETY: loom checks that nobody else is here.
        self.seen.with_mut(|seen| see(unsafe { &mut *seen }));
    }

    fn see_posts(&self) {
        self.see(|seen| seen.posted = self.posted.load(Ordering::Relaxed));
    }

    fn see_orders(&self) {
        self.see(|seen| seen.ordered = self.ordered.load(Ordering::Relaxed));
    }

    /// What a worker does until the run queue is empty.
    fn work(&self) {
        while self.take_entry() {
            if let Taken::Claimed { is_called, .. } = self.claim.take() {
                self.run(is_called);
            }
        }
    }

    fn run(&self, mut is_called: bool) {
        loop {
            if is_called {
                self.see_orders();
            }
            self.see_posts();
            if self.claim.release(0) == Rest::Resting {
                return;
            }
            is_called = self.claim.take_noted();
        }
    }

    /// As [`work`](Self::work), for a cell that control ends.
    fn work_and_end(&self) {
        while self.take_entry() {
            if let Taken::Claimed { is_called, .. } = self.claim.take() {
                self.run_and_end(is_called);
            }
        }
    }

    fn run_and_end(&self, mut is_called: bool) {
        loop {
            if is_called {
                self.see_orders();
                let _ = self.claim.die();
                return;
            }
            self.see_posts();
            if self.claim.release(0) == Rest::Resting {
                return;
            }
            is_called = self.claim.take_noted();
        }
    }

    /// A worker whose budget is gone at once.
    fn work_and_requeue(&self) {
        if self.take_entry() && matches!(self.claim.take(), Taken::Claimed { .. }) {
            self.see_posts();
            self.schedule_if(self.claim.requeue());
        }
    }

    /// An asker that runs the cell, if it may, and leaves control to a worker.
    fn ask(&self) {
        if !matches!(self.claim.try_claim(), Tried::Claimed { .. }) {
            return;
        }
        self.see_posts();
        while self.claim.release(0) == Rest::LookAgain {
            if self.claim.acknowledge() {
                return self.schedule_if(self.claim.requeue());
            }
            self.see_posts();
        }
    }

    /// What a worker does with a cell whose future is unfinished.
    fn work_suspended(&self) {
        while self.take_entry() {
            if let Taken::Claimed { is_called, .. } = self.claim.take() {
                self.run_suspended(is_called);
            }
        }
    }

    fn run_suspended(&self, mut is_called: bool) {
        loop {
            if is_called {
                self.see_orders();
            }
            if self.claim.take_woken() {
                self.see_posts();
                self.see(|seen| seen.polls += 1);
            }
            if self.claim.suspend() == Rest::Resting {
                return;
            }
            is_called = self.claim.take_noted();
        }
    }

    /// What a worker does with a cell whose handler gathers: it rests as if it were idle, with a future unfinished.
    fn work_gathering(&self) {
        while self.take_entry() {
            if let Taken::Claimed { .. } = self.claim.take() {
                loop {
                    self.claim.take_woken();
                    self.see_posts();
                    if self.claim.release_unfinished(0) == Rest::Resting {
                        break;
                    }
                    self.claim.take_noted();
                }
            }
        }
    }

    /// The end: what is on the run queue was run, and everything was seen.
    fn assert_seen(&self, posted: usize, ordered: usize) -> Seen {
        assert!(!self.take_entry(), "all entries were taken");
        // SAFETY: all threads are joined.
        let seen = self.seen.with(|seen| unsafe { *seen });
        assert_eq!((seen.posted, seen.ordered), (posted, ordered));
        seen
    }
}

fn spawn_on(desk: &Arc<Desk>, work: impl FnOnce(&Desk) + 'static) -> thread::JoinHandle<()> {
    let desk = desk.clone();
    thread::spawn(move || work(&desk))
}

fn join<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    threads.into_iter().for_each(|thread| thread.join().expect("nobody panics"));
}

/// Two workers run the cell one after the other, or one looks again.
#[test]
fn loom_what_came_before_a_notify_is_seen_by_a_runner_after_it() {
    model(|| {
        let desk = Desk::idle();
        let teller = spawn_on(&desk, Desk::tell);
        let worker = spawn_on(&desk, Desk::work);
        desk.tell();
        desk.work();
        join([teller, worker]);
        desk.work();
        desk.assert_seen(2, 0);
    });
}

#[test]
fn loom_an_asker_that_is_called_while_it_runs_sees_what_it_was_called_for() {
    model(|| {
        let desk = Desk::idle();
        let asker = spawn_on(&desk, Desk::ask);
        desk.tell();
        desk.work();
        join([asker]);
        desk.work();
        desk.assert_seen(1, 0);
    });
}

/// The next runner is an asker, who is shown nothing by the run queue.
#[test]
fn loom_an_asker_runs_after_the_worker_that_put_the_cell_back() {
    model(|| {
        let desk = Desk::queued();
        let asker = spawn_on(&desk, Desk::ask);
        desk.work_and_requeue();
        join([asker]);
        desk.work();
        desk.assert_seen(0, 0);
    });
}

/// Between an asker and a worker it is the worker's, whoever is first, and the asker puts the cell back without a
/// second entry where there is one.
#[test]
fn loom_control_beside_an_asker_is_carried_out_by_a_worker() {
    model(|| {
        let desk = Desk::idle();
        let controller = spawn_on(&desk, Desk::order);
        let asker = spawn_on(&desk, Desk::ask);
        desk.work();
        join([controller, asker]);
        desk.work();
        desk.assert_seen(0, 1);
    });
}

/// What the waker had to show is seen by the poll that it asked for.
#[test]
fn loom_a_wake_while_a_handler_is_being_suspended_is_not_lost() {
    model(|| {
        let desk = Desk::queued();
        let waker = spawn_on(&desk, Desk::wake);
        let controller = spawn_on(&desk, Desk::order);
        desk.work_suspended();
        join([waker, controller]);
        desk.work_suspended();
        let seen = desk.assert_seen(1, 1);
        assert_eq!(seen.polls, 1, "one wake, one poll");
        assert_eq!(desk.claim.try_claim(), Tried::NotForAskers, "an asker never claims a suspended cell");
    });
}

/// What a handler that gathers is woken for, by its timer or by a message, is seen by a poll after it.
#[test]
fn loom_a_wake_while_a_handler_that_gathers_rests_is_not_lost() {
    model(|| {
        let desk = Desk::queued();
        let waker = spawn_on(&desk, Desk::wake);
        let teller = spawn_on(&desk, Desk::tell);
        desk.work_gathering();
        join([waker, teller]);
        desk.work_gathering();
        desk.assert_seen(2, 0);
        assert!(matches!(desk.claim.try_claim(), Tried::Claimed { .. }), "it rests as an idle cell does");
    });
}

/// Control ends the role while an asker and a teller are at it: what they leave on the run queue finds nothing to do.
#[test]
fn loom_nobody_runs_a_cell_after_its_end() {
    model(|| {
        let desk = Desk::idle();
        let teller = spawn_on(&desk, Desk::tell);
        let asker = spawn_on(&desk, Desk::ask);
        desk.order();
        desk.work_and_end();
        join([teller, asker]);
        desk.work_and_end();
        assert_eq!(desk.claim.note(), Wake::Nothing);
        assert_eq!(desk.claim.try_claim(), Tried::NotForAskers);
        // SAFETY: all threads are joined.
        assert_eq!(desk.seen.with(|seen| unsafe { *seen }).ordered, 1);
    });
}

/// As above, where the cell that is put back is on the run queue already, and its entry is taken at this instant.
#[test]
fn loom_a_runner_after_an_asker_that_put_the_cell_back_beside_an_entry_runs_after_it() {
    model(|| {
        let desk = Desk::queued();
        let asker = spawn_on(&desk, |desk| {
            if matches!(desk.claim.try_claim(), Tried::Claimed { .. }) {
                desk.see_posts();
                desk.schedule_if(desk.claim.requeue());
            }
        });
        desk.work();
        join([asker]);
        desk.work();
        desk.assert_seen(0, 0);
    });
}
