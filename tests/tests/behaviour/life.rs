//! Starting, stopping, killing; names; the system's end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{AskError, LookupError, SpawnError};

#[derive(Clone, Default)]
struct Log(Arc<(AtomicU32, AtomicU32)>);

struct Worker {
    log: Log,
}

#[actor]
impl Worker {
    #[start]
    fn start(log: Log, is_bad: bool) -> Result<Self, StartError> {
        if is_bad {
            return Err(StartError::new("no database"));
        }
        Ok(Worker { log })
    }

    #[stop]
    async fn stop(&mut self) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.log.0.1.fetch_add(1, Ordering::SeqCst);
    }

    #[handler]
    async fn work(&mut self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.log.0.0.fetch_add(1, Ordering::SeqCst);
    }

    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    #[handler]
    fn ping(&mut self) -> u32 {
        1
    }
}

impl Log {
    fn worked(&self) -> u32 {
        self.0.0.load(Ordering::SeqCst)
    }

    fn stopped(&self) -> u32 {
        self.0.1.load(Ordering::SeqCst)
    }
}

async fn worker(system: &System) -> (Log, ActorRef<Worker>) {
    let log = Log::default();
    let worker = system.spawn::<Worker>((log.clone(), false)).await.unwrap();
    (log, worker)
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_fails_the_spawn() {
    let system = System::start().unwrap();
    let error = system.spawn::<Worker>((Log::default(), true)).await.unwrap_err();
    assert_eq!(error.to_string(), "Worker#1 did not start: could not start: no database");
    assert!(system.readiness().is_ready(), "a failed spawn is its caller's to handle");
}

#[tokio::test(start_paused = true)]
async fn stop_ends_after_the_current_handler_and_drain_after_the_last_message() {
    let system = System::start().unwrap();
    let (log, first) = worker(&system).await;
    for _ in 0..3 {
        first.work().tell().unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    ActorRef::stop(&first);
    assert_eq!(ActorRef::wait_stopped(&first).await, StopReason::Requested);
    assert_eq!((log.worked(), log.stopped(), system.dead_letters_total()), (1, 1, 2));

    let (log, second) = worker(&system).await;
    for _ in 0..3 {
        second.work().tell().unwrap();
    }
    ActorRef::drain(&second);
    assert_eq!(ActorRef::wait_stopped(&second).await, StopReason::Requested);
    assert_eq!((log.worked(), log.stopped()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn kill_cuts_a_suspended_handler_off_and_skips_stop() {
    let system = System::start().unwrap();
    let (log, worker) = worker(&system).await;
    let (hung, queued, ()) = tokio::join!(worker.hang(), worker.ping(), async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        ActorRef::kill(&worker);
    });
    assert_eq!(hung, Err(AskError::Unanswered), "it may have run in part");
    assert_eq!(queued, Err(AskError::Dropped), "it did not run");
    assert_eq!(ActorRef::wait_stopped(&worker).await, StopReason::Killed);
    assert_eq!(log.stopped(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_finds_its_actor_until_it_stops() {
    let system = System::start().unwrap();
    let args = (Log::default(), false);
    let worker = system.spawn_named::<Worker>("worker", args.clone()).await.unwrap();
    assert_eq!(ActorRef::label(&worker).to_string(), "worker: Worker#1");
    assert_eq!(system.lookup::<Worker>("worker").unwrap().ping().await, Ok(1));
    let error = system.lookup::<Worker>("other").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no actor is called \"other\": none was spawned under that name, or it has stopped"
    );
    let error = system.lookup::<Other>("worker").unwrap_err();
    assert_eq!(error.to_string(), "worker: Worker#1 is no Other: look it up as what it is");
    let taken = system.spawn_named::<Worker>("worker", args.clone()).await.unwrap_err();
    assert!(matches!(taken, SpawnError::NameTaken(name) if name == "worker"));
    ActorRef::stop(&worker);
    ActorRef::wait_stopped(&worker).await;
    assert!(matches!(system.lookup::<Worker>("worker"), Err(LookupError::NotFound { .. })));
    let bad = system.spawn_named::<Worker>("worker", (Log::default(), true)).await;
    assert!(matches!(bad, Err(SpawnError::NotStarted { .. })));
    system.spawn_named::<Worker>("worker", args).await.unwrap();
}

/// Another type than [`Worker`], which names a child and looks it up.
struct Other {
    child: ActorRef<Worker>,
}

#[actor(restart(max = 1, backoff = "1s..1s"))]
impl Other {
    #[start]
    fn start(ctx: &mut Context<Self>) -> Result<Self, StartError> {
        Ok(Other { child: ctx.child_named::<Worker>("child", (Log::default(), false))? })
    }

    #[handler]
    fn finds_child(&self, ctx: &mut Context<Self>) -> bool {
        ctx.lookup::<Worker>("child").is_ok_and(|found| ActorRef::id(&found) == ActorRef::id(&self.child))
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_name_and_a_stopped_child_gives_its_own_back() {
    let system = System::start().unwrap();
    let other = system.spawn_named::<Other>("other", ()).await.unwrap();
    assert_eq!(other.finds_child().await, Ok(true));
    let child = system.lookup::<Worker>("child").unwrap();
    assert_eq!(other.fail().await, Err(AskError::Panicked));
    // It waits for its restart: the name leads to it, and the ask is answered after the restart.
    let found = system.lookup::<Other>("other").unwrap();
    assert_eq!(ActorRef::id(&found), ActorRef::id(&other));
    assert_eq!(found.finds_child().await, Ok(true), "the new child has the old one's name");
    assert_ne!(ActorRef::id(&system.lookup::<Worker>("child").unwrap()), ActorRef::id(&child));
}

#[tokio::test(start_paused = true)]
async fn a_named_spawn_that_nobody_waits_for_keeps_its_name() {
    let system = System::start().unwrap();
    let mut spawn = Box::pin(system.spawn_named::<Slow>("slow", ()));
    assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(spawn.as_mut().poll(cx).is_pending())).await);
    drop(spawn);
    let slow = system.lookup::<Slow>("slow").expect("it goes on starting");
    assert_eq!(slow.number().await, Ok(2));
}

struct Slow;

#[actor]
impl Slow {
    #[start]
    async fn start() -> Self {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Slow
    }

    #[handler]
    fn number(&mut self) -> u32 {
        2
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_stops_in_order_and_empties_mailboxes_first() {
    let system = System::start().unwrap();
    let (log, worker) = worker(&system).await;
    for _ in 0..3 {
        worker.work().tell().unwrap();
    }
    let report = system.stop().await;
    assert!(report.is_clean());
    assert_eq!((log.worked(), log.stopped()), (3, 1));
    let refused = system.spawn::<Worker>((Log::default(), false)).await.unwrap_err();
    assert!(matches!(refused, SpawnError::Stopping));
}

#[tokio::test(start_paused = true)]
async fn what_has_not_stopped_by_the_deadline_is_killed_and_named() {
    let system = System::builder().stop_deadline(Duration::from_secs(2)).start().unwrap();
    let (_log, worker) = worker(&system).await;
    worker.hang().tell().unwrap();
    let began = tokio::time::Instant::now();
    let report = system.stop().await;
    assert_eq!(began.elapsed().as_secs(), 2);
    assert_eq!(report.killed, [ActorRef::label(&worker).clone()]);
    assert!(report.blocked.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_system_fails_every_ask_whoever_holds_references() {
    let system = System::start().unwrap();
    let (_log, worker) = worker(&system).await;
    let asks = tokio::spawn({
        let worker = worker.clone();
        async move { tokio::join!(worker.hang(), worker.ping()) }
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(system);
    assert_eq!(asks.await.unwrap(), (Err(AskError::Unanswered), Err(AskError::Dropped)));
    assert_eq!(worker.ping().await, Err(AskError::Stopped));
    assert_eq!(ActorRef::wait_stopped(&worker).await, StopReason::RuntimeLost);
}

#[test]
fn dropping_the_runtime_fails_every_ask_whoever_holds_references() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (system, worker) = tokio.block_on(async {
        let system = System::start().unwrap();
        let worker = worker(&system).await.1;
        (system, worker)
    });
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asks = other.spawn({
        let worker = worker.clone();
        async move { tokio::join!(worker.hang(), worker.ping()) }
    });
    other.block_on(async { tokio::task::yield_now().await });
    drop(tokio);
    let (hung, queued) = other.block_on(asks).unwrap();
    assert!(matches!(hung, Err(AskError::Unanswered | AskError::Dropped)));
    assert_eq!(queued, Err(AskError::Dropped));
    assert_eq!(other.block_on(worker.ping()), Err(AskError::Stopped));
    drop(system);
}

#[test]
fn a_handler_that_loses_its_runtime_half_way_is_a_dead_letter() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let system = tokio.block_on(async {
        let system = System::start().unwrap();
        let worker = worker(&system).await.1;
        worker.hang().tell().unwrap();
        worker.ping().tell().unwrap();
        tokio::task::yield_now().await;
        system
    });
    drop(tokio);
    assert_eq!(system.dead_letters_total(), 2, "the one that hung, and the one behind it");
}

#[test]
fn a_stop_of_a_system_that_lost_its_runtime_ends() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let system = tokio.block_on(async { System::start().unwrap() });
    drop(tokio);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stopped = other.block_on(async { tokio::time::timeout(Duration::from_secs(2), system.stop()).await });
    assert!(stopped.is_ok(), "nobody is left to stop it");
}
