//! What all actors of one type in one system have in common, and the way to it from whatever a handler calls.
//!
//! ```text
//!   cell ──commons──> TypeCommons ──> Commons of the system
//!     ^                   ├──> times of its handlers
//!     └── turn ── TypeRef ┘         what is opened or refused in a turn finds the handler that runs
//! ```
//!
//! A message does not know who handles it, and an answer not by whom it is given. The turn that runs on the thread does:
//! [`scope`](super::super::scope) keeps a [`TypeRef`] for it, and asks by it in the rare case that there is something to
//! count.

use std::any::TypeId;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use super::super::Actor;
use super::super::commons::Commons;
use super::super::lifecycle::short_type_name;
use super::super::parent::AnyCell;
use super::super::stamp::Stamp;
use super::super::stats::TypeTimes;
use super::Cell;
use super::life::At;
use crate::runtime::Runtime;

/// The system's, and what is the type's. What the hot path reads of the system is here again, one step nearer.
pub(crate) struct TypeCommons {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) lingers: bool,
    pub(super) times: Arc<TypeTimes>,
    pub(super) system: Arc<Commons>,
    waited: unsafe fn(usize, &TypeCommons, Stamp),
    refused: unsafe fn(usize),
}

impl Deref for TypeCommons {
    type Target = Commons;

    fn deref(&self) -> &Commons {
        &self.system
    }
}

impl TypeCommons {
    /// Those of `A` in this system: made by the first actor of the type, and again when there was none for a while.
    pub(super) fn of<A: Actor>(system: &Arc<Commons>) -> Arc<Self> {
        let times = || TypeTimes::new(short_type_name::<A>(), A::HANDLERS);
        system.of_type(TypeId::of::<A>(), times, |times| TypeCommons {
            runtime: system.runtime.clone(),
            lingers: system.lingers,
            times,
            system: system.clone(),
            waited: waited::<A>,
            refused: refused::<A>,
        })
    }
}

/// The type of the actor whose turn runs on this thread.
#[derive(Clone, Copy)]
pub(in super::super) struct TypeRef(Option<NonNull<TypeCommons>>);

impl TypeRef {
    /// Outside any turn.
    pub(in super::super) const NONE: TypeRef = TypeRef(None);

    /// # Safety
    ///
    /// It is used only while a turn of a cell whose `commons` these are runs on this thread and keeps it, and with the
    /// address of that cell.
    #[inline(always)]
    pub(super) unsafe fn new(commons: &Arc<TypeCommons>) -> Self {
        TypeRef(Some(NonNull::from(&**commons)))
    }

    fn get(&self) -> Option<&TypeCommons> {
        // SAFETY: the duty of who made it.
        self.0.map(|commons| unsafe { commons.as_ref() })
    }

    /// The address of the system's runtime.
    pub(in super::super) fn runtime(&self) -> usize {
        self.get().map_or(0, |commons| commons.runtime.address())
    }

    /// The message that the cell at `cell` has at hand waited since then.
    pub(in super::super) fn waited(&self, cell: usize, stamp: Stamp) {
        if let Some(commons) = self.get() {
            // SAFETY: the duty of who made it: the cell is of this type, and this thread holds its claim.
            unsafe { (commons.waited)(cell, commons, stamp) };
        }
    }

    /// The handler of the cell at `cell` answers by an `Err`.
    pub(in super::super) fn refused(&self, cell: usize) {
        if let Some(commons) = self.get() {
            // SAFETY: as above.
            unsafe { (commons.refused)(cell) };
        }
    }
}

/// # Safety
///
/// At `cell` is a `Cell<A>` whose claim this thread holds.
unsafe fn waited<A: Actor>(cell: usize, commons: &TypeCommons, stamp: Stamp) {
    // SAFETY: the caller's duty.
    let cell = unsafe { &*std::ptr::with_exposed_provenance::<Cell<A>>(cell) };
    if let Some(handler) = cell.handler_at() {
        let nanos = stamp.nanos_until(commons.nanos());
        commons.times.of(handler).waited(nanos, stamp.weight());
    }
}

/// # Safety
///
/// As [`waited`].
unsafe fn refused<A: Actor>(cell: usize) {
    // SAFETY: the caller's duty.
    let cell = unsafe { &*std::ptr::with_exposed_provenance::<Cell<A>>(cell) };
    if let Some(handler) = cell.handler_at() {
        cell.count_refused(handler);
    }
}

impl<A: Actor> Cell<A> {
    /// The handler that runs. Only for who holds the claim, in the middle of a turn.
    fn handler_at(&self) -> Option<usize> {
        let life = self.life.get();
        // SAFETY: the claim is held by this thread, whose runner has no borrow of it while user code runs.
        match unsafe { (*life).at } {
            At::Handler(handler) => Some(handler.into()),
            At::Start | At::Stop => None,
        }
    }

    /// A handler has answered by an `Err`. Only for who holds the claim.
    #[cold]
    #[inline(never)]
    pub(super) fn count_refused(&self, handler: usize) {
        self.rare_stats().errors.of(handler, A::HANDLERS.len()).refused.add(1);
    }
}
