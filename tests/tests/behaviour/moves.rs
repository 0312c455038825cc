//! Actors that move from home to home.

use std::sync::Arc;
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{AskError, Home, MoveError};
use tokio::sync::Notify;

struct Traveller {
    seen: Vec<u32>,
}

#[actor(restart(max = 1, backoff = "1s..1s"))]
impl Traveller {
    #[start]
    fn start() -> Self {
        Traveller { seen: Vec::new() }
    }

    #[handler]
    fn note(&mut self, n: u32) {
        self.seen.push(n);
    }

    #[handler]
    fn seen(&mut self) -> Vec<u32> {
        self.seen.clone()
    }

    #[handler]
    fn thread(&mut self) -> Option<String> {
        std::thread::current().name().map(str::to_owned)
    }

    #[handler]
    async fn sleep(&mut self) -> (Option<String>, tokio::runtime::Id) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (std::thread::current().name().map(str::to_owned), tokio::runtime::Handle::current().id())
    }

    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    #[handler]
    async fn ask_on(&mut self, go: Arc<Notify>, other: ActorRef<Traveller>) {
        go.notified().await;
        assert_eq!(other.hang().await, Err(AskError::Deadline));
        self.seen.push(1);
    }

    #[handler]
    fn tick(&mut self, ctx: &mut Context<Self>) {
        ctx.after(Duration::from_secs(1), Note { n: 77 });
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure");
    }
}

fn system() -> System {
    System::builder().pinned_cores([0]).start().unwrap()
}

const CORE_0: Option<&str> = Some("ostraca-core-0");

#[tokio::test(start_paused = true)]
async fn an_actor_runs_where_it_was_moved_to_and_back() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    let at_first = traveller.thread().await.unwrap();
    assert_ne!(at_first.as_deref(), CORE_0);
    assert_eq!(ActorRef::home(&traveller), Home::Workers);
    ActorRef::move_to(&traveller, Home::Pinned(0)).await.unwrap();
    assert_eq!(ActorRef::home(&traveller), Home::Pinned(0));
    for n in 0..10 {
        assert_eq!(
            traveller.thread().await.unwrap().as_deref(),
            CORE_0,
            "not where the asker stands: ask {n}"
        );
    }
    assert!(ActorRef::move_to(&traveller, Home::Pinned(0)).await.unwrap().pause.is_zero(), "it is there");
    ActorRef::move_to(&traveller, Home::Workers).await.unwrap();
    assert_eq!(traveller.thread().await.unwrap(), at_first);
    assert!(system.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_moves_along_in_its_order() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    let mut arrivals = Vec::new();
    for n in 0..100 {
        traveller.note(n).tell().unwrap();
        let home = if n % 2 == 0 { Home::Pinned(0) } else { Home::Workers };
        arrivals.push(ActorRef::move_to(&traveller, home));
    }
    for arrival in arrivals {
        arrival.await.unwrap();
    }
    assert_eq!(traveller.seen().await.unwrap(), Vec::from_iter(0..100));
}

#[tokio::test]
async fn a_handler_that_waits_goes_on_in_the_new_home_with_its_systems_timers() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    let here = tokio::runtime::Handle::current().id();
    let sleeping = tokio::spawn({
        let traveller = traveller.clone();
        async move { traveller.sleep().await }
    });
    tokio::task::yield_now().await;
    ActorRef::move_to(&traveller, Home::Pinned(0)).await.unwrap();
    let (thread, runtime) = sleeping.await.unwrap().unwrap();
    assert_eq!(thread.as_deref(), CORE_0);
    assert_eq!(runtime, here, "the system's runtime, also on a pinned thread");
    // A timer that is set there is the system's.
    traveller.tick().await.unwrap();
    while traveller.seen().await.unwrap() != [77] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_handler_that_waits_takes_its_askers_deadline_along() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    let other = system.spawn::<Traveller>(()).await.unwrap();
    let go = Arc::new(Notify::new());
    let asking = tokio::spawn({
        let (traveller, go) = (traveller.clone(), go.clone());
        async move { traveller.ask_on(go, other).within(Duration::from_millis(100)).await }
    });
    tokio::task::yield_now().await;
    ActorRef::move_to(&traveller, Home::Pinned(0)).await.unwrap();
    go.notify_one();
    // Both waits end at one instant, on two threads: the handler's answer may be there first.
    let answer = asking.await.unwrap();
    assert!(matches!(answer, Ok(()) | Err(AskError::Deadline)), "{answer:?}");
    let seen = traveller.seen().within(Duration::from_secs(10)).await;
    assert_eq!(seen, Ok(vec![1]), "what it asked of another ended by the same deadline");
}

#[tokio::test(start_paused = true)]
async fn an_actor_moves_while_it_waits_for_its_restart_and_stays_there() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    assert_eq!(traveller.fail().await, Err(AskError::Panicked));
    ActorRef::move_to(&traveller, Home::Pinned(0)).await.unwrap();
    assert_eq!(traveller.thread().await.unwrap().as_deref(), CORE_0);
}

#[tokio::test(start_paused = true)]
async fn a_move_that_cannot_be_says_why() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    let error = ActorRef::move_to(&traveller, Home::Pinned(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no pinned core 1: the system has 1 pinned cores; name them by `pinned_cores` in its builder"
    );
    // Ordered, and not carried out any more.
    ActorRef::kill(&traveller);
    let late = ActorRef::move_to(&traveller, Home::Pinned(0));
    assert_eq!(late.await, Err(MoveError::Stopped));
    assert_eq!(ActorRef::move_to(&traveller, Home::Workers).await, Err(MoveError::Stopped));
    let error = System::builder().pinned_cores([1_000]).start().unwrap_err();
    assert!(error.to_string().starts_with("no thread can be pinned to core 1000: "), "{error}");
}

/// On threads: the order comes at any moment of the actor's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_meets_the_end_of_its_actor_does_not_hang() {
    let system = system();
    for _ in 0..5_000 {
        let traveller = system.spawn::<Traveller>(()).await.unwrap();
        let mover = tokio::spawn({
            let traveller = traveller.clone();
            async move { while ActorRef::move_to(&traveller, Home::Pinned(0)).await.is_ok() {} }
        });
        ActorRef::kill(&traveller);
        tokio::time::timeout(Duration::from_secs(30), mover).await.expect("the mover is told").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_dropped_lets_go_of_what_is_pinned() {
    let system = system();
    let traveller = system.spawn::<Traveller>(()).await.unwrap();
    ActorRef::move_to(&traveller, Home::Pinned(0)).await.unwrap();
    let asleep = tokio::spawn({
        let traveller = traveller.clone();
        async move { traveller.sleep().await }
    });
    traveller.note(1).tell().unwrap();
    tokio::task::yield_now().await;
    drop(system);
    assert!(matches!(asleep.await.unwrap(), Err(AskError::Unanswered | AskError::Dropped)));
    ActorRef::wait_stopped(&traveller).await;
}
