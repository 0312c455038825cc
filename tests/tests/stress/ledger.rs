//! The books of one round: every message has a token, and every token one end.
//!
//! ```text
//!             ┌── returned to its sender, by an error that carries it
//!             ├── withdrawn: dropped with its sender's request, before it was taken
//!   made ─────┼── dead: taken, and dropped without having run (the system counts these)
//!             └── ran ──┬── finished
//!                       └── spent: its handler panicked, or was cut off (the system counts these, too)
//! ```
//!
//! So `made = returned + withdrawn + dead + finished + spent`, and what the system counted is `dead + spent`. The
//! system's count is its own and the rest is the tokens', which makes the equation a check.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::chance::mix;

/// A count that any thread adds to.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::SeqCst)
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) made: Count,
    pub(crate) dropped: Count,
    /// Sums of spread numbers: one token lost and another dropped twice do not cancel out.
    made_sum: Count,
    dropped_sum: Count,
    pub(crate) ran: Count,
    pub(crate) finished: Count,
    pub(crate) returned: Count,
    pub(crate) withdrawn: Count,
    /// Handlers that finished, and whose turn panicked afterwards, in the publication of a view.
    pub(crate) unpublished: Count,
    /// Messages of timers that did not run: their senders are the framework's own tasks, so nobody here knows
    /// whether they were taken.
    pub(crate) ticks_lost: Count,
    /// Messages without a token, which can become dead letters as well.
    pub(crate) untracked: Count,
    answers_made: Count,
    answers_dropped: Count,
    pub(crate) asked: Count,
    pub(crate) cancelled: Count,
    /// Which round it is, for complaints.
    round: String,
    complaints: Mutex<Vec<String>>,
}

impl Ledger {
    pub(crate) fn new(round: impl Into<String>) -> Self {
        Ledger { round: round.into(), ..Ledger::default() }
    }

    /// Something was not as it must be.
    pub(crate) fn complain(&self, text: impl Into<String>) {
        let text = format!("{}: {}", self.round, text.into());
        println!("WRONG: {text}");
        self.complaints.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text);
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Whether each token and each answer that was made was dropped, and once.
    pub(crate) fn is_balanced(&self) -> bool {
        self.made.value() == self.dropped.value()
            && self.made_sum.value() == self.dropped_sum.value()
            && self.answers_made.value() == self.answers_dropped.value()
    }

    /// Compares with what the system counted, when nothing runs any more.
    pub(crate) fn audit(&self, dead_letters: u64) {
        let away = self.ran.value() + self.returned.value() + self.withdrawn.value();
        let dead = self.made.value().wrapping_sub(away);
        let spent = self.ran.value().wrapping_sub(self.finished.value()) + self.unpublished.value();
        let most = dead.wrapping_add(spent) + self.untracked.value();
        let least = dead.wrapping_add(spent).wrapping_sub(self.ticks_lost.value());
        if !(least..=most).contains(&dead_letters) {
            self.complain(format!(
                "the system counted {dead_letters} dead letters and the tokens say {least} to {most}: {self}"
            ));
        }
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, count) in [
            ("made", &self.made),
            ("dropped", &self.dropped),
            ("ran", &self.ran),
            ("finished", &self.finished),
            ("returned", &self.returned),
            ("withdrawn", &self.withdrawn),
            ("unpublished", &self.unpublished),
            ("ticks lost", &self.ticks_lost),
            ("untracked", &self.untracked),
            ("answers made", &self.answers_made),
            ("answers dropped", &self.answers_dropped),
        ] {
            write!(f, "{name} {}, ", count.value())?;
        }
        write!(f, "sums {:x} {:x}", self.made_sum.value(), self.dropped_sum.value())
    }
}

/// What is known of one message, to its sender as well, who has no token any more.
pub(crate) struct Fate {
    id: u64,
    is_tick: bool,
    has_run: AtomicBool,
    is_dropped: AtomicBool,
}

impl Fate {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn has_run(&self) -> bool {
        self.has_run.load(Ordering::SeqCst)
    }
}

/// What every message carries.
pub(crate) struct Token {
    fate: Arc<Fate>,
    ledger: Arc<Ledger>,
    explodes: bool,
    /// For AddressSanitizer, which sees it used after its end, or never freed.
    canary: Box<u64>,
}

thread_local! {
    /// The message whose request this thread polls or drops; and whether that message's token was dropped in it.
    static REQUEST: Cell<(u64, bool)> = const { Cell::new((0, false)) };
}

/// Polls or drops the request of a message. Whether its token was dropped by that, without having run.
pub(crate) fn within_request<T>(fate: &Fate, work: impl FnOnce() -> T) -> (T, bool) {
    struct Restore((u64, bool));
    impl Drop for Restore {
        fn drop(&mut self) {
            REQUEST.set(self.0);
        }
    }
    let _restore = Restore(REQUEST.replace((fate.id, false)));
    let result = work();
    (result, REQUEST.get().1)
}

impl Token {
    pub(crate) fn new(ledger: &Arc<Ledger>, explodes: bool) -> Self {
        Self::make(ledger, explodes, false)
    }

    /// A timer's.
    pub(crate) fn tick(ledger: &Arc<Ledger>) -> Self {
        Self::make(ledger, false, true)
    }

    fn make(ledger: &Arc<Ledger>, explodes: bool, is_tick: bool) -> Self {
        let id = ledger.made.add(1) + 1;
        ledger.made_sum.add(mix(id));
        let fate = Fate { id, is_tick, has_run: AtomicBool::new(false), is_dropped: AtomicBool::new(false) };
        Token { fate: Arc::new(fate), ledger: ledger.clone(), explodes, canary: Box::new(mix(id)) }
    }

    pub(crate) fn fate(&self) -> &Arc<Fate> {
        &self.fate
    }

    /// A handler has it.
    pub(crate) fn run(&self) {
        self.ledger.ran.add(1);
        if self.fate.has_run.swap(true, Ordering::SeqCst) {
            self.ledger.complain(format!("message {} ran twice", self.fate.id));
        }
        self.check();
    }

    /// Its sender has it back.
    pub(crate) fn returned(mut self) {
        self.explodes = false;
        self.ledger.returned.add(1);
        if self.fate.has_run() {
            self.ledger.complain(format!("message {} ran and came back", self.fate.id));
        }
    }

    fn check(&self) {
        if *self.canary != mix(self.fate.id) {
            self.ledger.complain(format!("message {} holds another's canary", self.fate.id));
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.check();
        let id = self.fate.id;
        if self.fate.is_dropped.swap(true, Ordering::SeqCst) {
            self.ledger.complain(format!("message {id} was dropped twice"));
        }
        let has_run = self.fate.has_run();
        if self.fate.is_tick && !has_run {
            self.ledger.ticks_lost.add(1);
        }
        self.ledger.dropped_sum.add(mix(id));
        self.ledger.dropped.add(1);
        let (request, _) = REQUEST.get();
        if request == id && !has_run {
            REQUEST.set((id, true));
        } else if self.explodes && !std::thread::panicking() {
            panic!("planned: a message's drop");
        }
    }
}

/// What every answer carries: whose it is.
pub(crate) struct Receipt {
    id: u64,
    ledger: Arc<Ledger>,
    canary: Box<u64>,
}

impl Receipt {
    pub(crate) fn new(ledger: &Arc<Ledger>, id: u64) -> Self {
        ledger.answers_made.add(1);
        Receipt { id, ledger: ledger.clone(), canary: Box::new(mix(id)) }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if *self.canary != mix(self.id) {
            self.ledger.complain(format!("the answer to {} holds another's canary", self.id));
        }
        self.ledger.answers_dropped.add(1);
    }
}
