//! An actor whose batches are scripted, and what asks it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::monitor::BatchStats;
use ostraca::prelude::*;
use ostraca::{Actor, Handles};
use tokio::task::JoinHandle;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad(pub(crate) u64);

/// What the handlers were called with, in order.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Vec<u64>>>>);

impl Calls {
    pub(crate) fn note(&self, call: Vec<u64>) {
        self.0.lock().unwrap().push(call);
    }

    pub(crate) fn take(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

macro_rules! messages {
    ($($name:ident),+) => { $(
        #[derive(Clone, Message)]
        #[message(reply = Result<u64, Bad>, size = |message| message.1)]
        pub(crate) struct $name(#[key] pub(crate) u64, pub(crate) usize);

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                $name(number, 1)
            }
        }
    )+ };
}

messages!(Linger, Full, Adapt, Heavy, Halve, Again, Once, Both, Plain);

/// Each handler answers a number with itself, and what [`Desk::work`] says.
pub(crate) struct Desk {
    pub(crate) calls: Calls,
    takes: Duration,
    failures: HashMap<u64, u32>,
}

#[actor(mailbox(len_max = 4096), restart(max = 1000, within = "1s", backoff = "1ms..1ms"))]
impl Desk {
    #[start]
    fn start(calls: Calls, takes: Duration) -> Self {
        Desk { calls, takes, failures: HashMap::new() }
    }

    #[handler(batch(len_min = 4, len_max = 8, wait_max = "10ms"))]
    async fn linger(&mut self, batch: Batch<Linger>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    #[handler(batch(len_max = 4, wait_max = "10ms"))]
    fn full(&mut self, batch: Batch<Full>) {
        self.calls.note(batch.iter().map(|message| message.0).collect());
        for item in batch {
            let number = item.0;
            item.reply(number);
        }
    }

    #[handler(batch(len_max = 64, wait_max = adaptive))]
    async fn adapt(&mut self, batch: Batch<Adapt>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    #[handler(batch(len_max = 8, bytes_max = 10))]
    async fn heavy(&mut self, batch: Batch<Heavy>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    #[handler(batch(len_max = 1024, on_error = bisect))]
    async fn halve(&mut self, batch: Batch<Halve>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    #[handler(batch(len_max = 8, on_error = retry(max = 3, backoff = "10ms..20ms")))]
    async fn again(&mut self, batch: Batch<Again>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    #[handler(batch(len_max = 8, dedup = key))]
    async fn once(&mut self, batch: Batch<Once>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    /// All of it.
    #[handler(batch(len_min = 4, len_max = 8, bytes_max = 100, wait_max = "10ms", dedup = key, on_error = bisect))]
    fn both(&mut self, batch: Batch<Both>) -> Result<(), Bad> {
        let call: Vec<_> = batch.iter().map(|message| message.0).collect();
        self.calls.note(call.clone());
        let bad = call.iter().find(|number| **number >= 1_000).copied();
        bad.map_or(Ok(()), |number| Err(Bad(number)))?;
        for item in batch {
            let number = item.0;
            item.reply(number);
        }
        Ok(())
    }

    #[handler(batch(len_max = 4))]
    async fn plain(&mut self, batch: Batch<Plain>) -> Result<(), Bad> {
        self.work(batch, |message| message.0).await
    }

    #[handler]
    fn other(&mut self) -> u64 {
        self.calls.note(vec![]);
        0
    }
}

/// From here on a number is bad: its batch fails. The number by 1,000 is how often it does, 9 is for ever.
pub(crate) const BAD: u64 = 1_000;
/// The handler panics.
pub(crate) const PANICS: u64 = 77;
/// The handler answers nobody from here on.
pub(crate) const FORGETS: u64 = 88;

impl Desk {
    async fn work<M>(&mut self, batch: Batch<M>, number: fn(&M) -> u64) -> Result<(), Bad>
    where
        M: Message<Reply = u64, Refusal = Bad>,
    {
        let call: Vec<_> = batch.iter().map(number).collect();
        self.calls.note(call.clone());
        tokio::time::sleep(self.takes).await;
        if let Some(bad) = call.iter().copied().find(|number| self.fails(*number)) {
            // All that were before it are answered.
            return Err(Bad(bad));
        }
        for item in batch {
            match number(&item) {
                PANICS => panic!("as planned"),
                FORGETS => break,
                number => item.reply(number),
            }
        }
        Ok(())
    }

    fn fails(&mut self, number: u64) -> bool {
        let times = match (number / BAD) as u32 {
            9 => u32::MAX,
            times => times,
        };
        let failed = self.failures.entry(number).or_default();
        *failed += 1;
        *failed <= times
    }
}

/// A system with a desk whose calls take so long.
pub(crate) async fn desk(takes: Duration) -> (System, ActorRef<Desk>, Calls) {
    let system = System::start().unwrap();
    let calls = Calls::default();
    let desk = system.spawn::<Desk>((calls.clone(), takes)).await.unwrap();
    (system, desk, calls)
}

pub(crate) type Answer = Result<u64, AskError<Bad>>;

/// Asks each in a task of its own, all at once.
pub(crate) fn ask_all<A, M>(
    actor: &ActorRef<A>,
    numbers: impl IntoIterator<Item = u64>,
) -> Vec<JoinHandle<Answer>>
where
    A: Actor + Handles<M>,
    M: Message<Reply = u64, Refusal = Bad> + From<u64> + Sync,
{
    let ask = |number: u64| {
        let actor = actor.clone();
        tokio::spawn(async move { ActorRef::request(&actor, M::from(number)).await })
    };
    numbers.into_iter().map(ask).collect()
}

pub(crate) async fn answers(asks: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(ask.await.unwrap());
    }
    answers
}

pub(crate) async fn stats(system: &System, handler: &str) -> BatchStats {
    let snapshot = system.monitor().latest().await;
    snapshot.of_type("Desk").unwrap().batches_of(handler).cloned().unwrap_or_default()
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
