//! Models of counted references: the value is dropped once, after its last use; and so is its memory.

use loom::cell::UnsafeCell;
use loom::thread;

use super::handle::{Counted, Handle, Refs};
use super::slab::Slab;

#[repr(C)]
struct Value {
    refs: Refs,
    /// Loom reports a read that meets the write of the drop.
    used: UnsafeCell<u32>,
    _leaks: loom::alloc::Track<()>,
}

// SAFETY: the cell is only read while a handle is there, and written by the drop.
unsafe impl Sync for Value {}
// SAFETY: repr(C), and the counts come first.
unsafe impl Counted for Value {}

impl Value {
    fn insert(slab: &Slab) -> Handle<Value> {
        slab.insert(|refs, _| Value { refs, used: UnsafeCell::new(0), _leaks: loom::alloc::Track::new(()) })
    }

    fn use_it(&self) {
        // SAFETY: loom checks that the drop is not here.
        self.used.with(|used| unsafe { assert_eq!(*used, 0) });
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: loom checks that nobody else is here.
        self.used.with_mut(|used| unsafe { *used = 1 });
    }
}

#[test]
fn loom_a_handle_that_is_dropped_elsewhere_was_used_before_the_drop_of_the_value() {
    loom::model(|| {
        let slab = Slab::new();
        let handle = Value::insert(&slab);
        let other = handle.clone();
        let user = thread::spawn(move || other.use_it());
        handle.use_it();
        drop(handle);
        user.join().expect("a user does not panic");
    });
}

#[test]
fn loom_a_weak_handle_upgraded_beside_the_last_drop_finds_the_value_or_nothing() {
    loom::model(|| {
        let slab = Slab::new();
        let handle = Value::insert(&slab);
        let weak = handle.downgrade();
        let upgrader = thread::spawn(move || {
            if let Some(handle) = weak.upgrade() {
                handle.use_it();
            }
        });
        drop(handle);
        // Takes the memory again if it was given back.
        Value::insert(&slab).use_it();
        upgrader.join().expect("an upgrader does not panic");
    });
}
