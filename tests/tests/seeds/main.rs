//! Seeded schedules of everything an actor can go through: whatever the seed decides, the books are right.
//!
//! A schedule is two to four senders, each with up to eight messages to one of two or three actors: told, sent and asked, to
//! handlers of every kind, cancelled half way, with deadlines, while handlers and tasks panic, mailboxes are full, turns
//! come late, and actors are moved between the workers and two pinned cores, stopped, drained and killed. At the end the system is stopped. Then each message has one
//! end (handled, returned, or a dead letter that the system counts), each ask one answer that says no more than is
//! true, each sender's messages to each actor came in its order, and nobody hangs. Half of the schedules use
//! the mailboxes of production, half those that the kit watches and disorders.
//!
//! `OSTRACA_SEED` is the first seed, `OSTRACA_SEEDS` how many there are of each half (1,000 without).
#![allow(clippy::unwrap_used, reason = "tests")]

mod actors;
mod books;

use std::cell::Cell;
use std::time::{Duration, Instant};

use actors::{Bounded, DEEDS, Deed, Deferred, Desk, Desks, Grouped, Latest, Load, Lower, Plain, Slow, Work};
use books::{Books, From, InHand, Sums};
use ostraca::prelude::*;
use ostraca::testkit::{Cancelled, Explore, Faults, Run};
use ostraca::{Home, MoveError};

const CORES: usize = 2;
const HOMES: [Home; 1 + CORES] = [Home::Workers, Home::Pinned(0), Home::Pinned(1)];

#[derive(Clone)]
enum Someone {
    Bounded(ActorRef<Bounded>),
    Latest(ActorRef<Latest>),
}

macro_rules! with_any {
    ($someone:expr, $actor:ident => $work:expr) => {
        match $someone {
            Someone::Bounded($actor) => $work,
            Someone::Latest($actor) => $work,
        }
    };
}

/// One that sends, and counts what it sends to each actor.
struct Sender {
    run: Run,
    books: Books,
    me: u64,
    sent: Vec<u64>,
}

impl Sender {
    fn load(&mut self, to: usize, deed: Deed) -> Load {
        self.sent[to] += 1;
        let from = From { sender: self.me, to: to as u64 + 1, number: self.sent[to] };
        Load { token: self.books.token(from), deed }
    }

    async fn sends(mut self, cast: Vec<Someone>) {
        for _ in 0..1 + self.run.below(8) {
            let to = self.run.below(cast.len() as u64) as usize;
            with_any!(&cast[to], actor => self.act(actor, to).await);
        }
    }

    async fn act<A: Desks>(&mut self, actor: &ActorRef<A>, to: usize) {
        match self.run.below(60) {
            53..=56 => self.moves(actor).await,
            57 => ActorRef::stop(actor),
            58 => ActorRef::drain(actor),
            59 => ActorRef::kill(actor),
            _ => match self.run.below(4) {
                0 => self.work::<A, Plain>(actor, to).await,
                1 => self.work::<A, Slow>(actor, to).await,
                2 => self.work::<A, Grouped>(actor, to).await,
                _ => self.work::<A, Deferred>(actor, to).await,
            },
        }
    }

    /// Has an actor move, and waits for its arrival, or does not, or gives up half way.
    async fn moves<A: Desks>(&self, actor: &ActorRef<A>) {
        let moving = ActorRef::move_to(actor, *self.run.choose(&HOMES));
        self.books.ordered_move();
        if self.run.one_in(3) {
            return;
        }
        match self.run.cancellable(moving).await {
            Ok(Ok(_moved)) => self.books.moved(),
            Ok(Err(MoveError::Stopped)) if ActorRef::stop_reason(actor).is_some() => {}
            Ok(Err(error)) => self.books.complain(format!("a move: {error}")),
            Err(Cancelled) => {}
        }
    }

    async fn work<A: Desks + ostraca::Handles<M>, M: Work>(&mut self, actor: &ActorRef<A>, to: usize) {
        let deed = *self.run.choose(&DEEDS);
        let load = self.load(to, deed);
        let id = load.token.id;
        match self.run.below(5) {
            0 => {
                if let Err(error) = ActorRef::request(actor, M::of(load)).tell() {
                    error.into_inner().into_load().token.come_back();
                }
            }
            1 => {
                let sending = InHand::new(id, ActorRef::request(actor, M::of(load)).send());
                if let Ok(Err(error)) = self.run.cancellable(sending).await {
                    error.into_inner().into_load().token.come_back();
                }
            }
            verb => {
                let asking = load.token.asking();
                let request = ActorRef::request(actor, M::of(load));
                let limited = if verb == 2 { request.within(Duration::from_millis(3)) } else { request };
                if let Ok(answer) = self.run.cancellable(InHand::new(id, limited)).await {
                    asking.ends(&answer);
                }
            }
        }
    }
}

async fn spawn(run: &Run, books: &Books, lower: &ActorRef<Lower>) -> Option<Someone> {
    let desk = Desk { books: books.clone(), number: books.actor(), lower: Some(lower.clone()) };
    Some(match run.below(3) {
        0 => Someone::Latest(run.system().spawn(desk).await.ok()?),
        _ => Someone::Bounded(run.system().spawn(desk).await.ok()?),
    })
}

/// One schedule.
async fn schedule(run: &Run) -> Sums {
    let books = Books::default();
    let lower = run.system().spawn::<Lower>(books.clone()).await.unwrap();
    let mut cast = Vec::new();
    for _ in 0..2 + run.below(2) {
        cast.push(spawn(run, &books, &lower).await.unwrap());
    }
    let senders: Vec<_> = (0..2 + run.below(3))
        .map(|me| {
            let sender = Sender { run: run.clone(), books: books.clone(), me, sent: vec![0; cast.len()] };
            run.spawn(&format!("sender {me}"), sender.sends(cast.clone()))
        })
        .collect();
    for sender in senders {
        // One that was cancelled has sent what it has sent.
        let _cancelled = sender.await;
    }
    let mut restarts = run.restarts(&lower);
    let mut stops = 0;
    for someone in &cast {
        with_any!(someone, actor => {
            restarts += run.restarts(actor);
            stops += u64::from(ActorRef::stop_reason(actor).is_some());
        });
    }
    run.system().stop().await;
    let sums = books.check(run.system().dead_letters_total());
    Sums { steps: run.steps(), restarts, stops, ..sums }
}

#[test]
fn every_message_has_one_end_and_every_ask_one_answer_whatever_the_seed_decides() {
    let faults = Faults::none()
        .panics(0.05)
        .full(0.05)
        .reorders(0.1)
        .slow(0.05, Duration::from_millis(4))
        .cancels(0.04);
    let sums = Cell::new(Sums::default());
    let began = Instant::now();
    let explore = Explore::new().seeds(1_000).pinned_cores(CORES).faults(faults);
    let test = async |run: Run| {
        let of_this = schedule(&run).await;
        let mut all = sums.get();
        all.add(of_this);
        sums.set(all);
    };
    explore.clone().run(test);
    explore.real_mailboxes().run(test);
    let took = began.elapsed();
    let Sums {
        schedules,
        steps,
        made,
        handled,
        returned,
        dead,
        asked,
        cancelled,
        restarts,
        stops,
        moves,
        arrivals,
    } = sums.get();
    println!(
        "{schedules} schedules, {steps} steps in {:.1} s, {:.0} µs a schedule: {made} messages = {handled} handled \
         + {returned} returned + {dead} dead; {asked} asked, {cancelled} given up; {restarts} restarts, {stops} stops, \
         {moves} moves of which {arrivals} were waited for",
        took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / schedules as f64,
    );
    assert_eq!(made, handled + returned + dead);
    assert!(
        restarts > schedules / 100 && stops > schedules / 10 && arrivals > schedules / 10,
        "the schedules hardly fail, stop or move anything"
    );
}
