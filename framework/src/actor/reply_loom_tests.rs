//! Models of the reply slot: one answer, seen whole, a wake for whoever waits, and memory that is freed once, after
//! its last use.

use std::sync::Arc;
use std::task::{Context, Poll, Wake};

use super::*;

/// Loom watches cells and atomics, not memory: so a slot that is freed says so here, and any access to its state that
/// does not happen before is reported. The state is what each half touches last.
impl<T, E> Drop for Slot<T, E> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.state.with_mut(|_| ());
        }
    }
}

/// What is answered: loom reports one that is not freed, one that is freed twice, and one that is not seen whole.
type Answered = loom::alloc::Track<loom::cell::UnsafeCell<u32>>;

fn answered(number: u32) -> Answered {
    loom::alloc::Track::new(loom::cell::UnsafeCell::new(number))
}

fn number(answer: Answer<Answered, Infallible>) -> u32 {
    let answer = answer.expect("it was answered");
    // SAFETY: the answer is this function's.
    answer.get_ref().with(|number| unsafe { *number })
}

/// Answers 7, on a thread of its own.
fn answer(reply: RawReply<Answered, Infallible>) -> loom::thread::JoinHandle<()> {
    loom::thread::spawn(move || reply.open().reply(answered(7)))
}

/// A waker that keeps something alive, as those of tasks do.
struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn loom_a_waiting_asker_is_woken() {
    loom::model(|| {
        let (mut rx, reply) = pair(None);
        let answerer = answer(reply);
        loom::future::block_on(std::future::poll_fn(|cx| rx.poll(cx)));
        assert_eq!(number(rx.take()), 7);
        answerer.join().expect("the answerer does not panic");
    });
}

#[test]
fn loom_an_asker_polled_with_another_waker_is_woken_by_the_last() {
    loom::model(|| {
        let (mut rx, reply) = pair(None);
        let answerer = answer(reply);
        if rx.poll(&Context::from_waker(Waker::noop())).is_pending() {
            loom::future::block_on(std::future::poll_fn(|cx| rx.poll(cx)));
        }
        assert_eq!(number(rx.take()), 7);
        answerer.join().expect("the answerer does not panic");
    });
}

/// As an asker does that lost the claim: it looks, and has no waker in the slot.
#[test]
fn loom_an_asker_that_only_looks_sees_the_whole_answer() {
    loom::model(|| {
        let (rx, reply) = pair(None);
        let answerer = answer(reply);
        if rx.is_ready() {
            assert_eq!(number(rx.take()), 7);
        } else {
            drop(rx);
        }
        answerer.join().expect("the answerer does not panic");
    });
}

/// The reply against the cancel: the asker goes before it has polled.
#[test]
fn loom_an_asker_that_goes_frees_once() {
    loom::model(|| {
        let (rx, reply) = pair(None);
        let answerer = answer(reply);
        drop(rx);
        answerer.join().expect("the answerer does not panic");
    });
}

/// The reply against the cancel of an asker that waits, perhaps while its waker is taken.
#[test]
fn loom_an_asker_that_waited_and_goes_leaves_neither_answer_nor_waker() {
    loom::model(|| {
        let task = Arc::new(Task);
        let (mut rx, reply) = pair(None);
        let answerer = answer(reply);
        let waker = Waker::from(task.clone());
        match rx.poll(&Context::from_waker(&waker)) {
            Poll::Ready(()) => assert_eq!(number(rx.take()), 7),
            Poll::Pending => drop(rx),
        }
        drop(waker);
        answerer.join().expect("the answerer does not panic");
        assert_eq!(Arc::strong_count(&task), 1, "nobody keeps the waker");
    });
}

/// A token that goes unused is an answer as well, whichever thread drops it.
#[test]
fn loom_a_token_dropped_beside_an_asker_that_goes_frees_once() {
    loom::model(|| {
        let (mut rx, reply) = pair::<Answered, Infallible>(None);
        let answerer = loom::thread::spawn(move || drop(reply));
        match rx.poll(&Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => assert!(matches!(rx.take(), Err(AskError::Dropped))),
            Poll::Pending => drop(rx),
        }
        answerer.join().expect("the answerer does not panic");
    });
}
