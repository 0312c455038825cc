//! Twelve faults, one for each finding.

use std::time::Duration;

use ostraca::monitor::{FindingKind, Severity, Subject};
use ostraca::prelude::*;
use ostraca::{Home, TellError};
use tokio::time::sleep;

use super::{closed, memory, named};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Does what it is told, badly.
struct Faulty {
    kept: Vec<Vec<u8>>,
}

#[actor(mailbox(len_max = 10_000), restart(max = 1_000, within = "10s", backoff = "1ms..1ms"))]
impl Faulty {
    #[start]
    fn start() -> Self {
        Faulty { kept: Vec::new() }
    }

    /// Waits, as for a store.
    #[handler]
    async fn wait(&mut self, time: Duration) {
        sleep(time).await;
    }

    /// Blocks its thread.
    #[handler]
    fn block(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Never ends.
    #[handler]
    async fn hang(&mut self) {
        std::future::pending().await
    }

    #[handler]
    fn fall(&mut self, number: u32) {
        panic!("order {number} has no lines");
    }

    /// Keeps so much memory, touched.
    #[handler]
    fn keep(&mut self, bytes: usize) {
        self.kept.push(vec![1; bytes]);
    }

    #[handler(batch(len_max = 64))]
    async fn write(&mut self, batch: Batch<Line>) {
        sleep(millis(20)).await;
        batch.into_iter().for_each(|line| line.reply(()));
    }

    #[handler(batch(len_max = 64, wait_max = "23ms"))]
    fn collect(&mut self, _batch: Batch<Sherd>) {}

    /// So many live, for so long.
    #[cached(ttl = "1s", capacity = 100)]
    fn square(&self, #[key] of: u64) -> u64 {
        of * of
    }
}

#[derive(Message)]
pub(crate) struct Line;

#[derive(Message)]
struct Sherd;

/// Is asked by another one of its kind, and asks that.
struct Neighbour {
    other: Option<ActorRef<Neighbour>>,
}

#[actor]
impl Neighbour {
    #[start]
    fn start() -> Self {
        Neighbour { other: None }
    }

    #[handler]
    fn meet(&mut self, other: ActorRef<Neighbour>) {
        self.other = Some(other);
    }

    #[handler]
    async fn borrow_sugar(&mut self, after: Duration) -> bool {
        sleep(after).await;
        match &self.other {
            Some(other) => other.has_sugar(millis(2)).within(Duration::from_secs(60)).await.unwrap_or(false),
            None => false,
        }
    }

    #[handler]
    async fn has_sugar(&mut self, after: Duration) -> bool {
        sleep(after).await;
        true
    }
}

/// A shard that takes its time.
struct Shard;

#[actor]
impl Shard {
    #[start]
    fn start() -> Self {
        Shard
    }

    #[handler]
    async fn put(&mut self, #[key] key: u64) -> u64 {
        sleep(millis(8)).await;
        key
    }
}

/// Tells at an even pace, for ever.
async fn tell_every(gap: Duration, mut tell: impl FnMut() -> Result<(), ()>) {
    loop {
        let _full = tell();
        sleep(gap).await;
    }
}

fn ignore<M>(told: Result<(), TellError<M>>) -> Result<(), ()> {
    told.map_err(|_| ())
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_grows_is_named_and_closed_when_it_is_empty_again() {
    let system = System::start().unwrap();
    let slow = system.spawn_named::<Faulty>("slow", ()).await.unwrap();
    let told = slow.clone();
    let flood = tokio::spawn(tell_every(millis(5), move || ignore(told.wait(millis(10)).tell())));
    let (finding, _) = named(&system, FindingKind::MailboxGrowing).await;
    assert!(matches!(&finding.subject, Subject::Actor(label) if label.name() == Some("slow")), "{finding}");
    flood.abort();
    closed(&system, FindingKind::MailboxGrowing).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_named() {
    let system = System::start().unwrap();
    let shard = system.spawn::<Shard>(()).await.unwrap();
    // It takes 1,024, and is full in a second.
    tokio::spawn(tell_every(Duration::from_micros(500), move || ignore(shard.put(1).tell())));
    let (finding, _) = named(&system, FindingKind::MailboxGrowing).await;
    let found = finding.evidence.iter().find(|evidence| evidence.name == "len_max");
    assert_eq!(found.map(|evidence| evidence.value), Some(1_024.0), "{finding}");
}

#[tokio::test(start_paused = true)]
async fn a_hot_shard_is_named_by_its_number() {
    let system = System::start().unwrap();
    let shards = system.shards::<Shard>(8, ()).await.unwrap();
    let hot = ActorRef::id(&Shards::owner(&shards, &7_u64));
    let mut key = 0;
    tokio::spawn(tell_every(millis(10), move || {
        key += 1;
        ignore(shards.put(if key % 5 == 0 { key } else { 7 }).tell())
    }));
    let (finding, _) = named(&system, FindingKind::HotShard).await;
    assert!(matches!(&finding.subject, Subject::Actor(label) if label.id() == hot), "{finding}");
    assert!(finding.subject.shard().is_some());
}

// In real time: it is a thread that is blocked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_is_named() {
    let system = System::start().unwrap();
    let blocking = system.spawn::<Faulty>(()).await.unwrap();
    let told = blocking.clone();
    let load = tokio::spawn(tell_every(millis(150), move || ignore(told.block(millis(100)).tell())));
    let (finding, _) = named(&system, FindingKind::BlockingHandler).await;
    assert_eq!(finding.subject.type_name(), Some("Faulty"), "{finding}");
    assert_eq!(finding.subject.method(), Some("block"), "{finding}");
    load.abort();
    system.stop().await;
}

// In real time, likewise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_gets_no_thread_is_named_and_so_is_who_keeps_it() {
    let system = System::builder().pinned_cores([0]).start().unwrap();
    let blocking = system.spawn::<Faulty>(()).await.unwrap();
    let starved = system.spawn_named::<Faulty>("starved", ()).await.unwrap();
    ActorRef::move_to(&blocking, Home::Pinned(0)).await.unwrap();
    ActorRef::move_to(&starved, Home::Pinned(0)).await.unwrap();
    blocking.block(Duration::from_secs(9)).tell().unwrap();
    starved.wait(millis(1)).tell().unwrap();
    let (finding, snapshot) = named(&system, FindingKind::StarvedActor).await;
    assert!(
        matches!(&finding.subject, Subject::Actor(label) if label.name() == Some("starved")),
        "{finding}"
    );
    assert!(finding.summary.ends_with("it waits for a thread"), "{finding}");
    let kinds: Vec<_> = snapshot.findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::BlockingHandler), "{kinds:?}");
    ActorRef::kill(&blocking);
    system.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_actor_whose_handler_never_ends_is_named() {
    let system = System::start().unwrap();
    let hanging = system.spawn::<Faulty>(()).await.unwrap();
    hanging.hang().tell().unwrap();
    (0..3).for_each(|_| hanging.wait(millis(1)).tell().unwrap());
    let (finding, _) = named(&system, FindingKind::StarvedActor).await;
    assert!(finding.summary.starts_with("3 messages wait"), "{finding}");
}

#[tokio::test(start_paused = true)]
async fn asks_in_a_circle_that_have_met_are_named() {
    let system = System::start().unwrap();
    let left = system.spawn_named::<Neighbour>("left", ()).await.unwrap();
    let right = system.spawn_named::<Neighbour>("right", ()).await.unwrap();
    left.meet(right.clone()).await.unwrap();
    right.meet(left.clone()).await.unwrap();
    left.borrow_sugar(millis(10)).tell().unwrap();
    right.borrow_sugar(millis(10)).tell().unwrap();
    let (finding, _) = named(&system, FindingKind::AskCycle).await;
    assert_eq!(finding.severity, Severity::Critical, "{finding}");
    let Subject::Actors(labels) = &finding.subject else { panic!("{finding}") };
    assert_eq!(labels.iter().filter_map(|label| label.name()).collect::<Vec<_>>(), ["left", "right"]);
}

#[tokio::test(start_paused = true)]
async fn asks_in_a_circle_are_named_before_they_meet() {
    let system = System::start().unwrap();
    let left = system.spawn_named::<Neighbour>("left", ()).await.unwrap();
    let right = system.spawn_named::<Neighbour>("right", ()).await.unwrap();
    left.meet(right.clone()).await.unwrap();
    right.meet(left.clone()).await.unwrap();
    // In turns: they are lucky.
    tokio::spawn(async move {
        loop {
            assert!(left.borrow_sugar(millis(1)).await.unwrap());
            assert!(right.borrow_sugar(millis(1)).await.unwrap());
        }
    });
    let (finding, _) = named(&system, FindingKind::AskCycle).await;
    assert_eq!(finding.severity, Severity::Warning, "{finding}");
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_falls_over_and_over_is_named_with_its_last_panic() {
    let system = System::start().unwrap();
    let falling = system.spawn::<Faulty>(()).await.unwrap();
    tokio::spawn(tell_every(millis(400), move || ignore(falling.fall(4711).tell())));
    let (finding, _) = named(&system, FindingKind::RestartLoop).await;
    assert!(finding.summary.contains("order 4711 has no lines"), "{finding}");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_never_hits_is_named() {
    let system = System::start().unwrap();
    let cached = system.spawn::<Faulty>(()).await.unwrap();
    tokio::spawn(async move {
        for key in 0.. {
            cached.square(key).await.unwrap();
            sleep(millis(3)).await;
        }
    });
    let (finding, _) = named(&system, FindingKind::UselessCache).await;
    assert_eq!(finding.subject, Subject::Method { type_name: "Faulty", method: "square" });
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_always_one_is_named() {
    let system = System::start().unwrap();
    let batched = system.spawn::<Faulty>(()).await.unwrap();
    tokio::spawn(async move {
        loop {
            batched.write(Line).await.unwrap();
        }
    });
    let (finding, _) = named(&system, FindingKind::BatchOfOne).await;
    assert_eq!(finding.subject, Subject::Method { type_name: "Faulty", method: "write" });
    assert!(finding.summary.ends_with("callers come one at a time"), "{finding}");
}

#[tokio::test(start_paused = true)]
async fn a_pool_at_its_limit_is_named() {
    let system = System::start().unwrap();
    let pool = system.pool::<Shard>(()).named("resizers").concurrency(1..=2).start().await.unwrap();
    tokio::spawn(tell_every(millis(3), move || ignore(pool.put(1).tell())));
    let (finding, _) = named(&system, FindingKind::PoolAtLimit).await;
    assert!(matches!(&finding.subject, Subject::Pool { name: Some(name), .. } if &**name == "resizers"));
}

#[tokio::test(start_paused = true)]
async fn actors_that_wait_for_a_store_are_named() {
    let system = System::start().unwrap();
    let bound = system.spawn::<Faulty>(()).await.unwrap();
    for _ in 0..8 {
        let bound = bound.clone();
        tokio::spawn(async move {
            loop {
                bound.wait(millis(20)).await.unwrap();
            }
        });
    }
    let (finding, _) = named(&system, FindingKind::StoreBound).await;
    assert_eq!(finding.subject, Subject::Type("Faulty"), "{finding}");
}

#[tokio::test(start_paused = true)]
#[expect(clippy::await_holding_lock, reason = "who waits for it is a test with a thread of its own")]
async fn memory_that_grows_is_named() {
    let _alone = memory();
    let system = System::start().unwrap();
    let keeping = system.spawn::<Faulty>(()).await.unwrap();
    tokio::spawn(tell_every(millis(250), move || ignore(keeping.keep(4 << 20).tell())));
    let (finding, _) = named(&system, FindingKind::MemoryGrowing).await;
    assert_eq!(finding.subject, Subject::Process);
}

#[tokio::test(start_paused = true)]
async fn lengths_and_times_that_do_not_fit_are_named() {
    let system = System::start().unwrap();
    let bursts = system.spawn::<Faulty>(()).await.unwrap();
    let mut watch = system.monitor().watch();
    // In step with the monitor: what comes after a pull is done before the next, which sees nobody wait.
    tokio::spawn(async move {
        while watch.next().await.is_some() {
            (0..100).for_each(|_| bursts.wait(millis(8)).tell().unwrap());
        }
    });
    let (finding, _) = named(&system, FindingKind::LittlesLaw).await;
    assert_eq!(finding.subject, Subject::Type("Faulty"), "{finding}");
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_batch_that_is_held_open_are_seen_waiting() {
    let system = System::start().unwrap();
    let held = system.spawn::<Faulty>(()).await.unwrap();
    let mut watch = system.monitor().watch();
    // 23 ms do not divide the second: each look finds the batch at another point.
    tokio::spawn(tell_every(millis(1), move || ignore(held.collect(Sherd).tell())));
    for _ in 0..15 {
        let snapshot = watch.next().await.unwrap();
        let faulty = snapshot.of_type("Faulty").unwrap();
        assert!(snapshot.findings.iter().all(|found| found.kind != FindingKind::LittlesLaw), "{faulty:?}");
    }
}
