//! The actor of a schedule, with a handler for each option, and what its messages make it do.

use std::time::Duration;

use ostraca::Item;
use ostraca::prelude::*;

use super::books::{Rule, Token};

/// What a message makes its handler do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Nothing,
    /// Its item is refused.
    Refuse,
    /// Its batch fails, each time.
    Fail,
    /// Its batch fails, at its first call.
    FailOnce,
    /// The handler lets others run.
    Yield,
    Nap,
    /// Its item is dropped.
    Forget,
    /// A task keeps its item, and answers it.
    Later,
    /// A task keeps its item, and drops it.
    Lose,
}

pub(crate) const DEEDS: [Deed; 12] = [
    Deed::Nothing,
    Deed::Nothing,
    Deed::Nothing,
    Deed::Refuse,
    Deed::Fail,
    Deed::FailOnce,
    Deed::FailOnce,
    Deed::Yield,
    Deed::Nap,
    Deed::Forget,
    Deed::Later,
    Deed::Lose,
];

/// The message whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u64);

pub(crate) struct Load {
    pub(crate) token: Token,
    pub(crate) deed: Deed,
    pub(crate) key: u64,
}

pub(crate) trait Work: Message<Reply = u64, Refusal = Refused> {
    fn of(load: Load) -> Self;
    fn load(&self) -> &Load;
    fn into_load(self) -> Load;
    /// What may answer a message of this key.
    fn rule(key: u64) -> Rule;
}

macro_rules! work {
    ($($name:ident $rule:expr;)+) => { $(
        #[derive(Message)]
        #[message(reply = Result<u64, Refused>, size = |_| 1)]
        pub(crate) struct $name { #[key] key: u64, load: Load }

        impl Work for $name {
            fn of(load: Load) -> Self {
                $name { key: load.key, load }
            }

            fn load(&self) -> &Load {
                &self.load
            }

            fn into_load(self) -> Load {
                self.load
            }

            fn rule(key: u64) -> Rule {
                $rule(key)
            }
        }
    )+ };
}

fn any_error(_key: u64) -> Rule {
    Rule { is_own: true, refusals_are_own: false }
}

fn own_error(_key: u64) -> Rule {
    Rule { is_own: true, refusals_are_own: true }
}

fn merged(_key: u64) -> Rule {
    Rule { is_own: false, refusals_are_own: false }
}

work! {
    Plain any_error;
    Linger any_error;
    Adapt any_error;
    Halve own_error;
    Again any_error;
    Once merged;
    Every merged;
}

/// Does as it is told.
pub(crate) struct Clerk;

#[actor(mailbox(len_max = 4), restart(max = 6, within = "10s", backoff = "1ms..4ms"))]
impl Clerk {
    #[start]
    fn start() -> Self {
        Clerk
    }

    #[handler(batch(len_max = 3))]
    async fn plain(&mut self, ctx: &mut Context<Self>, batch: Batch<Plain>) -> Result<(), Refused> {
        work(ctx, batch).await
    }

    #[handler(batch(len_min = 2, len_max = 4, wait_max = "3ms"))]
    async fn linger(&mut self, ctx: &mut Context<Self>, batch: Batch<Linger>) -> Result<(), Refused> {
        work(ctx, batch).await
    }

    #[handler(batch(len_max = 4, wait_max = adaptive))]
    async fn adapt(&mut self, ctx: &mut Context<Self>, batch: Batch<Adapt>) -> Result<(), Refused> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        work(ctx, batch).await
    }

    #[handler(batch(len_max = 8, on_error = bisect))]
    async fn halve(&mut self, ctx: &mut Context<Self>, batch: Batch<Halve>) -> Result<(), Refused> {
        work(ctx, batch).await
    }

    #[handler(batch(len_max = 4, bytes_max = 2, on_error = retry(max = 2, backoff = "1ms..2ms")))]
    async fn again(&mut self, ctx: &mut Context<Self>, batch: Batch<Again>) -> Result<(), Refused> {
        work(ctx, batch).await
    }

    /// Not a plain `fn`: where that runs in its asker's request, one that is merged there would look withdrawn.
    #[handler(batch(len_max = 4, dedup = key))]
    async fn once(&mut self, ctx: &mut Context<Self>, batch: Batch<Once>) -> Result<(), Refused> {
        work(ctx, batch).await
    }

    #[handler(batch(
        len_min = 3,
        len_max = 6,
        bytes_max = 5,
        wait_max = "2ms",
        dedup = key,
        on_error = bisect
    ))]
    async fn every(&mut self, ctx: &mut Context<Self>, batch: Batch<Every>) -> Result<(), Refused> {
        work(ctx, batch).await
    }
}

async fn work<M: Work>(ctx: &mut Context<Clerk>, batch: Batch<M>) -> Result<(), Refused> {
    let wants = |deed| batch.iter().any(|message| message.load().deed == deed);
    let (yields, naps) = (wants(Deed::Yield), wants(Deed::Nap));
    let begun = begin(&batch);
    if yields {
        tokio::task::yield_now().await;
    }
    if naps {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun?;
    batch.into_iter().for_each(|item| answer(ctx, item));
    Ok(())
}

/// Notes that the messages run, and fails if one of them says so.
fn begin<M: Work>(batch: &Batch<M>) -> Result<(), Refused> {
    assert!(batch.len() > 0, "a batch holds a message");
    let mut outcome = Ok(());
    for message in batch.iter() {
        let Load { token, deed, .. } = message.load();
        let is_first = token.run();
        if *deed == Deed::Fail || (*deed == Deed::FailOnce && is_first) {
            outcome = Err(Refused(token.id));
        }
    }
    outcome
}

fn answer<M: Work>(ctx: &mut Context<Clerk>, item: Item<M>) {
    let id = item.load().token.id;
    match item.load().deed {
        Deed::Refuse => item.refuse(Refused(id)),
        Deed::Forget => drop(item),
        Deed::Later => later(ctx, item, Some(id)),
        Deed::Lose => later(ctx, item, None),
        _ => item.reply(id),
    }
}

fn later<M: Work>(ctx: &mut Context<Clerk>, item: Item<M>, answer: Option<u64>) {
    ctx.spawn(async move {
        tokio::task::yield_now().await;
        match answer {
            Some(id) => item.reply(id),
            None => drop(item),
        }
    });
}
