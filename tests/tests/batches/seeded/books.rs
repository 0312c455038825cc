//! What became of every message, and of every answer.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use ostraca::AskError;
use ostraca::monitor::TypeNumbers;

use super::clerk::Refused;

/// One schedule's books.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    made: u64,
    returned: u64,
    withdrawn: u64,
    live: u64,
    asked: u64,
    answered: u64,
    cancelled: u64,
    /// Which messages ran.
    ran: HashSet<u64>,
    /// The number of the last message from a sender to an actor that ran.
    last: HashMap<(u64, u64), u64>,
    /// What is wrong. Noted and not panicked over: a panic in a handler would be one of many.
    wrong: Vec<String>,
}

/// What many schedules came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    schedules: u64,
    pub(crate) steps: u64,
    messages: u64,
    handled: u64,
    failed: u64,
    dropped: u64,
    asked: u64,
    gave_up: u64,
    batches: u64,
    calls: u64,
    retries: u64,
    splits: u64,
    quarantined: u64,
    duplicates: u64,
    left_out: u64,
    pub(crate) restarts: u64,
    pub(crate) stops: u64,
}

/// Which answers are true.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    /// An answer is the message's own number, and not that of another with the same key.
    pub(crate) is_own: bool,
    /// A refusal names the message itself.
    pub(crate) refusals_are_own: bool,
}

/// A message's substance.
pub(crate) struct Token {
    books: Books,
    pub(crate) id: u64,
    /// Sender, actor, and the how-manieth of those.
    from: (u64, u64, u64),
    fate: Arc<Fate>,
    is_back: bool,
}

#[derive(Default)]
struct Fate {
    runs: AtomicU32,
    is_withdrawn: AtomicBool,
}

/// An ask, which counts once it has begun. Dropped before its end it counts as cancelled.
pub(crate) struct Asking {
    books: Books,
    id: u64,
    fate: Arc<Fate>,
    is_waited_for: bool,
}

thread_local! {
    /// The message whose request is polled or dropped by its sender.
    static IN_REQUEST: Cell<u64> = const { Cell::new(0) };
}

impl Books {
    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn token(&self, sender: u64, to: u64, number: u64) -> Token {
        let mut entries = self.entries();
        entries.made += 1;
        entries.live += 1;
        let id = entries.made;
        drop(entries);
        let from = (sender, to, number);
        Token { books: self.clone(), id, from, fate: Arc::default(), is_back: false }
    }

    /// After the end: what the monitor counted of the clerks, and the dead letters of the system.
    pub(crate) fn check(&self, counted: &TypeNumbers, dead: u64) -> Sums {
        let entries = self.entries();
        assert!(entries.wrong.is_empty(), "{}", entries.wrong.join("; "));
        let Entries { made, returned, withdrawn, live, asked, answered, cancelled, .. } = *entries;
        assert_eq!(live, 0, "messages that are nowhere");
        assert_eq!(asked, answered + cancelled, "one answer an ask");
        let numbers = &counted.numbers;
        let of_all = |count: fn(&ostraca::monitor::BatchStats) -> u64| {
            counted.batches.iter().map(|batches| count(&batches.stats)).sum::<u64>()
        };
        let quarantined = of_all(|stats| stats.quarantined);
        assert_eq!(
            made,
            returned + withdrawn + numbers.handled + numbers.failed + numbers.dropped,
            "each message is counted once: {numbers:?}"
        );
        assert_eq!(dead, numbers.failed + numbers.dropped + quarantined, "so is each dead letter");
        Sums {
            schedules: 1,
            messages: made,
            handled: numbers.handled,
            failed: numbers.failed,
            dropped: numbers.dropped,
            asked,
            gave_up: cancelled,
            batches: of_all(|stats| stats.batches),
            calls: of_all(|stats| stats.calls),
            retries: of_all(|stats| stats.retries),
            splits: of_all(|stats| stats.splits),
            quarantined,
            duplicates: of_all(|stats| stats.duplicates),
            left_out: of_all(|stats| stats.cancelled + stats.expired),
            ..Sums::default()
        }
    }
}

impl Sums {
    pub(crate) fn add(&mut self, other: Sums) {
        let add = |sum: &mut u64, more: u64| *sum += more;
        add(&mut self.schedules, other.schedules);
        add(&mut self.steps, other.steps);
        add(&mut self.messages, other.messages);
        add(&mut self.handled, other.handled);
        add(&mut self.failed, other.failed);
        add(&mut self.dropped, other.dropped);
        add(&mut self.asked, other.asked);
        add(&mut self.gave_up, other.gave_up);
        add(&mut self.batches, other.batches);
        add(&mut self.calls, other.calls);
        add(&mut self.retries, other.retries);
        add(&mut self.splits, other.splits);
        add(&mut self.quarantined, other.quarantined);
        add(&mut self.duplicates, other.duplicates);
        add(&mut self.left_out, other.left_out);
        add(&mut self.restarts, other.restarts);
        add(&mut self.stops, other.stops);
    }

    /// The schedules do what they are there for.
    pub(crate) fn assert_lively(&self) {
        let least = self.schedules / 50;
        for (what, count) in [
            ("failed", self.failed),
            ("dropped", self.dropped),
            ("given up", self.gave_up),
            ("retried", self.retries),
            ("split", self.splits),
            ("quarantined", self.quarantined),
            ("merged", self.duplicates),
            ("left out", self.left_out),
            ("restarted", self.restarts),
            ("stopped", self.stops),
        ] {
            assert!(count > least, "hardly anything was {what}: {self:?}");
        }
    }
}

impl Token {
    /// A handler is called with it. True: for the first time.
    pub(crate) fn run(&self) -> bool {
        let is_first = self.fate.runs.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first {
            let (sender, to, number) = self.from;
            let mut entries = self.books.entries();
            entries.ran.insert(self.id);
            let last = entries.last.insert((sender, to), number).unwrap_or_default();
            if last >= number {
                entries.wrong.push(format!("message {number} of sender {sender} to {to} came after {last}"));
            }
        }
        is_first
    }

    /// The sender has it back.
    pub(crate) fn come_back(mut self) {
        self.is_back = true;
        let mut entries = self.books.entries();
        entries.returned += 1;
        if self.fate.runs.load(Ordering::Relaxed) > 0 {
            entries.wrong.push(format!("message {} ran and came back", self.id));
        }
    }

    pub(crate) fn asking(&self) -> Asking {
        Asking { books: self.books.clone(), id: self.id, fate: self.fate.clone(), is_waited_for: false }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut entries = self.books.entries();
        entries.live -= 1;
        let has_run = self.fate.runs.load(Ordering::Relaxed) > 0;
        if !has_run && !self.is_back && IN_REQUEST.get() == self.id {
            self.fate.is_withdrawn.store(true, Ordering::Relaxed);
            entries.withdrawn += 1;
        }
    }
}

impl Asking {
    pub(crate) fn begin(mut self) -> Self {
        self.books.entries().asked += 1;
        self.is_waited_for = true;
        self
    }

    /// Answered: by its own answer, or by an error that says no more than is true.
    pub(crate) fn ends(mut self, answer: &Result<u64, AskError<Refused>>, rule: Rule) {
        self.is_waited_for = false;
        let mut entries = self.books.entries();
        entries.answered += 1;
        let was_taken = match answer {
            Ok(_) | Err(AskError::Refused(_) | AskError::Panicked | AskError::Unanswered) => true,
            Err(_) => false,
        };
        if was_taken && self.fate.is_withdrawn.load(Ordering::Relaxed) {
            // Not by its sender: inside the request it was dropped by a handler, which panicked before it took note of
            // the message, or merged with another of its key.
            entries.withdrawn -= 1;
        }
        let runs = self.fate.runs.load(Ordering::Relaxed);
        let is_true = match answer {
            Ok(number) if rule.is_own => *number == self.id && runs > 0,
            Err(AskError::Refused(Refused(number))) if rule.refusals_are_own => {
                *number == self.id && runs > 0
            }
            Ok(number) | Err(AskError::Refused(Refused(number))) => entries.ran.contains(number),
            Err(error) => error.may_have_run() || runs == 0,
        };
        if !is_true {
            entries
                .wrong
                .push(format!("message {}, which ran {runs} times, was answered {answer:?}", self.id));
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if self.is_waited_for {
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
}

impl<F: Future> Future for InHand<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let before = IN_REQUEST.replace(this.id);
        let request = this.request.as_mut().expect("it is polled until it is ready");
        let poll = request.as_mut().poll(cx);
        if poll.is_ready() {
            this.request = None;
        }
        IN_REQUEST.set(before);
        poll
    }
}

impl<F> Drop for InHand<F> {
    fn drop(&mut self) {
        let before = IN_REQUEST.replace(self.id);
        self.request = None;
        IN_REQUEST.set(before);
    }
}
