//! Failures: caught once, restarted by the settings, given up beyond them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{AskError, DeadReason};

struct Fragile {
    count: u32,
}

/// Starts so far, and how many of them fail.
#[derive(Clone, Default)]
struct Starts(Arc<AtomicU32>);

#[actor(restart(max = 3, within = "10s", backoff = "100ms..1s"))]
impl Fragile {
    #[start]
    fn start(starts: Starts) -> Self {
        starts.0.fetch_add(1, Ordering::SeqCst);
        Fragile { count: 0 }
    }

    #[handler]
    fn add(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    #[handler]
    fn fail(&mut self) -> u32 {
        panic!("a planned failure")
    }

    #[handler]
    async fn fail_later(&mut self) -> u32 {
        tokio::task::yield_now().await;
        panic!("a planned failure, later")
    }
}

async fn fragile(system: &System) -> (Starts, ActorRef<Fragile>) {
    let starts = Starts::default();
    let actor = system.spawn::<Fragile>(starts.clone()).await.unwrap();
    (starts, actor)
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_the_asker_as_an_error_and_the_supervisor_as_a_failure() {
    let system = System::start().unwrap();
    let (starts, actor) = fragile(&system).await;
    assert_eq!(actor.add().await, Ok(1));
    assert_eq!(actor.fail().await, Err(AskError::Panicked));
    assert_eq!(actor.fail_later().await, Err(AskError::Panicked));
    assert_eq!(actor.add().await, Ok(1), "a fresh state");
    assert_eq!(starts.0.load(Ordering::SeqCst), 3);
    let letters: Vec<_> = system.dead_letters().iter().map(|l| (l.handler, l.reason)).collect();
    assert_eq!(letters, [("fail", DeadReason::Panicked), ("fail_later", DeadReason::Panicked)]);
}

#[tokio::test(start_paused = true)]
async fn mailbox_and_asks_outlive_the_restart() {
    let system = System::start().unwrap();
    let (_starts, actor) = fragile(&system).await;
    let (first, failed, second, third) = tokio::join!(actor.add(), actor.fail(), actor.add(), actor.add());
    assert_eq!((first, failed), (Ok(1), Err(AskError::Panicked)));
    assert_eq!((second, third), (Ok(1), Ok(2)), "in order, after the restart");
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_the_backoff_and_doubles_it() {
    let system = System::start().unwrap();
    let (_starts, actor) = fragile(&system).await;
    for (failure, longest) in [(1, 100), (2, 200), (3, 400)] {
        let began = tokio::time::Instant::now();
        assert!(actor.fail().await.is_err());
        assert_eq!(actor.add().await, Ok(1));
        let waited = began.elapsed().as_millis();
        assert!((longest * 3 / 4..=longest + 1).contains(&waited), "failure {failure}: waited {waited} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn more_failures_than_the_window_allows_give_the_actor_up() {
    let system = System::start().unwrap();
    let (starts, actor) = fragile(&system).await;
    for _ in 0..4 {
        assert_eq!(actor.fail().await, Err(AskError::Panicked));
    }
    let reason = ActorRef::wait_stopped(&actor).await;
    assert!(matches!(&reason, StopReason::GaveUp(failure) if failure.text() == "a planned failure"));
    assert_eq!(actor.add().await, Err(AskError::Stopped), "answered, not left hanging");
    assert_eq!(starts.0.load(Ordering::SeqCst), 4);
    let readiness = system.readiness();
    assert!(!readiness.is_ready());
    assert_eq!(readiness.given_up.len(), 1);
    assert_eq!(readiness.given_up[0].reason, reason);
}

#[tokio::test(start_paused = true)]
async fn failures_far_apart_are_restarted_for_ever() {
    let system = System::start().unwrap();
    let (starts, actor) = fragile(&system).await;
    for _ in 0..20 {
        assert!(actor.fail().await.is_err());
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    assert_eq!(actor.add().await, Ok(1));
    assert_eq!(starts.0.load(Ordering::SeqCst), 21);
}

/// Panics when it is dropped.
struct BadDrop;

impl Drop for BadDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a drop that panics");
        }
    }
}

struct Holder {
    _held: BadDrop,
}

#[actor]
impl Holder {
    #[start]
    fn start() -> Self {
        Holder { _held: BadDrop }
    }

    #[handler]
    fn drop_all(&mut self) {
        panic!("drops the state")
    }

    #[handler]
    fn ping(&mut self) -> u32 {
        1
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_that_panics_takes_nothing_else_along() {
    let system = System::start().unwrap();
    let holder = system.spawn::<Holder>(()).await.unwrap();
    assert_eq!(holder.drop_all().await, Err(AskError::Panicked));
    assert_eq!(holder.ping().await, Ok(1));
    assert!(system.stop().await.is_clean());
}

/// Leaves its handler's waker behind.
struct Haunted {
    waker: Kept,
}

type Kept = Arc<std::sync::Mutex<Option<std::task::Waker>>>;

#[actor(restart(backoff = "100ms..1s"))]
impl Haunted {
    #[start]
    fn start(waker: Kept) -> Self {
        Haunted { waker }
    }

    #[handler]
    async fn fall(&mut self) {
        std::future::poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            std::task::Poll::Ready(())
        })
        .await;
        panic!("a planned failure");
    }

    #[handler]
    fn rise(&mut self) -> u32 {
        1
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_wake_of_a_failed_handler_does_not_keep_its_actor_from_the_restart() {
    let system = System::start().unwrap();
    let kept = Kept::default();
    let haunted = system.spawn::<Haunted>(kept.clone()).await.unwrap();
    assert_eq!(haunted.fall().await, Err(AskError::Panicked));
    kept.lock().unwrap().take().unwrap().wake();
    assert_eq!(haunted.rise().await, Ok(1));
}
