//! Models of the ring and of the slot alone.

use loom::sync::Arc;
use loom::thread;

use super::ring::{RING_LEN, Ring, Share};
use super::slot::{Put, Slot};

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // Deep runs lift the bound by the environment.
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(test);
}

/// A job that is lost is a leak that loom reports. It owns nothing: one that is taken twice is two equal numbers, and
/// not the end of the process, which may hang.
type Job = loom::alloc::Track<u32>;

fn job(number: u32) -> Job {
    loom::alloc::Track::new(number)
}

/// Half of what is in the ring, in its order.
fn steal(ring: &Ring<Job>, share: Share) -> Vec<u32> {
    let mut stolen = Vec::new();
    ring.steal(share, |job| {
        assert!(stolen.len() < RING_LEN as usize, "no more than a ring holds");
        stolen.push(job.into_inner());
    });
    assert!(stolen.is_sorted(), "first in, first out");
    stolen
}

fn thief(ring: &Arc<Ring<Job>>, share: Share) -> thread::JoinHandle<Vec<u32>> {
    let ring = ring.clone();
    thread::spawn(move || steal(&ring, share))
}

/// Pushes if there is room.
fn push(ring: &Ring<Job>, number: u32) -> bool {
    // SAFETY: each model has one worker.
    unsafe { ring.push(job(number)) }.is_ok()
}

fn pop(ring: &Ring<Job>) -> Option<u32> {
    // SAFETY: each model has one worker.
    unsafe { ring.pop() }.map(Job::into_inner)
}

fn assert_all(mut seen: Vec<u32>, len: u32) {
    seen.sort_unstable();
    assert_eq!(seen, (0..len).collect::<Vec<_>>());
}

/// The worker pops and fills the places anew, over the end of the position's range, while a thief reads.
#[test]
fn loom_a_thief_reads_what_the_worker_does_not_overwrite() {
    model(|| {
        let ring = Arc::new(Ring::starting_at(u32::MAX - 1));
        let mut next = 0;
        while next < RING_LEN {
            assert!(push(&ring, next));
            next += 1;
        }
        let thief = thief(&ring, Share::Half { len_max: RING_LEN });
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.extend(pop(&ring));
            next += u32::from(push(&ring, next));
        }
        assert!(seen.is_sorted(), "first in, first out");
        seen.extend(thief.join().expect("a thief does not panic"));
        seen.extend(std::iter::from_fn(|| pop(&ring)));
        assert_all(seen, next);
    });
}

/// The ring runs empty and is filled again under the thief's eyes: it must not take the old tail for the new one.
#[test]
fn loom_a_thief_never_meets_a_tail_behind_the_head() {
    model(|| {
        let ring = Arc::new(Ring::new());
        let thief = thief(&ring, Share::Half { len_max: RING_LEN });
        let mut seen = Vec::new();
        for number in 0..2 {
            assert!(push(&ring, number));
            seen.extend(pop(&ring));
        }
        seen.extend(thief.join().expect("a thief does not panic"));
        assert_all(seen, 2);
    });
}

#[test]
fn loom_two_thieves_and_the_worker_share_a_ring() {
    model(|| {
        let ring = Arc::new(Ring::new());
        for number in 0..3 {
            assert!(push(&ring, number));
        }
        let thieves = [thief(&ring, Share::Half { len_max: RING_LEN }), thief(&ring, Share::All)];
        let mut seen = Vec::from_iter(pop(&ring));
        assert!(push(&ring, 3));
        for thief in thieves {
            seen.extend(thief.join().expect("a thief does not panic"));
        }
        seen.extend(std::iter::from_fn(|| pop(&ring)));
        assert_all(seen, 4);
    });
}

/// A full ring makes room by giving its older half away while a thief is at it.
#[test]
fn loom_a_ring_that_overflows_against_a_thief() {
    model(|| {
        let ring = Arc::new(Ring::new());
        for number in 0..RING_LEN {
            assert!(push(&ring, number));
        }
        let thief = thief(&ring, Share::Half { len_max: RING_LEN });
        // SAFETY: this is the worker.
        let mut seen: Vec<u32> = unsafe { ring.pop_half() }.into_iter().map(Job::into_inner).collect();
        let mut len = RING_LEN;
        len += u32::from(push(&ring, len));
        seen.extend(thief.join().expect("a thief does not panic"));
        seen.extend(std::iter::from_fn(|| pop(&ring)));
        assert_all(seen, len);
    });
}

/// The worker fills, exchanges and takes while a thief looks on twice.
#[test]
fn loom_a_slot_taken_by_two() {
    model(|| {
        let slot = Arc::new(Slot::<Job>::new());
        let thief = {
            let slot = slot.clone();
            thread::spawn(move || {
                [slot.steal(), slot.steal()].into_iter().flatten().map(Job::into_inner).collect()
            })
        };
        let mut seen = Vec::new();
        for number in 0..3 {
            // SAFETY: this is the worker.
            match unsafe { slot.put(job(number)) } {
                Put::Filled => {}
                Put::Displaced(job) | Put::Busy(job) => seen.push(job.into_inner()),
            }
            if number == 1 {
                // SAFETY: as above.
                seen.extend(unsafe { slot.take() }.map(Job::into_inner));
            }
        }
        let stolen: Vec<u32> = thief.join().expect("a thief does not panic");
        seen.extend(stolen);
        seen.extend(slot.steal().map(Job::into_inner));
        assert_all(seen, 3);
    });
}

/// Two thieves find one job.
#[test]
fn loom_a_slot_is_stolen_once() {
    model(|| {
        let slot = Arc::new(Slot::<Job>::new());
        let thieves = [(); 2].map(|()| {
            let slot = slot.clone();
            thread::spawn(move || slot.steal().map(Job::into_inner))
        });
        // SAFETY: this is the worker.
        assert!(matches!(unsafe { slot.put(job(0)) }, Put::Filled));
        let stolen = thieves.map(|thief| thief.join().expect("a thief does not panic"));
        let mut seen: Vec<u32> = stolen.into_iter().flatten().collect();
        // SAFETY: as above.
        seen.extend(unsafe { slot.take() }.map(Job::into_inner));
        assert_all(seen, 1);
    });
}
