//! What a running actor has besides its state: itself, its children, its timers and tasks.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::task::{AbortHandle, JoinSet};

use super::batch::{BatchCells, ClosedBy, LeftOut};
use super::cell::{Birth, Cell, Link, Name, StartOn};
use super::commons::{Commons, DeadReason, Owner};
use super::lifecycle::{Failure, SpawnError, StopReason, Terminated};
use super::names::LookupError;
use super::parent::{AnyCell, AnyParent, AnyRef, Control, Linked};
use super::refs::{ActorRef, WeakRef};
use super::reply::RawReply;
use super::{Actor, Envelope, Handles, Message};

/// One call in so many of a plain batched `fn` is timed.
const TIMED_EVERY: u64 = 16;

/// Given to `#[start]`, `#[stop]` and every handler that asks for it (`ctx: &mut Context<Self>`).
///
/// Timers, pipes, streams and spawned tasks belong to one incarnation of the actor: they end when it stops and
/// when it fails; `#[start]` sets them up anew. They run on the system's tokio runtime, whoever's thread the
/// handler runs on.
pub struct Context<A: Actor> {
    link: Link<A>,
    extras: Option<Box<Extras>>,
    /// Messages that the running handler has: one, or a batch.
    in_hand: u32,
}

/// What few actors have.
#[derive(Default)]
struct Extras {
    tasks: JoinSet<()>,
    supervisor: Option<Arc<AnyParent>>,
    /// By type: what handlers keep from message to message.
    kept: Vec<Box<dyn Any + Send>>,
}

/// A timer, pipe, stream or task of an actor. Dropping it lets the task go on; [`cancel`](Self::cancel) ends it.
#[derive(Debug)]
pub struct Task(AbortHandle);

impl Task {
    /// Ends the task at its next await. What it sent before stays sent.
    pub fn cancel(&self) {
        self.0.abort();
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl<A: Actor> Context<A> {
    pub(super) fn new(link: Link<A>) -> Self {
        Context { link, extras: None, in_hand: 1 }
    }

    /// A reference to this actor.
    pub fn me(&self) -> ActorRef<A> {
        ActorRef::new(self.link.cell().handle())
    }

    /// A reference to this actor that does not keep its memory.
    pub fn weak(&self) -> WeakRef<A> {
        WeakRef::new(self.link.cell().weak())
    }

    /// How this actor is called in logs and errors.
    pub fn label(&self) -> super::Label {
        self.link.cell().label()
    }

    /// The time now, by the system's clock: paused in tests that pause tokio's.
    pub fn now(&self) -> Instant {
        self.link.cell().now()
    }

    /// Which shard this actor is, from 0; 0 for one that is no shard.
    pub fn shard(&self) -> usize {
        self.link.cell().shard().unwrap_or(0)
    }

    /// The published views and keyed caches, as readers see them.
    pub fn views(&self) -> &A::Views {
        self.link.cell().views()
    }

    /// Spawns a child that this actor supervises: it is restarted by its own settings, stops before its parent
    /// does, and when it is given up, its parent fails. Messages sent before it has started are queued.
    ///
    /// # Errors
    ///
    /// When this actor is stopping.
    pub fn child<B: Actor>(&mut self, args: B::Args) -> Result<ActorRef<B>, SpawnError> {
        self.child_as(None, args)
    }

    /// As [`child`](Self::child), under a name, which is free again when it has stopped.
    ///
    /// # Errors
    ///
    /// When the name is taken, or this actor is stopping.
    pub fn child_named<B: Actor>(
        &mut self,
        name: impl Into<Arc<str>>,
        args: B::Args,
    ) -> Result<ActorRef<B>, SpawnError> {
        self.child_as(Some(Name::OfSystem(name.into())), args)
    }

    fn child_as<B: Actor>(&mut self, name: Option<Name>, args: B::Args) -> Result<ActorRef<B>, SpawnError> {
        let birth = Birth { parent: self.family(), name, shard: None };
        let commons = self.link.cell().commons();
        Cell::spawn(commons, birth, args, StartOn::Workers, RawReply::nobody()).map(ActorRef::new)
    }

    /// The system's actor with a name: see [`System::lookup`](crate::System::lookup).
    ///
    /// # Errors
    ///
    /// When there is none, or it is no `B`.
    pub fn lookup<B: Actor>(&self, name: &str) -> Result<ActorRef<B>, LookupError> {
        self.link.cell().commons().names.find(name).map(ActorRef::new)
    }

    /// The first `B` among the children of this actor's supervisor, itself included, in the order of their start. When
    /// `#[start]` runs, those before it have started. `None` too for an actor that stands under no
    /// [`SupervisorSpec`](crate::SupervisorSpec).
    pub fn sibling<B: Actor>(&self) -> Option<ActorRef<B>> {
        self.find_sibling(|_| true)
    }

    /// The sibling of this name, if it is a `B`.
    pub fn sibling_named<B: Actor>(&self, name: &str) -> Option<ActorRef<B>> {
        self.find_sibling(|named| named == Some(name))
    }

    fn find_sibling<B: Actor>(&self, is_it: impl Fn(Option<&str>) -> bool) -> Option<ActorRef<B>> {
        let siblings = self.link.cell().parent().siblings().into_iter();
        let mut found = siblings.filter(|(name, _)| is_it(name.as_deref()));
        found.find_map(|(_, cell)| Cell::downcast(cell)).map(ActorRef::new)
    }

    /// What this actor's children stand under.
    pub(crate) fn family(&mut self) -> Arc<AnyParent> {
        let cell = self.link.cell();
        let commons = cell.commons();
        let supervise = || (commons.supervise)(commons, cell.weak().into());
        let extras = self.extras.get_or_insert_default();
        extras.supervisor.get_or_insert_with(supervise).clone()
    }

    pub(crate) fn commons(&self) -> &Arc<Commons> {
        self.link.cell().commons()
    }

    /// This actor, for who sends it orders.
    pub(crate) fn owner(&self) -> Owner {
        self.link.cell().weak().into()
    }

    /// Tells this actor `message` once, `after` from now. It waits for room in a full mailbox.
    ///
    /// ```
    /// # use ostraca::prelude::*;
    /// # use std::time::Duration;
    /// #[derive(Message)]
    /// struct Expire;
    ///
    /// # struct Session { timer: Option<ostraca::Task> }
    /// # #[actor]
    /// # impl Session {
    /// #     #[start] fn start() -> Self { Session { timer: None } }
    /// /// The session ends a minute after it was last used.
    /// #[handler]
    /// fn touch(&mut self, ctx: &mut Context<Self>) {
    ///     let timer = ctx.after(Duration::from_secs(60), Expire);
    ///     if let Some(before) = self.timer.replace(timer) {
    ///         before.cancel();
    ///     }
    /// }
    ///
    /// #[handler]
    /// fn expire(&mut self, ctx: &mut Context<Self>, #[message] _expire: Expire) {
    ///     ctx.stop();
    /// }
    /// # }
    /// ```
    pub fn after<M: Message>(&mut self, after: Duration, message: M) -> Task
    where
        A: Handles<M>,
    {
        let me = self.weak();
        self.spawn(async move {
            tokio::time::sleep(after).await;
            me.send(message).await;
        })
    }

    /// Tells this actor a message every `period`, the first after one period. Ticks that find a full mailbox
    /// wait, and the missed ones are left out.
    ///
    /// # Panics
    ///
    /// When `period` is zero.
    pub fn every<M: Message>(
        &mut self,
        period: Duration,
        mut message: impl FnMut() -> M + Send + 'static,
    ) -> Task
    where
        A: Handles<M>,
    {
        assert!(!period.is_zero(), "a period of zero would send without end");
        let me = self.weak();
        self.spawn(async move {
            let start = tokio::time::Instant::now() + period;
            let mut ticks = tokio::time::interval_at(start, period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if !me.send(message()).await {
                    return;
                }
            }
        })
    }

    /// Runs a future beside this actor and tells it the outcome: long work that must not hold the mailbox.
    ///
    /// ```
    /// # use ostraca::prelude::*;
    /// # async fn fetch(_page: u32) -> String { String::new() }
    /// #[derive(Message)]
    /// struct Fetched { page: u32, text: String }
    ///
    /// # struct Reader { pages: Vec<String> }
    /// # #[actor]
    /// # impl Reader {
    /// #     #[start] fn start() -> Self { Reader { pages: Vec::new() } }
    /// #[handler]
    /// fn read(&mut self, ctx: &mut Context<Self>, page: u32) {
    ///     ctx.pipe(fetch(page), move |text| Fetched { page, text });
    /// }
    ///
    /// #[handler]
    /// fn fetched(&mut self, #[message] fetched: Fetched) {
    ///     self.pages.push(fetched.text);
    /// }
    /// # }
    /// ```
    pub fn pipe<T, M: Message>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        message: impl FnOnce(T) -> M + Send + 'static,
    ) -> Task
    where
        A: Handles<M>,
        T: Send + 'static,
    {
        let me = self.weak();
        self.spawn(async move {
            let outcome = future.await;
            me.send(message(outcome)).await;
        })
    }

    /// Tells this actor every item of a stream, waiting for room: a slow actor slows the stream.
    pub fn attach<S, M: Message>(
        &mut self,
        stream: S,
        mut message: impl FnMut(S::Item) -> M + Send + 'static,
    ) -> Task
    where
        A: Handles<M>,
        S: Stream<Item: Send> + Send + 'static,
    {
        let me = self.weak();
        self.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(item) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
                if !me.send(message(item)).await {
                    return;
                }
            }
        })
    }

    /// Spawns a task that ends with this incarnation of the actor. A panic in it is a failure of the actor.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) -> Task {
        let tasks = &mut self.extras.get_or_insert_default().tasks;
        // Lets go of the tasks that have ended, so that the set does not grow with every timer.
        while tasks.try_join_next().is_some() {}
        let cell = self.link.cell();
        let me = cell.weak();
        let guarded = async move {
            if let Err(payload) = catch_unwind(future).await
                && let Some(cell) = me.upgrade()
            {
                cell.order(Control::Escalated(Failure::panic("a task", &*payload)));
            }
        };
        let runtime = &cell.commons().runtime;
        let _entered = runtime.enter();
        Task(match runtime.gate(cell.address()) {
            None => tasks.spawn(guarded),
            Some(gate) => tasks.spawn(gate.hold(guarded)),
        })
    }

    /// Runs blocking work on the system's pool of threads for it.
    ///
    /// # Panics
    ///
    /// The returned future panics when `work` did: a failure of this actor, like any panic of its handlers.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the work running to its end.
    pub fn blocking<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<A, T, F>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let task = self.link.cell().commons().runtime.spawn_blocking(work);
        async move {
            match task.await {
                Ok(value) => value,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // Only a runtime that is being dropped cancels blocking work; then this future goes as well.
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Tells this actor [`Terminated`] when `other` has stopped for good, at once if it has. A
    /// restart is no stop. Cancelling the task ends the watch.
    ///
    /// ```
    /// # use ostraca::prelude::*;
    /// use ostraca::Terminated;
    /// # struct Feed;
    /// # #[actor] impl Feed { #[start] fn start() -> Self { Feed } }
    /// # struct Desk { feeds: Vec<ActorRef<Feed>> }
    /// # #[actor]
    /// # impl Desk {
    /// #     #[start] fn start() -> Self { Desk { feeds: Vec::new() } }
    /// #[handler]
    /// fn follow(&mut self, ctx: &mut Context<Self>, feed: ActorRef<Feed>) {
    ///     ctx.watch(&feed);
    ///     self.feeds.push(feed);
    /// }
    ///
    /// #[handler]
    /// fn gone(&mut self, #[message] gone: Terminated) {
    ///     self.feeds.retain(|feed| ActorRef::id(feed) != gone.actor.id());
    /// }
    /// # }
    /// ```
    pub fn watch<B: Actor>(&mut self, other: &ActorRef<B>) -> Task
    where
        A: Handles<Terminated>,
    {
        let actor = ActorRef::label(other);
        self.watch_with(other, move |reason| Terminated::new(actor, reason))
    }

    /// Tells this actor a message of its own when `other` has stopped for good, at once if it has.
    pub fn watch_with<B: Actor, M: Message>(
        &mut self,
        other: &ActorRef<B>,
        message: impl FnOnce(StopReason) -> M + Send + 'static,
    ) -> Task
    where
        A: Handles<M>,
    {
        self.pipe(ActorRef::wait_stopped(other), message)
    }

    /// Links this incarnation of this actor and the one of `other`: when one of them ends badly, the other fails too,
    /// and its supervisor decides. Badly: it failed or was killed, was given up, or its supervisor restarts it for
    /// a sibling's sake. A stop in order breaks the link and nothing else; so does a restart of either: `#[start]`
    /// links anew. If `other` is down, this actor fails at once.
    ///
    /// Who wants to hear of an end and live on [watches](Self::watch).
    pub fn link<B: Actor>(&mut self, other: &ActorRef<B>) {
        let cell = self.link.cell();
        let other = ActorRef::cell(other);
        if other.id() == cell.id() {
            return;
        }
        let (me, from) = (cell.as_linked(), cell.incarnation());
        let end = Linked { cell: other.weak().into(), id: other.id(), incarnation: None };
        cell.order(Control::LinkTo { other: end, from });
        other.order(Control::Link(me));
        if other.exit().is_over() {
            let failure = Failure::link(&other.label(), "it had stopped when the link was made");
            cell.order(Control::LinkBroken { incarnation: from, failure });
        }
    }

    /// Takes a [`link`](Self::link) back, whichever end made it.
    pub fn unlink<B: Actor>(&mut self, other: &ActorRef<B>) {
        let cell = self.link.cell();
        let other = ActorRef::cell(other);
        cell.order(Control::Unlink(other.id()));
        other.order(Control::Unlink(cell.id()));
    }

    /// Stops this actor when the current handler has ended. What is queued is dropped; a parent that is to stop
    /// gently uses [`ActorRef::drain`].
    pub fn stop(&self) {
        self.link.cell().order(Control::Stop(StopReason::Requested));
    }

    /// The one `T` of this actor, made by the first call.
    pub(super) fn kept<T: Default + Send + 'static>(&mut self) -> &mut T {
        let kept = &mut self.extras.get_or_insert_default().kept;
        let place = kept.iter().position(|kept| kept.is::<T>()).unwrap_or_else(|| {
            kept.push(Box::new(T::default()));
            kept.len() - 1
        });
        kept[place].downcast_mut().expect("it is one")
    }

    pub(super) fn cell_link(&mut self) -> &mut Link<A> {
        &mut self.link
    }

    /// The handler took a batch of `len` messages, and is called with it. The time, if it is this call's turn.
    pub(super) fn begin_batch(&mut self, handler: usize, len: usize, closed_by: ClosedBy) -> Option<Instant> {
        self.in_hand = len as u32;
        let cells = self.count_batch(handler, len, closed_by);
        cells.tuned.hold(len);
        self.begin_call(handler, cells)
    }

    /// A batch was closed.
    pub(super) fn count_batch(&self, handler: usize, len: usize, closed_by: ClosedBy) -> &BatchCells {
        let stats = self.link.cell().rare_stats();
        stats.batches.add(1);
        stats.batch_items.add(len as u64);
        let cells = stats.batched.of(handler, A::HANDLERS.len());
        cells.closed(len, closed_by);
        cells
    }

    /// What a batched handler counts.
    pub(super) fn batch_cells(&self, handler: usize) -> &BatchCells {
        self.link.cell().rare_stats().batched.of(handler, A::HANDLERS.len())
    }

    /// A batched handler is called. The time, if it is this call's turn.
    pub(super) fn begin_call(&self, handler: usize, cells: &BatchCells) -> Option<Instant> {
        let calls = cells.calls.value();
        cells.calls.add(1);
        let is_timed = A::HANDLERS[handler].is_async()
            || calls.is_multiple_of(TIMED_EVERY)
            || self.commons().is_seeded();
        is_timed.then(|| self.now())
    }

    /// Counts messages of a batch that nobody waits for any more.
    pub(super) fn leave_out(&self, handler: usize, left_out: &LeftOut) {
        let cells = self.batch_cells(handler);
        cells.cancelled.add(left_out.cancelled as u64);
        cells.expired.add(left_out.expired as u64);
        self.link.leave_out(handler, DeadReason::Cancelled, left_out.cancelled);
        self.link.leave_out(handler, DeadReason::Expired, left_out.expired);
    }

    /// The handler has so many messages.
    pub(super) fn set_in_hand(&mut self, len: usize) {
        self.in_hand = len as u32;
    }

    /// Whether the actor is to stop when its handler has ended.
    pub(super) fn is_ending(&mut self) -> bool {
        self.link.is_ending()
    }

    /// Messages that wait in this actor's mailbox.
    pub(crate) fn mailbox_len(&self) -> usize {
        self.link.cell().mailbox_len()
    }

    /// A message does not run, because there is too much to do: it is answered, and counted as a dead letter.
    pub(crate) fn shed<M: Message>(&mut self, envelope: Envelope<M>, handler: usize) {
        // Its drop is foreign code, under the guard of the turn it stands in.
        drop(envelope.shed());
        self.link.cell().count_shed(handler);
        self.in_hand = 0;
    }

    /// How many messages the handler had.
    #[inline]
    pub(super) fn end_messages(&mut self) -> u32 {
        std::mem::replace(&mut self.in_hand, 1)
    }

    pub(super) fn children(&self) -> Vec<AnyRef> {
        let supervisor = self.extras.as_ref().and_then(|extras| extras.supervisor.as_ref());
        supervisor.map_or_else(Vec::new, |supervisor| supervisor.children())
    }

    pub(super) fn abort_tasks(&mut self) {
        if let Some(extras) = &mut self.extras {
            extras.tasks = JoinSet::new();
        }
    }
}

/// The future's output, or what it panicked with.
async fn catch_unwind<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let poll = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match poll {
            Ok(poll) => poll.map(Ok),
            Err(payload) => std::task::Poll::Ready(Err(payload)),
        }
    })
    .await
}
