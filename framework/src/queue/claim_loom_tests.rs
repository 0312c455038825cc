//! Models of the claim with the queue round it: one runner at a time, nothing left lying, and the last reference goes
//! once.

use std::collections::VecDeque;

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::*;
use crate::queue::{Pop, Queue};

#[path = "claim_alone_loom_tests.rs"]
mod alone_tests;
#[path = "claim_home_loom_tests.rs"]
mod home_tests;

/// A cell without an actor: the runner's half is a list of what was handled.
struct Model {
    queue: Queue<u32>,
    run_queue: Mutex<VecDeque<()>>,
    handled: UnsafeCell<Vec<u32>>,
}

impl Model {
    fn idle() -> Arc<Self> {
        let model = Model {
            queue: Queue::with_limit(None, Begin::Queued, [0; 3]),
            run_queue: Mutex::new(VecDeque::from([()])),
            handled: UnsafeCell::new(Vec::new()),
        };
        model.work();
        Arc::new(model)
    }

    fn schedule_if(&self, wake: Wake) {
        if wake == Wake::Schedule {
            self.run_queue.lock().expect("not poisoned").push_back(());
        }
    }

    fn push(&self, message: u32) -> bool {
        self.queue.push(message).unwrap_or_else(|_| panic!("nobody closes the queue")).must_wake
    }

    fn tell(&self, message: u32) {
        if self.push(message) {
            self.schedule_if(Wake::Schedule);
        }
    }

    /// As the cell: what finds it idle runs at once and never enters the queue.
    fn ask(&self, message: u32) {
        let Tried::Claimed { idle_at } = self.queue.claim().try_claim() else { return self.tell(message) };
        // SAFETY: the role was just taken.
        let idle_at = idle_at.filter(|&ticket| ticket == unsafe { self.queue.next() });
        match idle_at {
            Some(ticket) => {
                // SAFETY: loom checks that nobody else is here.
                self.handled.with_mut(|handled| unsafe { (*handled).push(message) });
                if self.queue.claim().release(ticket) == Rest::Resting {
                    return;
                }
            }
            None => assert!(!self.push(message), "the consumer is awake"),
        }
        self.activate();
    }

    /// What a worker does until the run queue is empty.
    fn work(&self) {
        while self.run_queue.lock().expect("not poisoned").pop_front().is_some() {
            if matches!(self.queue.claim().take(), Taken::Claimed { .. }) {
                self.activate();
            }
        }
    }

    fn activate(&self) {
        loop {
            // SAFETY: the claim is held, so this is the consumer.
            match unsafe { self.queue.pop() } {
                // SAFETY: loom checks that nobody else is here.
                Pop::Item(message) => self.handled.with_mut(|handled| unsafe { (*handled).push(message) }),
                Pop::Busy => thread::yield_now(),
                Pop::Empty => {
                    // SAFETY: the claim is held, so this is the consumer, and the model keeps the queue.
                    if unsafe { self.queue.release() } == Rest::Resting {
                        return;
                    }
                    self.queue.claim().take_noted();
                }
            }
        }
    }

    /// The end: whatever is on the run queue runs, and then nothing is left.
    fn finish(&self, mut expected: Vec<u32>) {
        self.work();
        self.handled.with_mut(|handled| {
            // SAFETY: all threads are joined.
            let handled = unsafe { &mut *handled };
            handled.sort_unstable();
            expected.sort_unstable();
            assert_eq!(*handled, expected);
        });
    }
}

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Deep runs lift the bound by the environment.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(test);
}

fn spawn(model: &Arc<Model>, work: impl FnOnce(&Model) + 'static) -> thread::JoinHandle<()> {
    let model = model.clone();
    thread::spawn(move || work(&model))
}

#[test]
fn loom_two_askers_and_a_worker_run_one_at_a_time() {
    model(|| {
        let cell = Model::idle();
        let one = spawn(&cell, |cell| cell.ask(1));
        let two = spawn(&cell, |cell| cell.ask(2));
        cell.work();
        one.join().expect("an asker does not panic");
        two.join().expect("an asker does not panic");
        cell.finish(vec![1, 2]);
    });
}

#[test]
fn loom_an_asker_that_overtakes_a_queued_cell_leaves_a_stale_entry_that_finds_nothing() {
    model(|| {
        let cell = Model::idle();
        cell.tell(1);
        let asker = spawn(&cell, |cell| cell.ask(2));
        cell.work();
        asker.join().expect("an asker does not panic");
        cell.finish(vec![1, 2]);
    });
}

#[test]
fn loom_an_ask_that_runs_at_once_loses_no_tell_that_comes_meanwhile() {
    model(|| {
        let cell = Model::idle();
        let asker = spawn(&cell, |cell| cell.ask(1));
        cell.tell(2);
        cell.work();
        asker.join().expect("an asker does not panic");
        cell.finish(vec![1, 2]);
    });
}

#[test]
fn loom_an_ask_of_a_cell_that_was_put_back_with_nothing_left_loses_no_tell() {
    model(|| {
        let cell = Model::idle();
        // Its budget is gone with the last message: it is on the run queue.
        cell.tell(1);
        cell.run_queue.lock().expect("not poisoned").pop_front();
        assert!(matches!(cell.queue.claim().take(), Taken::Claimed { .. }));
        // SAFETY: the claim is held.
        assert_eq!(unsafe { cell.queue.pop() }, Pop::Item(1));
        cell.schedule_if(cell.queue.claim().requeue());
        let asker = spawn(&cell, |cell| cell.ask(2));
        cell.tell(3);
        cell.work();
        asker.join().expect("an asker does not panic");
        cell.finish(vec![2, 3]);
    });
}

#[test]
fn loom_a_tell_while_the_cell_is_released_is_not_lost() {
    model(|| {
        let cell = Model::idle();
        cell.tell(1);
        let teller = spawn(&cell, |cell| cell.tell(2));
        cell.work();
        teller.join().expect("a teller does not panic");
        cell.finish(vec![1, 2]);
    });
}

/// The role ends on one thread while an entry of the run queue is taken on another: what the reference stood for is freed
/// once, after both.
#[test]
fn loom_the_last_reference_goes_once_when_the_role_ends_beside_an_entry() {
    model(|| {
        struct Cell {
            claim: Claim,
            state: UnsafeCell<u32>,
            freed: loom::sync::atomic::AtomicU32,
        }
        impl Cell {
            fn let_go(&self) {
                // SAFETY: loom checks that nobody else is here.
                self.state.with_mut(|state| unsafe { *state += 1 });
                let before = self.freed.fetch_add(1, Ordering::Relaxed);
                assert_eq!(before, 0, "once");
            }
        }
        let cell = Arc::new(Cell {
            claim: Claim::new(Begin::Queued),
            state: UnsafeCell::new(0),
            freed: loom::sync::atomic::AtomicU32::new(0),
        });
        let asker = {
            let cell = cell.clone();
            // An asker whose run is the actor's last.
            thread::spawn(move || {
                if !matches!(cell.claim.try_claim(), Tried::Claimed { .. }) {
                    return;
                }
                // SAFETY: loom checks that nobody else is here.
                cell.state.with_mut(|state| unsafe { *state += 1 });
                if cell.claim.die() == LastReference::Mine {
                    cell.let_go();
                }
            })
        };
        match cell.claim.take() {
            Taken::Claimed { .. } => {
                // SAFETY: loom checks that nobody else is here.
                cell.state.with_mut(|state| unsafe { *state += 1 });
                if cell.claim.die() == LastReference::Mine {
                    cell.let_go();
                }
            }
            Taken::Dead => cell.let_go(),
            Taken::Nothing => {}
        }
        asker.join().expect("it does not panic");
        assert_eq!(cell.freed.load(Ordering::Relaxed), 1);
    });
}
