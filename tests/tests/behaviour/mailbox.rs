//! Bounds and what a full mailbox does.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{AskError, TellError};

struct Slow {
    seen: Vec<u32>,
}

#[actor(mailbox(len_max = 2))]
impl Slow {
    #[start]
    fn start() -> Self {
        Slow { seen: Vec::new() }
    }

    #[handler]
    async fn work(&mut self, n: u32) -> u32 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.seen.push(n);
        n
    }

    #[handler]
    fn seen(&mut self) -> Vec<u32> {
        self.seen.clone()
    }
}

struct Latest {
    seen: Vec<u32>,
}

#[actor(mailbox(len_max = 2, overflow = drop_oldest))]
impl Latest {
    #[start]
    fn start() -> Self {
        Latest { seen: Vec::new() }
    }

    #[handler]
    async fn keep(&mut self, n: u32) -> u32 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.seen.push(n);
        n
    }
}

async fn busy(system: &System) -> ActorRef<Slow> {
    let slow = system.spawn::<Slow>(()).await.unwrap();
    slow.work(0).tell().unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    slow.work(1).tell().unwrap();
    slow.work(2).tell().unwrap();
    slow
}

#[tokio::test(start_paused = true)]
async fn full_mailbox_gives_the_message_back() {
    let system = System::start().unwrap();
    let slow = busy(&system).await;
    let error = slow.work(3).tell().unwrap_err();
    assert!(matches!(error, TellError::Full(_)));
    assert_eq!(error.into_inner().n, 3);
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_for_room_and_an_ask_too() {
    let system = System::start().unwrap();
    let slow = busy(&system).await;
    slow.work(3).send().await.unwrap();
    assert_eq!(slow.work(4).await, Ok(4));
    assert_eq!(slow.seen().await, Ok(vec![0, 1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_finds_no_room_in_time_says_that_it_did_not_run() {
    let system = System::start().unwrap();
    let slow = busy(&system).await;
    let error = slow.work(3).within(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error, AskError::Full);
    assert!(!error.may_have_run());
    let back = slow.work(4).within(Duration::from_millis(10)).send().await.unwrap_err();
    assert_eq!(back.into_inner().n, 4);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(slow.seen().await, Ok(vec![0, 1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_gives_up_passes_its_turn_on() {
    let system = System::start().unwrap();
    let slow = busy(&system).await;
    let gives_up = slow.work(3).within(Duration::from_millis(50));
    let waits = slow.work(4);
    let (gave_up, waited) = tokio::join!(gives_up, waits);
    assert_eq!((gave_up, waited), (Err(AskError::Full), Ok(4)));
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_keeps_the_newest_and_tells_the_asker_of_the_dropped() {
    let system = System::start().unwrap();
    let latest = system.spawn::<Latest>(()).await.unwrap();
    latest.keep(0).tell().unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (first, second, third) = tokio::join!(latest.keep(1), latest.keep(2), latest.keep(3));
    assert_eq!((first, second, third), (Err(AskError::Dropped), Ok(2), Ok(3)));
    assert_eq!(system.dead_letters_total(), 1);
}

/// Panics when it is dropped.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "a planned failure");
    }
}

struct Newest;

#[actor(mailbox(len_max = 1, overflow = drop_oldest), inline = always)]
impl Newest {
    #[start]
    fn start() -> Self {
        Newest
    }

    #[handler]
    fn take(&mut self, mut bomb: Bomb) {
        bomb.0 = false;
    }
}

#[tokio::test(start_paused = true)]
async fn a_displaced_messages_drop_that_panics_takes_no_sender_along() {
    let system = System::start().unwrap();
    let newest = system.spawn::<Newest>(()).await.unwrap();
    newest.take(Bomb(true)).tell().unwrap();
    newest.take(Bomb(true)).tell().unwrap();
    // It runs where it stands: with the claim in its hands when the drop panics.
    assert_eq!(newest.take(Bomb(true)).await, Ok(()));
    assert_eq!(system.dead_letters_total(), 2);
    assert!(system.stop().await.is_clean());
}

/// A waker that panics.
struct Bad;

impl std::task::Wake for Bad {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("a planned failure");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_senders_waker_that_panics_takes_nobody_along() {
    let system = System::start().unwrap();
    let slow = busy(&system).await;
    let bad = std::task::Waker::from(std::sync::Arc::new(Bad));
    let mut first = Box::pin(slow.work(3).send());
    assert!(first.as_mut().poll(&mut std::task::Context::from_waker(&bad)).is_pending());
    let second = tokio::time::timeout(Duration::from_secs(60), slow.work(4));
    assert_eq!(second.await, Ok(Ok(4)), "the worker goes on, and lets the next in");
    assert!(first.await.is_ok(), "it was let in");
}
