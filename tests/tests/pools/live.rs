//! Pools of real actors, in paused time.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ostraca::pool::{Balance, ByKey, PoolNumbers};
use ostraca::prelude::*;
use ostraca::{Keyed, TellError};

/// What the actors of one test share.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Inner>);

#[derive(Default)]
struct Inner {
    started: AtomicUsize,
    running: AtomicUsize,
    running_most: AtomicUsize,
    batched: AtomicUsize,
}

impl Watch {
    fn enter(&self) -> Running<'_> {
        let running = self.0.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.running_most.fetch_max(running, Ordering::Relaxed);
        Running(self)
    }
}

struct Running<'a>(&'a Watch);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// Written by several at once.
#[derive(Message)]
#[message(reply = usize)]
pub(crate) struct Line(u64);

pub(crate) struct Worker {
    watch: Watch,
    number: usize,
    calls: usize,
}

#[actor(mailbox(len_max = 8), restart(max = 100, within = "10s", backoff = "1ms..1ms"))]
impl Worker {
    #[start]
    fn start(watch: Watch) -> Self {
        let number = watch.0.started.fetch_add(1, Ordering::Relaxed);
        Worker { watch, number, calls: 0 }
    }

    /// Takes its time; says whose it was.
    #[handler]
    async fn work(&mut self, millis: u64) -> usize {
        let _running = self.watch.enter();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.number
    }

    #[handler]
    fn number(&self, #[key] _key: u64) -> usize {
        self.number
    }

    #[handler]
    fn count(&mut self) -> usize {
        self.calls += 1;
        self.calls
    }

    #[handler]
    fn refuse(&mut self) -> Result<usize, Refused> {
        Err(Refused)
    }

    #[handler]
    fn panic(&mut self) {
        panic!("on purpose");
    }

    #[handler(batch(len_max = 16))]
    async fn write(&mut self, batch: Batch<Line>) {
        let _running = self.watch.enter();
        self.watch.0.batched.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(10)).await;
        for item in batch {
            let line = item.0 as usize;
            item.reply(line);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_pool_looks_like_a_call_of_an_actor() {
    let system = System::start().unwrap();
    let pool = system
        .pool::<Worker>(Watch::default())
        .concurrency(3)
        .balance(Balance::RoundRobin)
        .start()
        .await
        .unwrap();
    let mut seen = HashSet::new();
    for _ in 0..3 {
        seen.insert(pool.work(1).await.unwrap());
    }
    assert_eq!(seen.len(), 3, "each replica has had one");
    pool.work(1).tell().unwrap();
    pool.work(1).send().await.unwrap();
    assert_eq!(pool.work(1_000).within(Duration::from_millis(5)).await, Err(AskError::Deadline));
    assert_eq!(pool.refuse().await, Err(AskError::Refused(Refused)));
    assert_eq!(Pool::len(&pool), 3);
    assert_eq!(Pool::request(&pool, Line(7)).await, Ok(7));
    system.stop().await;
    assert_eq!(pool.work(1).await, Err(AskError::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_keyed_pool_sends_a_key_to_its_replica() {
    let system = System::start().unwrap();
    let pool: Pool<Worker, ByKey> =
        system.pool::<Worker>(Watch::default()).concurrency(4).by_key().start().await.unwrap();
    let mut used = HashSet::new();
    for key in 0..50 {
        let first = pool.number(key).await.unwrap();
        assert_eq!(pool.number(key).await, Ok(first));
        used.insert(first);
    }
    assert_eq!(used.len(), 4);
    fn is_keyed<M: Keyed>() {}
    is_keyed::<Number>();
}

/// The seed's batch processor: N batches in flight, no more, and nobody is stranded.
#[tokio::test(start_paused = true)]
async fn stranded_items() {
    let system = System::start().unwrap();
    let watch = Watch::default();
    let pool = system.pool::<Worker>(watch.clone()).concurrency(3).start().await.unwrap();
    let writes: Vec<_> = (0..300)
        .map(|line| {
            let pool = pool.clone();
            tokio::spawn(async move { Pool::request(&pool, Line(line)).await })
        })
        .collect();
    for (line, write) in writes.into_iter().enumerate() {
        assert_eq!(write.await.unwrap(), Ok(line), "each item has its own answer");
    }
    assert_eq!(watch.0.running_most.load(Ordering::Relaxed), 3, "as many batches in flight as replicas");
    let batches = watch.0.batched.load(Ordering::Relaxed);
    assert!(batches < 300 / 4, "{batches} batches of 300 items");
    let numbers = Pool::numbers(&pool);
    assert_eq!((numbers.answered, numbers.in_flight, numbers.queue_len), (300, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_tell_goes_where_there_is_room_and_comes_back_when_there_is_none() {
    let system = System::start().unwrap();
    let pool = system
        .pool::<Worker>(Watch::default())
        .concurrency(2)
        .balance(Balance::RoundRobin)
        .start()
        .await
        .unwrap();
    let replicas = Pool::replicas(&pool);
    for _ in 0..8 {
        replicas[0].work(1).tell().unwrap();
    }
    // All of them, to the other, and one of the first eight has not begun.
    for _ in 0..8 {
        pool.work(2).tell().unwrap();
    }
    let Err(TellError::Full(back)) = pool.work(3).tell() else { panic!("there is no room") };
    assert_eq!(back.millis, 3);
    let numbers = Pool::numbers(&pool);
    assert_eq!((numbers.told, numbers.picks, numbers.queue_len), (8, 8, 16));
}

#[tokio::test(start_paused = true)]
async fn a_replica_restarts_on_its_own_and_keeps_its_mailbox() {
    let system = System::start().unwrap();
    let watch = Watch::default();
    let pool = system
        .pool::<Worker>(watch.clone())
        .concurrency(2)
        .balance(Balance::RoundRobin)
        .start()
        .await
        .unwrap();
    assert_eq!((pool.count().await, pool.count().await), (Ok(1), Ok(1)));
    assert_eq!(pool.panic().await, Err(AskError::Panicked));
    // The other one still counts on; the one that fell begins anew.
    let counts: HashSet<_> = [pool.count().await.unwrap(), pool.count().await.unwrap()].into();
    assert_eq!(counts, HashSet::from([1, 2]));
    assert_eq!(watch.0.started.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_pool_grows_under_load_and_shrinks_after_it_and_loses_nothing() {
    let system = System::start().unwrap();
    let watch = Watch::default();
    let pool = system.pool::<Worker>(watch.clone()).concurrency(2..=8).start().await.unwrap();
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    pool.work(10).await.unwrap();
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!((Pool::len(&pool), watch.0.running_most.load(Ordering::Relaxed)), (8, 8));
    // A little load goes on while it shrinks: half of what one replica can do.
    for _ in 0..5_000 {
        pool.work(10).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(Pool::len(&pool), 2);
    let PoolNumbers { grown, shrunk, answered, failed, .. } = Pool::numbers(&pool);
    assert_eq!((grown, shrunk, answered, failed), (6, 6, 64 * 50 + 5_000, 0));
    // Those that left have stopped, and their names with them.
    assert_eq!(Pool::supervisor(&pool).children().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_a_scripted_run_are_exact_and_the_monitor_shows_them() {
    let system = System::start().unwrap();
    let pool = system
        .pool::<Worker>(Watch::default())
        .concurrency(2)
        .balance(Balance::RoundRobin)
        .named("workers")
        .start()
        .await
        .unwrap();
    // Each replica has one of 100 ms, and behind it one of 50 ms.
    let calls: Vec<_> = [100, 100, 50, 50]
        .into_iter()
        .map(|millis| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.work(millis).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let under_way = Pool::numbers(&pool);
    assert_eq!((under_way.active, under_way.in_flight, under_way.queue_len), (2, 4, 2));
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(pool.panic().await, Err(AskError::Panicked));
    drop(pool.refuse().await);
    let dropped = pool.work(1_000);
    assert!(tokio::time::timeout(Duration::from_millis(5), dropped).await.is_err());
    pool.count().tell().unwrap();
    let numbers = system.monitor().latest().await.pool_of("Worker").unwrap().clone();
    let mut expected = Pool::numbers(&pool);
    assert_eq!(numbers, expected);
    assert_eq!((numbers.type_name, numbers.name.as_deref()), ("Worker", Some("workers")));
    assert_eq!((numbers.picks, numbers.answered, numbers.failed), (8, 5, 1));
    assert_eq!((numbers.left, numbers.told, numbers.ejections, numbers.ejected), (1, 1, 0, 0));
    // Two replicas of 150 ms, and 5 ms of the call that was left. Two calls waited for 100 ms each.
    assert_eq!(numbers.running, Duration::from_millis(305));
    assert_eq!(numbers.waiting, Duration::from_millis(200));
    expected.running = Duration::ZERO;
    assert_ne!(numbers, expected, "what is compared is the whole");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_failures_where_the_pool_says_so() {
    let system = System::start().unwrap();
    let spec = || system.pool::<Worker>(Watch::default()).concurrency(2);
    let (plain, strict) = (spec().start().await.unwrap(), spec().refusals_fail().start().await.unwrap());
    for pool in [&plain, &strict] {
        for _ in 0..20 {
            assert_eq!(pool.refuse().await, Err(AskError::Refused(Refused)));
        }
    }
    let (plain, strict) = (Pool::numbers(&plain), Pool::numbers(&strict));
    assert_eq!((plain.answered, plain.failed, plain.ejected), (20, 0, 0));
    assert_eq!((strict.answered, strict.failed, strict.ejected), (0, 20, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_actor_does_not_start_is_an_error_that_says_why() {
    struct Faulty;

    #[actor]
    impl Faulty {
        #[start]
        fn start() -> Result<Self, StartError> {
            Err(StartError::new("there is no printer"))
        }
    }

    let system = System::start().unwrap();
    let error = system.pool::<Faulty>(()).concurrency(2).start().await.unwrap_err();
    assert!(error.to_string().contains("there is no printer"), "{error}");
}

#[test]
#[should_panic(expected = "a pool has 1 to 1024 replicas, such as `2..=16`, not 3..=2")]
fn bounds_that_are_none_are_named() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let system = System::start().unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is wrong")]
    let _spec = system.pool::<Worker>(Watch::default()).concurrency(3..=2);
}
