//! Every kind of handler, with the names that could collide. Lints about what the macro made stay quiet.

#![deny(warnings, missing_docs, unreachable_pub, clippy::pedantic)]

use std::io;

use ostraca::prelude::*;

type Outcome = Result<u64, Refused>;

/// Private, and an answer.
#[derive(Clone, Debug, PartialEq)]
struct Refused;

/// Public, as the actor that starts with it.
#[derive(Clone, Copy)]
pub struct Step {
    by: u64,
}

/// Adds up.
pub struct Counter {
    count: u64,
    waiting: Vec<ReplyTo<u64, Refused>>,
}

/// A message of two shapes.
#[derive(Message)]
#[message(reply = u64)]
enum Change {
    Add(u64),
    Reset,
}

#[derive(Message)]
#[message(reply = Result<u64, Refused>)]
struct Sum(#[key] u64);

#[derive(Message)]
struct Forget;

#[actor(mailbox(len_max = 8 * 8, overflow = drop_oldest), inline = auto)]
impl Counter {
    const STEP: u64 = 1;
    const LIMITS: usize = 2;

    /// Not a handler.
    fn bump(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }

    #[start]
    fn new(count: u64, step: Step, ctx: &mut Context<Self>) -> Result<Self, io::Error> {
        ctx.me().next().tell().map_err(|_| io::Error::other("full"))?;
        Ok(Counter { count: count + step.by, waiting: Vec::new() })
    }

    #[stop]
    async fn end(&mut self, reason: &StopReason, ctx: &mut Context<Self>) {
        tokio::task::yield_now().await;
        assert!(*reason != StopReason::Killed && ctx.shard() == 0);
    }

    /// No argument, no answer. See [`Self::start`].
    #[handler]
    fn next(&mut self) {
        self.bump(Self::STEP);
    }

    /// Public, with its message.
    #[handler]
    pub fn skip(&mut self, by: u64, times: usize) -> usize {
        self.bump(by);
        times
    }

    #[handler]
    fn start(&mut self, reply: Step, turn: u64, envelope: u64, answer: u64, r#type: u64) -> u64 {
        self.bump(reply.by + turn + envelope + answer + r#type)
    }

    #[handler]
    fn handle(&mut self, mut args: u64, _unused: Box<dyn Fn(&str) + Send>) -> io::Result<u64> {
        args += 1;
        Ok(self.bump(args))
    }

    #[handler(reply = result)]
    async fn publish(&mut self, ctx: &mut Context<Self>, by: u64) -> Outcome {
        let _ = ctx.weak();
        tokio::task::yield_now().await;
        if by == 0 { Err(Refused) } else { Ok(self.bump(by)) }
    }

    #[handler]
    fn wait(&mut self, reply: ReplyTo<u64, Refused>) {
        self.waiting.push(reply);
    }

    #[handler]
    async fn release(&mut self, reply: ReplyTo<usize>) {
        let len = self.waiting.len();
        for waiting in self.waiting.drain(..) {
            waiting.refuse(Refused);
        }
        reply.reply(len);
    }

    #[handler]
    fn change(&mut self, #[message] change: Change) -> u64 {
        match change {
            Change::Add(by) => self.bump(by),
            Change::Reset => std::mem::take(&mut self.count),
        }
    }

    #[handler(batch(len_max = 2), invalidates(above, below))]
    fn sum(&mut self, batch: Batch<Sum>, ctx: &mut Context<Self>) -> Result<(), Refused> {
        assert!((1..=2).contains(&batch.len()) && ctx.shard() == 0);
        for item in batch {
            if item.0 == 0 {
                return Err(Refused);
            }
            let count = self.bump(item.0);
            item.send(Ok(count));
        }
        Ok(())
    }

    #[handler(batch)]
    async fn forget(&mut self, batch: Batch<Forget>) {
        self.count = 0;
        for item in batch {
            item.reply(());
        }
    }

    #[cached(ttl = "1m")]
    fn above(&self, #[key] limit: u64) -> bool {
        self.count > limit
    }

    #[cached(ttl = "1m", capacity = Self::LIMITS)]
    fn below(&self, #[key] limit: u64) -> Result<u64, Refused> {
        if self.count < limit { Ok(limit - self.count) } else { Err(Refused) }
    }

    #[cached]
    fn total(&self) -> u64 {
        self.count
    }
}

/// Takes nothing.
struct Idle;

#[actor(mailbox(unbounded), restart(max = 0))]
impl Idle {
    #[start]
    async fn start() -> Self {
        Idle
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let counter = system.spawn::<Counter>((1, Step { by: 1 })).await?;
    assert_eq!(counter.start(Step { by: 1 }, 1, 1, 1, 1).await, Ok(8));
    assert_eq!(counter.skip(0, 3).await, Ok(3));
    assert_eq!(counter.handle(1, Box::new(|_| ())).await.map_err(|error| error.to_string()), Ok(10));
    assert_eq!(counter.publish(5).await, Ok(15));
    assert_eq!(counter.publish(0).await, Err(AskError::Refused(Refused)));
    let waiting = tokio::spawn({
        let counter = counter.clone();
        async move { counter.wait().await }
    });
    while counter.release().await? == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting.await?, Err(AskError::Refused(Refused)));
    assert_eq!(counter.change(Change::Add(1)).await, Ok(16));
    assert_eq!(counter.above(20).await, Ok(false));
    assert_eq!(counter.above(16).await, Ok(false));
    assert_eq!(counter.sum(Sum(16)).await, Ok(32));
    assert_eq!(counter.above(16).await, Ok(true));
    assert_eq!(counter.sum(Sum(0)).await, Err(AskError::Refused(Refused)));
    assert_eq!(counter.below(40).await, Ok(Ok(8)));
    assert_eq!(counter.total(), Some(32));
    assert_eq!(counter.change(Change::Reset).await, Ok(32));
    assert_eq!(counter.forget(Forget).await, Ok(()));
    system.spawn::<Idle>(()).await?;
    system.stop().await;
    Ok(())
}
