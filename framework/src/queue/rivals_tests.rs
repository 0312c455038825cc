use std::collections::VecDeque;

use proptest::prelude::*;

use super::super::handles;
use super::*;

/// Long enough for every run of operations below.
const RING_LEN: usize = 512;

/// One of the three queues, as a test drives it.
struct Tested<T> {
    name: &'static str,
    push: Box<dyn Fn(T) + Send + Sync>,
    pop: Box<dyn FnMut() -> Option<T> + Send>,
}

fn all<T: Send + 'static>() -> [Tested<T>; 3] {
    let (ours, mut ours_rx) = handles::queue();
    let (batches, mut batches_rx) = batches();
    let (ring, mut ring_rx) = ring(RING_LEN);
    let push_ring = move |mut value| {
        while let Err(back) = ring.try_push(value) {
            value = back;
            std::thread::yield_now();
        }
    };
    [
        Tested {
            name: "ours",
            push: Box::new(move |value| ours.push(value)),
            pop: Box::new(move || ours_rx.try_pop()),
        },
        Tested {
            name: "batches",
            push: Box::new(move |value| batches.push(value)),
            pop: Box::new(move || batches_rx.try_pop()),
        },
        Tested { name: "ring", push: Box::new(push_ring), pop: Box::new(move || ring_rx.try_pop()) },
    ]
}

proptest! {
    /// Some pushes, None pops.
    #[test]
    fn three_queues_do_as_a_deque_does(
        ops in proptest::collection::vec(proptest::option::weighted(0.55, any::<u32>()), 0..RING_LEN),
    ) {
        let (mut model, mut tested) = (VecDeque::new(), all());
        for op in ops {
            let popped = match op {
                Some(value) => {
                    model.push_back(value);
                    None
                }
                None => Some(model.pop_front()),
            };
            for queue in &mut tested {
                match popped {
                    None => (queue.push)(op.expect("it is a push")),
                    Some(expected) => prop_assert_eq!((queue.pop)(), expected, "{}", queue.name),
                }
            }
        }
    }
}

/// Each producer's messages in its order, all of them, once: of all three, so that a fault of the test shows as one
/// of the oracles too.
#[test]
fn three_queues_agree_under_stress() {
    for mut queue in all() {
        let (producers, count) = (3, 30_000_u32);
        let mut next = vec![0; producers];
        std::thread::scope(|scope| {
            for producer in 0..producers {
                let push = &queue.push;
                scope.spawn(move || (0..count).for_each(|number| push((producer, number))));
            }
            while next.iter().sum::<u32>() < count * producers as u32 {
                match (queue.pop)() {
                    Some((producer, number)) => {
                        assert_eq!(number, next[producer], "{}, producer {producer}", queue.name);
                        next[producer] += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        assert_eq!((queue.pop)(), None, "{}", queue.name);
    }
}
