//! The actors: one of each sort of mailbox and of each sort of handler.

use std::time::Duration;

use ostraca::Task;
use ostraca::prelude::*;

use super::desk::{Deed, Desk, GroupJob, Job, Load, OnStart, Refused, Run, SlowJob, Tick};
use super::ledger::{Receipt, Token};

/// Anybody of the cast.
#[derive(Clone)]
pub(crate) enum Someone {
    Plain(ActorRef<Plain>),
    Bounded(ActorRef<Bounded>),
    Latest(ActorRef<Latest>),
    Slow(ActorRef<Slow>),
    Mixed(ActorRef<Mixed>),
    Batcher(ActorRef<Batcher>),
    Deferred(ActorRef<Deferred>),
    Viewed(ActorRef<Viewed>),
    Boss(ActorRef<Boss>),
}

/// The same for any kind of actor.
macro_rules! with_any {
    ($someone:expr, $actor:ident => $body:expr) => {
        match $someone {
            Someone::Plain($actor) => $body,
            Someone::Bounded($actor) => $body,
            Someone::Latest($actor) => $body,
            Someone::Slow($actor) => $body,
            Someone::Mixed($actor) => $body,
            Someone::Batcher($actor) => $body,
            Someone::Deferred($actor) => $body,
            Someone::Viewed($actor) => $body,
            Someone::Boss($actor) => $body,
        }
    };
}
pub(crate) use with_any;

/// No bound; asks run where the asker stands.
pub(crate) struct Plain(Desk);

#[actor(mailbox(unbounded), inline = always, restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Plain {
    #[start]
    fn start(desk: Desk) -> Result<Self, StartError> {
        desk.start()?;
        Ok(Plain(desk))
    }

    #[handler]
    fn job(&mut self, ctx: &mut Context<Self>, #[message] job: Job) -> Result<Receipt, Refused> {
        if job.0.deed == Deed::Quit {
            ctx.stop();
        }
        self.0.plain(job.0)
    }
}

/// A few messages, and the rest waits. Given up after a few failures.
pub(crate) struct Bounded(Desk);

#[actor(mailbox(len_max = 3), restart(max = 3, within = "10s", backoff = "1ms..2ms"))]
impl Bounded {
    #[start]
    async fn start(desk: Desk) -> Result<Self, StartError> {
        yield_times(desk.start()?).await;
        Ok(Bounded(desk))
    }

    #[stop]
    fn stop(&mut self) {
        if self.0.below(4) == 0 {
            panic!("planned: a stop");
        }
    }

    #[handler]
    fn job(&mut self, #[message] job: Job) -> Result<Receipt, Refused> {
        self.0.plain(job.0)
    }
}

/// The oldest makes room.
pub(crate) struct Latest(Desk);

#[actor(mailbox(len_max = 3, overflow = drop_oldest), restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Latest {
    #[start]
    async fn start(desk: Desk) -> Result<Self, StartError> {
        yield_times(desk.start()?).await;
        Ok(Latest(desk))
    }

    #[handler]
    async fn job(&mut self, ctx: &mut Context<Self>, #[message] job: Job) -> Result<Receipt, Refused> {
        self.0.slow(ctx.me(), job.0).await
    }
}

/// Holds its state across awaits. Its state's drop panics now and then.
pub(crate) struct Slow(Desk);

#[actor(mailbox(len_max = 300), restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Slow {
    #[start]
    async fn start(desk: Desk) -> Result<Self, StartError> {
        yield_times(desk.start()?).await;
        Ok(Slow(desk))
    }

    #[stop]
    async fn stop(&mut self) {
        yield_times(self.0.below(4)).await;
    }

    #[handler]
    async fn job(&mut self, ctx: &mut Context<Self>, #[message] job: Job) -> Result<Receipt, Refused> {
        self.0.slow(ctx.me(), job.0).await
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.0.below(4) == 0 {
            panic!("planned: a state's drop");
        }
    }
}

/// Plain, slow and grouped messages in one mailbox.
pub(crate) struct Mixed(Desk);

#[actor(mailbox(len_max = 16), inline = always, restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Mixed {
    #[start]
    fn start(desk: Desk) -> Result<Self, StartError> {
        desk.start()?;
        Ok(Mixed(desk))
    }

    #[handler]
    fn job(&mut self, #[message] job: Job) -> Result<Receipt, Refused> {
        self.0.plain(job.0)
    }

    #[handler]
    async fn slow_job(
        &mut self,
        ctx: &mut Context<Self>,
        #[message] job: SlowJob,
    ) -> Result<Receipt, Refused> {
        self.0.slow(ctx.me(), job.0).await
    }

    #[handler(batch(len_max = 4))]
    fn group_job(&mut self, batch: Batch<GroupJob>) -> Result<(), Refused> {
        let run = begin_batch(&self.0, batch.iter().map(|job| &job.0));
        let mut outcome = Ok(());
        for item in batch {
            match item.0.deed {
                Deed::Panic => panic!("planned: a batch"),
                Deed::Refuse => item.refuse(Refused),
                Deed::Forget => outcome = Err(Refused),
                _ => {
                    let receipt = self.0.receipt(item.0.echo);
                    item.reply(receipt);
                }
            }
        }
        run.finish();
        outcome
    }
}

/// Batches across awaits; items that outlive their handler.
pub(crate) struct Batcher(Desk);

#[actor(mailbox(unbounded), restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Batcher {
    #[start]
    async fn start(desk: Desk) -> Result<Self, StartError> {
        yield_times(desk.start()?).await;
        Ok(Batcher(desk))
    }

    #[handler(batch(len_max = 8))]
    async fn job(&mut self, ctx: &mut Context<Self>, batch: Batch<Job>) {
        let run = begin_batch(&self.0, batch.iter().map(|job| &job.0));
        yield_times(self.0.below(3)).await;
        for item in batch {
            match item.0.deed {
                Deed::Panic => panic!("planned: a batch"),
                Deed::Refuse => item.refuse(Refused),
                Deed::Forget => drop(item),
                Deed::Yield(times) => {
                    yield_times(times.into()).await;
                    let receipt = self.0.receipt(item.0.echo);
                    item.reply(receipt);
                }
                Deed::AnswerLater => {
                    let desk = self.0.clone();
                    ctx.spawn(async move {
                        tokio::task::yield_now().await;
                        let receipt = desk.receipt(item.0.echo);
                        item.reply(receipt);
                    });
                }
                _ => {
                    let receipt = self.0.receipt(item.0.echo);
                    item.reply(receipt);
                }
            }
        }
        run.finish();
    }
}

/// Answers when it likes.
pub(crate) struct Deferred {
    desk: Desk,
    kept: Vec<(u64, ReplyTo<Receipt, Refused>)>,
}

#[actor(mailbox(len_max = 32), restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Deferred {
    #[start]
    async fn start(desk: Desk) -> Result<Self, StartError> {
        yield_times(desk.start()?).await;
        Ok(Deferred { desk, kept: Vec::new() })
    }

    #[handler]
    fn job(&mut self, ctx: &mut Context<Self>, #[message] job: Job, reply: ReplyTo<Receipt, Refused>) {
        let Load { token, deed, echo, from } = job.0;
        let load = Load { token, deed, echo, from };
        let run = self.desk.begin(&load);
        for (echo, reply) in self.kept.drain(..) {
            reply.reply(self.desk.receipt(echo));
        }
        match deed {
            Deed::Panic => panic!("planned: a deferred handler"),
            Deed::Refuse => reply.refuse(Refused),
            Deed::Forget => drop(reply),
            Deed::Keep => self.kept.push((echo, reply)),
            Deed::Forward => self.forward(echo, reply),
            Deed::AnswerLater => {
                let desk = self.desk.clone();
                let later = async move {
                    tokio::task::yield_now().await;
                    if !reply.is_cancelled() {
                        reply.reply(desk.receipt(echo));
                    }
                };
                if self.desk.below(2) == 0 {
                    ctx.spawn(later);
                } else {
                    tokio::spawn(later);
                }
            }
            _ => reply.reply(self.desk.receipt(echo)),
        }
        drop(load);
        run.finish();
    }

    fn forward(&self, echo: u64, reply: ReplyTo<Receipt, Refused>) {
        let Some(lower) = self.desk.lower() else { return reply.refuse(Refused) };
        let mut load = Load::new(self.desk.ledger(), Deed::Nothing, None, false);
        load.echo = echo;
        if let Err(error) = ActorRef::request(lower, Job(load)).forward(reply) {
            error.into_inner().0.token.returned();
        }
    }
}

/// A view whose clone panics when it is spoiled; what is published never is.
#[derive(PartialEq)]
pub(crate) struct Title {
    text: String,
    is_spoiled: bool,
    desk: Option<Unequal>,
}

/// Two titles are not told apart by it.
pub(crate) struct Unequal(Desk);

impl PartialEq for Unequal {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Clone for Title {
    fn clone(&self) -> Self {
        if self.is_spoiled {
            if let Some(Unequal(desk)) = &self.desk {
                desk.ledger().unpublished.add(1);
            }
            panic!("planned: a view's clone");
        }
        Title { text: self.text.clone(), is_spoiled: false, desk: None }
    }
}

/// Publishes, and answers after that.
pub(crate) struct Viewed {
    desk: Desk,
    is_spoiled: bool,
}

#[actor(mailbox(len_max = 64), restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Viewed {
    #[start]
    fn start(desk: Desk) -> Result<Self, StartError> {
        desk.start()?;
        Ok(Viewed { desk, is_spoiled: false })
    }

    #[handler]
    fn job(&mut self, #[message] job: Job) -> Result<Receipt, Refused> {
        self.desk.count();
        let spoils = job.0.deed == Deed::SpoilView;
        let receipt = self.desk.plain(job.0);
        self.is_spoiled = spoils;
        receipt
    }

    /// Clears its own key: see [`price`](Self::price).
    #[handler(invalidates(price))]
    fn set_price(&mut self, #[key] _product: u32) -> u64 {
        self.desk.count()
    }

    #[cached]
    fn total(&self) -> u64 {
        self.desk.total()
    }

    #[cached]
    fn title(&self) -> Title {
        let (text, desk) = (format!("title {}", self.desk.total()), Some(Unequal(self.desk.clone())));
        Title { text, is_spoiled: self.is_spoiled, desk }
    }

    #[cached(ttl = "1ms", capacity = 16)]
    fn price(&self, #[key] _product: u32) -> u64 {
        self.desk.total()
    }
}

impl Title {
    /// Whether it is one of those that were published.
    pub(crate) fn is_whole(&self) -> bool {
        self.text.starts_with("title ") && !self.is_spoiled
    }
}

/// Children, timers, streams; and falls when a child is given up.
pub(crate) struct Boss {
    desk: Desk,
    timers: Vec<Task>,
}

#[actor(mailbox(len_max = 64), restart(max = 100000, within = "1s", backoff = "1ms..2ms"))]
impl Boss {
    #[start]
    async fn start(ctx: &mut Context<Self>, desk: Desk) -> Result<Self, StartError> {
        yield_times(desk.start()?).await;
        let mut boss = Boss { desk, timers: Vec::new() };
        boss.hire(ctx, OnStart::Fine);
        Ok(boss)
    }

    #[handler]
    fn job(&mut self, ctx: &mut Context<Self>, #[message] job: Job) -> Result<Receipt, Refused> {
        match job.0.deed {
            Deed::Hire => self.hire(ctx, OnStart::Moody),
            Deed::HireBad => drop(ctx.child::<Bounded>(self.desk.for_child(OnStart::Bad))),
            Deed::Tick => self.start_timer(ctx),
            Deed::Quit => ctx.stop(),
            _ => {}
        }
        self.desk.plain(job.0)
    }

    #[handler]
    fn tick(&mut self, #[message] tick: Tick) {
        tick.0.run();
        drop(tick);
        self.desk.ledger().finished.add(1);
    }

    fn hire(&mut self, ctx: &mut Context<Self>, start: OnStart) {
        if let Ok(child) = ctx.child::<Plain>(self.desk.for_child(start)) {
            self.desk.cast().0.write().unwrap().push(Someone::Plain(child));
        }
    }

    fn start_timer(&mut self, ctx: &mut Context<Self>) {
        let ledger = self.desk.ledger().clone();
        match self.desk.below(3) {
            0 => {
                let tick = Tick(Token::tick(&ledger));
                self.timers.push(ctx.after(Duration::from_millis(1), tick));
            }
            1 => self.timers.push(ctx.every(Duration::from_millis(1), move || Tick(Token::tick(&ledger)))),
            _ => {
                let later = tokio::task::yield_now();
                self.timers.push(ctx.pipe(later, move |()| Tick(Token::tick(&ledger))));
            }
        }
        if self.timers.len() > 3 {
            self.timers.remove(0).cancel();
        }
    }
}

async fn yield_times(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

fn begin_batch<'a>(desk: &Desk, loads: impl Iterator<Item = &'a Load>) -> Run {
    let mut runs = loads.map(|load| desk.begin(load));
    let mut run = runs.next().expect("a batch has a message");
    runs.for_each(|other| run.and(other));
    run
}
