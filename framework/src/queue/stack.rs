//! A stack that anybody pushes to and one takes all of: Treiber's, with the taking made trivial.
//!
//! ```text
//!   head ──> newest ──> .. ──> oldest ──> null
//! ```
//!
//! **Guarantees.** [`Stack::take_all`] gives what was pushed before it in the order of the pushes. A push is
//! lock-free, taking is wait-free. There is no ABA: nodes are only ever taken all at once.
//!
//! **Cost.** 8 bytes when empty, an allocation a push. For what is rare.
//!
//! **Source.** R. K. Treiber, "Systems programming: coping with parallelism", IBM RJ 5118, 1986.

use std::ptr;

use crate::sync::atomic::{AtomicPtr, Ordering};

pub(crate) struct Stack<T> {
    head: AtomicPtr<Node<T>>,
}

struct Node<T> {
    value: T,
    next: *mut Node<T>,
}

// SAFETY: it hands values from the threads that push to the one that takes; no value is shared.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Stack<T> {}

impl<T> Stack<T> {
    pub(crate) fn new() -> Self {
        Stack { head: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(crate) fn push(&self, value: T) {
        let node = Box::into_raw(Box::new(Node { value, next: ptr::null_mut() }));
        // ORDERING: Relaxed; the exchange below checks it, and nothing is read through it.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: the node is this thread's until the exchange succeeds.
            unsafe { (*node).next = head };
            // ORDERING: Release; publishes the node to the Acquire in `take_all`.
            match self.head.compare_exchange_weak(head, node, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
    }

    /// Takes everything, oldest first.
    pub(crate) fn take_all(&self) -> Taken<T> {
        // ORDERING: Acquire; sees the nodes that the Releases of `push` published.
        let mut node = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest_first = ptr::null_mut();
        while !node.is_null() {
            // SAFETY: the swap made the whole list this thread's.
            let next = unsafe { (*node).next };
            // SAFETY: as above.
            unsafe { (*node).next = oldest_first };
            oldest_first = node;
            node = next;
        }
        Taken { node: oldest_first }
    }
}

impl<T> Drop for Stack<T> {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

/// What was taken, oldest first. What is not asked for is dropped with it.
pub(crate) struct Taken<T> {
    node: *mut Node<T>,
}

impl<T> Iterator for Taken<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.node.is_null() {
            return None;
        }
        // SAFETY: the list is this iterator's, and each node came from a box.
        let node = unsafe { Box::from_raw(self.node) };
        self.node = node.next;
        Some(node.value)
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        // A value whose drop panics takes none of the others with it: the rest goes while unwinding.
        struct Rest<'a, T>(&'a mut Taken<T>);
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.0.for_each(drop);
            }
        }
        let rest = Rest(self);
        rest.0.for_each(drop);
    }
}

#[cfg(all(test, not(ostraca_loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_taken_comes_in_the_order_of_the_pushes() {
        let stack = Stack::new();
        (0..5).for_each(|n| stack.push(n));
        assert_eq!(stack.take_all().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(stack.take_all().count(), 0);
    }

    #[test]
    fn pushers_keep_their_order_and_lose_nothing() {
        let (pushers, count) = (2, 50_000);
        let stack = Stack::new();
        let mut next = vec![0; pushers];
        std::thread::scope(|scope| {
            for pusher in 0..pushers {
                let stack = &stack;
                scope.spawn(move || (0..count).for_each(|number| stack.push((pusher, number))));
            }
            while next.iter().sum::<u32>() < pushers as u32 * count {
                for (pusher, number) in stack.take_all() {
                    assert_eq!(number, next[pusher], "pusher {pusher}");
                    next[pusher] += 1;
                }
                std::thread::yield_now();
            }
        });
        assert_eq!(stack.take_all().count(), 0);
    }

    #[test]
    fn a_drop_that_panics_takes_no_other_value_with_it() {
        struct Bad {
            _counted: Arc<()>,
            panics: bool,
        }
        impl Drop for Bad {
            fn drop(&mut self) {
                assert!(!self.panics, "planned");
            }
        }
        let value = Arc::new(());
        let stack = Stack::new();
        (0..5).for_each(|number| stack.push(Bad { _counted: value.clone(), panics: number == 2 }));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(stack))).is_err());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn what_is_not_taken_is_dropped() {
        let value = Arc::new(());
        let stack = Stack::new();
        (0..3).for_each(|_| stack.push(value.clone()));
        let mut taken = stack.take_all();
        drop(taken.next());
        drop(taken);
        stack.push(value.clone());
        drop(stack);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[cfg(all(test, ostraca_loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;

    use super::*;

    /// Values are in cells: loom reports one that is read without having been published.
    fn numbers(stack: &Stack<UnsafeCell<u32>>) -> Vec<u32> {
        // SAFETY: taken, so nobody else has it.
        stack.take_all().map(|value| value.with(|n| unsafe { *n })).collect()
    }

    #[test]
    fn loom_every_push_is_taken_once_in_its_pushers_order() {
        loom::model(|| {
            let stack = Arc::new(Stack::new());
            let pushers = [[0, 1], [10, 11]].map(|numbers| {
                let stack = stack.clone();
                loom::thread::spawn(move || numbers.map(|n| stack.push(UnsafeCell::new(n))))
            });
            let mut seen = numbers(&stack);
            for pusher in pushers {
                pusher.join().expect("a push does not panic");
            }
            seen.extend(numbers(&stack));
            seen.sort_by_key(|n| n / 10);
            assert_eq!(seen, [0, 1, 10, 11]);
        });
    }
}
