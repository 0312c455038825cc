//! Models of a published number: it is its version's, never older than what was seen, and shows what came before it.
//!
//! The owner is each model's first thread. Loom lets it publish both numbers then, and a reader that comes later has any
//! of its stores to read; begun with the reader, it would not come to that: it sees no conflict between a load and a
//! later store of a thread that has loaded the same itself.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Two numbers are published, in their order; what their owner did before is a count that only the view publishes.
struct Owner {
    view: View<u64>,
    done: AtomicU64,
}

impl Owner {
    fn publish_beside(reader: impl Fn(&Owner) + Clone + Send + Sync + 'static) {
        loom::model(move || {
            let owner = Arc::new(Owner { view: View::default(), done: AtomicU64::new(0) });
            let reader = {
                let (owner, reader) = (owner.clone(), reader.clone());
                thread::spawn(move || reader(&owner))
            };
            for number in 1..=2 {
                owner.done.store(number, Ordering::Relaxed);
                assert!(owner.view.publish(number));
            }
            reader.join().expect("the reader does not panic");
        });
    }

    /// Who has seen `number`, or its version, sees what came before it.
    fn assert_done(&self, number: u64) {
        assert!(self.done.load(Ordering::Relaxed) >= number);
    }
}

#[test]
fn loom_a_number_that_is_read_shows_what_came_before_it() {
    Owner::publish_beside(|owner| {
        if let Some(number) = owner.view.read() {
            assert!((1..=2).contains(&number), "it was published");
            owner.assert_done(number);
        }
    });
}

#[test]
fn loom_a_version_that_is_read_shows_what_came_before_it() {
    Owner::publish_beside(|owner| owner.assert_done(owner.view.version()));
}

#[test]
fn loom_a_number_and_its_version_are_read_as_one() {
    Owner::publish_beside(|owner| {
        let (number, version) = owner.view.read_versioned().unwrap_or_default();
        assert_eq!(number, version, "a number and another's version");
        owner.assert_done(number);
        assert!(owner.view.read().unwrap_or_default() >= number, "never back");
    });
}

#[test]
fn loom_two_that_publish_make_two_versions() {
    loom::model(|| {
        let view = Arc::new(View::default());
        let other = {
            let view = view.clone();
            thread::spawn(move || view.publish(1u64))
        };
        assert!(view.publish(2));
        assert!(other.join().expect("nobody panics"));
        let (number, version) = view.read_versioned().expect("it was published");
        assert!((1..=2).contains(&number), "it was published");
        assert_eq!(version, 2);
    });
}
