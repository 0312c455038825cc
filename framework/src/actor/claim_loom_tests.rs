//! Models of the claim word with the real queue under it: one runner at a time, nothing left lying.

use std::collections::VecDeque;

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::*;
use crate::queue::{Pop, Queue};

/// A cell without an actor: the runner's half is a list of what was handled.
struct Model {
    claim: Claim,
    queue: Queue<u32>,
    run_queue: Mutex<VecDeque<()>>,
    handled: UnsafeCell<Vec<u32>>,
}

impl Model {
    /// Parked, with the wake-up armed.
    fn parked() -> Arc<Self> {
        let model = Model {
            claim: Claim::queued(),
            queue: Queue::new(),
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
            self.schedule_if(self.claim.notify());
        }
    }

    /// As the cell: what finds it idle runs at once and never enters the queue.
    fn ask(&self, message: u32) {
        if self.claim.try_claim() == Tried::Claimed {
            // SAFETY: the claim is held, so this is the consumer.
            if unsafe { self.queue.is_parked() } {
                // SAFETY: loom checks that nobody else is here.
                self.handled.with_mut(|handled| unsafe { (*handled).push(message) });
                if self.claim.release() == Rest::Resting {
                    return;
                }
            } else {
                self.push(message);
            }
            self.activate();
        } else {
            self.tell(message);
        }
    }

    /// What a worker does until the run queue is empty.
    fn work(&self) {
        while self.run_queue.lock().expect("not poisoned").pop_front().is_some() {
            if self.claim.take() {
                self.activate();
            }
        }
    }

    fn activate(&self) {
        loop {
            self.claim.take_notified();
            // SAFETY: the claim is held, so this is the consumer.
            match unsafe { self.queue.pop() } {
                // SAFETY: loom checks that nobody else is here.
                Pop::Item(message) => self.handled.with_mut(|handled| unsafe { (*handled).push(message) }),
                Pop::Busy => thread::yield_now(),
                Pop::Empty => {
                    // SAFETY: the claim is held, so this is the consumer.
                    if unsafe { self.queue.park() } && self.claim.release() == Rest::Resting {
                        return;
                    }
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
        let cell = Model::parked();
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
        let cell = Model::parked();
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
        let cell = Model::parked();
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
        let cell = Model::parked();
        // Its budget is gone with the last message: it is on the run queue, and its wake-up is not armed.
        cell.tell(1);
        cell.run_queue.lock().expect("not poisoned").pop_front();
        assert!(cell.claim.take());
        // SAFETY: the claim is held.
        assert_eq!(unsafe { cell.queue.pop() }, Pop::Item(1));
        cell.schedule_if(cell.claim.requeue());
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
        let cell = Model::parked();
        cell.tell(1);
        let teller = spawn(&cell, |cell| cell.tell(2));
        cell.work();
        teller.join().expect("a teller does not panic");
        cell.finish(vec![1, 2]);
    });
}

/// A suspended cell with one future: polled once for each wake, never by two.
struct Suspended {
    claim: Claim,
    run_queue: Mutex<VecDeque<()>>,
    polls: UnsafeCell<u32>,
}

impl Suspended {
    fn schedule_if(&self, wake: Wake) {
        if wake == Wake::Schedule {
            self.run_queue.lock().expect("not poisoned").push_back(());
        }
    }

    fn work(&self) {
        while self.run_queue.lock().expect("not poisoned").pop_front().is_some() {
            if !self.claim.take() {
                continue;
            }
            loop {
                self.claim.take_notified();
                if self.claim.take_woken() {
                    // SAFETY: loom checks that nobody else is here.
                    self.polls.with_mut(|polls| unsafe { *polls += 1 });
                }
                if self.claim.suspend() == Rest::Resting {
                    break;
                }
            }
        }
    }
}

#[test]
fn loom_a_wake_while_a_handler_is_being_suspended_is_not_lost() {
    model(|| {
        let cell = Arc::new(Suspended {
            claim: Claim::queued(),
            run_queue: Mutex::new(VecDeque::from([()])),
            polls: UnsafeCell::new(0),
        });
        let waker = {
            let cell = cell.clone();
            thread::spawn(move || cell.schedule_if(cell.claim.wake()))
        };
        let control = {
            let cell = cell.clone();
            thread::spawn(move || cell.schedule_if(cell.claim.control()))
        };
        cell.work();
        waker.join().expect("the waker does not panic");
        control.join().expect("the controller does not panic");
        cell.work();
        // SAFETY: all threads are joined.
        let polls = cell.polls.with(|polls| unsafe { *polls });
        assert_eq!(polls, 1, "one wake, one poll");
        assert_eq!(cell.claim.try_claim(), Tried::NotForAskers, "an asker never claims a suspended cell");
    });
}
