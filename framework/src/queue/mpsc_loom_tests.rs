use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::queue::{Taken, Tried};

/// The first block holds one slot here and the others two, so two messages cross one edge, and four cross two. Where a block stands is in a cell that loom watches:
/// a producer that reads a block which is given back (faults F10 and F11 of the naive fix of the textbook queue)
/// is a race that it reports, and a block that is not freed is a leak that it reports.
fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Deep runs lift the bound by the environment.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(test);
}

fn pop<T>(queue: &Queue<T>) -> Option<T> {
    loop {
        // SAFETY: each model has one consumer.
        match unsafe { queue.pop() } {
            Pop::Item(value) => return Some(value),
            Pop::Empty => return None,
            Pop::Busy => thread::yield_now(),
        }
    }
}

/// As the consumer: gives the role up, if nothing is queued.
fn rests<T>(queue: &Queue<T>) -> bool {
    // SAFETY: each model has one consumer, and keeps its queue.
    unsafe { queue.release() == Rest::Resting }
}

/// The consumer was woken.
fn take<T>(queue: &Queue<T>) {
    assert!(matches!(queue.claim().take(), Taken::Claimed { .. }));
}

fn pop_or_wait<T>(queue: &Queue<T>) -> T {
    loop {
        match pop(queue) {
            Some(value) => return value,
            None => thread::yield_now(),
        }
    }
}

fn produce(queue: &Arc<Queue<Box<u32>>>, numbers: std::ops::Range<u32>) -> thread::JoinHandle<()> {
    let queue = queue.clone();
    thread::spawn(move || {
        for number in numbers {
            assert!(queue.push(Box::new(number)).is_ok());
        }
    })
}

/// The messages of each producer (ten numbers each) in its order.
fn assert_in_order(seen: &[Box<u32>], counts: &[u32]) {
    for (producer, &count) in counts.iter().enumerate() {
        let first = producer as u32 * 10;
        let of: Vec<u32> = seen.iter().map(|n| **n).filter(|n| n / 10 == producer as u32).collect();
        assert_eq!(of, (first..first + count).collect::<Vec<_>>());
    }
}

#[test]
fn loom_two_producers_over_a_block_edge() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let producers = [produce(&queue, 0..2), produce(&queue, 10..12)];
        let mut seen = Vec::new();
        seen.extend(pop(&queue));
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[2, 2]);
    });
}

/// One producer can be interrupted between its ticket and its block while the other fills the blocks after.
#[test]
fn loom_an_overtaken_producer_walks_back_and_blocks_are_recycled_behind_it() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let slow = produce(&queue, 0..1);
        let fast = produce(&queue, 10..13);
        let mut seen = Vec::new();
        seen.extend(pop(&queue));
        slow.join().expect("a producer does not panic");
        fast.join().expect("a producer does not panic");
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[1, 3]);
    });
}

/// Has pushed `numbers`, and popped them again.
fn used(numbers: std::ops::Range<u32>) -> Arc<Queue<Box<u32>>> {
    let queue = Arc::new(Queue::new());
    for number in numbers {
        assert!(queue.push(Box::new(number)).is_ok());
        assert!(pop(&queue).is_some());
    }
    queue
}

/// The consumer leaves the first block and gives it back while a producer looks for its own, and takes the block
/// that was given back for its next.
#[test]
fn loom_a_producer_never_meets_a_block_that_was_given_back() {
    model(|| {
        let queue = used(0..2);
        let late = produce(&queue, 10..12);
        let mut seen = Vec::from_iter(pop(&queue));
        late.join().expect("a producer does not panic");
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_eq!(seen, [Box::new(10), Box::new(11)]);
    });
}

/// As above with two producers, where one moves the tail block on before the consumer does, and the other is late.
#[test]
fn loom_a_block_waits_for_the_producers_before_its_horizon() {
    model(|| {
        let queue = used(0..1);
        let producers = [produce(&queue, 0..1), produce(&queue, 10..12)];
        let mut seen = Vec::from_iter(pop(&queue));
        seen.extend(pop(&queue));
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[1, 2]);
    });
}

/// As above, where the block that is left was a spare: nothing of its first life counts.
#[test]
fn loom_a_used_block_waits_as_a_new_one_does() {
    model(|| {
        let queue = used(0..8);
        let producers = [produce(&queue, 0..1), produce(&queue, 10..11)];
        // SAFETY: this is the consumer. One look is enough to leave the block.
        let mut seen = match unsafe { queue.pop() } {
            Pop::Item(message) => vec![message],
            Pop::Empty | Pop::Busy => Vec::new(),
        };
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[1, 1]);
    });
}

/// A block is given back while a producer whose ticket is after the horizon looks for its own: it begins past it.
#[test]
fn loom_a_producer_after_the_horizon_begins_past_the_block() {
    model(|| {
        let queue = used(0..1);
        let producers = [produce(&queue, 0..1), produce(&queue, 10..11)];
        let mut seen = vec![pop_or_wait(&queue)];
        // A rest gives back what it can.
        let rested = rests(&queue);
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        if rested && seen.len() < 2 {
            take(&queue);
        }
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[1, 1]);
    });
}

#[test]
fn loom_three_producers_at_a_block_edge() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let producers = [produce(&queue, 0..1), produce(&queue, 10..11)];
        assert!(queue.push(Box::new(20)).is_ok());
        let mut seen = Vec::from_iter(pop(&queue));
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[1, 1, 1]);
    });
}

/// Two producers, three messages each, and a block that was used before: blocks are linked, left and linked again.
#[test]
fn loom_blocks_go_round_under_two_producers() {
    model(|| {
        let queue = used(0..2);
        let producer = produce(&queue, 0..3);
        let mut seen = Vec::new();
        for number in 10..13 {
            assert!(queue.push(Box::new(number)).is_ok());
            seen.extend(pop(&queue));
        }
        producer.join().expect("a producer does not panic");
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[3, 3]);
    });
}

/// The textbook queue's counter wraps when a pop overtakes the push's count (F8).
#[test]
fn loom_the_length_is_never_more_than_was_pushed() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let producer = produce(&queue, 0..2);
        let watcher = {
            let queue = queue.clone();
            thread::spawn(move || assert!(queue.len() <= 2))
        };
        let popped = pop(&queue).is_some();
        // SAFETY: this is the consumer.
        unsafe { queue.publish_head() };
        assert!(queue.len() <= 2 - usize::from(popped));
        for thread in [producer, watcher] {
            thread.join().expect("it does not panic");
        }
        assert_eq!(queue.len(), 2 - usize::from(popped));
    });
}

/// The consumer rests at whatever instant, once or twice.
#[test]
fn loom_a_consumer_that_rests_is_woken() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let wake = Arc::new(loom::sync::Notify::new());
        let producer = {
            let (queue, wake) = (queue.clone(), wake.clone());
            thread::spawn(move || {
                for number in 0..2 {
                    if queue.push(number).expect("it is open").must_wake {
                        wake.notify();
                    }
                }
            })
        };
        let mut count = 0;
        while count < 2 {
            match pop(&queue) {
                Some(_) => count += 1,
                // A lost wake is a deadlock, which loom reports.
                None if rests(&queue) => {
                    wake.wait();
                    // Loom wakes for nothing as well.
                    while !matches!(queue.claim().take(), Taken::Claimed { .. }) {
                        wake.wait();
                    }
                }
                None => thread::yield_now(),
            }
        }
        producer.join().expect("a producer does not panic");
    });
}

/// Two push while the consumer rests: if it does, one of them is told to wake, and never both; else none.
#[test]
fn loom_one_of_two_producers_wakes() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let producers = [0, 1].map(|number| {
            let queue = queue.clone();
            thread::spawn(move || u32::from(queue.push(number).expect("it is open").must_wake))
        });
        let rested = rests(&queue);
        let wakes: u32 = producers.map(|producer| producer.join().expect("it does not panic")).iter().sum();
        assert_eq!(wakes, u32::from(rested));
        assert_eq!(std::iter::from_fn(|| pop(&queue)).count(), 2);
    });
}

#[test]
fn loom_a_push_beside_a_close_is_delivered_or_given_back() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let pusher = {
            let queue = queue.clone();
            thread::spawn(move || queue.push(Box::new(7)).is_ok())
        };
        queue.close();
        let mut seen = pop(&queue);
        let was_taken = pusher.join().expect("a producer does not panic");
        seen = seen.or_else(|| pop(&queue));
        assert_eq!(seen.is_some(), was_taken);
        assert_eq!(queue.push(Box::new(8)), Err(Box::new(8)));
    });
}

/// The consumer closes, which is no reason for anybody to wake it, while a producer that it did not hear of pushes.
#[test]
fn loom_a_push_beside_a_close_and_a_rest_is_not_left_behind() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let pusher = {
            let queue = queue.clone();
            thread::spawn(move || queue.push(7).is_ok())
        };
        queue.close();
        let mut popped = pop(&queue);
        while popped.is_none() && !rests(&queue) {
            popped = pop(&queue);
        }
        let was_taken = pusher.join().expect("a producer does not panic");
        assert_eq!(
            popped.is_some(),
            was_taken,
            "after a close only a queue that stays empty lets its consumer rest"
        );
        // SAFETY: this is the consumer.
        unsafe { queue.publish_head() };
        assert_eq!(queue.len(), 0);
    });
}

/// The end of a closed queue is right for whoever asks, whatever is refused meanwhile.
#[test]
fn loom_the_length_beside_a_close_counts_no_refused_push() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let pusher = {
            let queue = queue.clone();
            thread::spawn(move || {
                let taken = queue.push(7).is_ok();
                assert_eq!(queue.len(), usize::from(taken), "closed or not");
                taken
            })
        };
        queue.close();
        let len = queue.len();
        let was_taken = pusher.join().expect("a producer does not panic");
        assert_eq!((len, queue.len()), (usize::from(was_taken), usize::from(was_taken)));
    });
}

/// A consumer that goes takes with it what is there and what is just being pushed.
#[test]
fn loom_a_consumer_that_goes_leaves_no_message_to_the_queue() {
    model(|| {
        let value = std::sync::Arc::new(());
        let queue = Arc::new(Queue::new());
        let producers: Vec<_> = (0..2)
            .map(|_| {
                let (queue, value) = (queue.clone(), value.clone());
                thread::spawn(move || drop(queue.push(value)))
            })
            .collect();
        queue.close();
        while pop(&queue).is_some() {}
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        assert_eq!(std::sync::Arc::strong_count(&value), 1, "the queue is still there, and holds nothing");
    });
}

/// Three in a row beside one: over two edges, with nothing between, and one is told to wake.
#[test]
fn loom_many_at_once_over_block_edges() {
    model(|| {
        let queue = Arc::new(Queue::new());
        assert!(rests(&queue));
        let many = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut values: Vec<_> = (0..3).map(Box::new).collect();
                let pushed = queue.push_many(&mut values, 3).expect("it is open");
                assert!(values.is_empty());
                u32::from(pushed.must_wake)
            })
        };
        let one = {
            let queue = queue.clone();
            thread::spawn(move || u32::from(queue.push(Box::new(10)).expect("it is open").must_wake))
        };
        let mut seen = Vec::from_iter(pop(&queue));
        let wakes = many.join().expect("it does not panic") + one.join().expect("it does not panic");
        assert_eq!(wakes, 1);
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_in_order(&seen, &[3, 1]);
        let first = seen.iter().position(|n| **n == 0).expect("it is there");
        assert_eq!(*seen[first + 2], 2, "nothing is between");
    });
}

#[test]
fn loom_many_beside_a_close_are_all_taken_or_none() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let many = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut values: Vec<_> = (0..3).map(Box::new).collect();
                let taken = queue.push_many(&mut values, 3).is_some();
                assert_eq!(values.len(), if taken { 0 } else { 3 });
                taken
            })
        };
        queue.close();
        let mut seen = Vec::from_iter(pop(&queue));
        let taken = many.join().expect("it does not panic");
        seen.extend(std::iter::from_fn(|| pop(&queue)));
        assert_eq!(seen.len(), if taken { 3 } else { 0 });
    });
}

/// Whoever claims an idle queue may handle a message outside it, and gives the role up where it was: a push beside it is
/// not left behind.
#[test]
fn loom_a_push_beside_a_direct_run_is_not_left_behind() {
    model(|| {
        let queue = Arc::new(Queue::new());
        assert!(rests(&queue));
        let asker = {
            let queue = queue.clone();
            thread::spawn(move || {
                let Tried::Claimed { idle_at } = queue.claim().try_claim() else { return None };
                // SAFETY: the role was just taken.
                let idle_at = idle_at.filter(|&ticket| ticket == unsafe { queue.next() });
                if idle_at.is_some_and(|ticket| queue.claim().release(ticket) == Rest::Resting) {
                    return None;
                }
                let popped = pop(&queue);
                assert!(popped.is_some(), "that is why it could not rest");
                assert!(rests(&queue));
                popped
            })
        };
        let pushed = queue.push(7).expect("it is open");
        let was_popped = asker.join().expect("it does not panic").is_some();
        assert!(pushed.must_wake || was_popped);
        if pushed.must_wake && matches!(queue.claim().take(), Taken::Claimed { .. }) {
            assert_eq!(pop(&queue).is_some(), !was_popped);
            assert!(rests(&queue));
        }
        assert_eq!(queue.len(), 0);
    });
}

/// What is left is dropped, once, and the blocks with it.
#[test]
fn loom_dropping_the_queue_drops_what_producers_left() {
    model(|| {
        let value = std::sync::Arc::new(());
        let queue = Arc::new(Queue::new());
        let producers: Vec<_> = (0..2)
            .map(|_| {
                let (queue, value) = (queue.clone(), value.clone());
                thread::spawn(move || drop(queue.push(value)))
            })
            .collect();
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
        drop(queue);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    });
}
