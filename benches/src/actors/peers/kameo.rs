//! kameo 0.22, without its feature `tracing`.

use std::future::Future;
use std::time::Instant;

use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};

use super::super::host::{Add, Counts, Host, LEN_MAX, Mingles, Rings, Token};
use super::super::logic::{Done, Friend};
use super::tokio::on_two_workers;

/// With unbounded mailboxes, or such of [`LEN_MAX`].
#[derive(Clone, Copy)]
pub struct Kameo {
    pub bounded: bool,
}

impl Kameo {
    fn spawn<A: kameo::Actor>(self, args: A::Args) -> ActorRef<A> {
        let mailbox = if self.bounded { mailbox::bounded(LEN_MAX) } else { mailbox::unbounded() };
        A::spawn_with_mailbox(args, mailbox)
    }
}

impl Host for Kameo {
    type World = ();

    fn run<T, F>(self, main: impl FnOnce(()) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        on_two_workers(|| main(()))
    }

    async fn start((): &(), _seat: u64, task: impl Future<Output = ()> + Send + 'static) {
        ::tokio::spawn(task).await.unwrap();
    }
}

macro_rules! actors {
    ($($actor:ty),+) => { $(
        impl kameo::Actor for $actor {
            type Args = Self;
            type Error = Infallible;

            async fn on_start(state: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
                Ok(state)
            }
        }
    )+ };
}

actors!(Counter, Hop, Mingler);

pub struct Counter {
    count: u64,
}

impl Message<Add> for Counter {
    type Reply = u64;

    async fn handle(&mut self, add: Add, _: &mut Context<Self, u64>) -> u64 {
        self.count += add.by;
        self.count
    }
}

impl Counts for Kameo {
    type Counter = ActorRef<Counter>;

    async fn counter(self, (): &()) -> Self::Counter {
        self.spawn(Counter { count: 0 })
    }

    fn tell(counter: &Self::Counter, add: Add) {
        counter.tell(add).try_send().unwrap();
    }

    /// `send` and not `.await`, which boxes its future.
    async fn send(counter: &Self::Counter, add: Add) {
        counter.tell(add).send().await.unwrap();
    }

    async fn ask(counter: &Self::Counter, add: Add) -> u64 {
        counter.ask(add).try_send().await.unwrap()
    }
}

pub struct Hop {
    next: Option<ActorRef<Hop>>,
    done: Done,
}

struct Link(ActorRef<Hop>);

impl Message<Link> for Hop {
    type Reply = ();

    async fn handle(&mut self, Link(next): Link, _: &mut Context<Self, ()>) {
        self.next = Some(next);
    }
}

impl Message<Token> for Hop {
    type Reply = ();

    async fn handle(&mut self, Token { left, hops }: Token, _: &mut Context<Self, ()>) {
        match &self.next {
            Some(next) if left > 0 => {
                next.tell(Token { left: left - 1, hops: hops + 1 }).try_send().unwrap();
            }
            _ => self.done.arrive(hops),
        }
    }
}

impl Rings for Kameo {
    async fn ring(self, (): &(), len: usize, token: Token, done: Done) -> Instant {
        let hops: Vec<_> = (0..len).map(|_| self.spawn(Hop { next: None, done: done.clone() })).collect();
        for at in 0..len {
            hops[at].ask(Link(hops[(at + 1) % len].clone())).send().await.unwrap();
        }
        let began = Instant::now();
        hops[0].tell(token).try_send().unwrap();
        began
    }
}

pub struct Mingler {
    friend: Friend,
    others: Vec<ActorRef<Mingler>>,
}

struct Meet(Vec<ActorRef<Mingler>>);
struct Begin;
struct Ping {
    from: usize,
}
struct Pong;

impl Mingler {
    fn ping(&self, other: Option<usize>) {
        if let Some(other) = other {
            self.others[other].tell(Ping { from: self.friend.me }).try_send().unwrap();
        }
    }
}

impl Message<Meet> for Mingler {
    type Reply = ();

    async fn handle(&mut self, Meet(others): Meet, _: &mut Context<Self, ()>) {
        self.others = others;
    }
}

impl Message<Begin> for Mingler {
    type Reply = ();

    async fn handle(&mut self, _: Begin, _: &mut Context<Self, ()>) {
        let next = self.friend.to_ping();
        self.ping(next);
    }
}

impl Message<Ping> for Mingler {
    type Reply = ();

    async fn handle(&mut self, Ping { from }: Ping, _: &mut Context<Self, ()>) {
        self.others[from].tell(Pong).try_send().unwrap();
    }
}

impl Message<Pong> for Mingler {
    type Reply = ();

    async fn handle(&mut self, _: Pong, _: &mut Context<Self, ()>) {
        let next = self.friend.answered();
        self.ping(next);
    }
}

impl Mingles for Kameo {
    async fn mingle(self, (): &(), friends: Vec<Friend>) -> Instant {
        let spawn = |friend| self.spawn(Mingler { friend, others: Vec::new() });
        let minglers: Vec<_> = friends.into_iter().map(spawn).collect();
        for mingler in &minglers {
            mingler.ask(Meet(minglers.clone())).send().await.unwrap();
        }
        let began = Instant::now();
        for mingler in &minglers {
            mingler.tell(Begin).try_send().unwrap();
        }
        began
    }
}
