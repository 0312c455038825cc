//! The way back: a slot shared by the asker and the answerer, safe when either goes first.
//!
//! ```text
//!   asker: ReplyRx ───┐                ┌─── RawReply (in the mailbox) / ReplyTo (in the handler)
//!                     └──> Slot <──────┘
//!
//!   EMPTY ──answer──────────────> READY ──asker reads──> freed by the asker
//!     │ ^                           ^
//!     v │ asker waits, regains      │ answer: swap; wake
//!   WAITING ──answerer takes──> TAKING
//!     │          the waker          │ asker goes
//!     └──(regained)── asker goes ───┴──> DROPPED ──answer──> freed by the answerer
//!
//!   a tell that is traced or stamped: TOLD ──answer──> freed by the answerer
//! ```
//!
//! **Guarantees.** Exactly one answer: a token that is dropped answers with an error. The answerer owns the
//! value until READY, the asker from then on. Whoever lets go last frees the slot, so there is no reference
//! count. The waker is out of the slot before READY is published, so an asker that is polled for another reason
//! cannot free the slot under the answerer (the trap of futures-rs #1916).
//!
//! **Cost.** No allocation in steady state ([`reply_pool`](super::reply_pool)). No atomic read-modify-write for an
//! ask that runs on the asker's own thread, one for an answer that is there before the first poll, three for one
//! that is waited for.
//!
//! **Source.** The states are those of faern/oneshot and asynchronics/multishot, with the waker moved out under
//! a state of its own.

use std::convert::Infallible;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::error::AskError;
use super::scope::Way;
use super::stamp::Stamp;
use super::trace::{self, Cause};
use super::{reply_pool, scope};
use crate::sync::UnsafeCell;
use crate::sync::atomic::{AtomicU32, Ordering};

/// Nobody has answered, nobody waits.
const EMPTY: u32 = 0;
/// The asker's waker is in the slot.
const WAITING: u32 = 1;
/// The answerer is taking the waker out.
const TAKING: u32 = 2;
/// The answer is in the slot; the answerer is gone.
const READY: u32 = 3;
/// The asker is gone.
const DROPPED: u32 = 4;
/// There never was an asker: the slot only carries a tell's cause, or its stamp.
const TOLD: u32 = 5;

type Answer<T, E> = Result<T, AskError<E>>;

struct Slot<T, E> {
    state: AtomicU32,
    /// Of a stamped message, until it is opened; 0 otherwise.
    weight: AtomicU32,
    sent_at: u64,
    deadline: Option<Instant>,
    waker: UnsafeCell<Option<Waker>>,
    answer: UnsafeCell<Place<T, E>>,
}

/// What is in the answer's place.
enum Place<T, E> {
    Nothing,
    /// Why the message was sent, until it is opened or answered.
    Cause(Box<Cause>),
    Answer(Answer<T, E>),
}

impl<T, E> Place<T, E> {
    fn take_answer(&mut self) -> Option<Answer<T, E>> {
        match std::mem::replace(self, Place::Nothing) {
            Place::Answer(answer) => Some(answer),
            Place::Nothing | Place::Cause(_) => None,
        }
    }
}

/// The asker's end.
pub(crate) struct ReplyRx<T, E>(NonNull<Slot<T, E>>);

/// The answerer's end while the message has not run. Dropped: the asker gets [`AskError::Dropped`].
pub(crate) struct RawReply<T, E>(Token<T, E>);

/// Where the answer of one ask goes.
///
/// A handler that takes `reply: ReplyTo<T>` answers when it likes: it may keep the token, hand it to a task, or
/// forward an ask with it. Dropped without an answer, the asker gets [`AskError::Unanswered`]
/// ([`AskError::Panicked`] when it is dropped by a panic). For a tell it leads nowhere.
///
/// ```
/// # use ostraca::prelude::*;
/// # struct Door { waiting: Vec<ReplyTo<&'static str>> }
/// # #[actor]
/// # impl Door {
/// #     #[start] fn start() -> Self { Door { waiting: Vec::new() } }
/// /// Answered when somebody opens.
/// #[handler]
/// fn wait(&mut self, reply: ReplyTo<&'static str>) {
///     self.waiting.push(reply);
/// }
///
/// #[handler]
/// fn open(&mut self) {
///     self.waiting.drain(..).for_each(|reply| reply.reply("open"));
/// }
/// # }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// # let door = system.spawn::<Door>(()).await?;
/// let (waited, opened) = tokio::join!(door.wait(), door.open());
/// assert_eq!((waited?, opened?), ("open", ()));
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it answers `Unanswered`"]
pub struct ReplyTo<T, E = Infallible>(Token<T, E>);

/// The answerer's half of the slot; nothing for a tell.
struct Token<T, E>(Option<NonNull<Slot<T, E>>>);

/// An answer that is in its slot but not shown to the asker yet.
pub(crate) struct Held {
    slot: NonNull<()>,
    publish: unsafe fn(NonNull<()>) -> Option<Waker>,
}

// SAFETY: the slot hands T and E from one thread to the other and gives no shared access to them; the waker is
// Send and Sync; the states decide who may touch what.
unsafe impl<T: Send, E: Send> Send for ReplyRx<T, E> {}
// SAFETY: as above; a shared `ReplyRx` gives no access to the slot.
unsafe impl<T: Send, E: Send> Sync for ReplyRx<T, E> {}
// SAFETY: as above.
unsafe impl<T: Send, E: Send> Send for Token<T, E> {}
// SAFETY: as above; a shared token can only touch what is atomic, and read what is never written.
unsafe impl<T: Send, E: Send> Sync for Token<T, E> {}
// SAFETY: it is the answerer's half of a slot whose T and E are Send: `pair` demands it.
unsafe impl Send for Held {}

/// A fresh slot's two ends.
#[inline]
pub(crate) fn pair<T: Send, E: Send>(deadline: Option<Instant>) -> (ReplyRx<T, E>, RawReply<T, E>) {
    pair_stamped(deadline, None)
}

/// As [`pair`], of an ask that is stamped.
#[inline]
pub(super) fn pair_stamped<T: Send, E: Send>(
    deadline: Option<Instant>,
    stamp: Option<Stamp>,
) -> (ReplyRx<T, E>, RawReply<T, E>) {
    let slot = reply_pool::place(Slot {
        state: AtomicU32::new(EMPTY),
        weight: AtomicU32::new(stamp.map_or(0, Stamp::weight)),
        sent_at: stamp.map_or(0, Stamp::sent_at),
        deadline,
        waker: UnsafeCell::new(None),
        answer: UnsafeCell::new(Place::Nothing),
    });
    (ReplyRx(slot), RawReply(Token(Some(slot))))
}

impl<T, E> ReplyTo<T, E> {
    /// Answers.
    #[inline]
    pub fn reply(mut self, value: T) {
        self.0.finish(Ok(value));
    }

    /// Refuses, with the handler's own error.
    pub fn refuse(mut self, refusal: E) {
        scope::refused();
        self.0.finish(Err(AskError::Refused(refusal)));
    }

    /// Answers or refuses.
    #[inline]
    pub fn send(mut self, outcome: Result<T, E>) {
        if outcome.is_err() {
            scope::refused();
        }
        if self.0.0.is_some() {
            self.0.finish(outcome.map_err(AskError::Refused));
        }
    }

    /// Whether the asker is gone, so that the work for the answer can be left out. False for a tell, which is
    /// not done for its answer.
    pub fn is_cancelled(&self) -> bool {
        // ORDERING: Relaxed; nothing is read on the strength of it.
        self.0.slot().is_some_and(|slot| slot.state.load(Ordering::Relaxed) == DROPPED)
    }

    /// Whether somebody waits for the answer, or did: false for a tell's.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.0.is_some()
    }

    /// Back to a message that has not run, to forward it.
    pub(crate) fn into_raw(mut self) -> RawReply<T, E> {
        RawReply(Token(self.0.0.take()))
    }
}

impl<T, E> Drop for ReplyTo<T, E> {
    #[inline]
    fn drop(&mut self) {
        if self.0.0.is_some() {
            self.0.forget();
        }
    }
}

impl<T, E> RawReply<T, E> {
    /// A tell's: leads nowhere.
    pub(crate) fn nobody() -> Self {
        RawReply(Token(None))
    }

    /// A tell's, with its cause or its stamp. An answer to it is dropped.
    #[cold]
    pub(super) fn told(cause: Option<Box<Cause>>, stamp: Option<Stamp>) -> Self
    where
        T: Send,
        E: Send,
    {
        if cause.is_none() && stamp.is_none() {
            return Self::nobody();
        }
        let slot = reply_pool::place(Slot {
            state: AtomicU32::new(TOLD),
            weight: AtomicU32::new(stamp.map_or(0, Stamp::weight)),
            sent_at: stamp.map_or(0, Stamp::sent_at),
            deadline: None,
            waker: UnsafeCell::new(None),
            answer: UnsafeCell::new(cause.map_or(Place::Nothing, Place::Cause)),
        });
        RawReply(Token(Some(slot)))
    }

    /// Notes why the message is sent.
    #[cold]
    pub(super) fn set_cause(&mut self) {
        if let Some(slot) = self.0.slot()
            && let Some(cause) = Cause::here(true)
        {
            // SAFETY: until READY the answer's place belongs to this half alone, which is borrowed mutably.
            slot.answer.with_mut(|place| unsafe { *place = Place::Cause(cause) });
        }
    }

    /// Tells the span of the message that is opened why it was sent.
    #[cold]
    #[inline(never)]
    pub(super) fn show_cause(&mut self) {
        let place = self.0.slot().map_or(Place::Nothing, |slot| {
            // SAFETY: as in `set_cause`.
            slot.answer.with_mut(|place| unsafe { std::mem::replace(&mut *place, Place::Nothing) })
        });
        match place {
            Place::Cause(cause) => trace::begin(Some(&cause)),
            Place::Nothing => trace::begin(None),
            Place::Answer(_) => unreachable!("a message that was not opened has no answer"),
        }
    }

    /// Whether there is something to hand on when the message is opened: a deadline, or a stamp.
    #[inline]
    pub(super) fn hands_on(&self) -> bool {
        self.0.slot().is_some_and(|slot| slot.deadline.is_some() || slot.is_stamped())
    }

    /// Whether it was stamped, and not opened since.
    #[inline]
    pub(super) fn is_stamped(&self) -> bool {
        self.0.slot().is_some_and(Slot::is_stamped)
    }

    /// Takes the stamp, if there is one.
    #[cold]
    pub(super) fn take_stamp(&self) -> Option<Stamp> {
        let slot = self.0.slot()?;
        // ORDERING: Relaxed, both; it is this half's alone.
        let stamp = Stamp::new(slot.sent_at, slot.weight.load(Ordering::Relaxed));
        slot.weight.store(0, Ordering::Relaxed);
        stamp
    }

    /// Whether somebody waits for the answer, or did: false for most tells'.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.0.is_some()
    }

    /// Whether the asker is gone. False for a tell.
    pub(super) fn is_cancelled(&self) -> bool {
        // ORDERING: Relaxed; as in `ReplyTo::is_cancelled`.
        self.0.slot().is_some_and(|slot| slot.state.load(Ordering::Relaxed) == DROPPED)
    }

    /// Whether the asker is this thread, which runs the turn for it.
    pub(super) fn is_run_by_its_asker(&self) -> bool {
        self.0.slot().is_some_and(|slot| scope::is_run_by(std::ptr::from_ref(slot).addr()))
    }

    /// Takes it out; what is left leads nowhere.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::nobody())
    }

    /// The message runs now.
    #[inline]
    pub(crate) fn open(mut self) -> ReplyTo<T, E> {
        ReplyTo(Token(self.0.0.take()))
    }

    /// Answers a message that will not run.
    pub(crate) fn fail(mut self, error: AskError<E>) {
        self.0.finish(Err(error));
    }

    /// The asker's deadline.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.slot().and_then(|slot| slot.deadline)
    }
}

impl<T, E> Drop for RawReply<T, E> {
    #[inline]
    fn drop(&mut self) {
        if self.0.0.is_some() {
            self.0.drop_unrun();
        }
    }
}

impl<T, E> Token<T, E> {
    fn slot(&self) -> Option<&Slot<T, E>> {
        // SAFETY: the answerer's half keeps the slot alive until it answers, and that takes the pointer out.
        self.0.as_ref().map(|slot| unsafe { slot.as_ref() })
    }

    /// Answers for a handler that did not.
    #[cold]
    fn forget(&mut self) {
        let error = if std::thread::panicking() { AskError::Panicked } else { AskError::Unanswered };
        self.finish(Err(error));
    }

    /// Answers for a message that is dropped before its handler had it.
    #[cold]
    fn drop_unrun(&mut self) {
        self.finish(Err(if scope::is_struck() { AskError::Panicked } else { AskError::Dropped }));
    }

    /// Answers, once; nothing for a tell or a token already spent.
    #[inline]
    fn finish(&mut self, answer: Answer<T, E>) {
        let Some(slot) = self.0.take() else { return };
        // SAFETY: the pointer was this half's, so the slot is alive.
        let answer_cell = unsafe { &slot.as_ref().answer };
        // SAFETY: until READY the answer belongs to this half alone.
        answer_cell.with_mut(|place| unsafe { *place = Place::Answer(answer) });
        match scope::way(slot.addr().get()) {
            Way::OwnThread => {
                // SAFETY: as above.
                let state = unsafe { &slot.as_ref().state };
                // ORDERING: Relaxed; the asker is this thread, and has not polled yet.
                state.store(READY, Ordering::Relaxed);
            }
            Way::Hold => scope::hold(Held { slot: slot.cast(), publish: publish::<T, E> }),
            Way::Show => {
                // SAFETY: the pointer was this half's, which ends here, and the answer is written.
                if let Some(waker) = unsafe { publish::<T, E>(slot.cast()) } {
                    scope::wake_at_end(waker);
                }
            }
        }
    }
}

impl Held {
    /// Shows the answer to the asker. Returns its waker, to be woken when the claim is released.
    pub(crate) fn publish(self) -> Option<Waker> {
        // SAFETY: `slot` and `publish` were made together for the same T and E, and a `Held` is used up once.
        unsafe { (self.publish)(self.slot) }
    }
}

/// Shows the answer in the slot, or frees the slot if the asker is gone.
///
/// # Safety
///
/// `slot` is a `Slot<T, E>` whose answerer's half the caller owns and gives up; the answer has been written.
unsafe fn publish<T, E>(slot: NonNull<()>) -> Option<Waker> {
    let slot: NonNull<Slot<T, E>> = slot.cast();
    // SAFETY: the caller's half keeps it alive.
    let shared = unsafe { slot.as_ref() };
    let mut state = EMPTY;
    loop {
        let next = if state == WAITING { TAKING } else { READY };
        // ORDERING: AcqRel; Release publishes the answer to the Acquire in `take`, Acquire sees the waker that `wait`
        // published. Acquire on failure; DROPPED says that the asker has touched the slot for the last time, and it is
        // freed below.
        match shared.state.compare_exchange(state, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) if next == READY => return None,
            Ok(_) => break,
            Err(DROPPED | TOLD) => {
                // SAFETY: the asker is gone, and the caller gives up the other half.
                unsafe { free_unseen(slot) };
                return None;
            }
            Err(seen) => state = seen,
        }
    }
    // SAFETY: TAKING gives the waker to this half.
    let waker = shared.waker.with_mut(|waker| unsafe { (*waker).take() });
    // ORDERING: AcqRel; Release shows to the Acquire in `take` that the waker is out, Acquire is as on failure above.
    if shared.state.swap(READY, Ordering::AcqRel) == DROPPED {
        // SAFETY: the asker went while the waker was taken, and the caller gives up the other half.
        unsafe { free_unseen(slot) };
        return None;
    }
    waker
}

/// Frees a slot with an answer that nobody has seen. Dropping the answer is foreign code, in the middle of the
/// answerer's turn: a panic in it takes nothing else along.
///
/// # Safety
///
/// `slot` came from [`pair`] and neither half is used again.
#[cold]
unsafe fn free_unseen<T, E>(slot: NonNull<Slot<T, E>>) {
    // SAFETY: the caller owns both halves.
    let answer = unsafe { slot.as_ref() }.answer.with_mut(|answer| unsafe { (*answer).take_answer() });
    // SAFETY: as above.
    unsafe { reply_pool::free(slot) };
    if catch_unwind(AssertUnwindSafe(|| drop(answer))).is_err() {
        tracing::error!(target: "ostraca::actor", "dropping an answer that nobody waited for panicked");
    }
}

impl<T, E> ReplyRx<T, E> {
    fn slot(&self) -> &Slot<T, E> {
        // SAFETY: the asker's half keeps the slot alive.
        unsafe { self.0.as_ref() }
    }

    /// Tells this ask's slot from others.
    pub(crate) fn address(&self) -> usize {
        self.0.addr().get()
    }

    /// Whether the answer is there, to be taken.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        // ORDERING: Relaxed; READY is the last state, and `take` orders what it shows.
        self.slot().state.load(Ordering::Relaxed) == READY
    }

    /// Ready when the answer is there, to be taken.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let slot = self.slot();
        loop {
            // ORDERING: Relaxed; as in `is_ready`. In every other state this half touches only the waker, which is the
            // one that it wrote.
            match slot.state.load(Ordering::Relaxed) {
                READY => return Poll::Ready(()),
                TAKING => {
                    // READY is an instant away, and the waker may be another one by now: come again.
                    crate::sync::hint::spin_loop();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                // The answerer may take the waker meanwhile: then look again.
                WAITING => {
                    let same = slot.regain_waker().filter(|waker| waker.will_wake(cx.waker()));
                    if same.is_some_and(|waker| slot.wait(waker)) {
                        return Poll::Pending;
                    }
                }
                EMPTY => {
                    if slot.wait(cx.waker().clone()) {
                        return Poll::Pending;
                    }
                }
                state => unreachable!("state {state} while the asker is there"),
            }
        }
    }

    /// Takes the answer that is there.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[inline]
    pub(crate) fn take(self) -> Answer<T, E> {
        // ORDERING: Acquire; pairs with the Release in `publish`: sees the answer, and that the answerer has let go of
        // the slot, which is freed below.
        let state = self.slot().state.load(Ordering::Acquire);
        assert_eq!(state, READY, "an answer is taken when it is there");
        let rx = ManuallyDrop::new(self);
        // SAFETY: READY gives the answer to this half.
        let answer = rx.slot().answer.with_mut(|answer| unsafe { (*answer).take_answer() });
        // SAFETY: READY says that the answerer is gone, and this half ends here.
        unsafe { reply_pool::free(rx.0) };
        answer.expect("READY is published after the answer is written")
    }
}

impl<T, E> Slot<T, E> {
    #[inline]
    fn is_stamped(&self) -> bool {
        // ORDERING: Relaxed; the answerer's half alone touches it.
        self.weight.load(Ordering::Relaxed) != 0
    }

    /// EMPTY to WAITING with `waker`. False when the answer came meanwhile.
    fn wait(&self, waker: Waker) -> bool {
        // SAFETY: in EMPTY the waker belongs to the asker.
        self.waker.with_mut(|place| unsafe { *place = Some(waker) });
        // ORDERING: Release; publishes the waker to the answerer. Relaxed on failure; `poll` looks again.
        self.state.compare_exchange(EMPTY, WAITING, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// WAITING back to EMPTY, with the waker. `None` when the answerer is taking it.
    fn regain_waker(&self) -> Option<Waker> {
        // ORDERING: Relaxed; the waker is the one that this half wrote. The answerer has not touched it, and sees the
        // next one by the Release in `wait`.
        self.state.compare_exchange(WAITING, EMPTY, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        // SAFETY: in EMPTY the waker belongs to the asker.
        self.waker.with_mut(|place| unsafe { (*place).take() })
    }
}

impl<T, E> Drop for ReplyRx<T, E> {
    fn drop(&mut self) {
        let slot = self.slot();
        // The waker goes now and not with the slot: it keeps the asker's whole task alive.
        drop(slot.regain_waker());
        // ORDERING: AcqRel; Acquire sees the answer that is freed below, Release gives the slot up to the Acquire in
        // `publish`.
        if slot.state.swap(DROPPED, Ordering::AcqRel) == READY {
            // SAFETY: READY says that the answerer is gone.
            unsafe { reply_pool::free(self.0) };
        }
    }
}

#[cfg(all(test, ostraca_loom))]
#[path = "reply_loom_tests.rs"]
mod loom_tests;
