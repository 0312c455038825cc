use loom::sync::Arc;
use loom::thread;

use super::*;

/// Blocks hold two slots here, so three messages cross an edge. Where a block stands is in a cell that loom watches:
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
        assert!(queue.len() <= 2 - usize::from(popped));
        for thread in [producer, watcher] {
            thread.join().expect("it does not panic");
        }
        assert_eq!(queue.len(), 2 - usize::from(popped));
    });
}

#[test]
fn loom_a_parked_consumer_is_woken() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let wake = Arc::new(loom::sync::Notify::new());
        let producers: Vec<_> = (0..2)
            .map(|number| {
                let (queue, wake) = (queue.clone(), wake.clone());
                thread::spawn(move || {
                    if queue.push(number).expect("it is open").must_wake {
                        wake.notify();
                    }
                })
            })
            .collect();
        let mut count = 0;
        while count < 2 {
            match pop(&queue) {
                Some(_) => count += 1,
                // SAFETY: this is the consumer. A lost wake is a deadlock, which loom reports.
                None if unsafe { queue.park() } => wake.wait(),
                None => thread::yield_now(),
            }
        }
        for producer in producers {
            producer.join().expect("a producer does not panic");
        }
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

/// The closer need not wake anybody, so the push must, even when the consumer finds the queue closed.
#[test]
fn loom_a_push_before_a_close_wakes_the_consumer_that_parks() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let wake = Arc::new(loom::sync::Notify::new());
        let pusher = {
            let (queue, wake) = (queue.clone(), wake.clone());
            thread::spawn(move || {
                if queue.push(7).expect("it is open").must_wake {
                    wake.notify();
                }
                queue.close();
            })
        };
        loop {
            match pop(&queue) {
                Some(_) => break,
                // SAFETY: this is the consumer. A lost wake is a deadlock, which loom reports.
                None if unsafe { queue.park() } => wake.wait(),
                None => thread::yield_now(),
            }
        }
        pusher.join().expect("a producer does not panic");
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
