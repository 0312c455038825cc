//! Finds the calling thread's magazines for a pool.
//!
//! **Cost.** A comparison where the thread used the same pool last, a look along its pools otherwise.
//!
//! **When a thread ends** its magazines go to their depots. Whatever is given back after that goes there directly.

use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

use super::depot::{Block, Depot, DepotRef};
use super::local::Local;

thread_local! {
    static THREAD: Thread = const { Thread { last: Cell::new(ptr::null_mut()), all: RefCell::new(Vec::new()) } };
}

struct Thread {
    last: Cell<*mut Local>,
    all: RefCell<Vec<NonNull<Local>>>,
}

/// A block of the class: one that was used before, or one that `create` makes. None when the budget is spent.
#[inline]
pub(super) fn get(depot: &DepotRef, class: usize, create: impl FnOnce() -> NonNull<u8>) -> Option<Block> {
    match with_local(depot, |local| local.get(class)) {
        Some(Some(block)) => Some(block),
        _ => get_slow(depot, class, create),
    }
}

#[cold]
fn get_slow(depot: &DepotRef, class: usize, create: impl FnOnce() -> NonNull<u8>) -> Option<Block> {
    let mut found = None;
    if with_local(depot, |_| ()).is_none() {
        depot.take(class, 1, |block| found = Some(block));
    }
    let block = match found {
        Some(block) => block,
        None => Depot::make(depot, class, create)?,
    };
    if with_local(depot, |local| local.count_get(class)).is_none() {
        depot.count_get(class);
    }
    Some(block)
}

/// Takes a block of the class back.
///
/// The block's reference to the depot goes with it: `depot` may be that one.
#[inline]
pub(super) fn put(depot: &DepotRef, class: usize, block: Block) {
    match with_local(depot, |local| local.put(class, block)) {
        Some(None) => {}
        // The thread's magazines have a reference of their own.
        Some(Some(surplus)) => Depot::dispose(depot, class, surplus),
        None => put_directly(depot.clone(), class, block),
    }
}

#[cold]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a reference of its own: the block's may go with the block"
)]
fn put_directly(depot: DepotRef, class: usize, block: Block) {
    depot.count_put(class);
    let surplus = depot.give(class, [block].into_iter());
    Depot::dispose(&depot, class, surplus);
}

/// Gives up this thread's magazines of closed pools.
pub(super) fn leave_closed() {
    // A thread that ends has given all of them up.
    let _ = THREAD.try_with(Thread::leave_closed);
}

/// None when the thread is ending, or the pool is closed and the thread has no magazines of it.
#[inline]
fn with_local<R>(depot: &DepotRef, work: impl FnOnce(&Local) -> R) -> Option<R> {
    let found = THREAD.try_with(|thread| {
        let last = NonNull::new(thread.last.get());
        // SAFETY: it is one of `all`, and they live until they leave it.
        let is_of = |last: &NonNull<Local>| unsafe { last.as_ref() }.is_of(depot);
        last.filter(is_of).or_else(|| thread.find(depot))
    });
    // SAFETY: as above; and `work`, which is one of this file's, leads back into nothing that would make it leave.
    found.ok().flatten().map(|local| work(unsafe { local.as_ref() }))
}

impl Thread {
    #[cold]
    fn find(&self, depot: &DepotRef) -> Option<NonNull<Local>> {
        // SAFETY: all of `all` live.
        let is_of = |local: &&NonNull<Local>| unsafe { local.as_ref() }.is_of(depot);
        let known = self.all.borrow().iter().find(is_of).copied();
        let local = known.or_else(|| {
            self.leave_closed();
            let local = Local::enter(depot)?;
            self.all.borrow_mut().push(local);
            Some(local)
        })?;
        self.last.set(local.as_ptr());
        Some(local)
    }

    fn leave_closed(&self) {
        // SAFETY: all of `all` live.
        let is_closed = |local: &mut NonNull<Local>| unsafe { local.as_ref() }.is_closed();
        let closed: Vec<_> = self.all.borrow_mut().extract_if(.., is_closed).collect();
        self.leave(closed);
    }

    fn leave(&self, locals: Vec<NonNull<Local>>) {
        for local in locals {
            if self.last.get() == local.as_ptr() {
                self.last.set(ptr::null_mut());
            }
            // SAFETY: this thread entered it, and neither `last` nor `all` has it any more.
            unsafe { Local::leave(local) };
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        let all = self.all.take();
        self.leave(all);
    }
}
