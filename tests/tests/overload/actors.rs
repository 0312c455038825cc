//! What stands at an actor's mailbox, in paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{DeadReason, Handles};
use tokio::time::{Instant, advance, sleep, sleep_until};

const MS: Duration = Duration::from_millis(1);

/// Takes ten milliseconds a message.
struct Desk {
    ran: Arc<AtomicU64>,
}

#[actor(mailbox(len_max = 4096), shed(target = "25ms", interval = "200ms"))]
impl Desk {
    #[start]
    fn start(ran: Arc<AtomicU64>) -> Self {
        Desk { ran }
    }

    #[handler]
    async fn normal(&mut self) -> u64 {
        self.work().await
    }

    #[handler(priority = low)]
    async fn low(&mut self) -> u64 {
        self.work().await
    }

    #[handler(priority = high)]
    async fn high(&mut self) -> u64 {
        self.work().await
    }

    async fn work(&mut self) -> u64 {
        sleep(10 * MS).await;
        self.ran.fetch_add(1, Ordering::Relaxed)
    }
}

#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    shed: AtomicU64,
    late: AtomicU64,
    /// The longest that an answer took, in milliseconds.
    longest: AtomicU64,
}

impl Tally {
    fn counts(&self) -> (u64, u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.answered), of(&self.shed), of(&self.late))
    }

    async fn ask<T>(self: Arc<Self>, answer: impl Future<Output = Result<T, AskError>>) {
        let began = Instant::now();
        let counter = match answer.await {
            Ok(_) => {
                self.longest.fetch_max(began.elapsed().as_millis() as u64, Ordering::Relaxed);
                &self.answered
            }
            Err(AskError::Shed) => &self.shed,
            Err(_) => &self.late,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_standing_queue_is_shed_and_what_runs_has_not_waited_long() {
    let system = System::start().unwrap();
    let desk = system.spawn::<Desk>(Arc::default()).await.unwrap();
    let (low, normal, high) = (Arc::<Tally>::default(), Arc::<Tally>::default(), Arc::<Tally>::default());
    let mut asks = Vec::new();
    let start = Instant::now();
    // Four times what it can do for ten seconds, one in eight of a high priority and one in four of a low one.
    for at in 0..4_000u32 {
        sleep_until(start + at * 2_500 * Duration::from_micros(1)).await;
        let desk = desk.clone();
        asks.push(match at % 8 {
            0 => tokio::spawn({
                let tally = high.clone();
                async move { tally.ask(desk.high()).await }
            }),
            1 | 2 => tokio::spawn({
                let tally = low.clone();
                async move { tally.ask(desk.low()).await }
            }),
            _ => tokio::spawn({
                let tally = normal.clone();
                async move { tally.ask(desk.normal()).await }
            }),
        });
    }
    for ask in asks {
        ask.await.unwrap();
    }
    let (answered_low, ..) = low.counts();
    let (answered_normal, shed_normal, _) = normal.counts();
    let (answered_high, shed_high, _) = high.counts();
    let all = answered_low + answered_normal + answered_high;
    println!("low {:?}, normal {:?}, high {:?}", low.counts(), normal.counts(), high.counts());
    assert!(all >= 950, "{all} of the 1,000 that it can do");
    // Of the burst at the start, which had waited for more than an interval when the queue was found to stand.
    assert!(answered_high + shed_high == 500 && shed_high <= 8, "{shed_high} of a high priority were shed");
    assert!(answered_normal + shed_normal == 2_500 && answered_low < 40);
    // Those of the first interval have waited longer: it might have been a burst.
    let longest = high.longest.load(Ordering::Relaxed);
    assert!(longest <= 300, "{longest} ms");
    let letters = system.dead_letters();
    assert!(letters.iter().all(|letter| letter.reason == DeadReason::Shed && letter.count == 1));
    let numbers = system.monitor().latest().await;
    let desk = &numbers.of_type("Desk").unwrap().numbers;
    assert_eq!((desk.handled, desk.dropped), (all, 4_000 - all), "what was shed was not handled");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_does_not_run() {
    let system = System::start().unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let desk = system.spawn::<Desk>(ran.clone()).await.unwrap();
    let first = tokio::spawn({
        let desk = desk.clone();
        async move { desk.normal().await }
    });
    tokio::task::yield_now().await;
    assert_eq!(desk.normal().within(5 * MS).await, Err(AskError::Deadline));
    assert!(tokio::time::timeout(2 * MS, desk.normal()).await.is_err());
    first.await.unwrap().unwrap();
    desk.normal().await.unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 2);
}

struct Narrow;

#[actor(limit(min = 4, max = 4), inline = never)]
impl Narrow {
    #[start]
    fn start() -> Self {
        Narrow
    }

    #[handler]
    async fn work(&mut self, id: u64) -> u64 {
        sleep(10 * MS).await;
        id
    }

    #[handler(priority = low)]
    async fn browse(&mut self) {}
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_message_is_refused_at_once_and_comes_back() {
    let system = System::start().unwrap();
    let narrow = system.spawn::<Narrow>(()).await.unwrap();
    // One runs and four wait: of a low priority two, of a normal one four.
    narrow.work(0).tell().unwrap();
    sleep(MS).await;
    narrow.work(1).tell().unwrap();
    narrow.browse().tell().unwrap();
    assert!(matches!(narrow.browse().tell(), Err(ostraca::TellError::Shed(_))));
    narrow.work(2).tell().unwrap();
    narrow.work(3).tell().unwrap();
    let began = Instant::now();
    assert_eq!(narrow.work(4).await, Err(AskError::Shed));
    let Err(ostraca::TellError::Shed(back)) = narrow.work(5).tell() else { panic!("there is no room") };
    assert_eq!(back.id, 5);
    let Err(SendError::Shed(back)) = narrow.work(6).send().await else { panic!("there is no room") };
    assert_eq!(back.id, 6);
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(!AskError::<()>::Shed.may_have_run());
    sleep(100 * MS).await;
    assert_eq!(narrow.work(7).await, Ok(7));
}

struct Learner;

#[actor(limit, mailbox(len_max = 4096))]
impl Learner {
    #[start]
    fn start() -> Self {
        Learner
    }

    #[handler]
    async fn learn(&mut self) {
        sleep(10 * MS).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_learned_limit_keeps_the_queue_of_an_actor_short_and_the_actor_busy() {
    let system = System::start().unwrap();
    let learner = system.spawn::<Learner>(()).await.unwrap();
    let tally = Arc::<Tally>::default();
    let start = Instant::now();
    let mut asks = Vec::new();
    for at in 0..8_000u32 {
        sleep_until(start + at * 2_500 * Duration::from_micros(1)).await;
        let (learner, tally) = (learner.clone(), tally.clone());
        asks.push(tokio::spawn(async move { tally.ask(learner.learn()).await }));
    }
    for ask in asks {
        ask.await.unwrap();
    }
    let (answered, shed, late) = tally.counts();
    let longest = tally.longest.load(Ordering::Relaxed);
    println!("{answered} answered, {shed} shed, the longest took {longest} ms");
    assert!(answered >= 1_900 && answered + shed == 8_000 && late == 0, "{answered} {shed} {late}");
    // While it learns, the limit doubles until a window is slow.
    assert!(longest <= 150, "{longest} ms");
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Down;

struct Remote {
    fails: bool,
    calls: u64,
}

#[actor]
impl Remote {
    #[start]
    fn start() -> Self {
        Remote { fails: true, calls: 0 }
    }

    #[handler(breaker(failures = 3, open = "1s..4s"))]
    fn fetch(&mut self) -> Result<u64, Down> {
        self.calls += 1;
        if self.fails { Err(Down) } else { Ok(self.calls) }
    }

    #[handler(breaker(failures = 1, open = "1s..4s"))]
    async fn fetch_slowly(&mut self, panics: bool) -> Result<u64, Down> {
        sleep(MS).await;
        assert!(!panics, "on purpose");
        Ok(1)
    }

    #[handler]
    fn repair(&mut self) -> u64 {
        self.fails = false;
        self.calls
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_on_a_handler_stops_calls_that_would_fail() {
    let system = System::start().unwrap();
    let remote = system.spawn::<Remote>(()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(remote.fetch().await, Err(AskError::Refused(Down)));
    }
    for _ in 0..10 {
        assert_eq!(remote.fetch().await, Err(AskError::Shed));
    }
    assert!(matches!(remote.fetch().tell(), Err(ostraca::TellError::Shed(_))));
    assert_eq!(remote.repair().await, Ok(3), "what was refused has not run; other handlers do");
    advance(1_001 * MS).await;
    assert_eq!(remote.fetch().await, Ok(4), "one is tried");
    assert_eq!(remote.fetch().await, Ok(5), "and it is closed again");
}

#[tokio::test(start_paused = true)]
async fn to_a_breaker_a_panic_is_a_failure_and_a_trial_that_is_killed_none() {
    let system = System::start().unwrap();
    let remote = system.spawn::<Remote>(()).await.unwrap();
    assert_eq!(remote.fetch_slowly(true).await, Err(AskError::Panicked));
    assert_eq!(remote.fetch_slowly(false).await, Err(AskError::Shed));
    advance(1_001 * MS).await;
    assert_eq!(remote.fetch_slowly(false).await, Ok(1));
}

#[test]
fn an_actor_without_attributes_is_not_checked_and_is_called_directly() {
    const {
        assert!(!<Remote as Handles<Repair>>::CHECKED && <Remote as Handles<Repair>>::DIRECT.is_some());
        assert!(<Remote as Handles<Fetch>>::CHECKED && <Remote as Handles<Fetch>>::DIRECT.is_none());
        assert!(<Desk as Handles<High>>::CHECKED);
    }
}

/// A deadline that travels: the handler's own ask, further down, inherits it.
#[tokio::test(start_paused = true)]
async fn a_deadline_travels_through_a_guarded_actor() {
    struct Front(ActorRef<Desk>);

    #[actor(shed)]
    impl Front {
        #[start]
        fn start(desk: ActorRef<Desk>) -> Self {
            Front(desk)
        }

        #[handler]
        async fn through(&mut self) -> Result<u64, AskError> {
            self.0.normal().await
        }
    }

    let system = System::start().unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let desk = system.spawn::<Desk>(ran.clone()).await.unwrap();
    let front = system.spawn::<Front>(desk.clone()).await.unwrap();
    desk.normal().tell().unwrap();
    desk.normal().tell().unwrap();
    let answer = front.through().within(15 * MS).await;
    assert!(matches!(answer, Err(AskError::Deadline | AskError::Refused(AskError::Deadline))), "{answer:?}");
    desk.normal().await.unwrap();
    assert_eq!(ran.load(Ordering::Relaxed), 3, "what was asked for by the front, and was late, has not run");
}
