//! What this thread is running: the stack of turns, and what they leave for their end.
//!
//! A turn is one activation of one cell on one thread. While it runs, it can be asked which actor is running
//! (an actor that asks itself would hang), which deadline its asks inherit, and it collects what must wait for
//! its end: answers held back until the actor's views are published, and wakers, which are foreign code and run
//! when the claim is released.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::time::Instant;

use super::reply::Held;

thread_local! {
    static TURNS: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
}

/// One running turn.
struct Scope {
    /// The address of the cell that runs.
    cell: usize,
    /// Runs on an asker's thread.
    is_inline: bool,
    /// Answers wait until the views are published.
    holds: bool,
    deadline: Option<Instant>,
    held: Vec<Held>,
    wakers: Vec<Waker>,
}

/// Ends the turn when dropped: its wakers run.
pub(super) struct Entered(());

/// Begins a turn of the cell at `cell`.
pub(super) fn enter(cell: usize, is_inline: bool, holds: bool) -> Entered {
    let scope = Scope { cell, is_inline, holds, deadline: None, held: Vec::new(), wakers: Vec::new() };
    TURNS.with_borrow_mut(|turns| turns.push(scope));
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        let scope = TURNS.with_borrow_mut(Vec::pop).expect("the turn was entered");
        let late = scope.held.into_iter().filter_map(Held::publish);
        for waker in late.chain(scope.wakers) {
            wake(waker);
        }
    }
}

/// Whether the cell at `cell` is running further up this thread's stack.
pub(super) fn is_running(cell: usize) -> bool {
    TURNS.with_borrow(|turns| turns.iter().any(|turn| turn.cell == cell))
}

/// Whether this thread is in a turn of any actor.
pub(super) fn is_entered() -> bool {
    TURNS.with_borrow(|turns| !turns.is_empty())
}

/// Whether this thread runs a turn for an asker.
pub(super) fn is_inline() -> bool {
    TURNS.with_borrow(|turns| turns.iter().any(|turn| turn.is_inline))
}

/// The deadline of the ask being handled: nested asks inherit it.
pub(super) fn deadline() -> Option<Instant> {
    TURNS.with_borrow(|turns| turns.last()?.deadline)
}

/// Sets the deadline that nested asks inherit.
pub(super) fn inherit_deadline(deadline: Option<Instant>) {
    with_last((), |turn| turn.deadline = deadline);
}

/// Shows an answer, or holds it back until the turn has published its views. Its waker waits for the turn's
/// end; outside a turn it is woken at once.
pub(super) fn release_reply(reply: Held) {
    let mut reply = Some(reply);
    let held = with_last(false, |turn| {
        if turn.holds {
            turn.held.extend(reply.take());
        }
        turn.holds
    });
    if held {
        return;
    }
    let Some(waker) = reply.take().and_then(Held::publish) else { return };
    let mut waker = Some(waker);
    with_last((), |turn| turn.wakers.extend(waker.take()));
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Shows all answers held back so far.
pub(super) fn release_held() {
    let held = with_last(Vec::new(), |turn| std::mem::take(&mut turn.held));
    let wakers: Vec<Waker> = held.into_iter().filter_map(Held::publish).collect();
    with_last((), |turn| turn.wakers.extend(wakers));
}

/// Takes what a suspended handler must find again when it goes on.
pub(super) fn suspend() -> Suspended {
    let empty = || Suspended { held: Vec::new(), deadline: None };
    let mut taken = empty();
    with_last((), |turn| {
        taken = Suspended { held: std::mem::take(&mut turn.held), deadline: turn.deadline };
    });
    taken
}

/// Gives back what [`suspend`] took.
pub(super) fn resume(mut suspended: Suspended) {
    with_last((), |turn| {
        turn.held = std::mem::take(&mut suspended.held);
        turn.deadline = suspended.deadline;
    });
}

/// What a turn keeps while its handler is suspended.
#[derive(Default)]
pub(super) struct Suspended {
    held: Vec<Held>,
    deadline: Option<Instant>,
}

impl Drop for Suspended {
    fn drop(&mut self) {
        // The cell went away under a suspended handler: what was answered stays answered.
        for waker in std::mem::take(&mut self.held).into_iter().filter_map(Held::publish) {
            wake(waker);
        }
    }
}

fn with_last<T>(outside: T, work: impl FnOnce(&mut Scope) -> T) -> T {
    // A thread that is being torn down has no turns any more.
    TURNS.try_with(|turns| turns.borrow_mut().last_mut().map(work)).ok().flatten().unwrap_or(outside)
}

/// Wakes; a waker that panics takes nobody else with it.
fn wake(waker: Waker) {
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!(target: "ostraca::actor", "a waker panicked; its task may hang");
    }
}
