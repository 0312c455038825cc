//! One value, published by its owner.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::word;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering, fence};

/// A value that anybody reads while its owner goes on.
///
/// **Guarantees.** Versions only grow, by one each time the value changes. A reader that has seen a version
/// never sees an older one, whatever thread it reads from, as long as the two reads are ordered. Publishing
/// from several threads is allowed: the last to arrive wins.
///
/// **Progress.** [`read`](Self::read) is wait-free. [`read_versioned`](Self::read_versioned) of a plain number tries
/// again when it met a publication.
///
/// **Cost.** A plain number (an integer, a float, `bool`, `char`) lies in the view itself: two loads a read, nothing
/// allocated. Any other value lies in an `Arc` that is exchanged: a load, two exchanges on a line of the reader's own,
/// and the clone; publishing allocates.
///
/// **Source.** The exchanged `Arc` is arc-swap's; a number and its version are a sequence lock (Boehm, "Can seqlocks
/// get along with programming language memory models?", MSPC 2012).
pub struct View<T> {
    /// Twice the version of a plain number, and one while it is written; 0 before the first, and for others.
    sequence: AtomicU64,
    number: AtomicU64,
    publishing: Mutex<()>,
    other: ArcSwapOption<Published<T>>,
}

struct Published<T> {
    version: u64,
    value: T,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> View<T> {
    /// Publishes `value` unless it equals what is published already. Says whether it did.
    pub fn publish(&self, value: T) -> bool {
        match word::from(&value) {
            Some(number) => self.publish_number(&value, number),
            None => self.publish_other(value),
        }
    }

    fn publish_number(&self, value: &T, number: u64) -> bool {
        // Most turns change nothing: no lock for them.
        if self.read().as_ref() == Some(value) {
            return false;
        }
        let _alone = self.publishing.lock();
        // ORDERING: Relaxed, both; written under the lock that is held.
        let sequence = self.sequence.load(Ordering::Relaxed);
        let before = word::into::<T>(self.number.load(Ordering::Relaxed));
        if sequence > 0 && before.as_ref() == Some(value) {
            return false;
        }
        // ORDERING: Release; who sees the odd sequence knows of the version before it, and so of all that came before that.
        self.sequence.store(sequence + 1, Ordering::Release);
        // ORDERING: Release; who reads the number sees what was done before it was published, and the odd sequence above.
        self.number.store(number, Ordering::Release);
        // ORDERING: Release; who sees this sequence sees the number.
        self.sequence.store(sequence + 2, Ordering::Release);
        true
    }

    fn publish_other(&self, value: T) -> bool {
        let mut current = self.other.load_full();
        loop {
            if current.as_ref().is_some_and(|published| published.value == value) {
                return false;
            }
            let version = current.as_ref().map_or(0, |published| published.version) + 1;
            let next = Arc::new(Published { version, value: value.clone() });
            let found = self.other.compare_and_swap(&current, Some(next));
            if is_same(&found, &current) {
                return true;
            }
            current = found.clone();
        }
    }

    /// What is published, if anything is yet.
    #[inline]
    pub fn read(&self) -> Option<T> {
        if word::is::<T>() {
            // ORDERING: Acquire; pairs with the sequence's Releases in `publish_number`: a number is there.
            let is_published = self.sequence.load(Ordering::Acquire) >= 2;
            // ORDERING: Acquire; pairs with the number's Release there.
            return if is_published { word::into(self.number.load(Ordering::Acquire)) } else { None };
        }
        self.other.load().as_ref().map(|published| published.value.clone())
    }

    /// What is published, and its version.
    pub fn read_versioned(&self) -> Option<(T, u64)> {
        if !word::is::<T>() {
            return self.other.load().as_ref().map(|published| (published.value.clone(), published.version));
        }
        loop {
            // ORDERING: Acquire; pairs with the last Release in `publish_number`: the number is not older.
            let before = self.sequence.load(Ordering::Acquire);
            let number = self.number.load(Ordering::Relaxed);
            // ORDERING: Acquire; pairs with the number's Release there: one that is newer shows in the sequence below.
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == before {
                let value = if before == 0 { None } else { word::into(number) };
                return value.map(|value| (value, before / 2));
            }
            crate::sync::hint::spin_loop();
        }
    }
}

impl<T> View<T> {
    /// The version of what is published; 0 while nothing is.
    pub fn version(&self) -> u64 {
        let other = self.other.load().as_ref().map_or(0, |published| published.version);
        // ORDERING: Acquire; who knows of a version sees what came before it.
        other + self.sequence.load(Ordering::Acquire) / 2
    }
}

fn is_same<T>(a: &Option<Arc<T>>, b: &Option<Arc<T>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

impl<T> Default for View<T> {
    fn default() -> Self {
        View {
            sequence: AtomicU64::new(0),
            number: AtomicU64::new(0),
            publishing: Mutex::new(()),
            other: ArcSwapOption::empty(),
        }
    }
}

impl<T: Clone + PartialEq + Send + Sync + fmt::Debug + 'static> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("version", &self.version()).field("value", &self.read()).finish()
    }
}

#[cfg(all(test, ostraca_loom))]
#[path = "view_loom_tests.rs"]
mod loom_tests;

#[cfg(all(test, not(ostraca_loom)))]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn an_unchanged_value_is_not_published_again() {
        let view = View::default();
        assert_eq!((view.read(), view.version()), (None, 0));
        assert!(view.publish(1));
        assert!(!view.publish(1));
        assert!(view.publish(2));
        assert_eq!(view.read_versioned(), Some((2, 2)));
    }

    #[test]
    fn a_number_is_published_as_any_other_value_is() {
        let view = View::default();
        assert_eq!((view.read(), view.read_versioned(), view.version()), (None, None, 0));
        assert!(view.publish(0i16), "the first is a change, even to what the cell was filled with");
        assert!(!view.publish(0));
        assert_eq!(view.read_versioned(), Some((0, 1)));
        assert!(view.publish(-7));
        assert_eq!((view.read(), view.read_versioned()), (Some(-7), Some((-7, 2))));
        let nan = View::default();
        assert!(nan.publish(f64::NAN) && nan.publish(f64::NAN), "never equal to itself");
    }

    #[test]
    fn concurrent_readers_of_another_value_never_go_back() {
        let view = View::default();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < 20_000 {
                        let ([value], version) = view.read_versioned().unwrap_or_default();
                        assert!(version >= seen, "version {version} after {seen}");
                        assert_eq!(value, version, "a value and another's version");
                        seen = version;
                    }
                });
            }
            (1..=20_000u64).for_each(|value| assert!(view.publish([value])));
        });
    }

    #[test]
    fn concurrent_publishers_of_numbers_count_every_version() {
        let (view, together) = (View::default(), Barrier::new(4));
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (view, together) = (&view, &together);
                scope.spawn(move || {
                    together.wait();
                    (0..20_000).for_each(|n| assert!(view.publish(thread << 32 | n)));
                });
            }
        });
        assert_eq!(view.version(), 80_000, "all values differ, so each is a version");
    }

    #[test]
    fn concurrent_readers_never_go_back() {
        let view = View::default();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < 20_000 {
                        let (value, version) = view.read_versioned().unwrap_or_default();
                        assert!(version >= seen, "version {version} after {seen}");
                        assert_eq!(value, version, "a value and another's version");
                        seen = version;
                    }
                });
            }
            (1..=20_000u64).for_each(|value| assert!(view.publish(value)));
        });
    }

    #[test]
    fn concurrent_publishers_count_every_version() {
        let (view, together) = (View::default(), Barrier::new(4));
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (view, together) = (&view, &together);
                scope.spawn(move || {
                    together.wait();
                    (0..20_000).for_each(|n| assert!(view.publish((thread, n))));
                });
            }
        });
        assert_eq!(view.version(), 80_000, "all values differ, so each is a version");
    }
}
