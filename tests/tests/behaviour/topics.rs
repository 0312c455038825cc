//! Publish and subscribe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::topic::Subscription;
use ostraca::{Lag, Topic};

#[derive(Clone, Message)]
struct News {
    number: u32,
}

#[derive(Message)]
#[message(reply = Vec<u32>)]
struct Seen;

/// Keeps up.
struct Reader {
    seen: Vec<u32>,
}

#[actor]
impl Reader {
    #[start]
    fn start(ctx: &mut Context<Self>, news: Option<Topic<News>>) -> Self {
        if let Some(news) = news {
            news.subscribe(&ctx.me(), Lag::DropOldest { len_max: 10 });
        }
        Reader { seen: Vec::new() }
    }

    #[handler]
    fn news(&mut self, #[message] news: News) {
        self.seen.push(news.number);
    }

    #[handler]
    fn seen(&mut self, #[message] _seen: Seen) -> Vec<u32> {
        self.seen.clone()
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure");
    }
}

/// Takes its time.
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
    async fn news(&mut self, #[message] news: News) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.seen.push(news.number);
    }

    #[handler]
    fn seen(&mut self, #[message] _seen: Seen) -> Vec<u32> {
        self.seen.clone()
    }
}

fn publish(topic: &Topic<News>, numbers: impl IntoIterator<Item = u32>) -> usize {
    numbers.into_iter().map(|number| topic.publish(News { number })).sum()
}

async fn seen<A: ostraca::Handles<Seen>>(actor: &ActorRef<A>) -> Vec<u32> {
    ActorRef::request(actor, Seen).await.unwrap()
}

const KEEP_10: Lag = Lag::DropOldest { len_max: 10 };

#[tokio::test(start_paused = true)]
async fn every_subscriber_gets_what_is_published_in_its_order() {
    let system = System::start().unwrap();
    let topic = Topic::new("news");
    assert_eq!(publish(&topic, [0]), 0, "nobody is there yet");
    let (one, two) = (system.spawn::<Reader>(None).await.unwrap(), system.spawn::<Slow>(()).await.unwrap());
    topic.subscribe(&one, KEEP_10);
    topic.subscribe(&two, KEEP_10);
    assert_eq!(publish(&topic, 1..=8), 16);
    assert_eq!(seen(&one).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(topic.unsubscribe(&one));
    assert!(!topic.unsubscribe(&one));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(publish(&topic, [9]), 1, "the queue beside the mailbox is gone again: it goes to the mailbox");
    assert_eq!(seen(&two).await, [1, 2, 3, 4, 5, 6, 7, 8, 9], "from mailbox, queue and mailbox, in order");
    assert_eq!(seen(&one).await.len(), 8);
    assert_eq!(topic.published_total(), 10);
}

/// Has little room, and now and then takes a moment.
struct Uneven {
    seen: Vec<u32>,
}

#[actor(mailbox(len_max = 4))]
impl Uneven {
    #[start]
    fn start() -> Self {
        Uneven { seen: Vec::new() }
    }

    #[handler]
    fn news(&mut self, #[message] news: News) {
        if news.number.is_multiple_of(16) {
            std::thread::yield_now();
        }
        self.seen.push(news.number);
    }

    #[handler]
    fn seen(&mut self, #[message] _seen: Seen) -> Vec<u32> {
        self.seen.clone()
    }
}

/// On threads, so that room appears at any moment between two publications.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_finds_room_waits_behind_what_found_none() {
    const LEN: u32 = 50_000;
    let system = System::start().unwrap();
    let topic = Topic::new("news");
    let uneven = system.spawn::<Uneven>(()).await.unwrap();
    topic.subscribe(&uneven, Lag::DropOldest { len_max: LEN as usize });
    tokio::task::spawn_blocking(move || publish(&topic, 0..LEN)).await.unwrap();
    // Asks wait for room, too, and can come before the last.
    let mut all = Vec::new();
    while all.len() < LEN as usize {
        all = seen(&uneven).await;
    }
    assert_eq!(all, Vec::from_iter(0..LEN));
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_loses_its_oldest_and_they_are_counted() {
    let system = System::start().unwrap();
    let topic = Topic::new("news");
    let (slow, quick) =
        (system.spawn::<Slow>(()).await.unwrap(), system.spawn::<Reader>(None).await.unwrap());
    let lag = Lag::DropOldest { len_max: 3 };
    topic.subscribe(&slow, lag);
    topic.subscribe(&quick, lag);
    // Nobody runs between two of them: 1 and 2 fill the mailbox.
    assert_eq!(publish(&topic, 1..=20), 40);
    let numbers: Vec<_> = topic
        .subscriptions()
        .into_iter()
        .map(|Subscription { actor, waiting, dropped, .. }| (actor.type_name(), waiting, dropped))
        .collect();
    assert_eq!(numbers, [("Slow", 3, 15), ("Reader", 0, 0)], "the slow one costs nobody else anything");
    // An ask waits for room as well, and would stand before the last of them.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(seen(&slow).await, [1, 2, 18, 19, 20]);
    assert_eq!(seen(&quick).await.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_is_disconnected_if_it_may_miss_nothing() {
    let system = System::start().unwrap();
    let topic = Topic::new("news");
    let slow = system.spawn::<Slow>(()).await.unwrap();
    topic.subscribe(&slow, Lag::Disconnect { len_max: 3 });
    assert_eq!(publish(&topic, 1..=5), 5);
    assert_eq!(publish(&topic, [6]), 0);
    assert_eq!(topic.subscriptions().len(), 0);
    assert_eq!(seen(&slow).await, [1, 2], "what waited is dropped: it knows that it has missed something");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_lasts_over_a_restart_and_ends_with_its_actor() {
    let system = System::start().unwrap();
    let topic = Topic::new("news");
    let reader = system.spawn::<Reader>(Some(topic.clone())).await.unwrap();
    reader.fail().await.unwrap_err();
    publish(&topic, [1]);
    assert_eq!(
        seen(&reader).await,
        [1],
        "waited for the restart, and came once: `#[start]` has subscribed twice"
    );
    assert_eq!(topic.subscriptions().len(), 1);
    ActorRef::stop(&reader);
    ActorRef::wait_stopped(&reader).await;
    assert_eq!(publish(&topic, [2]), 0);
    topic.subscribe(&reader, KEEP_10);
    assert_eq!(topic.subscriptions().len(), 0, "one that has stopped does not come back");
}

/// A message that says when its last copy is gone.
#[derive(Clone, Message)]
struct Counted(#[expect(dead_code, reason = "only its drop is looked at")] Arc<Gone>);

struct Gone(Arc<AtomicU32>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Stuck;

#[actor(mailbox(len_max = 1))]
impl Stuck {
    #[start]
    fn start() -> Self {
        Stuck
    }

    #[handler]
    async fn counted(&mut self, #[message] _counted: Counted) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_subscriber_goes_with_it() {
    let system = System::start().unwrap();
    let topic = Topic::new("counted");
    let stuck = system.spawn::<Stuck>(()).await.unwrap();
    topic.subscribe(&stuck, KEEP_10);
    let gone = Arc::new(AtomicU32::new(0));
    for _ in 0..5 {
        topic.publish(Counted(Arc::new(Gone(gone.clone()))));
        tokio::task::yield_now().await;
    }
    assert_eq!(gone.load(Ordering::SeqCst), 0);
    ActorRef::kill(&stuck);
    ActorRef::wait_stopped(&stuck).await;
    tokio::task::yield_now().await;
    assert_eq!(gone.load(Ordering::SeqCst), 5, "nobody had to look at the topic for it");
    assert!(topic.subscriptions().is_empty());
}
