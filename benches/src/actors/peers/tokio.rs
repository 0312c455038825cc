//! A tokio task written by hand: a task and a channel an actor, a oneshot an ask.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use super::super::host::{Add, Counts, Host, LEN_MAX, Mingles, Rings, Token, WORKERS};
use super::super::logic::{Done, Friend};

/// How many messages one `recv_many` takes.
const MANY: usize = 256;

/// With unbounded channels; `many`: the task takes messages by `recv_many`.
#[derive(Clone, Copy)]
pub struct ByHand {
    pub many: bool,
}

/// With channels of [`LEN_MAX`].
#[derive(Clone, Copy)]
pub struct ByHandBounded {
    pub many: bool,
}

/// A multi-threaded runtime.
pub fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().unwrap()
}

/// Runs `main` as a task of a multi-threaded runtime. All that run on tokio's own runtime share it.
pub fn on_two_workers<T, F>(main: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let runtime = two_workers();
    let result = runtime.block_on(async { tokio::spawn(async { main().await }).await.unwrap() });
    runtime.shutdown_timeout(Duration::from_secs(10));
    result
}

impl Host for ByHand {
    type World = ();

    fn run<T, F>(self, main: impl FnOnce(()) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        on_two_workers(|| main(()))
    }

    async fn start((): &(), _seat: u64, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task).await.unwrap();
    }
}

impl Host for ByHandBounded {
    type World = ();

    fn run<T, F>(self, main: impl FnOnce(()) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        on_two_workers(|| main(()))
    }

    async fn start((): &(), _seat: u64, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task).await.unwrap();
    }
}

pub enum CounterMessage {
    Add(Add),
    Ask(Add, oneshot::Sender<u64>),
}

#[derive(Default)]
struct Counter {
    count: u64,
}

impl Counter {
    fn handle(&mut self, message: CounterMessage) {
        match message {
            CounterMessage::Add(add) => self.count += add.by,
            CounterMessage::Ask(add, reply) => {
                self.count += add.by;
                // An asker that is gone wants no answer.
                let _ = reply.send(self.count);
            }
        }
    }
}

impl Counts for ByHand {
    type Counter = mpsc::UnboundedSender<CounterMessage>;

    async fn counter(self, (): &()) -> Self::Counter {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let mut counter = Counter::default();
        if self.many {
            tokio::spawn(async move {
                let mut messages = Vec::with_capacity(MANY);
                while rx.recv_many(&mut messages, MANY).await > 0 {
                    messages.drain(..).for_each(|message| counter.handle(message));
                }
            });
        } else {
            tokio::spawn(async move {
                while let Some(message) = rx.recv().await {
                    counter.handle(message);
                }
            });
        }
        tx
    }

    fn tell(counter: &Self::Counter, add: Add) {
        assert!(counter.send(CounterMessage::Add(add)).is_ok());
    }

    async fn send(counter: &Self::Counter, add: Add) {
        Self::tell(counter, add);
    }

    async fn ask(counter: &Self::Counter, add: Add) -> u64 {
        let (reply, answer) = oneshot::channel();
        assert!(counter.send(CounterMessage::Ask(add, reply)).is_ok());
        answer.await.unwrap()
    }
}

impl Counts for ByHandBounded {
    type Counter = mpsc::Sender<CounterMessage>;

    async fn counter(self, (): &()) -> Self::Counter {
        let (tx, mut rx) = mpsc::channel(LEN_MAX);
        let mut counter = Counter::default();
        if self.many {
            tokio::spawn(async move {
                let mut messages = Vec::with_capacity(MANY);
                while rx.recv_many(&mut messages, MANY).await > 0 {
                    messages.drain(..).for_each(|message| counter.handle(message));
                }
            });
        } else {
            tokio::spawn(async move {
                while let Some(message) = rx.recv().await {
                    counter.handle(message);
                }
            });
        }
        tx
    }

    fn tell(counter: &Self::Counter, add: Add) {
        assert!(counter.try_send(CounterMessage::Add(add)).is_ok());
    }

    async fn send(counter: &Self::Counter, add: Add) {
        assert!(counter.send(CounterMessage::Add(add)).await.is_ok());
    }

    async fn ask(counter: &Self::Counter, add: Add) -> u64 {
        let (reply, answer) = oneshot::channel();
        assert!(counter.send(CounterMessage::Ask(add, reply)).await.is_ok());
        answer.await.unwrap()
    }
}

impl Rings for ByHand {
    async fn ring(self, (): &(), len: usize, token: Token, done: Done) -> Instant {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..len).map(|_| mpsc::unbounded_channel::<Token>()).unzip();
        for (at, mut rx) in rxs.into_iter().enumerate() {
            let next = txs[(at + 1) % len].clone();
            let done = done.clone();
            tokio::spawn(async move {
                while let Some(Token { left, hops }) = rx.recv().await {
                    if left == 0 {
                        return done.arrive(hops);
                    }
                    if next.send(Token { left: left - 1, hops: hops + 1 }).is_err() {
                        return;
                    }
                }
            });
        }
        let began = Instant::now();
        txs[0].send(token).unwrap();
        began
    }
}

#[derive(Clone, Copy)]
enum Mail {
    Begin,
    Ping { from: usize },
    Pong,
}

impl Mingles for ByHand {
    async fn mingle(self, (): &(), friends: Vec<Friend>) -> Instant {
        let (txs, rxs): (Vec<_>, Vec<_>) = friends.iter().map(|_| mpsc::unbounded_channel::<Mail>()).unzip();
        for (mut friend, mut rx) in friends.into_iter().zip(rxs) {
            let others = txs.clone();
            tokio::spawn(async move {
                while let Some(mail) = rx.recv().await {
                    let (to, mail) = match mail {
                        Mail::Begin => (friend.to_ping(), Mail::Ping { from: friend.me }),
                        Mail::Ping { from } => (Some(from), Mail::Pong),
                        Mail::Pong => (friend.answered(), Mail::Ping { from: friend.me }),
                    };
                    if let Some(to) = to {
                        assert!(others[to].send(mail).is_ok());
                    }
                }
            });
        }
        let began = Instant::now();
        txs.iter().for_each(|friend| friend.send(Mail::Begin).unwrap());
        began
    }
}
