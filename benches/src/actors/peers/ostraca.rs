//! Ostraca: actors made by the macro, supervised by their system, with its monitor running.

use std::future::Future;
use std::time::Instant;

use ostraca::prelude::*;

use super::super::host::{Add, Counts, Host, Mingles, Rings, Token};
use super::super::logic::{Done, Friend};
use super::tokio::on_two_workers;

/// With default settings: mailboxes of 1,024.
#[derive(Clone, Copy)]
pub struct Ostraca;

/// With unbounded mailboxes and else default settings.
#[derive(Clone, Copy)]
pub struct OstracaUnbounded;

/// A batched handler, unbounded.
#[derive(Clone, Copy)]
pub struct Batched;

/// A system on the runtime of the caller, its monitor running.
pub fn system() -> System {
    let system = System::start().unwrap();
    system.monitor();
    system
}

macro_rules! hosts {
    ($($host:ty),+) => { $(
        impl Host for $host {
            type World = System;

            fn run<T, F>(self, main: impl FnOnce(System) -> F + Send + 'static) -> T
            where
                T: Send + 'static,
                F: Future<Output = T> + Send + 'static,
            {
                on_two_workers(move || async move {
                    let system = system();
                    main(system.clone()).await
                })
            }

            async fn start(_: &System, _seat: u64, task: impl Future<Output = ()> + Send + 'static) {
                ::tokio::spawn(task).await.unwrap();
            }
        }
    )+ };
}

hosts!(Ostraca, OstracaUnbounded, Batched);

pub struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[handler(message = AddDefault)]
    fn add(&mut self, _key: u64, by: u64) -> u64 {
        self.count += by;
        self.count
    }
}

pub struct Unbounded {
    count: u64,
}

#[actor(mailbox(unbounded))]
impl Unbounded {
    #[start]
    fn start() -> Self {
        Unbounded { count: 0 }
    }

    #[handler(message = AddUnbounded)]
    fn add(&mut self, _key: u64, by: u64) -> u64 {
        self.count += by;
        self.count
    }
}

macro_rules! counts {
    ($host:ty, $counter:ty) => {
        impl Counts for $host {
            type Counter = ActorRef<$counter>;

            async fn counter(self, system: &System) -> Self::Counter {
                system.spawn::<$counter>(()).await.unwrap()
            }

            fn tell(counter: &Self::Counter, Add { key, by }: Add) {
                counter.add(key, by).tell().unwrap();
            }

            async fn send(counter: &Self::Counter, Add { key, by }: Add) {
                counter.add(key, by).send().await.unwrap();
            }

            async fn ask(counter: &Self::Counter, Add { key, by }: Add) -> u64 {
                counter.add(key, by).await.unwrap()
            }
        }
    };
}

counts!(Ostraca, Counter);
counts!(OstracaUnbounded, Unbounded);

/// The message of the batched handler.
#[derive(Message)]
#[message(reply = u64)]
pub struct Put {
    _key: u64,
    by: u64,
}

pub struct Sums {
    count: u64,
}

#[actor(mailbox(unbounded))]
impl Sums {
    #[start]
    fn start() -> Self {
        Sums { count: 0 }
    }

    #[handler(batch(len_max = 1024))]
    fn put(&mut self, batch: Batch<Put>) {
        self.count += batch.iter().map(|put| put.by).sum::<u64>();
    }

    #[handler]
    fn count(&self) -> u64 {
        self.count
    }
}

impl Counts for Batched {
    type Counter = ActorRef<Sums>;

    async fn counter(self, system: &System) -> Self::Counter {
        system.spawn::<Sums>(()).await.unwrap()
    }

    fn tell(counter: &Self::Counter, Add { key, by }: Add) {
        counter.put(Put { _key: key, by }).tell().unwrap();
    }

    async fn send(counter: &Self::Counter, Add { key, by }: Add) {
        counter.put(Put { _key: key, by }).send().await.unwrap();
    }

    async fn ask(counter: &Self::Counter, _: Add) -> u64 {
        counter.count().await.unwrap()
    }
}

pub struct Hop {
    next: Option<ActorRef<Hop>>,
    done: Done,
}

#[actor]
impl Hop {
    #[start]
    fn start(done: Done) -> Self {
        Hop { next: None, done }
    }

    #[handler]
    fn link(&mut self, next: ActorRef<Hop>) {
        self.next = Some(next);
    }

    #[handler]
    fn pass(&mut self, left: u64, hops: u64) {
        match &self.next {
            Some(next) if left > 0 => next.pass(left - 1, hops + 1).tell().unwrap(),
            _ => self.done.arrive(hops),
        }
    }
}

impl Rings for Ostraca {
    async fn ring(self, system: &System, len: usize, token: Token, done: Done) -> Instant {
        let mut hops = Vec::new();
        for _ in 0..len {
            hops.push(system.spawn::<Hop>(done.clone()).await.unwrap());
        }
        for at in 0..len {
            hops[at].link(hops[(at + 1) % len].clone()).await.unwrap();
        }
        let began = Instant::now();
        hops[0].pass(token.left, token.hops).tell().unwrap();
        began
    }
}

pub struct Mingler {
    friend: Friend,
    others: Vec<ActorRef<Mingler>>,
}

#[actor]
impl Mingler {
    #[start]
    fn start((me, len, pings, done): (usize, usize, u64, Done)) -> Self {
        Mingler { friend: Friend::new(me, len, pings, done), others: Vec::new() }
    }

    #[handler]
    fn meet(&mut self, others: Vec<ActorRef<Mingler>>) {
        self.others = others;
    }

    #[handler]
    fn begin(&mut self) {
        if let Some(other) = self.friend.to_ping() {
            self.others[other].ping(self.friend.me).tell().unwrap();
        }
    }

    #[handler]
    fn ping(&mut self, from: usize) {
        self.others[from].pong().tell().unwrap();
    }

    #[handler]
    fn pong(&mut self) {
        if let Some(other) = self.friend.answered() {
            self.others[other].ping(self.friend.me).tell().unwrap();
        }
    }
}

impl Mingles for Ostraca {
    async fn mingle(self, system: &System, friends: Vec<Friend>) -> Instant {
        let mut minglers = Vec::new();
        for friend in friends {
            minglers.push(system.spawn::<Mingler>(friend.into_args()).await.unwrap());
        }
        for mingler in &minglers {
            mingler.meet(minglers.clone()).await.unwrap();
        }
        let began = Instant::now();
        for mingler in &minglers {
            mingler.begin().tell().unwrap();
        }
        began
    }
}
