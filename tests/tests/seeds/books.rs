//! What became of every message, and of every answer.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use ostraca::AskError;

/// One schedule's books.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    made: u64,
    /// Handlers that began with a message.
    ran: u64,
    /// Handlers that ended with it.
    finished: u64,
    /// Given back to the sender.
    returned: u64,
    /// Dropped with its request, by the sender.
    withdrawn: u64,
    /// Dropped elsewhere without having run.
    dropped: u64,
    live: u64,
    asked: u64,
    answered: u64,
    cancelled: u64,
    /// The number of the last message from a sender to an actor.
    last: HashMap<(u64, u64), u64>,
    actors: u64,
    moves: u64,
    arrivals: u64,
    /// What is wrong. Noted and not panicked over: a panic in a handler would be one of many.
    wrong: Vec<String>,
}

/// What many schedules came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) schedules: u64,
    pub(crate) steps: u64,
    pub(crate) made: u64,
    pub(crate) handled: u64,
    pub(crate) returned: u64,
    pub(crate) dead: u64,
    pub(crate) asked: u64,
    pub(crate) cancelled: u64,
    pub(crate) restarts: u64,
    pub(crate) stops: u64,
    pub(crate) moves: u64,
    pub(crate) arrivals: u64,
}

/// Who sends, and its how-manieth message to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From {
    pub(crate) sender: u64,
    pub(crate) to: u64,
    pub(crate) number: u64,
}

/// A message's substance: it ends once, in the books.
pub(crate) struct Token {
    books: Books,
    pub(crate) id: u64,
    from: From,
    fate: Arc<Fate>,
    is_back: bool,
}

#[derive(Default)]
struct Fate {
    has_run: AtomicBool,
    /// Dropped, without having run, while its sender polled or dropped the request.
    is_withdrawn: AtomicBool,
}

/// An ask that is waited for. Dropped before its end it counts as cancelled.
pub(crate) struct Asking {
    books: Books,
    id: u64,
    fate: Arc<Fate>,
    is_over: bool,
}

thread_local! {
    /// The message whose request is polled or dropped by its sender.
    static IN_REQUEST: Cell<u64> = const { Cell::new(0) };
}

impl Books {
    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn token(&self, from: From) -> Token {
        let mut entries = self.entries();
        entries.made += 1;
        entries.live += 1;
        let id = entries.made;
        drop(entries);
        Token { books: self.clone(), id, from, fate: Arc::default(), is_back: false }
    }

    /// A handler ended with this many messages.
    pub(crate) fn finish(&self, count: u64) {
        self.entries().finished += count;
    }

    /// The number of a new actor.
    pub(crate) fn actor(&self) -> u64 {
        let mut entries = self.entries();
        entries.actors += 1;
        entries.actors
    }

    /// An actor was told to move.
    pub(crate) fn ordered_move(&self) {
        self.entries().moves += 1;
    }

    /// It has arrived.
    pub(crate) fn moved(&self) {
        self.entries().arrivals += 1;
    }

    pub(crate) fn complain(&self, what: String) {
        self.entries().wrong.push(what);
    }

    /// After the end: `dead` is what the system counts.
    pub(crate) fn check(&self, dead: u64) -> Sums {
        let entries = self.entries();
        assert!(entries.wrong.is_empty(), "{}", entries.wrong.join("; "));
        let Entries { made, ran, finished, returned, withdrawn, dropped, live, .. } = *entries;
        assert_eq!(live, 0, "messages that are nowhere");
        assert_eq!(made, ran + returned + withdrawn + dropped, "each message has one end");
        assert_eq!(
            dead,
            (ran - finished) + dropped,
            "each message that was not handled is a dead letter, once"
        );
        assert_eq!(entries.asked, entries.answered + entries.cancelled, "one answer an ask");
        let returned = returned + withdrawn;
        let (asked, cancelled) = (entries.asked, entries.cancelled);
        let (moves, arrivals) = (entries.moves, entries.arrivals);
        let handled = finished;
        Sums {
            schedules: 1,
            made,
            handled,
            returned,
            dead,
            asked,
            cancelled,
            moves,
            arrivals,
            ..Sums::default()
        }
    }
}

impl Sums {
    pub(crate) fn add(&mut self, other: Sums) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        self.made += other.made;
        self.handled += other.handled;
        self.returned += other.returned;
        self.dead += other.dead;
        self.asked += other.asked;
        self.cancelled += other.cancelled;
        self.restarts += other.restarts;
        self.stops += other.stops;
        self.moves += other.moves;
        self.arrivals += other.arrivals;
    }
}

impl Token {
    /// A handler begins with it.
    pub(crate) fn run(&self) {
        if self.fate.has_run.swap(true, Ordering::Relaxed) {
            self.books.complain(format!("message {} ran twice", self.id));
        }
        let From { sender, to, number } = self.from;
        let mut entries = self.books.entries();
        entries.ran += 1;
        let last = entries.last.insert((sender, to), number).unwrap_or_default();
        if last >= number {
            entries.wrong.push(format!("message {number} of sender {sender} to {to} came after {last}"));
        }
    }

    /// The sender has it back.
    pub(crate) fn come_back(mut self) {
        self.is_back = true;
        self.books.entries().returned += 1;
        if self.fate.has_run.load(Ordering::Relaxed) {
            self.books.complain(format!("message {} ran and came back", self.id));
        }
    }

    /// It is asked.
    pub(crate) fn asking(&self) -> Asking {
        self.books.entries().asked += 1;
        Asking { books: self.books.clone(), id: self.id, fate: self.fate.clone(), is_over: false }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut entries = self.books.entries();
        entries.live -= 1;
        match () {
            () if self.fate.has_run.load(Ordering::Relaxed) || self.is_back => {}
            () if IN_REQUEST.get() == self.id => {
                self.fate.is_withdrawn.store(true, Ordering::Relaxed);
                entries.withdrawn += 1;
            }
            () => entries.dropped += 1,
        }
    }
}

impl Asking {
    /// Answered: by the answer to its own message, or by an error that says no more than is true.
    pub(crate) fn ends<E: std::fmt::Debug>(mut self, answer: &Result<u64, AskError<E>>) {
        self.is_over = true;
        let mut entries = self.books.entries();
        entries.answered += 1;
        if matches!(answer, Err(AskError::Panicked)) && self.fate.is_withdrawn.load(Ordering::Relaxed) {
            // Not by its sender: the handler ran inside the request, and panicked before it took note of the message.
            entries.withdrawn -= 1;
            entries.dropped += 1;
        }
        drop(entries);
        let has_run = self.fate.has_run.load(Ordering::Relaxed);
        let is_true = match answer {
            Ok(echo) => *echo == self.id && has_run,
            Err(AskError::Refused(_)) => has_run,
            Err(error) => error.may_have_run() || !has_run,
        };
        if !is_true {
            self.books.complain(format!("message {}, has run: {has_run}, was answered {answer:?}", self.id));
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_over {
            self.books.entries().cancelled += 1;
        }
    }
}

/// A request in its sender's hands.
pub(crate) struct InHand<F> {
    id: u64,
    request: Option<Pin<Box<F>>>,
}

impl<F: Future> InHand<F> {
    pub(crate) fn new(id: u64, request: F) -> Self {
        InHand { id, request: Some(Box::pin(request)) }
    }

    fn within<T>(&mut self, work: impl FnOnce(&mut Option<Pin<Box<F>>>) -> T) -> T {
        let before = IN_REQUEST.replace(self.id);
        let result = work(&mut self.request);
        IN_REQUEST.set(before);
        result
    }
}

impl<F: Future> Future for InHand<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.get_mut().within(|request| {
            let poll = request.as_mut().expect("it is polled until it is ready").as_mut().poll(cx);
            if poll.is_ready() {
                *request = None;
            }
            poll
        })
    }
}

impl<F> Drop for InHand<F> {
    fn drop(&mut self) {
        let before = IN_REQUEST.replace(self.id);
        self.request = None;
        IN_REQUEST.set(before);
    }
}
