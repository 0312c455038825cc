//! What becomes of what at a restart: one test a row of the table in the supervisor's module doc.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Restart, Strategy};

use crate::worker::{Log, Plan, Worker, settle};

/// Has everything that a restart ends.
struct Rich {
    ticks: u32,
    level: u32,
    starts: u32,
}

#[derive(Clone, Default)]
struct Shared {
    starts: Arc<AtomicU32>,
    ticks: Arc<AtomicU32>,
}

#[derive(Message)]
struct Tick;

#[actor(restart(max = 9, within = "1s", backoff = "50ms..50ms"))]
impl Rich {
    #[start]
    async fn start(shared: Shared) -> Self {
        let starts = shared.starts.fetch_add(1, Ordering::SeqCst) + 1;
        if starts > 1 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        Rich { ticks: 0, level: starts * 100, starts }
    }

    #[handler]
    fn tick(&mut self, #[message] _tick: Tick) {
        self.ticks += 1;
    }

    #[handler]
    fn ticks(&self) -> u32 {
        self.ticks
    }

    #[handler]
    fn raise(&mut self) -> u32 {
        self.level += 1;
        self.level
    }

    #[handler]
    fn arm(&mut self, ctx: &mut Context<Self>, shared: Shared) {
        ctx.every(Duration::from_millis(10), || Tick);
        ctx.after(Duration::from_millis(200), Tick);
        let period = Duration::from_millis(10);
        let ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        ctx.attach(Endless(ticks), |()| Tick);
        ctx.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                shared.ticks.fetch_add(1, Ordering::SeqCst);
            }
        });
    }

    #[handler]
    fn hire(&mut self, ctx: &mut Context<Self>, log: Log) -> ActorRef<Worker> {
        let name = if log.take().is_empty() { "first" } else { "second" };
        ctx.child::<Worker>(Plan::new(name, &log)).unwrap()
    }

    #[handler]
    fn hire_slow(&mut self, ctx: &mut Context<Self>, log: Log) -> ActorRef<Worker> {
        ctx.child::<Worker>(Plan::new("slow", &log).slow(Duration::from_secs(1))).unwrap()
    }

    /// Asks, and falls while it waits.
    #[handler]
    async fn ask_and_fall(&mut self, other: ActorRef<Worker>) {
        let ask = std::pin::pin!(async { other.hang().await });
        tokio::select! {
            _ = ask => {}
            () = tokio::time::sleep(Duration::from_millis(5)) => panic!("a planned failure"),
        }
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure")
    }

    #[cached]
    fn level(&self) -> u32 {
        self.level
    }

    #[cached(ttl = "1h")]
    fn starts_for(&self, #[key] _id: u64) -> u32 {
        self.starts
    }
}

/// One item every 10 ms.
struct Endless(tokio::time::Interval);

impl futures_core::Stream for Endless {
    type Item = ();

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<()>> {
        self.0.poll_tick(cx).map(|_| Some(()))
    }
}

async fn rich() -> (System, Shared, ActorRef<Rich>) {
    let (system, shared) = (System::start().unwrap(), Shared::default());
    let rich = system.spawn::<Rich>(shared.clone()).await.unwrap();
    (system, shared, rich)
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn timers_streams_and_tasks_end_with_the_incarnation() {
    let (_system, shared, rich) = rich().await;
    rich.arm(shared.clone()).await.unwrap();
    pass(35).await;
    assert_eq!(rich.ticks().await, Ok(6), "three of the timer and three of the stream");
    rich.fail().await.unwrap_err();
    let ticks = shared.ticks.load(Ordering::SeqCst);
    pass(500).await;
    assert_eq!(rich.ticks().await, Ok(0), "no timer of the old incarnation reaches the new one");
    assert_eq!(shared.ticks.load(Ordering::SeqCst), ticks, "and no task goes on");
}

#[tokio::test(start_paused = true)]
async fn children_of_the_context_stop_for_good_newest_first_before_the_restart() {
    let (_system, shared, rich) = rich().await;
    let log = Log::default();
    let child = rich.hire(log.clone()).await.unwrap();
    settle().await;
    rich.hire(log.clone()).await.unwrap();
    settle().await;
    assert_eq!(log.take(), "+second");
    rich.fail().await.unwrap_err();
    assert_eq!(ActorRef::wait_stopped(&child).await, StopReason::Requested);
    settle().await;
    assert_eq!(log.take(), "-second -first");
    assert_eq!(shared.starts.load(Ordering::SeqCst), 1, "it has not started again yet");
    assert_eq!(rich.ticks().await, Ok(0));
    assert_eq!(child.count().await, Err(AskError::Stopped));
}

#[tokio::test(start_paused = true)]
async fn in_a_group_too_children_of_the_context_stop_before_the_restart() {
    let (system, shared, log) = (System::start().unwrap(), Shared::default(), Log::default());
    let restart = Restart::new(9, Duration::from_secs(10));
    let spec = system.supervisor(Strategy::OneForOne, restart).child::<Rich>(shared.clone());
    let rich: ActorRef<Rich> = spec.start().await.unwrap().actor().unwrap();
    let child = rich.hire_slow(log.clone()).await.unwrap();
    settle().await;
    rich.fail().await.unwrap_err();
    pass(999).await;
    assert_eq!(log.take(), "+slow", "it takes its time to stop");
    assert_eq!(shared.starts.load(Ordering::SeqCst), 1);
    assert_eq!(ActorRef::wait_stopped(&child).await, StopReason::Requested);
    settle().await;
    assert_eq!(shared.starts.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn views_stay_readable_until_the_new_start_has_published_and_keyed_caches_are_cleared() {
    let (_system, shared, rich) = rich().await;
    assert_eq!(rich.raise().await, Ok(101));
    assert_eq!(rich.starts_for(7).await, Ok(1));
    rich.fail().await.unwrap_err();
    assert_eq!(rich.level(), Some(101), "down");
    pass(60).await;
    assert_eq!(shared.starts.load(Ordering::SeqCst), 2);
    assert_eq!(rich.level(), Some(101), "starting");
    pass(40).await;
    assert_eq!(rich.level(), Some(200), "started");
    assert_eq!(rich.starts_for(7).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_a_fallen_actor_had_made_is_not_waited_for_and_its_message_still_runs() {
    let (system, _shared, rich) = rich().await;
    let log = Log::default();
    let other = system.spawn::<Worker>(Plan::new("other", &log)).await.unwrap();
    assert_eq!(rich.ask_and_fall(other.clone()).await, Err(AskError::Panicked));
    assert_eq!(rich.ticks().await, Ok(0), "restarted, though the ask was never answered");
    let next = other.count().within(Duration::from_millis(10)).await;
    assert_eq!(next, Err(AskError::Deadline), "the handler that was asked still runs");
    assert_eq!(ActorRef::mailbox_len(&other), 1);
}
