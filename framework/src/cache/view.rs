//! One value, published by its owner.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A value that anybody reads while its owner goes on.
///
/// **Guarantees.** Versions only grow, by one each time the value changes. A reader that has seen a version
/// never sees an older one, whatever thread it reads from, as long as the two reads are ordered. Publishing
/// from several threads is allowed: the last to arrive wins.
pub struct View<T> {
    current: ArcSwapOption<Published<T>>,
}

struct Published<T> {
    version: u64,
    value: T,
}

impl<T: Clone + PartialEq + Send + Sync> View<T> {
    /// Publishes `value` unless it equals what is published already. Says whether it did.
    pub fn publish(&self, value: T) -> bool {
        let mut current = self.current.load_full();
        loop {
            if current.as_ref().is_some_and(|published| published.value == value) {
                return false;
            }
            let version = current.as_ref().map_or(0, |published| published.version) + 1;
            let next = Arc::new(Published { version, value: value.clone() });
            let found = self.current.compare_and_swap(&current, Some(next));
            if is_same(&found, &current) {
                return true;
            }
            current = found.clone();
        }
    }

    /// What is published, if anything is yet.
    pub fn read(&self) -> Option<T> {
        self.current.load().as_ref().map(|published| published.value.clone())
    }

    /// What is published, and its version.
    pub fn read_versioned(&self) -> Option<(T, u64)> {
        self.current.load().as_ref().map(|published| (published.value.clone(), published.version))
    }
}

impl<T> View<T> {
    /// The version of what is published; 0 while nothing is.
    pub fn version(&self) -> u64 {
        self.current.load().as_ref().map_or(0, |published| published.version)
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
        View { current: ArcSwapOption::empty() }
    }
}

impl<T: fmt::Debug> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current.load();
        let value = current.as_ref().map(|published| &published.value);
        f.debug_struct("View").field("version", &self.version()).field("value", &value).finish()
    }
}

#[cfg(test)]
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
