//! The actors of a schedule, and what their messages make them do.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Actor, Handles};

use super::books::{Books, From, InHand, Token};

/// What a message makes its handler do. Each handler does what it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Nothing,
    Refuse,
    /// Lets others run.
    Yield,
    Nap,
    /// Asks another actor, and waits.
    Ask,
    /// Leaves the answer to a task.
    Later,
    /// Spawns a child, and tells it something.
    Hire,
    Quit,
}

pub(crate) const DEEDS: [Deed; 8] =
    [Deed::Nothing, Deed::Refuse, Deed::Yield, Deed::Nap, Deed::Ask, Deed::Later, Deed::Hire, Deed::Quit];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused;

/// What all messages carry.
pub(crate) struct Load {
    pub(crate) token: Token,
    pub(crate) deed: Deed,
}

pub(crate) trait Work: Message<Reply = u64, Refusal = Refused> {
    fn of(load: Load) -> Self;
    fn into_load(self) -> Load;
}

macro_rules! work {
    ($($(#[$doc:meta])* $name:ident),+) => { $(
        $(#[$doc])*
        #[derive(Message)]
        #[message(reply = Result<u64, Refused>)]
        pub(crate) struct $name(pub(crate) Load);

        impl Work for $name {
            fn of(load: Load) -> Self {
                $name(load)
            }

            fn into_load(self) -> Load {
                self.0
            }
        }
    )+ };
}

work!(
    /// Handled by a plain `fn`.
    Plain,
    /// By an `async fn`.
    Slow,
    /// In batches.
    Grouped,
    /// By a handler that may answer later.
    Deferred
);

/// What an actor is made of.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) books: Books,
    /// Its number.
    pub(crate) number: u64,
    /// Whom it may ask.
    pub(crate) lower: Option<ActorRef<Lower>>,
}

/// Asked by other actors.
pub(crate) struct Lower(Books);

#[actor(mailbox(len_max = 2), restart(max = 100, within = "1s", backoff = "1ms..2ms"))]
impl Lower {
    #[start]
    fn start(books: Books) -> Self {
        Lower(books)
    }

    #[handler]
    fn plain(&mut self, #[message] work: Plain) -> Result<u64, Refused> {
        plain(&self.0, work.0)
    }
}

fn plain(books: &Books, load: Load) -> Result<u64, Refused> {
    load.token.run();
    let id = load.token.id;
    books.finish(1);
    if load.deed == Deed::Refuse { Err(Refused) } else { Ok(id) }
}

impl Desk {
    async fn slow(&self, load: Load) -> Result<u64, Refused> {
        load.token.run();
        match load.deed {
            Deed::Yield => tokio::task::yield_now().await,
            Deed::Nap => tokio::time::sleep(Duration::from_millis(2)).await,
            Deed::Ask => self.ask_lower(load.token.id).await,
            _ => {}
        }
        self.books.finish(1);
        if load.deed == Deed::Refuse { Err(Refused) } else { Ok(load.token.id) }
    }

    async fn ask_lower(&self, number: u64) {
        let Some(lower) = &self.lower else { return };
        // The numbers of messages that came to it rise only with one sender; each ask is a sender of its own.
        let sender = 1_000 * (self.number + 1) + number;
        let token = self.books.token(From { sender, to: 0, number: 1 });
        let (id, asking) = (token.id, token.asking());
        let answer = InHand::new(id, lower.plain(Plain(Load { token, deed: Deed::Nothing }))).await;
        asking.ends(&answer);
    }
}

macro_rules! desk {
    ($(#[$doc:meta])* $name:ident, $($settings:tt)*) => {
        $(#[$doc])*
        pub(crate) struct $name(Desk);

        #[actor($($settings)*)]
        impl $name {
            #[start]
            fn start(desk: Desk) -> Self {
                $name(desk)
            }

            #[stop]
            async fn stop(&mut self) {
                tokio::task::yield_now().await;
            }

            #[handler]
            fn plain(&mut self, ctx: &mut Context<Self>, #[message] work: Plain) -> Result<u64, Refused> {
                let books = self.0.books.clone();
                match work.0.deed {
                    Deed::Quit => ctx.stop(),
                    Deed::Hire => hire::<$name>(ctx, &self.0),
                    _ => {}
                }
                plain(&books, work.0)
            }

            #[handler]
            async fn slow(&mut self, #[message] work: Slow) -> Result<u64, Refused> {
                self.0.slow(work.0).await
            }

            #[handler(batch(len_max = 3))]
            async fn grouped(&mut self, batch: Batch<Grouped>) -> Result<(), Refused> {
                let (len, mut outcome) = (batch.len() as u64, Ok(()));
                for work in batch.iter() {
                    work.0.token.run();
                }
                if batch.iter().any(|work| work.0.deed == Deed::Yield) {
                    tokio::task::yield_now().await;
                }
                for item in batch {
                    match item.0.deed {
                        Deed::Refuse => outcome = Err(Refused),
                        _ => {
                            let id = item.0.token.id;
                            item.reply(id);
                        }
                    }
                }
                self.0.books.finish(len);
                outcome
            }

            #[handler]
            fn deferred(
                &mut self,
                ctx: &mut Context<Self>,
                #[message] work: Deferred,
                reply: ReplyTo<u64, Refused>,
            ) {
                work.0.token.run();
                let id = work.0.token.id;
                self.0.books.finish(1);
                match work.0.deed {
                    Deed::Later => {
                        ctx.spawn(async move {
                            tokio::task::yield_now().await;
                            reply.reply(id);
                        });
                    }
                    Deed::Refuse => drop(reply),
                    _ => reply.reply(id),
                }
            }
        }
    };
}

desk!(
    /// Refuses what it has no room for; given up after three failures.
    Bounded,
    mailbox(len_max = 3),
    restart(max = 3, within = "10s", backoff = "1ms..4ms")
);
desk!(
    /// Lets the oldest make room.
    Latest,
    mailbox(len_max = 2, overflow = drop_oldest),
    restart(max = 100, within = "1s", backoff = "1ms..2ms")
);

/// An actor of either kind.
pub(crate) trait Desks:
    Actor<Args = Desk> + Handles<Plain> + Handles<Slow> + Handles<Grouped> + Handles<Deferred>
{
}

impl Desks for Bounded {}
impl Desks for Latest {}

fn hire<A: Desks>(ctx: &mut Context<A>, desk: &Desk) {
    let number = desk.books.actor();
    let child = ctx.child::<A>(Desk { number, ..desk.clone() });
    // Refused when this actor is stopping.
    let Ok(child) = child else { return };
    let token = desk.books.token(From { sender: 1_000 + number, to: number, number: 1 });
    let told = ActorRef::request(&child, Slow(Load { token, deed: Deed::Ask })).tell();
    if let Err(error) = told {
        error.into_inner().0.token.come_back();
    }
}
