//! How the queue works, first half: three attempts, each with the run that shows what is wrong with it.
//!
//! The models run under loom, which tries every order of two or three threads and every value that an ordering
//! allows. Values are numbers from 1 on, so that a slot is an atomic and nothing here is unsafe.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

const LEN: usize = 4;

// ANCHOR: textbook
/// The textbook's queue: a list, with a head and a tail that are moved by compare-and-swap.
struct List {
    /// The node after each; 0 is none.
    next: [AtomicUsize; LEN],
    value: [AtomicUsize; LEN],
    head: AtomicUsize,
}

impl List {
    fn pop(&self) -> Option<usize> {
        loop {
            let head = self.head.load(Ordering::Acquire);
            let next = self.next[head].load(Ordering::Acquire);
            if next == 0 {
                return None;
            }
            let value = self.value[next].swap(0, Ordering::AcqRel); // takes it ..
            let won = self.head.compare_exchange(head, next, Ordering::AcqRel, Ordering::Acquire);
            if won.is_ok() {
                return (value != 0).then_some(value); // .. and only then learns whether it may
            }
        }
    }
}
// ANCHOR_END: textbook

impl List {
    /// One value, 7, behind the node that a list begins with.
    fn of_seven() -> Self {
        let zeros = || [0; LEN].map(AtomicUsize::new);
        let list = List { next: zeros(), value: zeros(), head: AtomicUsize::new(1) };
        list.value[2].store(7, Ordering::Relaxed);
        list.next[1].store(2, Ordering::Relaxed);
        list
    }
}

// ANCHOR: textbook_model
#[test]
#[should_panic(expected = "7 was lost")]
fn two_consumers_lose_a_value_of_the_textbooks_queue() {
    loom::model(|| {
        let list = Arc::new(List::of_seven());
        let other = list.clone();
        let other = thread::spawn(move || other.pop());
        let (mine, others) = (list.pop(), other.join().expect("it ends"));
        assert!(mine.or(others) == Some(7), "7 was lost");
    });
}
// ANCHOR_END: textbook_model

// ANCHOR: relaxed
/// A slot for each ticket: whoever takes the ticket fills the slot, and one consumer empties them in their order.
struct Slots {
    tail: AtomicUsize,
    value: [AtomicUsize; LEN],
    is_full: [AtomicBool; LEN],
}

impl Slots {
    fn push(&self, value: usize) {
        let ticket = self.tail.fetch_add(1, Ordering::Relaxed);
        self.value[ticket].store(value, Ordering::Relaxed);
        self.is_full[ticket].store(true, Ordering::Relaxed); // says: it is there
    }

    fn pop(&self, position: usize) -> Option<usize> {
        let is_full = self.is_full[position].load(Ordering::Relaxed);
        is_full.then(|| self.value[position].load(Ordering::Relaxed))
    }
}
// ANCHOR_END: relaxed

impl Slots {
    fn new() -> Self {
        Slots {
            tail: AtomicUsize::new(0),
            value: [0; LEN].map(AtomicUsize::new),
            is_full: [false; LEN].map(AtomicBool::new),
        }
    }
}

// ANCHOR: relaxed_model
#[test]
#[should_panic(expected = "full, and there is nothing in it")]
fn a_slot_that_says_it_is_full_may_look_empty() {
    loom::model(|| {
        let slots = Arc::new(Slots::new());
        let producer = slots.clone();
        let producer = thread::spawn(move || producer.push(7));
        if let Some(value) = slots.pop(0) {
            assert!(value == 7, "full, and there is nothing in it");
        }
        producer.join().expect("it ends");
    });
}
// ANCHOR_END: relaxed_model

// ANCHOR: asleep
/// A consumer that looks, and goes to sleep if there is nothing.
struct Sleeper {
    messages: AtomicUsize,
    is_asleep: AtomicBool,
}

impl Sleeper {
    /// True: the consumer sleeps, and the caller must wake it.
    fn push(&self) -> bool {
        self.messages.fetch_add(1, Ordering::SeqCst);
        self.is_asleep.load(Ordering::SeqCst)
    }

    /// True: there was something. False: it sleeps now.
    fn look(&self) -> bool {
        let is_empty = self.messages.load(Ordering::SeqCst) == 0;
        if is_empty {
            self.is_asleep.store(true, Ordering::SeqCst); // a message that came between is not seen
        }
        !is_empty
    }
}
// ANCHOR_END: asleep

// ANCHOR: asleep_model
#[test]
#[should_panic(expected = "a message lies there, and nobody knows")]
fn a_consumer_that_looks_and_then_sleeps_misses_a_message() {
    loom::model(|| {
        let sleeper = Arc::new(Sleeper { messages: AtomicUsize::new(0), is_asleep: AtomicBool::new(false) });
        let producer = sleeper.clone();
        let producer = thread::spawn(move || producer.push());
        let has_seen = sleeper.look();
        let must_wake = producer.join().expect("it ends");
        assert!(has_seen || must_wake, "a message lies there, and nobody knows");
    });
}
// ANCHOR_END: asleep_model
