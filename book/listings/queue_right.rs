//! How the queue works, second half: one word for the next ticket and for who consumes.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

const LEN: usize = 4;

// ANCHOR: queue
/// Many producers, one consumer. The word is the next ticket, and in its last bit whether the consumer rests.
struct Queue {
    word: AtomicUsize,
    value: [AtomicUsize; LEN],
    is_full: [AtomicBool; LEN],
}

const RESTS: usize = 1;
const TICKET: usize = 2;

impl Queue {
    /// True: the consumer rested, and the caller must have it run.
    fn push(&self, value: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            // Takes a ticket, and in the same step the duty to wake who rests.
            let next = (word + TICKET) & !RESTS;
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(newer) => word = newer,
            }
        }
        let ticket = word / TICKET;
        self.value[ticket].store(value, Ordering::Relaxed);
        self.is_full[ticket].store(true, Ordering::Release); // what was written before is seen by who sees this
        word & RESTS != 0
    }

    /// The consumer's: the value at its position, if it is there.
    fn pop(&self, position: usize) -> Option<usize> {
        let is_full = self.is_full[position].load(Ordering::Acquire);
        is_full.then(|| self.value[position].load(Ordering::Relaxed))
    }

    /// The consumer's: rests, unless a ticket was taken that it has not come to. True: it rests.
    fn rest(&self, position: usize) -> bool {
        let nothing_new = position * TICKET;
        let rests =
            self.word.compare_exchange(nothing_new, nothing_new | RESTS, Ordering::AcqRel, Ordering::Relaxed);
        rests.is_ok()
    }
}
// ANCHOR_END: queue

impl Queue {
    fn new() -> Self {
        Queue {
            word: AtomicUsize::new(0),
            value: [0; LEN].map(AtomicUsize::new),
            is_full: [false; LEN].map(AtomicBool::new),
        }
    }
}

// ANCHOR: model
#[test]
fn two_producers_and_a_consumer_that_rests_lose_nothing() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2); // without it the model holds too, and takes twenty seconds
    model.check(|| {
        let queue = Arc::new(Queue::new());
        let producers = [5, 6].map(|value| {
            let queue = queue.clone();
            thread::spawn(move || queue.push(value))
        });
        let (mut got, mut rests) = (Vec::new(), false);
        while let Some(value) = queue.pop(got.len()) {
            got.push(value);
        }
        if queue.rest(got.len()) {
            rests = true;
        }
        let woken: Vec<bool> = producers.map(|producer| producer.join().expect("it ends")).into();
        // One of the producers that came after the rest, and no other, has the consumer run again.
        let is_woken = woken.into_iter().filter(|&woken| woken).count();
        assert_eq!(is_woken, usize::from(rests && got.len() < 2));
        while let Some(value) = queue.pop(got.len()) {
            got.push(value);
        }
        got.sort_unstable();
        assert_eq!(got, [5, 6]);
    });
}
// ANCHOR_END: model
