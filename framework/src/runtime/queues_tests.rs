//! The queues against their models: random operations of one thread, compared with `VecDeque`.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;

/// What one step does to a ring.
#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    Pop,
    PopHalf,
    StealHalf,
    StealAll,
}

fn step() -> impl Strategy<Value = Step> {
    // Pushes in the majority, so that rings fill up and overflow.
    prop_oneof![
        600 => Just(Step::Push),
        300 => Just(Step::Pop),
        4 => Just(Step::PopHalf),
        8 => Just(Step::StealHalf),
        1 => Just(Step::StealAll),
    ]
}

fn stolen(ring: &Ring<Box<usize>>, share: Share) -> Vec<usize> {
    let mut stolen = Vec::new();
    let len = ring.steal(share, |job| stolen.push(*job));
    assert_eq!(stolen.len(), len as usize);
    stolen
}

/// One step on the ring, as its worker.
fn on_ring(ring: &Ring<Box<usize>>, step: Step, number: usize) -> Vec<usize> {
    match step {
        // SAFETY: this thread is the worker.
        Step::Push => Vec::from_iter(unsafe { ring.push(Box::new(number)) }.err().map(|job| *job)),
        // SAFETY: as above.
        Step::Pop => Vec::from_iter(unsafe { ring.pop() }.map(|job| *job)),
        // SAFETY: as above.
        Step::PopHalf => unsafe { ring.pop_half() }.into_iter().map(|job| *job).collect(),
        Step::StealHalf => stolen(ring, Share::Half { len_max: RING_LEN }),
        Step::StealAll => stolen(ring, Share::All),
    }
}

fn on_model(model: &mut VecDeque<usize>, step: Step, number: usize) -> Vec<usize> {
    let len = model.len();
    let count = match step {
        Step::Push if len < RING_LEN as usize => {
            model.push_back(number);
            0
        }
        Step::Push => return vec![number],
        Step::Pop => len.min(1),
        Step::PopHalf => len.min(RING_LEN as usize / 2),
        Step::StealHalf => len.div_ceil(2),
        Step::StealAll => len,
    };
    model.drain(..count).collect()
}

/// The thief is interrupted in the middle. The worker goes on with what it has left, until it has none, and steals in
/// its turn.
#[test]
fn a_ring_that_a_thief_still_reads_from_takes_what_fits() {
    let queue = RunQueue::new(2, false);
    let (ring, other) = (&queue.locals[0].ring, &queue.locals[1].ring);
    let len = RING_LEN as usize;
    let push = |ring: &Ring<Box<usize>>, number| {
        // SAFETY: this thread is every worker.
        assert!(unsafe { ring.push(Box::new(number)) }.is_ok());
    };
    let pop = |ring: &Ring<Box<usize>>| {
        // SAFETY: as above.
        unsafe { ring.pop() }.map(|job| *job)
    };
    (0..len).for_each(|number| push(ring, number));
    (len..len + 4).for_each(|number| push(other, number));
    let mut seen = Vec::new();
    ring.steal(Share::Half { len_max: RING_LEN }, |job| {
        if seen.is_empty() {
            seen.extend(std::iter::from_fn(|| pop(ring)));
            assert_eq!(seen.len(), len / 2);
            seen.extend(queue.steal_from(0, 1).map(|job| *job));
        }
        seen.push(*job);
    });
    seen.extend(std::iter::from_fn(|| pop(ring).or_else(|| pop(other))));
    seen.sort_unstable();
    assert_eq!(seen, Vec::from_iter(0..len + 4));
}

proptest! {
    #[test]
    fn a_ring_is_a_bounded_queue(steps in prop::collection::vec(step(), 1..2_000), start: u32) {
        let ring = Ring::starting_at(start);
        let mut model = VecDeque::new();
        for (number, step) in steps.into_iter().enumerate() {
            prop_assert_eq!(on_ring(&ring, step, number), on_model(&mut model, step, number));
            prop_assert_eq!(ring.is_empty(), model.is_empty());
            // SAFETY: this thread is the worker.
            prop_assert_eq!(unsafe { ring.room() } as usize, RING_LEN as usize - model.len());
        }
    }

    /// Whatever the workers do, what went in comes out, once.
    #[test]
    fn a_run_queue_keeps_every_job(steps in prop::collection::vec((0..3usize, 0..8u8), 1..2_000)) {
        let queue = RunQueue::new(3, false);
        let mut workers = [0, 1, 2].map(|worker| Own::new(worker, 3, 7));
        let mut queued = BTreeSet::new();
        for (number, (worker, step)) in steps.into_iter().enumerate() {
            let pushed = match step {
                0..2 => queue.inject(Box::new(number)).map_err(|job| vec![job]),
                // SAFETY: this thread is every worker.
                2..4 => unsafe { queue.push_next(worker, Box::new(number)) },
                // SAFETY: as above.
                4 => unsafe { queue.push_last(worker, Box::new(number)) },
                // SAFETY: as above.
                5 => unsafe { queue.linger(worker, Box::new(number)) },
                _ => {
                    let job = queue.take(&mut workers[worker]).map(|job| *job);
                    // Nothing is hidden from a worker but what is in the others' slots.
                    prop_assert!(job.is_some() || queued.len() <= 2);
                    prop_assert!(job.is_none_or(|job| queued.remove(&job)), "{job:?} was not queued");
                    continue;
                }
            };
            prop_assert!(pushed.is_ok());
            queued.insert(number);
        }
        let mut left = queue.close();
        workers.iter_mut().for_each(|own| left.extend(queue.leave(own)));
        prop_assert_eq!(left.into_iter().map(|job| *job).collect::<BTreeSet<_>>(), queued);
    }
}
