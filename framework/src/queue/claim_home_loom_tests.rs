//! Model of a move: where a cell's entries go is ordered by the claim alone.

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::super::*;
use super::model;
use crate::sync::atomic::AtomicU8;

/// A cell of which only the claim and the home are there, and a run queue a home.
struct Model {
    claim: Claim,
    home: AtomicU8,
    queues: [Mutex<u32>; 2],
}

impl Model {
    /// As the cell: after a step of the claim that said so.
    fn schedule(&self) {
        let home = self.home.load(Ordering::Relaxed);
        *self.queues[usize::from(home)].lock().expect("not poisoned") += 1;
    }

    fn note(&self) {
        if self.claim.note() == Wake::Schedule {
            self.schedule();
        }
    }

    /// Runs an entry of a home's queue, if there is one.
    fn work(&self, home: u8) {
        let entries = {
            let mut queue = self.queues[usize::from(home)].lock().expect("not poisoned");
            std::mem::replace(&mut *queue, 0)
        };
        for _ in 0..entries {
            if let Taken::Claimed { .. } = self.claim.take() {
                assert_eq!(self.home.load(Ordering::Relaxed), home, "it runs where it does not live");
                while self.claim.release(0) == Rest::LookAgain {
                    self.claim.take_noted();
                }
            }
        }
    }
}

/// A runner moves the cell, by giving the claim up as queued at the new home; senders notify it all the while. No entry
/// is ever in the old home's queue.
#[test]
fn loom_a_cell_that_moves_is_put_on_its_new_homes_queue_only() {
    model(|| {
        let cell = Arc::new(Model {
            claim: Claim::new(Begin::Queued),
            home: AtomicU8::new(0),
            queues: Default::default(),
        });
        let sender = thread::spawn({
            let cell = cell.clone();
            move || {
                cell.note();
                cell.note();
            }
        });
        // The old home's runner.
        assert!(matches!(cell.claim.take(), Taken::Claimed { .. }));
        cell.home.store(1, Ordering::Relaxed);
        if cell.claim.requeue() == Wake::Schedule {
            cell.schedule();
        }
        cell.work(1);
        sender.join().expect("the model's thread does not panic");
        cell.work(1);
        assert_eq!(*cell.queues[0].lock().expect("not poisoned"), 0, "an entry at the old home");
    });
}
