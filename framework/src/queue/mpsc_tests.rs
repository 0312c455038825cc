use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering as StdOrdering};

use proptest::prelude::*;

use super::super::block::BLOCK_LEN;
use super::*;
use crate::queue::{LastReference, Taken, Tried, Wake};
use crate::sync::LeakCheck;

/// As the consumer: gives the role up, if nothing is queued.
fn rests<T>(queue: &Queue<T>) -> bool {
    // SAFETY: one consumer, whose queue it is.
    unsafe { queue.release() == Rest::Resting }
}

/// The consumer was woken.
fn take<T>(queue: &Queue<T>) {
    assert!(matches!(queue.claim().take(), Taken::Claimed { is_called: false, .. }));
}

fn pop<T>(queue: &Queue<T>) -> Option<T> {
    loop {
        // SAFETY: each test has one consumer.
        match unsafe { queue.pop() } {
            Pop::Item(value) => return Some(value),
            Pop::Empty => return None,
            Pop::Busy => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_queue_is_as_small_as_its_doc_says() {
    assert_eq!((size_of::<Senders<u64>>(), size_of::<Consumer<u64>>()), (40, 32));
    assert_eq!(size_of::<Queue<u64>>(), 96, "with the 24 bytes beside");
}

proptest! {
    /// Pushes of many and pops of many against a VecDeque; over the edges of the small block and of large ones.
    #[test]
    fn many_at_once_are_as_many_one_by_one(ops in proptest::collection::vec((0_usize..100, 0_usize..100), 0..20)) {
        let (queue, mut model, mut next) = (Queue::new(), VecDeque::new(), 0_u32);
        for (pushed, popped) in ops {
            let mut values: Vec<u32> = (next..next + pushed as u32 + 3).collect();
            if pushed > 0 {
                prop_assert!(queue.push_many(&mut values, pushed).is_some());
                prop_assert_eq!(&values, &(next + pushed as u32..next + pushed as u32 + 3).collect::<Vec<_>>());
            }
            model.extend(next..next + pushed as u32);
            next += pushed as u32;
            for _ in 0..popped {
                prop_assert_eq!(pop(&queue), model.pop_front());
            }
        }
    }

    /// Some pushes, None pops, against a VecDeque.
    #[test]
    fn a_queue_is_a_queue(ops in proptest::collection::vec(proptest::option::weighted(0.55, any::<u32>()), 0..500)) {
        let (queue, mut model) = (Queue::new(), VecDeque::new());
        for op in ops {
            match op {
                Some(value) => {
                    prop_assert!(queue.push(value).is_ok());
                    model.push_back(value);
                }
                None => prop_assert_eq!(pop(&queue), model.pop_front()),
            }
            // SAFETY: one consumer.
            unsafe { queue.publish_head() };
            prop_assert_eq!(queue.len(), model.len());
            // SAFETY: one consumer.
            let found = match unsafe { queue.find() } {
                // SAFETY: as above.
                Find::Item(found) => Some(unsafe { *queue.peek(&found) }),
                Find::Empty | Find::Busy => None,
            };
            prop_assert_eq!(found.as_ref(), model.front());
            let rested = rests(&queue);
            prop_assert_eq!(rested, model.is_empty());
            if rested {
                prop_assert_eq!(queue.claim().try_claim(), Tried::Claimed { idle_at: Some(queue.claim().end()) });
            }
        }
    }
}

/// Each producer's messages in its order, nothing lost, nothing doubled (faults F1 to F5 of the textbook queue).
#[test]
fn producers_keep_their_order_and_lose_nothing() {
    for producers in [1, 2, 4] {
        let count = 100_000 / producers;
        let queue = Arc::new(Queue::new());
        let threads: Vec<_> = (0..producers)
            .map(|producer| {
                let queue = queue.clone();
                std::thread::spawn(move || {
                    for number in 0..count {
                        assert!(queue.push((producer, number)).is_ok());
                    }
                })
            })
            .collect();
        let mut next = vec![0; producers];
        for _ in 0..producers * count {
            let (producer, number) = loop {
                match pop(&queue) {
                    Some(message) => break message,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(number, next[producer], "producer {producer}");
            next[producer] += 1;
        }
        assert_eq!(pop(&queue), None);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, StdOrdering::SeqCst);
    }
}

/// The textbook queue leaks a node a message and stops its drop at the first gap (F5, F6).
#[test]
fn what_is_left_is_dropped_with_the_queue() {
    let drops = Arc::new(AtomicUsize::new(0));
    let queue = Queue::new();
    for _ in 0..100 {
        assert!(queue.push(Counted(drops.clone())).is_ok());
    }
    (0..40).for_each(|_| drop(pop(&queue)));
    assert_eq!(drops.load(StdOrdering::SeqCst), 40);
    drop(queue);
    assert_eq!(drops.load(StdOrdering::SeqCst), 100);
}

#[test]
fn a_drop_that_panics_takes_no_other_message_with_it() {
    struct Bad {
        _counted: Counted,
        panics: bool,
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.panics, "planned");
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let queue = Queue::new();
    for number in 0..50 {
        assert!(queue.push(Bad { _counted: Counted(drops.clone()), panics: number == 20 }).is_ok());
    }
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(queue))).is_err());
    assert_eq!(drops.load(StdOrdering::SeqCst), 50);
}

#[test]
fn a_closed_queue_gives_values_back_and_keeps_what_it_has() {
    let queue = Queue::new();
    assert!(queue.push(1).is_ok());
    queue.close();
    queue.close();
    assert_eq!(queue.push(2), Err(2));
    assert_eq!((queue.len(), queue.is_closed()), (1, true), "refused pushes do not count (F8)");
    assert_eq!((pop(&queue), pop(&queue)), (Some(1), None));
}

#[test]
fn blocks_come_back_and_nothing_is_allocated_in_steady_state() {
    let queue = Queue::new();
    let turn = || {
        for number in 0..BLOCK_LEN / 3 {
            assert!(queue.push(number).is_ok());
        }
        for number in 0..BLOCK_LEN / 3 {
            assert_eq!(pop(&queue), Some(number));
        }
    };
    (0..10).for_each(|_| turn());
    let warm = LeakCheck::counts().made;
    (0..1_000).for_each(|_| turn());
    assert_eq!(LeakCheck::counts().made, warm);
}

#[test]
fn every_block_is_freed_with_the_queue() {
    for (pushed, popped) in (0..4 * BLOCK_LEN).map(|n| (n, n / 2)).chain([(200, 0), (200, 200)]) {
        let before = LeakCheck::counts();
        let queue = Queue::new();
        (0..pushed).for_each(|number| assert!(queue.push(number).is_ok()));
        (0..popped).for_each(|number| assert_eq!(pop(&queue), Some(number)));
        drop(queue);
        let after = LeakCheck::counts();
        assert_eq!(after.made - before.made, after.freed - before.freed, "{pushed} pushed, {popped} popped");
        assert_eq!(after.made > before.made, pushed > 0);
    }
}

#[test]
fn an_unused_queue_has_allocated_nothing() {
    let before = LeakCheck::counts().made;
    let queue = Queue::<u64>::new();
    assert!(rests(&queue));
    assert_eq!(LeakCheck::counts().made, before);
}

#[test]
fn exactly_the_first_push_after_a_rest_must_wake() {
    let queue = Queue::new();
    for round in 0..100 {
        assert!(rests(&queue));
        let wakes = [0, 1, 2].map(|number| queue.push(number).map(|pushed| pushed.must_wake));
        assert_eq!(wakes, [Ok(true), Ok(false), Ok(false)], "round {round}");
        take(&queue);
        assert_eq!([(); 3].map(|()| pop(&queue)), [Some(0), Some(1), Some(2)]);
    }
}

#[test]
fn many_pushed_into_a_closed_queue_stay_with_their_owner() {
    let queue = Queue::new();
    queue.close();
    let mut values = vec![1, 2];
    assert_eq!(queue.push_many(&mut values, 2), None);
    assert_eq!((values, queue.len()), (vec![1, 2], 0));
}

#[test]
fn many_wake_an_idle_consumer_once() {
    let queue = Queue::new();
    assert!(rests(&queue));
    let wakes = [1, 2].map(|n| queue.push_many(&mut vec![n; 50], 50).map(|pushed| pushed.must_wake));
    assert_eq!(wakes, [Some(true), Some(false)]);
}

#[test]
fn an_idle_queue_is_claimed_where_it_was_left_until_something_comes() {
    let queue = Queue::new();
    assert_eq!(queue.claim().try_claim(), Tried::Taken, "its maker has it");
    assert!(rests(&queue));
    assert_eq!(queue.claim().try_claim(), Tried::Claimed { idle_at: Some(0) });
    assert!(rests(&queue));
    assert!(queue.push(1).is_ok_and(|pushed| pushed.must_wake));
    assert_eq!(queue.claim().try_claim(), Tried::Claimed { idle_at: None }, "it is on the run queue");
    assert_eq!(pop(&queue), Some(1));
    assert!(rests(&queue));
    assert!(
        matches!(queue.claim().take(), Taken::Claimed { is_called: false, .. }),
        "the entry is still to be taken"
    );
    assert!(rests(&queue));
    assert_eq!(queue.claim().control(), Wake::Schedule);
    assert_eq!(queue.claim().try_claim(), Tried::NotForAskers);
    assert!(matches!(queue.claim().take(), Taken::Claimed { is_called: true, .. }));
    queue.close();
    assert!(rests(&queue));
    assert_eq!(queue.claim().try_claim(), Tried::Claimed { idle_at: None });
    assert_eq!(queue.claim().die(), LastReference::Mine);
    assert_eq!((queue.claim().take(), queue.claim().wake()), (Taken::Dead, Wake::Nothing));
}

#[test]
fn what_is_suspended_is_woken_by_a_wake_or_control_alone() {
    let queue = Queue::new();
    assert_eq!(queue.claim().suspend(), Rest::Resting);
    assert!(queue.push(1).is_ok_and(|pushed| !pushed.must_wake));
    assert_eq!(queue.claim().try_claim(), Tried::NotForAskers);
    assert_eq!(queue.claim().wake(), Wake::Schedule);
    assert_eq!(queue.claim().wake(), Wake::Nothing, "it is on the run queue");
    take(&queue);
    assert_eq!(queue.claim().suspend(), Rest::LookAgain, "the wake was not looked at");
    assert!(queue.claim().take_woken());
    assert_eq!(queue.claim().requeue(), Wake::Schedule);
    assert_eq!(queue.claim().try_claim(), Tried::Claimed { idle_at: None });
    assert_eq!(queue.claim().requeue(), Wake::Nothing, "the entry is still to be taken");
}

/// Others see what a run has taken with a lag that is bounded, and exactly when the run ends.
#[test]
fn the_length_lags_by_sixteen_in_a_run_of_a_large_queue_alone() {
    for (len_max, lag) in [(None, 15), (Some(256), 15), (Some(255), 0)] {
        let queue: Queue<u32> = Queue::with_limit(len_max, Begin::Running, [0; 3]);
        (0..100).for_each(|number| assert!(queue.push(number).is_ok()));
        let lags = (1..=100).map(|popped| {
            assert!(pop(&queue).is_some());
            queue.len() - (100 - popped)
        });
        assert_eq!(lags.max(), Some(lag), "of at most {len_max:?}");
        assert_eq!(pop(&queue), None);
        assert_eq!(queue.len(), 0);
    }
}

/// A producer that was interrupted between its ticket and its stamp.
struct Interrupted {
    ticket: u64,
}

impl Interrupted {
    fn begin<T>(queue: &Queue<T>) -> Self {
        let (ticket, _) = queue.senders.take_tickets(1, Manners::AtOnce).expect("it is open");
        Interrupted { ticket }
    }

    fn finish<T>(self, queue: &Queue<T>, value: T) {
        // SAFETY: the ticket is its own.
        unsafe { queue.senders.fill(self.ticket, || value) };
    }
}

fn blocks_left<T>(queue: &Queue<T>) -> usize {
    // SAFETY: each test has one consumer.
    unsafe { queue.consumer.blocks_left() }
}

/// The queue says Busy and not Empty, so that nobody sleeps on it (F3, F9); the others go on, a hundred blocks far;
/// and the late one finds its way back to its block.
#[test]
fn an_interrupted_producer_holds_up_the_consumer_and_nobody_else() {
    let queue = Queue::new();
    let late = Interrupted::begin(&queue);
    let count = 100 * BLOCK_LEN;
    for number in 1..=count {
        assert!(queue.push(number).is_ok());
    }
    for _ in 0..3 {
        // SAFETY: one consumer.
        assert_eq!(unsafe { queue.pop() }, Pop::Busy);
        // SAFETY: one consumer.
        assert!(matches!(unsafe { queue.find() }, Find::Busy));
        assert!(!rests(&queue));
    }
    assert_eq!(queue.len(), count + 1);
    late.finish(&queue, 0);
    for number in 0..=count {
        assert_eq!(pop(&queue), Some(number));
    }
    assert_eq!(pop(&queue), None);
}

#[test]
fn an_interrupted_producer_delivers_after_the_close() {
    let queue = Queue::new();
    let late = Interrupted::begin(&queue);
    queue.close();
    assert_eq!(queue.push(2), Err(2));
    // SAFETY: one consumer.
    assert_eq!(unsafe { queue.pop() }, Pop::Busy);
    assert!(!rests(&queue));
    late.finish(&queue, 1);
    assert_eq!((pop(&queue), pop(&queue)), (Some(1), None));
    assert!(rests(&queue));
}

/// The horizon is the tail when the block was full, not when the consumer came: it is behind the consumer already.
#[test]
fn a_backlog_gives_its_blocks_back_as_it_drains() {
    let queue = Queue::new();
    (0..20 * BLOCK_LEN).for_each(|number| assert!(queue.push(number).is_ok()));
    for number in 0..20 * BLOCK_LEN {
        assert_eq!(pop(&queue), Some(number));
        assert!(blocks_left(&queue) <= 1, "{} blocks are kept", blocks_left(&queue));
    }
}

/// The consumer's role goes from thread to thread; a mutex stands for the claim.
#[test]
fn consumers_that_take_turns_keep_the_order() {
    let (producers, count) = (2, 20_000);
    let queue = Queue::new();
    let next = std::sync::Mutex::new(vec![0_u32; producers]);
    std::thread::scope(|scope| {
        for producer in 0..producers {
            let queue = &queue;
            scope
                .spawn(move || (0..count).for_each(|number| assert!(queue.push((producer, number)).is_ok())));
        }
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let mut next = next.lock().unwrap();
                    for (producer, number) in std::iter::from_fn(|| pop(&queue)) {
                        assert_eq!(number, next[producer], "producer {producer}");
                        next[producer] += 1;
                    }
                    if next.iter().all(|&next| next == count) {
                        return;
                    }
                    drop(next);
                    std::thread::yield_now();
                }
            });
        }
    });
}

/// The textbook queue is Send and Sync whatever is in it (F7). Had the queue two ways to answer, this would not
/// compile.
#[test]
fn a_queue_of_what_is_not_send_is_not_send() {
    trait Answers<Way> {
        fn answer() {}
    }
    struct WhenSend;
    struct WhenSync;
    impl<T> Answers<()> for T {}
    impl<T: Send> Answers<WhenSend> for T {}
    impl<T: Sync> Answers<WhenSync> for T {}
    <Queue<std::rc::Rc<u8>> as Answers<_>>::answer();
    <super::super::Stack<std::rc::Rc<u8>> as Answers<_>>::answer();
}
