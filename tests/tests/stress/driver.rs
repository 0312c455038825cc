//! Those who send: each does one thing after the other, so that the order of its messages is known.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Actor, Handles};

use super::actors::{
    Batcher, Boss, Bounded, Deferred, Latest, Mixed, Plain, Slow, Someone, Viewed, with_any,
};
use super::chance::Chance;
use super::desk::{Cast, Deed, Desk, GroupJob, Job, Load, OnStart, SlowJob};
use super::ledger::Ledger;
use super::verbs::{self, Patience};
use super::watch::Post;

/// What drivers of one round share.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) cast: Cast,
    pub(crate) senders: usize,
    /// Whether every message has a token: no timers, no keyed reads.
    pub(crate) is_exact: bool,
}

pub(crate) struct Driver {
    world: World,
    me: usize,
    number: u64,
    chance: Chance,
    post: Arc<Post>,
    /// None once the round's end lets go of it.
    system: Option<System>,
    /// Gone with the driver, wherever it ends.
    _alive: mpsc::Sender<()>,
}

impl Driver {
    pub(crate) fn new(
        world: &World,
        me: usize,
        chance: Chance,
        post: Arc<Post>,
        system: &System,
        alive: mpsc::Sender<()>,
    ) -> Self {
        let (world, system) = (world.clone(), Some(system.clone()));
        Driver { world, me, number: 0, chance, post, system, _alive: alive }
    }

    /// Does `steps` things, then goes. `late` is called when three quarters are done.
    pub(crate) async fn drive(mut self, steps: u64, keeps_system: bool, late: impl FnOnce() + Send) {
        let mut late = Some(late);
        for step in 0..steps {
            if step == steps * 3 / 4 {
                if !keeps_system {
                    self.system = None;
                }
                late.take().expect("it is reached once")();
            }
            self.step().await;
            self.post.end();
        }
    }

    async fn step(&mut self) {
        let Some(someone) = self.pick() else { return self.hire().await };
        match self.chance.below(200) {
            0..4 => self.order(&someone),
            4..8 => self.hire().await,
            8..16 => self.look(&someone).await,
            16..24 => self.wait_stopped(&someone).await,
            24..32 => match &someone {
                Someone::Viewed(actor) => self.read(actor).await,
                _ => yield_now().await,
            },
            32..40 => match &someone {
                Someone::Plain(actor) => self.ask_many(actor).await,
                _ => yield_now().await,
            },
            40..50 => with_any!(&someone, actor => self.ask_recipient(actor).await),
            _ => match &someone {
                Someone::Mixed(actor) => match self.chance.below(3) {
                    0 => self.work::<_, Job>(actor).await,
                    1 => self.work::<_, SlowJob>(actor).await,
                    _ => self.work::<_, GroupJob>(actor).await,
                },
                other => with_any!(other, actor => self.work::<_, Job>(actor).await),
            },
        }
    }

    fn pick(&mut self) -> Option<Someone> {
        let cast = self.world.cast.0.read().unwrap();
        if cast.is_empty() {
            return None;
        }
        Some(cast[self.chance.below(cast.len() as u64) as usize].clone())
    }

    fn deed(&mut self) -> Deed {
        match self.chance.below(200) {
            0..100 => Deed::Nothing,
            100..110 => Deed::Refuse,
            110..114 => Deed::Panic,
            114..118 => Deed::Block,
            118..134 => Deed::Yield(1 + self.chance.below(3) as u32),
            134..138 => Deed::Nap,
            138..146 => Deed::AskLower,
            146..150 => Deed::AskSelf,
            150..158 => Deed::Forget,
            158..168 => Deed::AnswerLater,
            168..174 => Deed::Keep,
            174..184 => Deed::Forward,
            184..188 => Deed::Hire,
            188 => Deed::HireBad,
            189..194 if !self.world.is_exact => Deed::Tick,
            194..196 => Deed::SpoilView,
            196 => Deed::Quit,
            _ => Deed::Nothing,
        }
    }

    fn load(&mut self) -> Load {
        self.number += 1;
        let (deed, explodes) = (self.deed(), self.chance.one_in(60));
        Load::new(&self.world.ledger, deed, Some((self.me, self.number)), explodes)
    }

    fn patience(&mut self, deed: Deed) -> Patience {
        let micros = |chance: &mut Chance| Duration::from_micros(chance.below(3000));
        let limit = match self.chance.below(6) {
            0 => Some(micros(&mut self.chance)),
            // Nobody says when it will be answered.
            _ if deed == Deed::Keep => Some(micros(&mut self.chance)),
            1 => Some(Duration::from_secs(300)),
            _ => None,
        };
        let polls = self.chance.one_in(8).then(|| self.chance.below(6) as u32);
        Patience { limit, polls }
    }

    async fn work<A: Handles<M>, M: super::desk::Work>(&mut self, actor: &ActorRef<A>) {
        let load = self.load();
        let patience = self.patience(load.deed);
        let (ledger, what) = (self.world.ledger.clone(), load.deed);
        match self.chance.below(10) {
            0..4 => {
                self.post.begin(format!("tells {} {what:?}", ActorRef::label(actor)));
                verbs::tell::<_, M>(&ledger, actor, load);
            }
            4..6 => {
                self.post.begin(format!(
                    "sends {} {what:?}, limit {:?}",
                    ActorRef::label(actor),
                    patience.limit
                ));
                verbs::send::<_, M>(&ledger, actor, load, patience).await;
            }
            _ => {
                self.post.begin(format!(
                    "asks {} {what:?}, limit {:?}",
                    ActorRef::label(actor),
                    patience.limit
                ));
                verbs::ask::<_, M>(&ledger, actor, load, patience).await;
            }
        }
    }

    async fn ask_many(&mut self, actor: &ActorRef<Plain>) {
        let loads: Vec<_> = (0..2 + self.chance.below(4)).map(|_| self.load()).collect();
        let patience = self.patience(Deed::Nothing);
        self.post.begin(format!("asks {} for {} at once", ActorRef::label(actor), loads.len()));
        verbs::ask_many(&self.world.ledger.clone(), actor, loads, patience).await;
    }

    async fn ask_recipient<A: Handles<Job>>(&mut self, actor: &ActorRef<A>) {
        let load = self.load();
        let patience = self.patience(load.deed);
        self.post.begin(format!("asks the recipient {} {:?}", ActorRef::label(actor), load.deed));
        verbs::ask_recipient(&self.world.ledger.clone(), actor, load, patience).await;
    }

    /// Stops, drains or kills it.
    fn order(&mut self, someone: &Someone) {
        let how = self.chance.below(3);
        with_any!(someone, actor => match how {
            0 => ActorRef::stop(actor),
            1 => ActorRef::drain(actor),
            _ => ActorRef::kill(actor),
        });
    }

    async fn look(&mut self, someone: &Someone) {
        with_any!(someone, actor => {
            let weak = ActorRef::downgrade(actor);
            let again = weak.upgrade().expect("a reference is held");
            if ActorRef::id(&again) != ActorRef::id(actor) || ActorRef::mailbox_len(actor) > 1 << 20 {
                self.world.ledger.complain("a weak reference found another actor");
            }
        });
        yield_now().await;
    }

    /// Does not wait long: it may never stop.
    async fn wait_stopped(&mut self, someone: &Someone) {
        let polls = self.chance.below(8);
        with_any!(someone, actor => {
            let mut stopped = std::pin::pin!(ActorRef::wait_stopped(actor));
            for _ in 0..polls {
                let is_stopped = std::future::poll_fn(|cx| Poll::Ready(stopped.as_mut().poll(cx).is_ready())).await;
                if is_stopped {
                    if ActorRef::stop_reason(actor).is_none() {
                        self.world.ledger.complain("an actor stopped without a reason");
                    }
                    break;
                }
                yield_now().await;
            }
        });
    }

    async fn read(&mut self, actor: &ActorRef<Viewed>) {
        let before = actor.total();
        if actor.title().is_some_and(|title| !title.is_whole()) {
            self.world.ledger.complain("a title that was never published");
        }
        if !self.world.is_exact {
            let product = self.chance.below(30) as u32;
            self.world.ledger.untracked.add(2);
            self.post.begin(format!("reads a price of {}", ActorRef::label(actor)));
            // An error is an actor that stops or falls: the books say nothing about messages without a token.
            let _unused = actor.set_price(product).await;
            let _unused = actor.price(product).await;
        }
        if actor.total() < before {
            self.world.ledger.complain("a view went back");
        }
    }

    /// Spawns somebody new.
    async fn hire(&mut self) {
        let Some(system) = self.system.clone() else { return yield_now().await };
        self.post.begin("spawns");
        let lower = {
            let cast = self.world.cast.0.read().unwrap();
            cast.iter().find_map(|someone| match someone {
                Someone::Plain(actor) => Some(actor.clone()),
                _ => None,
            })
        };
        let start = if self.chance.one_in(2) { OnStart::Moody } else { OnStart::Fine };
        let (ledger, chance) = (&self.world.ledger, self.chance.split());
        let desk = Desk::new(ledger, self.world.senders, chance, lower, &self.world.cast, start);
        let someone = spawn_any(&system, self.chance.below(9), desk).await;
        if let Some(someone) = someone {
            let mut cast = self.world.cast.0.write().unwrap();
            // Those before it are the ones that others ask.
            if cast.len() > 16 {
                let place = 2 + self.chance.below(14) as usize;
                cast[place] = someone;
            } else {
                cast.push(someone);
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.post.tell();
            self.world.ledger.complain("a sender met a panic that is not its own");
        }
    }
}

/// Spawns an actor of the kind of this number, of nine. `None`: it did not start.
pub(crate) async fn spawn_any(system: &System, kind: u64, desk: Desk) -> Option<Someone> {
    async fn spawn<A: Actor<Args = Desk>>(system: &System, desk: Desk) -> Option<ActorRef<A>> {
        system.spawn::<A>(desk).await.ok()
    }
    Some(match kind {
        0 => Someone::Plain(spawn::<Plain>(system, desk).await?),
        1 => Someone::Bounded(spawn::<Bounded>(system, desk).await?),
        2 => Someone::Latest(spawn::<Latest>(system, desk).await?),
        3 => Someone::Slow(spawn::<Slow>(system, desk).await?),
        4 => Someone::Mixed(spawn::<Mixed>(system, desk).await?),
        5 => Someone::Batcher(spawn::<Batcher>(system, desk).await?),
        6 => Someone::Deferred(spawn::<Deferred>(system, desk).await?),
        7 => Someone::Viewed(spawn::<Viewed>(system, desk).await?),
        _ => Someone::Boss(spawn::<Boss>(system, desk).await?),
    })
}

/// Gives way once, in any runtime or none.
async fn yield_now() {
    let mut is_first = true;
    std::future::poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Runs a future on this thread, without any runtime.
pub(crate) fn block_on_bare<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future: Pin<&mut F> = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
