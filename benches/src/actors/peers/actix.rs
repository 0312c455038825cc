//! actix 0.13, on one arbiter or on two.

use std::future::Future;
use std::time::Instant;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, Context, Handler, Message, System};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::super::host::{Add, Counts, Host, LEN_MAX, Mingles, Rings, Token};
use super::super::logic::{Done, Friend};

/// `two`: the actors on one arbiter (of a ring, every second one), the tasks on another (of many, every second
/// one). Mailboxes have [`LEN_MAX`], past which `do_send` goes; [`Counts::send`] waits by `try_send` and a yield:
/// actix has no other way to wait for room without waiting for the answer as well.
#[derive(Clone, Copy)]
pub struct Actix {
    pub two: bool,
}

impl Host for Actix {
    /// Of the actors and of the tasks.
    type World = [ArbiterHandle; 2];

    fn run<T, F>(self, main: impl FnOnce(Self::World) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let system = System::new();
        let actors = Arbiter::current();
        let tasks = if self.two { Arbiter::new().handle() } else { actors.clone() };
        let world = [actors, tasks.clone()];
        let (tx, rx) = oneshot::channel();
        let main = async move {
            // The bench waits for it.
            assert!(tx.send(main(world).await).is_ok());
        };
        tasks.spawn(main);
        let result = system.block_on(rx).unwrap();
        System::current().stop();
        system.run().unwrap();
        result
    }

    async fn start(
        [actors, tasks]: &Self::World,
        seat: u64,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let (ended, wait) = oneshot::channel();
        let arbiter = if seat.is_multiple_of(2) { tasks } else { actors };
        arbiter.spawn(async move {
            task.await;
            // Whoever started it may be gone.
            let _ = ended.send(());
        });
        wait.await.unwrap();
    }
}

fn spawn<A: Actor<Context = Context<A>> + Send>(arbiter: &ArbiterHandle, actor: A) -> Addr<A> {
    A::start_in_arbiter(arbiter, |ctx| {
        ctx.set_mailbox_capacity(LEN_MAX);
        actor
    })
}

impl Message for Add {
    type Result = u64;
}

impl Message for Token {
    type Result = ();
}

macro_rules! actors {
    ($($actor:ty),+) => { $(
        impl Actor for $actor {
            type Context = Context<Self>;
        }
    )+ };
}

actors!(Counter, Hop, Mingler);

pub struct Counter {
    count: u64,
}

impl Handler<Add> for Counter {
    type Result = u64;

    fn handle(&mut self, add: Add, _: &mut Context<Self>) -> u64 {
        self.count += add.by;
        self.count
    }
}

impl Counts for Actix {
    type Counter = Addr<Counter>;

    async fn counter(self, [actors, _]: &Self::World) -> Self::Counter {
        spawn(actors, Counter { count: 0 })
    }

    fn tell(counter: &Self::Counter, add: Add) {
        counter.do_send(add);
    }

    async fn send(counter: &Self::Counter, mut add: Add) {
        use actix::dev::SendError;
        loop {
            match counter.try_send(add) {
                Ok(()) => return,
                Err(SendError::Full(back)) => add = back,
                Err(SendError::Closed(_)) => panic!("the counter is gone"),
            }
            yield_now().await;
        }
    }

    async fn ask(counter: &Self::Counter, add: Add) -> u64 {
        counter.send(add).await.unwrap()
    }
}

pub struct Hop {
    next: Option<Addr<Hop>>,
    done: Done,
}

struct Link(Addr<Hop>);

impl Message for Link {
    type Result = ();
}

impl Handler<Link> for Hop {
    type Result = ();

    fn handle(&mut self, Link(next): Link, _: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl Handler<Token> for Hop {
    type Result = ();

    fn handle(&mut self, Token { left, hops }: Token, _: &mut Context<Self>) {
        match &self.next {
            Some(next) if left > 0 => next.do_send(Token { left: left - 1, hops: hops + 1 }),
            _ => self.done.arrive(hops),
        }
    }
}

impl Rings for Actix {
    async fn ring(self, world: &Self::World, len: usize, token: Token, done: Done) -> Instant {
        let spawn = |at: usize| spawn(&world[at % 2], Hop { next: None, done: done.clone() });
        let hops: Vec<_> = (0..len).map(spawn).collect();
        for at in 0..len {
            hops[at].send(Link(hops[(at + 1) % len].clone())).await.unwrap();
        }
        let began = Instant::now();
        hops[0].do_send(token);
        began
    }
}

pub struct Mingler {
    friend: Friend,
    others: Vec<Addr<Mingler>>,
}

struct Meet(Vec<Addr<Mingler>>);
struct Begin;
struct Ping {
    from: usize,
}
struct Pong;

impl Message for Meet {
    type Result = ();
}

impl Message for Begin {
    type Result = ();
}

impl Message for Ping {
    type Result = ();
}

impl Message for Pong {
    type Result = ();
}

impl Mingler {
    fn ping(&self, other: Option<usize>) {
        if let Some(other) = other {
            self.others[other].do_send(Ping { from: self.friend.me });
        }
    }
}

impl Handler<Meet> for Mingler {
    type Result = ();

    fn handle(&mut self, Meet(others): Meet, _: &mut Context<Self>) {
        self.others = others;
    }
}

impl Handler<Begin> for Mingler {
    type Result = ();

    fn handle(&mut self, _: Begin, _: &mut Context<Self>) {
        let next = self.friend.to_ping();
        self.ping(next);
    }
}

impl Handler<Ping> for Mingler {
    type Result = ();

    fn handle(&mut self, Ping { from }: Ping, _: &mut Context<Self>) {
        self.others[from].do_send(Pong);
    }
}

impl Handler<Pong> for Mingler {
    type Result = ();

    fn handle(&mut self, _: Pong, _: &mut Context<Self>) {
        let next = self.friend.answered();
        self.ping(next);
    }
}

impl Mingles for Actix {
    async fn mingle(self, world: &Self::World, friends: Vec<Friend>) -> Instant {
        let spawn = |friend: Friend| spawn(&world[friend.me % 2], Mingler { friend, others: Vec::new() });
        let minglers: Vec<_> = friends.into_iter().map(spawn).collect();
        for mingler in &minglers {
            mingler.send(Meet(minglers.clone())).await.unwrap();
        }
        let began = Instant::now();
        for mingler in &minglers {
            mingler.do_send(Begin);
        }
        began
    }
}
