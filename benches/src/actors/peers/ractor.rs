//! ractor 0.16, without its feature `message_span_propogation`. Its mailboxes are unbounded, all of them.

use std::future::Future;
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::super::host::{Add, Counts, Host, Mingles, Rings, Token};
use super::super::logic::{Done, Friend};
use super::tokio::on_two_workers;

#[derive(Clone, Copy)]
pub struct Ractor;

impl Host for Ractor {
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

async fn spawn<A: Actor>(actor: A, args: A::Arguments) -> ActorRef<A::Msg> {
    A::spawn(None, actor, args).await.unwrap().0
}

pub struct Counter;

pub enum CounterMessage {
    Add(Add),
    Ask(Add, RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = CounterMessage;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<CounterMessage>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<CounterMessage>,
        message: CounterMessage,
        count: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CounterMessage::Add(add) => *count += add.by,
            CounterMessage::Ask(add, reply) => {
                *count += add.by;
                reply.send(*count)?;
            }
        }
        Ok(())
    }
}

impl Counts for Ractor {
    type Counter = ActorRef<CounterMessage>;

    async fn counter(self, (): &()) -> Self::Counter {
        spawn(Counter, ()).await
    }

    fn tell(counter: &Self::Counter, add: Add) {
        assert!(counter.cast(CounterMessage::Add(add)).is_ok());
    }

    async fn send(counter: &Self::Counter, add: Add) {
        Self::tell(counter, add);
    }

    async fn ask(counter: &Self::Counter, add: Add) -> u64 {
        let Ok(answer) = counter.call(|reply| CounterMessage::Ask(add, reply), None).await else {
            panic!("the counter is gone")
        };
        answer.unwrap()
    }
}

pub struct Hop;

pub enum HopMessage {
    Link(ActorRef<HopMessage>),
    Pass(Token),
}

pub struct HopState {
    next: Option<ActorRef<HopMessage>>,
    done: Done,
}

impl Actor for Hop {
    type Msg = HopMessage;
    type State = HopState;
    type Arguments = Done;

    async fn pre_start(&self, _: ActorRef<HopMessage>, done: Done) -> Result<HopState, ActorProcessingErr> {
        Ok(HopState { next: None, done })
    }

    async fn handle(
        &self,
        _: ActorRef<HopMessage>,
        message: HopMessage,
        state: &mut HopState,
    ) -> Result<(), ActorProcessingErr> {
        match (message, &state.next) {
            (HopMessage::Link(next), _) => state.next = Some(next),
            (HopMessage::Pass(Token { left, hops }), Some(next)) if left > 0 => {
                next.cast(HopMessage::Pass(Token { left: left - 1, hops: hops + 1 }))?;
            }
            (HopMessage::Pass(Token { hops, .. }), _) => state.done.arrive(hops),
        }
        Ok(())
    }
}

impl Rings for Ractor {
    async fn ring(self, (): &(), len: usize, token: Token, done: Done) -> Instant {
        let mut hops = Vec::new();
        for _ in 0..len {
            hops.push(spawn(Hop, done.clone()).await);
        }
        for at in 0..len {
            assert!(hops[at].cast(HopMessage::Link(hops[(at + 1) % len].clone())).is_ok());
        }
        let began = Instant::now();
        assert!(hops[0].cast(HopMessage::Pass(token)).is_ok());
        began
    }
}

pub struct Mingler;

pub enum Mail {
    Meet(Vec<ActorRef<Mail>>),
    Begin,
    Ping { from: usize },
    Pong,
}

pub struct MinglerState {
    friend: Friend,
    others: Vec<ActorRef<Mail>>,
}

impl Actor for Mingler {
    type Msg = Mail;
    type State = MinglerState;
    type Arguments = Friend;

    async fn pre_start(&self, _: ActorRef<Mail>, friend: Friend) -> Result<MinglerState, ActorProcessingErr> {
        Ok(MinglerState { friend, others: Vec::new() })
    }

    async fn handle(
        &self,
        _: ActorRef<Mail>,
        mail: Mail,
        state: &mut MinglerState,
    ) -> Result<(), ActorProcessingErr> {
        let (to, mail) = match mail {
            Mail::Meet(others) => {
                state.others = others;
                return Ok(());
            }
            Mail::Begin => (state.friend.to_ping(), Mail::Ping { from: state.friend.me }),
            Mail::Ping { from } => (Some(from), Mail::Pong),
            Mail::Pong => (state.friend.answered(), Mail::Ping { from: state.friend.me }),
        };
        if let Some(to) = to {
            state.others[to].cast(mail)?;
        }
        Ok(())
    }
}

impl Mingles for Ractor {
    async fn mingle(self, (): &(), friends: Vec<Friend>) -> Instant {
        let mut minglers = Vec::new();
        for friend in friends {
            minglers.push(spawn(Mingler, friend).await);
        }
        for mingler in &minglers {
            assert!(mingler.cast(Mail::Meet(minglers.clone())).is_ok());
        }
        let began = Instant::now();
        for mingler in &minglers {
            assert!(mingler.cast(Mail::Begin).is_ok());
        }
        began
    }
}
