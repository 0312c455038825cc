//! The actors under test.

use std::time::Duration;

use ostraca::Recipient;
use ostraca::prelude::*;

use super::order::Question;

/// Notes who sent what, in the order it arrives.
pub(crate) struct Notes {
    seen: Vec<(u8, u32)>,
}

#[actor(mailbox(len_max = 8), restart(max = 100, within = "10s", backoff = "1ms..1ms"))]
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

    #[handler]
    async fn note_slowly(&mut self, sender: u8, number: u32) {
        tokio::task::yield_now().await;
        self.seen.push((sender, number));
    }

    #[handler]
    fn seen(&self) -> Vec<(u8, u32)> {
        self.seen.clone()
    }
}

/// A number that others read and write: whoever does both in two messages can lose what came between.
pub(crate) struct Cell(u64);

#[actor]
impl Cell {
    #[start]
    fn start() -> Self {
        Cell(0)
    }

    #[handler]
    fn get(&self) -> u64 {
        self.0
    }

    #[handler]
    fn set(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Asks another of its kind, which may ask it in turn.
pub(crate) struct Partner {
    other: Option<ActorRef<Partner>>,
}

#[actor]
impl Partner {
    #[start]
    fn start() -> Self {
        Partner { other: None }
    }

    #[handler]
    fn meet(&mut self, other: ActorRef<Partner>) {
        self.other = Some(other);
    }

    #[handler]
    async fn call(&mut self, depth: u32) -> u32 {
        match &self.other {
            Some(other) if depth > 0 => other.call(depth - 1).await.unwrap_or_default() + 1,
            _ => 0,
        }
    }

    /// Asks from a task of its own, so that the mailbox is free meanwhile.
    #[handler]
    fn ask_beside(&mut self, ctx: &mut Context<Self>, other: Recipient<Question>, reply: ReplyTo<u32>) {
        ctx.spawn(async move { reply.reply(other.request(Question).await.unwrap_or_default()) });
    }

    #[handler]
    async fn nap(&mut self, nap: Duration) {
        tokio::time::sleep(nap).await;
    }
}
