//! What messages carry, and what every actor does with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use ostraca::prelude::*;

use super::actors::{Plain, Someone};
use super::chance::Chance;
use super::ledger::{Ledger, Receipt, Token};
use super::verbs;

/// What a message tells its handler to do. Each kind of actor does what it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Nothing,
    Refuse,
    Panic,
    /// Takes the thread for a while, so that the actor counts as slow.
    Block,
    Yield(u32),
    Nap,
    /// Asks another actor, and waits for it.
    AskLower,
    AskSelf,
    /// Leaves no answer.
    Forget,
    /// Answers from a task.
    AnswerLater,
    /// Keeps the answer's token in the state, until the next message.
    Keep,
    Forward,
    /// Spawns a child.
    Hire,
    /// Spawns one that fails until it is given up.
    HireBad,
    /// Starts a timer.
    Tick,
    /// The next publication of the views panics.
    SpoilView,
    Quit,
}

/// One message's load.
pub(crate) struct Load {
    pub(crate) token: Token,
    pub(crate) deed: Deed,
    /// What the answer repeats: the message that the asker sent first.
    pub(crate) echo: u64,
    /// Who sends, and its how-manieth message; `None`: its order is not looked at.
    pub(crate) from: Option<(usize, u64)>,
}

/// The handler's own error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused;

/// A message that carries a load.
pub(crate) trait Work: Message<Reply = Receipt, Refusal = Refused> {
    fn of(load: Load) -> Self;
    fn into_load(self) -> Load;
}

macro_rules! work {
    ($($(#[$doc:meta])* $name:ident),+) => { $(
        $(#[$doc])*
        #[derive(Message)]
        #[message(reply = Result<Receipt, Refused>)]
        pub(crate) struct $name(pub(crate) Load);

        impl Work for $name {
            fn of(load: Load) -> Self {
                $name(load)
            }

            fn into_load(self) -> Load {
                self.0
            }
        }
    )+ };
}

work!(
    /// What every actor takes, each in its way.
    Job,
    /// Taken by an `async fn`.
    SlowJob,
    /// Taken in batches.
    GroupJob
);

/// A timer's message.
#[derive(Message)]
pub(crate) struct Tick(pub(crate) Token);

impl Load {
    pub(crate) fn new(ledger: &Arc<Ledger>, deed: Deed, from: Option<(usize, u64)>, explodes: bool) -> Self {
        let token = Token::new(ledger, explodes);
        let echo = token.fate().id();
        Load { token, deed, echo, from }
    }
}

/// What an actor is made of. It outlives restarts, and so does what it has seen.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    ledger: Arc<Ledger>,
    /// Of each sender, the number of the last message that came.
    seen: Vec<AtomicU64>,
    chance: Mutex<Chance>,
    /// An actor that asks nobody.
    lower: Option<ActorRef<Plain>>,
    cast: Cast,
    start: OnStart,
    total: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnStart {
    Fine,
    /// Sometimes slow, refused or panicking.
    Moody,
    Bad,
}

/// All actors of a round.
#[derive(Clone, Default)]
pub(crate) struct Cast(pub(crate) Arc<RwLock<Vec<Someone>>>);

/// A handler's hold on what it runs.
#[must_use]
pub(crate) struct Run {
    ledger: Arc<Ledger>,
    count: u64,
}

impl Run {
    /// The handler ends in order.
    pub(crate) fn finish(self) {
        self.ledger.finished.add(self.count);
    }

    /// A batch has one of its messages more.
    pub(crate) fn and(&mut self, other: Run) {
        self.count += other.count;
    }
}

impl Desk {
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        senders: usize,
        chance: Chance,
        lower: Option<ActorRef<Plain>>,
        cast: &Cast,
        start: OnStart,
    ) -> Self {
        Desk(Arc::new(Inner {
            ledger: ledger.clone(),
            seen: (0..senders).map(|_| AtomicU64::new(0)).collect(),
            chance: Mutex::new(chance),
            lower,
            cast: cast.clone(),
            start,
            total: AtomicU64::new(0),
        }))
    }

    /// Another actor's, of the same round.
    pub(crate) fn for_child(&self, start: OnStart) -> Self {
        let chance = self.0.chance.lock().unwrap().split();
        Desk::new(&self.0.ledger, self.0.seen.len(), chance, self.0.lower.clone(), &self.0.cast, start)
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    pub(crate) fn lower(&self) -> Option<&ActorRef<Plain>> {
        self.0.lower.as_ref()
    }

    pub(crate) fn cast(&self) -> &Cast {
        &self.0.cast
    }

    pub(crate) fn below(&self, n: u64) -> u64 {
        self.0.chance.lock().unwrap().below(n)
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.total.load(Ordering::SeqCst)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.total.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// How many times the start yields, if it succeeds.
    pub(crate) fn start(&self) -> Result<u64, StartError> {
        match (self.0.start, self.below(24)) {
            (OnStart::Fine, _) | (OnStart::Moody, 8..) => Ok(0),
            (OnStart::Moody, yields @ 2..) => Ok(yields),
            (OnStart::Moody, 0) | (OnStart::Bad, ..12) => Err(StartError::new("planned: a start")),
            (OnStart::Moody | OnStart::Bad, _) => panic!("planned: a start"),
        }
    }

    /// A handler begins with a message.
    pub(crate) fn begin(&self, load: &Load) -> Run {
        load.token.run();
        if let Some((sender, number)) = load.from {
            let last = self.0.seen[sender].swap(number, Ordering::SeqCst);
            if last >= number {
                self.0.ledger.complain(format!("message {number} of sender {sender} came after {last}"));
            }
        }
        Run { ledger: self.0.ledger.clone(), count: 1 }
    }

    pub(crate) fn receipt(&self, echo: u64) -> Receipt {
        Receipt::new(&self.0.ledger, echo)
    }

    /// Does what a plain handler can.
    pub(crate) fn plain(&self, load: Load) -> Result<Receipt, Refused> {
        let (run, echo) = (self.begin(&load), load.echo);
        let outcome = match load.deed {
            Deed::Refuse => Err(Refused),
            Deed::Panic => panic!("planned: a handler"),
            Deed::Block => {
                std::thread::sleep(Duration::from_micros(80));
                Ok(self.receipt(echo))
            }
            _ => Ok(self.receipt(echo)),
        };
        // It can panic: then the handler has not finished.
        drop(load);
        run.finish();
        outcome
    }

    /// Does what an `async` handler can.
    pub(crate) async fn slow<A>(&self, me: ActorRef<A>, load: Load) -> Result<Receipt, Refused>
    where
        A: ostraca::Handles<Job>,
    {
        let (run, echo) = (self.begin(&load), load.echo);
        match load.deed {
            Deed::Panic => {
                tokio::task::yield_now().await;
                panic!("planned: an async handler");
            }
            Deed::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Deed::Nap => tokio::time::sleep(Duration::from_millis(1 + self.below(2))).await,
            Deed::AskLower => {
                if let Some(lower) = self.lower() {
                    verbs::ask_from_handler(self.ledger(), lower).await;
                }
            }
            Deed::AskSelf => verbs::ask_self(self.ledger(), &me).await,
            _ => {}
        }
        let outcome = if load.deed == Deed::Refuse { Err(Refused) } else { Ok(self.receipt(echo)) };
        drop(load);
        run.finish();
        outcome
    }
}
