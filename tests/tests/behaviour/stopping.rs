//! The phases of a stop.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::Phase;
use ostraca::prelude::*;

type Log = Arc<Mutex<Vec<&'static str>>>;

struct Tidy {
    log: Log,
}

#[actor]
impl Tidy {
    #[start]
    fn start(log: Log) -> Self {
        Tidy { log }
    }

    #[handler]
    async fn work(&mut self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.log.lock().unwrap().push("work");
    }

    #[stop]
    fn stop(&mut self) {
        self.log.lock().unwrap().push("stop");
    }
}

struct Stuck;

#[actor]
impl Stuck {
    #[start]
    fn start() -> Self {
        Stuck
    }

    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }
}

fn hook(log: &Log, what: &'static str) -> impl Future<Output = ()> + Send + 'static {
    let log = log.clone();
    async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        log.lock().unwrap().push(what);
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_run_in_their_phases_and_the_actors_stop_after_the_first() {
    let system = System::start().unwrap();
    let log = Log::default();
    let tidy = system.spawn::<Tidy>(log.clone()).await.unwrap();
    tidy.work().tell().unwrap();
    tidy.work().tell().unwrap();
    system.on_stop(Phase::Sync, "store", hook(&log, "sync"));
    system.on_stop(Phase::Flush, "batches", hook(&log, "flush"));
    let intake = {
        let (log, tidy) = (log.clone(), tidy.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tidy.work().tell().expect("the actors take messages until nobody brings any");
            log.lock().unwrap().push("intake");
        }
    };
    system.on_stop(Phase::Intake, "requests", intake);
    let report = system.stop().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(*log.lock().unwrap(), ["work", "work", "intake", "work", "stop", "flush", "sync"]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_does_not_end_is_named_and_the_later_phases_have_their_time() {
    let system = System::builder().stop_deadline(Duration::from_secs(8)).start().unwrap();
    let log = Log::default();
    let stuck = system.spawn::<Stuck>(()).await.unwrap();
    stuck.hang().tell().unwrap();
    system.on_stop(Phase::Flush, "hangs", std::future::pending());
    system.on_stop(Phase::Flush, "panics", async { panic!("a planned failure") });
    system.on_stop(Phase::Flush, "batches", hook(&log, "flush"));
    system.on_stop(Phase::Sync, "store", hook(&log, "sync"));
    let began = tokio::time::Instant::now();
    let report = system.stop().await;
    assert_eq!(report.killed, [ActorRef::label(&stuck)]);
    let left: Vec<_> = report.hooks_left.iter().map(|(phase, name)| (*phase, &**name)).collect();
    assert_eq!(left, [(Phase::Flush, "hangs"), (Phase::Flush, "panics")]);
    assert!(!report.is_clean());
    assert_eq!(*log.lock().unwrap(), ["flush", "sync"]);
    assert_eq!(began.elapsed().as_secs(), 7, "actors until 6, the hook that hangs until 7");
}

#[tokio::test(start_paused = true)]
async fn one_stuck_actor_does_not_keep_the_others_from_emptying_their_mailboxes() {
    let system = System::builder().stop_deadline(Duration::from_secs(8)).start().unwrap();
    let log = Log::default();
    let tidy = system.spawn::<Tidy>(log.clone()).await.unwrap();
    // Started last, so it stops first.
    let stuck = system.spawn::<Stuck>(()).await.unwrap();
    stuck.hang().tell().unwrap();
    tidy.work().tell().unwrap();
    tidy.work().tell().unwrap();
    let report = system.stop().await;
    assert_eq!(report.killed, [ActorRef::label(&stuck)]);
    assert_eq!(*log.lock().unwrap(), ["work", "work", "stop"]);
}
