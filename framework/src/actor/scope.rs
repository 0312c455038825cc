//! What this thread is running: the stack of turns, and what they leave for their end.
//!
//! A turn is one activation of one cell on one thread. While it runs, it can be asked which actor is running
//! (an actor that asks itself would hang), which deadline its asks inherit, and it collects what must wait for
//! its end: answers held back until the actor's views are published, and wakers, which are foreign code and run
//! when the claim is released.
//!
//! ```text
//!   thread:  TOP ──────> the turn that runs
//!            LISTS ────> below [ outer, outer, .. ]   held [ a a | b ]   wakers [ w | w w ]   from each turn's mark
//! ```
//!
//! **Cost.** A turn that is not inside another and leaves nothing sets a few cells of the thread. Nothing is
//! allocated in steady state: the lists keep their capacity.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::time::Instant;

use super::cell::TypeRef;
use super::reply::Held;
use super::stamp::Stamp;
use crate::runtime::note_woken_task;

thread_local! {
    // Two, because a thread-local without a destructor costs nothing to find.
    static TOP: Top = const { Top::new() };
    static LISTS: RefCell<Lists> = const { RefCell::new(Lists::new()) };
}

/// The turn that runs on this thread, in cells of their own: most uses touch one of them.
struct Top {
    /// The address of the cell that runs; 0 outside any turn.
    cell: Cell<usize>,
    /// Its type, and so its system.
    of_type: Cell<TypeRef>,
    place: Cell<Place>,
    /// Answers wait until the views are published.
    holds: Cell<bool>,
    /// It has put a cell on a run queue.
    has_woken: Cell<bool>,
    /// An answer or a waker waits for the turn's end.
    has_left: Cell<bool>,
    /// The claim is given up: the cell may be gone.
    is_over: Cell<bool>,
    /// How many turns this one has interrupted.
    depth: Cell<u32>,
    deadline: Cell<Option<Instant>>,
    /// The message is handled in its span, which its cause is told to when it is opened.
    is_traced: Cell<bool>,
    /// The slot of the ask that an asker's thread runs itself; 0 if none.
    asking: Cell<usize>,
    /// A seeded run makes the handler panic whose message is at hand.
    is_struck: Cell<bool>,
    /// Whose answer the future waits for that is being polled; 0 if nobody's.
    awaited: Cell<u64>,
}

/// What turns leave, each from its mark on, and the turns that were interrupted by the one that runs.
struct Lists {
    below: Vec<Interrupted>,
    held: Vec<Held>,
    wakers: Vec<Waker>,
    held_from: usize,
    wakers_from: usize,
}

/// A turn that another one, begun on the same thread, has interrupted.
struct Interrupted {
    cell: usize,
    of_type: TypeRef,
    place: Place,
    holds: bool,
    has_left: bool,
    is_over: bool,
    deadline: Option<Instant>,
    asking: usize,
    held_from: usize,
    wakers_from: usize,
}

/// Whose thread a turn runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Worker,
    Asker,
}

/// Ends the turn when dropped: its wakers run.
pub(super) struct Entered(());

impl Top {
    const fn new() -> Self {
        Top {
            cell: Cell::new(0),
            of_type: Cell::new(TypeRef::NONE),
            place: Cell::new(Place::Worker),
            holds: Cell::new(false),
            has_woken: Cell::new(false),
            has_left: Cell::new(false),
            is_over: Cell::new(false),
            depth: Cell::new(0),
            deadline: Cell::new(None),
            is_traced: Cell::new(false),
            asking: Cell::new(0),
            is_struck: Cell::new(false),
            awaited: Cell::new(0),
        }
    }

    /// The cell that runs, if one does, and its type.
    fn with_running(&self, tell: impl FnOnce(TypeRef, usize)) {
        let cell = self.cell.get();
        if cell != 0 && !self.is_over.get() {
            tell(self.of_type.get(), cell);
        }
    }

    fn interrupt(&self) {
        LISTS.with_borrow_mut(|lists| {
            let held_from = std::mem::replace(&mut lists.held_from, lists.held.len());
            let wakers_from = std::mem::replace(&mut lists.wakers_from, lists.wakers.len());
            lists.below.push(Interrupted {
                cell: self.cell.get(),
                of_type: self.of_type.get(),
                place: self.place.get(),
                holds: self.holds.get(),
                has_left: self.has_left.replace(false),
                is_over: self.is_over.replace(false),
                deadline: self.deadline.get(),
                asking: self.asking.get(),
                held_from,
                wakers_from,
            });
        });
        self.depth.set(self.depth.get() + 1);
    }

    #[cold]
    fn go_back(&self) {
        let outer = LISTS.with_borrow_mut(|lists| {
            let outer = lists.below.pop().expect("the depth counts them");
            (lists.held_from, lists.wakers_from) = (outer.held_from, outer.wakers_from);
            outer
        });
        self.depth.set(self.depth.get() - 1);
        self.cell.set(outer.cell);
        self.of_type.set(outer.of_type);
        self.place.set(outer.place);
        self.holds.set(outer.holds);
        self.has_left.set(outer.has_left);
        self.is_over.set(outer.is_over);
        self.deadline.set(outer.deadline);
        self.asking.set(outer.asking);
    }

    #[inline]
    fn end(&self) {
        if self.has_left.get() || self.depth.get() > 0 {
            self.end_with_care();
        } else {
            self.cell.set(0);
        }
    }

    #[inline(never)]
    fn end_with_care(&self) {
        // Answers that are still held were given after the last publication: they are shown as they are.
        self.is_over.set(true);
        self.show_held();
        self.is_over.set(false);
        let due = if self.has_left.replace(false) { Lists::take_wakers() } else { Vec::new() };
        match self.depth.get() {
            0 => self.cell.set(0),
            _ => self.go_back(),
        }
        if !due.is_empty() {
            wake_all(due);
        }
    }

    /// Shows the answers that this turn holds.
    fn show_held(&self) {
        if self.has_left.get() {
            // Taken out first: to show an answer whose asker is gone drops it, which is foreign code.
            let mut due = Lists::take_held();
            for waker in due.drain(..).filter_map(Held::publish) {
                LISTS.with_borrow_mut(|lists| lists.wakers.push(waker));
            }
            LISTS.with_borrow_mut(|lists| keep_room(&mut lists.held, due));
        }
    }
}

impl Lists {
    const fn new() -> Self {
        Lists { below: Vec::new(), held: Vec::new(), wakers: Vec::new(), held_from: 0, wakers_from: 0 }
    }

    /// What the turn that runs has left.
    fn take_held() -> Vec<Held> {
        LISTS.with_borrow_mut(|lists| take_from(&mut lists.held, lists.held_from))
    }

    fn take_wakers() -> Vec<Waker> {
        LISTS.with_borrow_mut(|lists| take_from(&mut lists.wakers, lists.wakers_from))
    }
}

fn take_from<T>(list: &mut Vec<T>, from: usize) -> Vec<T> {
    if from == 0 { std::mem::take(list) } else { list.split_off(from) }
}

/// Gives a list that was taken, and emptied, its room back.
fn keep_room<T>(list: &mut Vec<T>, emptied: Vec<T>) {
    if list.capacity() == 0 {
        *list = emptied;
    }
}

/// Foreign code: it may begin turns of its own.
fn wake_all(mut wakers: Vec<Waker>) {
    wakers.drain(..).for_each(wake);
    LISTS.with_borrow_mut(|lists| keep_room(&mut lists.wakers, wakers));
}

/// Begins a turn of the cell at `cell`, which is of that type. `holds`: answers wait until the views are published.
/// `asking` is the address of the slot whose asker is this thread, if it is.
///
/// In small steps, each of which is a store or two: together they would be a call, and what it is given would go by
/// memory.
#[inline(always)]
pub(super) fn enter(cell: usize, of_type: TypeRef, place: Place, holds: bool, asking: usize) -> Entered {
    if is_entered() {
        interrupt();
    }
    TOP.with(|top| top.cell.set(cell));
    TOP.with(|top| top.of_type.set(of_type));
    TOP.with(|top| top.place.set(place));
    TOP.with(|top| top.holds.set(holds));
    TOP.with(|top| top.has_woken.set(false));
    TOP.with(|top| top.deadline.set(None));
    TOP.with(|top| top.asking.set(asking));
    Entered(())
}

#[cold]
#[inline(never)]
fn interrupt() {
    TOP.with(Top::interrupt);
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        TOP.with(Top::end);
    }
}

/// What an asker wants to know before it asks.
pub(super) struct Asker {
    /// The cell runs further up this thread's stack: it would wait for itself.
    pub(super) would_deadlock: bool,
    /// This thread already runs a turn for an asker.
    pub(super) is_inline: bool,
    /// The deadline of the ask that is being handled.
    pub(super) deadline: Option<Instant>,
}

/// Looks at this thread for somebody who is about to ask the cell at `cell`.
#[inline]
pub(super) fn asker(cell: usize) -> Asker {
    TOP.with(|top| match top.cell.get() {
        0 => Asker { would_deadlock: false, is_inline: false, deadline: None },
        _ => top.asker(cell),
    })
}

impl Top {
    fn asker(&self, cell: usize) -> Asker {
        let mut asker = Asker {
            would_deadlock: self.cell.get() == cell,
            is_inline: self.place.get() == Place::Asker,
            deadline: self.deadline.get(),
        };
        if self.depth.get() > 0 {
            LISTS.with_borrow(|lists| {
                asker.would_deadlock |= lists.below.iter().any(|turn| turn.cell == cell);
                asker.is_inline |= lists.below.iter().any(|turn| turn.place == Place::Asker);
            });
        }
        asker
    }
}

/// Panics for a handler in a seeded run. No hook hears of it: it is nobody's mistake.
pub(super) fn panic_as_planned() -> ! {
    std::panic::resume_unwind(Box::new("planned by the test kit"))
}

/// A [`panic_as_planned`] comes before the handler has its message: to the message's asker it is the handler's panic.
pub(super) fn begin_strike() {
    TOP.with(|top| top.is_struck.set(true));
}

/// The handler's panic was caught.
pub(super) fn end_strike() {
    TOP.with(|top| top.is_struck.set(false));
}

/// Whether a message that is dropped now is dropped by its handler's planned panic.
pub(super) fn is_struck() -> bool {
    TOP.with(|top| top.is_struck.get())
}

/// The address of the cell that runs on this thread; 0 outside any turn.
pub(super) fn running() -> usize {
    TOP.with(|top| top.cell.get())
}

/// An ask of the actor of this number is not answered yet. Of several the last says so.
pub(super) fn note_awaited(actor: u64) {
    TOP.with(|top| top.awaited.set(actor));
}

/// Whose answer is waited for, and from now on it is this one's.
pub(super) fn swap_awaited(actor: u64) -> u64 {
    TOP.with(|top| top.awaited.replace(actor))
}

/// Whether this thread is in a turn of any actor.
#[inline(always)]
pub(super) fn is_entered() -> bool {
    TOP.with(|top| top.cell.get() != 0)
}

/// Whether this thread is in a turn of the runtime at `runtime`, and so in its tokio runtime.
#[inline]
pub(super) fn is_in(runtime: usize) -> bool {
    TOP.with(|top| top.cell.get() != 0 && !top.is_over.get() && top.of_type.get().runtime() == runtime)
}

/// The caller puts a cell on a run queue.
#[inline(always)]
pub(super) fn note_wake() {
    TOP.with(|top| top.has_woken.set(true));
}

/// Whether this turn, or one inside it, has put a cell on a run queue. A guess.
#[inline(always)]
pub(super) fn has_woken() -> bool {
    TOP.with(|top| top.has_woken.get())
}

/// Whether the turn that runs is run by the asker whose slot is at `slot`.
pub(super) fn is_run_by(slot: usize) -> bool {
    TOP.with(|top| top.asking.get() == slot)
}

/// Whether nested asks inherit a deadline now.
#[inline]
pub(super) fn has_deadline() -> bool {
    TOP.with(|top| top.deadline.get().is_some())
}

/// Sets the deadline that nested asks inherit.
#[inline]
pub(super) fn inherit_deadline(deadline: Option<Instant>) {
    TOP.with(|top| {
        if deadline.is_some() || top.deadline.get().is_some() {
            top.deadline.set(deadline);
        }
    });
}

/// Whether the message that is handled has a span.
#[inline]
pub(super) fn is_traced() -> bool {
    TOP.with(|top| top.is_traced.get())
}

/// Says so, and gives what was said before.
pub(super) fn set_traced(is_traced: bool) -> bool {
    TOP.with(|top| top.is_traced.replace(is_traced))
}

/// The message that is opened now was stamped when it was sent.
#[cold]
#[inline(never)]
pub(super) fn waited(stamp: Stamp) {
    TOP.with(|top| top.with_running(|of_type, cell| of_type.waited(cell, stamp)));
}

/// An answer that is given now is an `Err`.
#[cold]
#[inline(never)]
pub(super) fn refused() {
    TOP.with(|top| top.with_running(|of_type, cell| of_type.refused(cell)));
}

/// What becomes of an answer.
pub(super) enum Way {
    /// The asker who owns its slot is this thread, further down its stack: it looks when the turn has ended.
    OwnThread,
    /// It is held back until the turn has published its views.
    Hold,
    Show,
}

/// What becomes of the answer in the slot at `slot`.
#[inline]
pub(super) fn way(slot: usize) -> Way {
    TOP.with(|top| match top.cell.get() {
        0 => Way::Show,
        _ if top.asking.get() == slot => Way::OwnThread,
        _ if top.holds.get() => Way::Hold,
        _ => Way::Show,
    })
}

/// Holds an answer back until [`release_held`].
pub(super) fn hold(reply: Held) {
    LISTS.with_borrow_mut(|lists| lists.held.push(reply));
    TOP.with(|top| top.has_left.set(true));
}

/// Wakes the asker of an answer that is shown: at the end of the turn, or outside a turn at once.
pub(super) fn wake_at_end(waker: Waker) {
    if TOP.with(|top| top.cell.get() == 0) {
        return wake(waker);
    }
    LISTS.with_borrow_mut(|lists| lists.wakers.push(waker));
    TOP.with(|top| top.has_left.set(true));
}

/// Shows all answers held back so far.
pub(super) fn release_held() {
    TOP.with(Top::show_held);
}

/// Takes what a suspended handler must find again when it goes on.
pub(super) fn suspend() -> Suspended {
    Suspended { held: Lists::take_held(), deadline: TOP.with(|top| top.deadline.get()) }
}

/// Gives back what [`suspend`] took.
pub(super) fn resume(mut suspended: Suspended) {
    TOP.with(|top| {
        top.deadline.set(suspended.deadline);
        if !suspended.held.is_empty() {
            LISTS.with_borrow_mut(|lists| lists.held.append(&mut suspended.held));
            top.has_left.set(true);
        }
    });
}

/// What a turn keeps while its handler is suspended.
#[derive(Default)]
pub(super) struct Suspended {
    held: Vec<Held>,
    deadline: Option<Instant>,
}

impl Suspended {
    /// Whether there is nothing to give back.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.deadline.is_none()
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        // The cell went away under a suspended handler: what was answered stays answered.
        for waker in std::mem::take(&mut self.held).into_iter().filter_map(Held::publish) {
            wake(waker);
        }
    }
}

/// Wakes; a waker that panics takes nobody else with it.
fn wake(waker: Waker) {
    note_woken_task();
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!(target: "ostraca::actor", "a waker panicked; its task may hang");
    }
}
