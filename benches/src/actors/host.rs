//! What a peer must be able to do, so that each work is written once.
//!
//! Nothing here is boxed or dynamic: a work is compiled anew for each peer, as its user would write it.

use std::future::Future;
use std::time::Instant;

use super::logic::{Done, Friend};

/// The worker threads of every peer.
pub const WORKERS: usize = 2;
/// The bound of the rows that name one, and Ostraca's default.
pub const LEN_MAX: usize = 1024;

/// The message of tells and asks: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Add {
    pub key: u64,
    pub by: u64,
}

/// The message that goes round in ping-pong and ring: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub left: u64,
    pub hops: u64,
}

/// A peer's runtime on two threads.
pub trait Host: Copy + Send + Sync + 'static {
    type World: Clone + Send + Sync + 'static;

    /// Runs `main` as a task on a new runtime, which is gone when this returns.
    fn run<T, F>(self, main: impl FnOnce(Self::World) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static;

    /// Starts a task, ready when it has ended. Where tasks do not move by themselves, those of even seats are
    /// away from the actors.
    fn start(
        world: &Self::World,
        seat: u64,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send;
}

/// Has an actor that counts.
pub trait Counts: Host {
    type Counter: Clone + Send + Sync + 'static;

    fn counter(self, world: &Self::World) -> impl Future<Output = Self::Counter> + Send;

    /// Never waits.
    fn tell(counter: &Self::Counter, add: Add);

    /// Waits for room, where there is a bound.
    fn send(counter: &Self::Counter, add: Add) -> impl Future<Output = ()> + Send;

    /// Answers with the count.
    fn ask(counter: &Self::Counter, add: Add) -> impl Future<Output = u64> + Send;
}

/// Has actors that pass a token on to the next; the one that gets it with none left says so to `done`.
pub trait Rings: Host {
    /// Makes a ring of `len` and puts the token in. Says when it did that.
    fn ring(
        self,
        world: &Self::World,
        len: usize,
        token: Token,
        done: Done,
    ) -> impl Future<Output = Instant> + Send;
}

/// Has actors that each ping random others, one at a time, and answer pings.
pub trait Mingles: Host {
    /// Makes the friends acquainted and starts them. Says when they were started.
    fn mingle(self, world: &Self::World, friends: Vec<Friend>) -> impl Future<Output = Instant> + Send;
}
