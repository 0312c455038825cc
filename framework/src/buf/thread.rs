//! Finds the calling thread's magazines for a pool.
//!
//! **Cost.** A comparison where the thread used the same pool last, a look along its pools otherwise.
//!
//! **When a thread ends** its magazines go to their depots. Whatever is given back after that goes there directly.

use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

use super::depot::{Block, Depot, DepotRef};
use super::local::Local;

/// The pool that the thread used last, and its magazines for it.
#[derive(Clone, Copy)]
struct Last {
    depot: *const Depot,
    local: *const Local,
}

const NONE: Last = Last { depot: ptr::null(), local: ptr::null() };

thread_local! {
    // Without a destructor, so that no look at it asks whether it has run.
    static LAST: Cell<Last> = const { Cell::new(NONE) };
    static ALL: All = const { All(RefCell::new(Vec::new())) };
}

/// All magazines of the thread.
struct All(RefCell<Vec<NonNull<Local>>>);

/// A block of the class: one that was used before, or one that `create` makes. None when the budget is spent.
#[inline(always)]
pub(super) fn get(depot: &DepotRef, class: usize, create: impl FnOnce() -> NonNull<u8>) -> Option<Block> {
    if let Some(local) = last(depot)
        && let Some(block) = local.try_get(class)
    {
        return Some(block);
    }
    get_slow(depot, class, create)
}

/// As [`get`], where the magazine may be empty.
#[cold]
#[inline(never)]
fn get_slow(depot: &DepotRef, class: usize, create: impl FnOnce() -> NonNull<u8>) -> Option<Block> {
    let mut found = None;
    match with_local(depot, |local| local.get(class)) {
        Some(Some(block)) => return Some(block),
        Some(None) => {}
        None => {
            depot.take(class, 1, |block| found = Some(block));
        }
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
#[inline(always)]
pub(super) fn put(depot: &DepotRef, class: usize, block: Block) {
    let is_kept = last(depot).is_some_and(|local| local.try_put(class, block));
    if !is_kept {
        put_slow(depot, class, block);
    }
}

#[cold]
#[inline(never)]
fn put_slow(depot: &DepotRef, class: usize, block: Block) {
    // A reference of its own: the block's may go with the block.
    let depot = depot.clone();
    let surplus = with_local(&depot, |local| local.put(class, block)).unwrap_or_else(|| {
        depot.count_put(class);
        depot.give(class, [block].into_iter())
    });
    Depot::dispose(&depot, class, surplus);
}

/// Gives up this thread's magazines of closed pools.
pub(super) fn leave_closed() {
    // A thread that ends has given all of them up.
    let _ = ALL.try_with(All::leave_closed);
}

/// The thread's magazines for the pool, if that is the one that it used last.
#[inline(always)]
fn last(depot: &DepotRef) -> Option<&Local> {
    let last = LAST.get();
    // SAFETY: the thread's magazines live until it takes them off both records, which nothing does that is done with them.
    ptr::eq(last.depot, depot.as_ptr().as_ptr()).then(|| unsafe { &*last.local })
}

/// None when the thread is ending, or the pool is closed and the thread has no magazines of it.
fn with_local<R>(depot: &DepotRef, work: impl FnOnce(&Local) -> R) -> Option<R> {
    let local = ALL.try_with(|all| all.find(depot)).ok()??;
    LAST.set(Last { depot: depot.as_ptr().as_ptr(), local: local.as_ptr() });
    // SAFETY: one of `ALL`; and `work`, which is one of this file's, leads back into nothing that would make it leave.
    Some(work(unsafe { local.as_ref() }))
}

impl All {
    fn find(&self, depot: &DepotRef) -> Option<NonNull<Local>> {
        // SAFETY: all of them live.
        let is_of = |local: &&NonNull<Local>| unsafe { local.as_ref() }.is_of(depot);
        let known = self.0.borrow().iter().find(is_of).copied();
        known.or_else(|| {
            self.leave_closed();
            let local = Local::enter(depot)?;
            self.0.borrow_mut().push(local);
            Some(local)
        })
    }

    fn leave_closed(&self) {
        // SAFETY: all of them live.
        let is_closed = |local: &mut NonNull<Local>| unsafe { local.as_ref() }.is_closed();
        let closed = self.0.borrow_mut().extract_if(.., is_closed).collect();
        leave(closed);
    }
}

fn leave(locals: Vec<NonNull<Local>>) {
    LAST.set(NONE);
    for local in locals {
        // SAFETY: this thread entered it, and neither record has it any more.
        unsafe { Local::leave(local) };
    }
}

impl Drop for All {
    fn drop(&mut self) {
        leave(self.0.take());
    }
}
