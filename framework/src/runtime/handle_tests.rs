//! Values in slabs and their counted references.

use std::sync::Arc;

use super::handle::{Counted, Handle, Refs};
use super::slab::Slab;

#[repr(C)]
struct Value<const BYTES: usize> {
    refs: Refs,
    counted: Arc<()>,
    bytes: [u8; BYTES],
}

// SAFETY: repr(C), and the counts come first.
unsafe impl<const BYTES: usize> Counted for Value<BYTES> {}

fn insert<const BYTES: usize>(slab: &Slab, counted: &Arc<()>) -> Handle<Value<BYTES>> {
    slab.insert(|refs, _| Value { refs, counted: counted.clone(), bytes: [7; BYTES] })
}

fn address<T: Counted>(handle: &Handle<T>) -> usize {
    std::ptr::from_ref::<T>(handle).addr()
}

#[test]
fn a_value_is_dropped_with_its_last_handle_and_a_weak_one_then_finds_nothing() {
    let (slab, counted) = (Slab::new(), Arc::new(()));
    let handle = insert::<8>(&slab, &counted);
    let (other, weak) = (handle.clone(), handle.downgrade());
    drop(handle);
    assert_eq!(Arc::strong_count(&counted), 2);
    drop(weak.upgrade().expect("a handle is left"));
    // SAFETY: it lies in the slab, and `other` keeps it.
    drop(unsafe { Handle::of(&*other) });
    drop(other);
    assert_eq!(Arc::strong_count(&counted), 1);
    assert!(weak.clone().upgrade().is_none());
}

#[test]
fn slots_lie_on_lines_of_their_own_and_are_used_again_when_no_reference_is_left() {
    let (slab, counted) = (Slab::new(), Arc::new(()));
    let all: Vec<_> = (0..1_000).map(|_| insert::<100>(&slab, &counted)).collect();
    assert!(all.iter().all(|handle| address(handle) % 64 == 0));
    let mut addresses: Vec<_> = all.iter().map(address).collect();
    addresses.sort_unstable();
    assert!(addresses.windows(2).all(|two| two[1] - two[0] >= size_of::<Value<100>>()));
    let mut all = all.into_iter();
    let kept = all.next().map(|handle| handle.downgrade()).expect("there are a thousand");
    drop(all);
    let again: Vec<_> = (0..1_000).map(|_| insert::<100>(&slab, &counted)).collect();
    assert!(again.iter().all(|handle| handle.bytes == [7; 100]));
    assert!(kept.upgrade().is_none());
    let new = again.iter().filter(|handle| addresses.binary_search(&address(handle)).is_err()).count();
    assert!(new < 1_000, "some lie where others did");
}

#[test]
fn values_outlive_their_slab_and_a_large_one_has_a_chunk_of_its_own() {
    let (slab, counted) = (Slab::new(), Arc::new(()));
    let (small, large) = (insert::<8>(&slab, &counted), insert::<100_000>(&slab, &counted));
    let weak = small.downgrade();
    drop(slab);
    assert_eq!((small.bytes[0], large.bytes[99_999]), (7, 7));
    drop((small, large));
    assert_eq!(Arc::strong_count(&counted), 1);
    assert!(weak.upgrade().is_none(), "its memory is still there to be asked");
}

#[test]
fn a_making_that_panics_gives_its_slot_back() {
    let (slab, counted) = (Slab::new(), Arc::new(()));
    let first = address(&insert::<8>(&slab, &counted));
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        slab.insert(|_, _| -> Value<8> { panic!("planned") })
    }));
    assert!(failed.is_err());
    assert_eq!(address(&insert::<8>(&slab, &counted)), first);
}
