//! Order of one sender's tells and asks over seeded schedules.
//!
//! `OSTRACA_SEEDS` says how many schedules (20,000 by default), `OSTRACA_SEED` the first seed: a failure prints
//! its own, and `OSTRACA_SEED=<it> OSTRACA_SEEDS=1` replays it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use ostraca::prelude::*;
use ostraca::testkit::Stepped;
use ostraca::{Inline, SendError};

/// Notes who sent what, in the order it arrives.
struct Notes {
    seen: Vec<(u8, u32)>,
}

#[actor(mailbox(len_max = 3))]
impl Notes {
    #[start]
    fn start() -> Self {
        Notes { seen: Vec::new() }
    }

    #[handler]
    fn note(&mut self, sender: u8, number: u32) -> usize {
        self.seen.push((sender, number));
        self.seen.len()
    }

    /// Another handler, plain as well.
    #[handler]
    fn note_too(&mut self, sender: u8, number: u32) {
        self.seen.push((sender, number));
    }

    /// One that gives the thread up half way.
    #[handler]
    async fn note_slowly(&mut self, sender: u8, number: u32) {
        tokio::task::yield_now().await;
        self.seen.push((sender, number));
    }

    #[handler(batch(len_max = 2))]
    fn note_batch(&mut self, batch: Batch<Noted>) {
        for item in batch {
            self.seen.push((item.sender, item.number));
            item.reply(());
        }
    }

    #[handler]
    fn seen(&mut self) -> Vec<(u8, u32)> {
        self.seen.clone()
    }
}

#[derive(Clone, Message)]
struct Noted {
    sender: u8,
    number: u32,
}

/// SplitMix64: the test's own chance, apart from the system's.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

const MESSAGES: u32 = 6;

/// Sends MESSAGES numbered messages, each by a verb and to a handler of chance's choice. Returns those taken.
async fn send(notes: ActorRef<Notes>, sender: u8, seed: u64) -> Vec<u32> {
    let mut chance = Chance(seed);
    let mut taken = Vec::new();
    for number in 0..MESSAGES {
        let is_taken = match chance.below(9) {
            0 => notes.note(sender, number).tell().is_ok(),
            1 => notes.note(sender, number).send().await.is_ok(),
            2 | 3 => notes.note(sender, number).await.is_ok(),
            4 => notes.note_too(sender, number).await.is_ok(),
            5 => notes.note_slowly(sender, number).tell().is_ok(),
            6 => notes.note_slowly(sender, number).await.is_ok(),
            7 => match notes.note_batch(Noted { sender, number }).send().await {
                Ok(()) => true,
                Err(SendError::Full(_) | _) => false,
            },
            _ => notes.note_batch(Noted { sender, number }).await.is_ok(),
        };
        if is_taken {
            taken.push(number);
        }
    }
    taken
}

type Sender = Pin<Box<dyn Future<Output = Vec<u32>>>>;

/// One schedule: the seed says at each point whether a sender or a cell goes on, and which.
fn run(seed: u64) {
    let mut chance = Chance(seed);
    let inline = if chance.below(2) == 0 { Inline::Always } else { Inline::Never };
    let stepped = Stepped::new(seed, inline);
    let system = stepped.system().clone();
    let notes = drive(&stepped, &mut chance, vec![Box::pin(async move { system.spawn::<Notes>(()).await })])
        .remove(0)
        .unwrap();
    let count = 2 + chance.below(2) as u8;
    let senders = (0..count)
        .map(|sender| Box::pin(send(notes.clone(), sender, chance.below(u64::MAX))) as Sender)
        .collect();
    let taken = drive(&stepped, &mut chance, senders);
    let notes = notes.clone();
    let seen = drive(&stepped, &mut chance, vec![Box::pin(async move { notes.seen().await })]);
    let seen = seen.into_iter().next().unwrap().unwrap();
    for (sender, taken) in taken.into_iter().enumerate() {
        let arrived: Vec<u32> =
            seen.iter().filter(|(from, _)| usize::from(*from) == sender).map(|(_, number)| *number).collect();
        assert_eq!(arrived, taken, "seed {seed}: messages of sender {sender} in the order sent, each once");
    }
}

/// Polls the futures and steps the cells, in an order of chance's choice, until all futures are done.
fn drive<T>(
    stepped: &Stepped,
    chance: &mut Chance,
    mut futures: Vec<Pin<Box<dyn Future<Output = T> + '_>>>,
) -> Vec<T> {
    let mut outcomes: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    let mut cx = TaskContext::from_waker(Waker::noop());
    let mut turns = 0;
    while outcomes.iter().any(Option::is_none) {
        turns += 1;
        assert!(turns < 100_000, "nobody hangs");
        let choice = chance.below(futures.len() as u64 + 1) as usize;
        if choice == futures.len() {
            stepped.step();
        } else if outcomes[choice].is_none()
            && let Poll::Ready(outcome) = futures[choice].as_mut().poll(&mut cx)
        {
            outcomes[choice] = Some(outcome);
        }
    }
    outcomes.into_iter().map(Option::unwrap).collect()
}

#[test]
fn messages_of_one_sender_arrive_in_the_order_sent() {
    let number = |name: &str, default: u64| {
        std::env::var(name)
            .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?}")))
    };
    let (first, count) = (number("OSTRACA_SEED", 1), number("OSTRACA_SEEDS", 20_000));
    let tokio =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let _entered = tokio.enter();
    for seed in first..first + count {
        run(seed);
    }
    println!("{count} schedules from seed {first}");
}
