//! Order of one sender's tells and asks over seeded schedules.
//!
//! Once with the mailboxes of production, once with those that the kit watches and disorders. `OSTRACA_SEEDS` says how many
//! schedules of each (5,000 by default), `OSTRACA_SEED` the first seed.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Run};

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

const MESSAGES: u32 = 6;

/// Sends MESSAGES numbered messages, each by a verb and to a handler of the seed's choice. Returns those taken.
async fn send(run: Run, notes: ActorRef<Notes>, sender: u8) -> Vec<u32> {
    let mut taken = Vec::new();
    for number in 0..MESSAGES {
        let is_taken = match run.below(9) {
            0 => notes.note(sender, number).tell().is_ok(),
            1 => notes.note(sender, number).send().await.is_ok(),
            2 | 3 => notes.note(sender, number).await.is_ok(),
            4 => notes.note_too(sender, number).await.is_ok(),
            5 => notes.note_slowly(sender, number).tell().is_ok(),
            6 => notes.note_slowly(sender, number).await.is_ok(),
            7 => notes.note_batch(Noted { sender, number }).send().await.is_ok(),
            _ => notes.note_batch(Noted { sender, number }).await.is_ok(),
        };
        if is_taken {
            taken.push(number);
        }
    }
    taken
}

/// One schedule: two or three senders, and what has arrived at their end.
async fn schedule(run: Run) {
    let notes = run.system().spawn::<Notes>(()).await.unwrap();
    let senders: Vec<_> = (0..2 + run.below(2) as u8)
        .map(|sender| run.spawn(&format!("sender {sender}"), send(run.clone(), notes.clone(), sender)))
        .collect();
    let mut taken = Vec::new();
    for sender in senders {
        taken.push(sender.await.unwrap());
    }
    // What was told and not awaited is still to come.
    let arriving = notes.clone();
    run.until("all has arrived", move || ActorRef::mailbox_len(&arriving) == 0).await;
    let seen = notes.seen().await.unwrap();
    for (sender, taken) in taken.into_iter().enumerate() {
        let arrived: Vec<u32> =
            seen.iter().filter(|(from, _)| usize::from(*from) == sender).map(|(_, number)| *number).collect();
        assert_eq!(arrived, taken, "messages of sender {sender} in the order sent, each once");
    }
}

#[test]
fn messages_of_one_sender_arrive_in_the_order_sent() {
    Explore::new().seeds(5_000).real_mailboxes().run(schedule);
}

#[test]
fn so_they_do_where_those_of_others_are_overtaken_and_mailboxes_say_that_they_are_full() {
    let faults = Faults::none().reorders(0.2).full(0.1).slow(0.1, Duration::from_millis(3));
    Explore::new().seeds(5_000).faults(faults).run(schedule);
}
