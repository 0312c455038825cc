//! What a message costs the allocator in steady state: nothing.
//!
//! Each test warms up, and then handles [`MESSAGES`] messages without a single allocation on any thread that takes
//! part. Where messages or answers go from thread to thread it can be [`FEW`], or [`BLOCKS`], and says why. What does
//! allocate is tested as well: a `String` in a view is cloned for each reader, and a turn that changed a view that is
//! no word makes a new one.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(unsafe_code, reason = "a global allocator is unsafe to write: see the module's doc")]
mod counting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use counting::{allocations, mark_thread};
use ostraca::prelude::*;
use ostraca::{Lag, Topic};
use tokio::runtime::{Builder, Runtime};

/// Measured in each test.
const MESSAGES: u64 = 100_000;
/// What asks may allocate where slots go from thread to thread.
const FEW: u64 = MESSAGES / 1_000;
/// The blocks that messages lie in: as many as are allocated when none is used again.
const BLOCKS: u64 = MESSAGES / 32 + 2;
/// Told before the teller waits for the actor, where a long backlog is measured.
const BACKLOG: u64 = 1_000;

/// Tests of one process share the allocator: one at a time.
static MEASURING: Mutex<()> = Mutex::new(());

/// Added to what the actor has; answered with the sum.
#[derive(Clone, Message)]
#[message(reply = u64)]
struct Add(u64);

struct Unbounded(u64);

#[actor(mailbox(unbounded))]
impl Unbounded {
    #[start]
    fn start() -> Self {
        Unbounded(0)
    }

    #[handler]
    fn add(&mut self, #[message] Add(by): Add) -> u64 {
        self.0 += by;
        self.0
    }
}

struct Bounded(u64);

#[actor(mailbox(len_max = 64))]
impl Bounded {
    #[start]
    fn start() -> Self {
        Bounded(0)
    }

    #[handler]
    fn add(&mut self, #[message] Add(by): Add) -> u64 {
        self.0 += by;
        self.0
    }

    /// Another message, with a future of its own.
    #[handler]
    async fn add_slowly(&mut self, by: u64) -> u64 {
        let before = self.0;
        tokio::task::yield_now().await;
        self.0 = before + by;
        self.0
    }
}

/// Takes plain items in batches.
struct Batches(u64);

#[actor(mailbox(len_max = 64))]
impl Batches {
    #[start]
    fn start() -> Self {
        Batches(0)
    }

    #[handler(batch(len_max = 16))]
    fn add(&mut self, batch: Batch<Add>) {
        for item in batch {
            self.0 += item.0;
            item.reply(self.0);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Sums {
    count: u64,
    sum: u64,
    last: u64,
}

/// Publishes a word, a struct and a string.
struct Viewed(Sums);

#[actor]
impl Viewed {
    #[start]
    fn start() -> Self {
        Viewed(Sums { count: 0, sum: 0, last: 0 })
    }

    #[handler]
    fn add(&mut self, #[message] Add(by): Add) -> u64 {
        self.0 = Sums { count: self.0.count + 1, sum: self.0.sum + by, last: by };
        self.0.sum
    }

    #[cached]
    fn sum(&self) -> u64 {
        self.0.sum
    }

    #[cached]
    fn sums(&self) -> Sums {
        self.0
    }
}

struct Named;

#[actor]
impl Named {
    #[start]
    fn start() -> Self {
        Named
    }

    #[cached]
    fn name(&self) -> String {
        String::from("Ostraca")
    }
}

/// The right to measure, and a runtime whose workers are counted.
struct Bed {
    tokio: Runtime,
    /// How many messages are told before the teller waits for the actor. A mailbox keeps one block of 32 messages to
    /// use again; on one thread a backlog that needs no second one costs nothing. From thread to thread now and then two
    /// come back before one is needed, and one of them is freed: then it is between none and [`BLOCKS`].
    told: u64,
    _alone: MutexGuard<'static, ()>,
}

/// One after the other: the next is made when the one before is gone.
fn beds() -> impl Iterator<Item = (&'static str, Bed)> {
    ["two workers", "one thread"].into_iter().map(|name| (name, Bed::new(name == "two workers")))
}

impl Bed {
    fn new(two_workers: bool) -> Self {
        let alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut builder, told) = match two_workers {
            true => (Builder::new_multi_thread(), 4),
            false => (Builder::new_current_thread(), 16),
        };
        let tokio = builder.worker_threads(2).on_thread_start(mark_thread).enable_all().build().unwrap();
        Bed { tokio, told, _alone: alone }
    }
}

/// Runs `work` for a number of messages: once to warm up, and once more, counted.
async fn measure<F: Future<Output = ()>>(mut work: impl FnMut(u64) -> F) -> u64 {
    mark_thread();
    work(MESSAGES / 4).await;
    let before = allocations();
    work(MESSAGES).await;
    allocations() - before
}

/// What a test may allocate: on the actor's one thread, and where messages or answers go from thread to thread.
#[derive(Clone, Copy)]
struct Allowed {
    here: u64,
    across: u64,
}

const NONE: Allowed = Allowed { here: 0, across: 0 };
const TELLS: Allowed = Allowed { here: 0, across: FEW };
/// Others ask from their threads all the while.
const BUSY: Allowed = Allowed { here: FEW, across: FEW };

/// Measures on the test's own thread, in a task, and on a thread of another runtime.
///
/// A task that waited can go on on another worker, and then takes the slot of its answer from one worker's store to
/// another's: where there are two workers a task may allocate [`FEW`].
fn assert_none<F, W>(name: &str, bed: &Bed, allowed: Allowed, work: W)
where
    F: Future<Output = ()> + Send + 'static,
    W: FnMut(u64) -> F + Clone + Send + 'static,
{
    let moves = bed.tokio.metrics().num_workers() > 1;
    let (own, tasks) = match moves {
        true => (allowed.across, allowed.across.max(FEW)),
        false => (allowed.here, allowed.here),
    };
    let outside = bed.tokio.block_on(measure(work.clone()));
    assert!(outside <= own, "{name}, outside a task: {outside}");
    let task = bed.tokio.spawn(measure(work.clone()));
    let in_task = bed.tokio.block_on(task).unwrap();
    assert!(in_task <= tasks, "{name}, in a task: {in_task}");
    let elsewhere = std::thread::spawn(|| on_thread(measure(work)));
    // The workers of a runtime with one thread are driven meanwhile.
    let elsewhere = bed.tokio.block_on(async {
        while !elsewhere.is_finished() {
            tokio::task::yield_now().await;
        }
        elsewhere.join().unwrap()
    });
    assert!(elsewhere <= allowed.across, "{name}, from another runtime: {elsewhere}");
    println!("{name}: {outside} outside a task, {in_task} in one, {elsewhere} from another runtime");
}

/// Runs it here, in a runtime of its own.
fn on_thread<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_tell_allocates_nothing() {
    for (name, bed) in beds() {
        let told = bed.told;
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Unbounded>(())).unwrap();
        assert_none(&format!("{name}, unbounded"), &bed, TELLS, move |messages| {
            let actor = actor.clone();
            async move {
                for _ in 0..messages / told {
                    (1..told).for_each(|n| actor.add(Add(n)).tell().unwrap());
                    actor.add(Add(0)).await.unwrap();
                }
            }
        });
        let actor = bed.tokio.block_on(system.spawn::<Bounded>(())).unwrap();
        assert_none(&format!("{name}, bounded"), &bed, TELLS, move |messages| {
            let actor = actor.clone();
            async move {
                for _ in 0..messages / told {
                    (1..told).for_each(|n| actor.add(Add(n)).tell().unwrap());
                    actor.add(Add(0)).await.unwrap();
                }
            }
        });
    }
}

#[test]
fn a_publication_to_three_subscribers_allocates_nothing() {
    for (name, bed) in beds() {
        let told = bed.told;
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let topic = Topic::new("sums");
        let actors: [_; 3] =
            std::array::from_fn(|_| bed.tokio.block_on(system.spawn::<Unbounded>(())).unwrap());
        actors.iter().for_each(|actor| topic.subscribe(actor, Lag::DropOldest { len_max: 1 }));
        let allowed = Allowed { here: 0, across: 3 * BLOCKS };
        assert_none(&format!("{name}, published"), &bed, allowed, move |messages| {
            let (topic, actors) = (topic.clone(), actors.clone());
            async move {
                for _ in 0..messages / told {
                    (1..told).for_each(|n| assert_eq!(topic.publish(Add(n)), 3));
                    for actor in &actors {
                        actor.add(Add(0)).await.unwrap();
                    }
                }
            }
        });
    }
}

#[test]
fn a_long_backlog_allocates_one_block_for_32_messages() {
    for (name, bed) in beds() {
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Unbounded>(())).unwrap();
        let blocks = bed.tokio.block_on(measure(async |messages| {
            for _ in 0..messages / BACKLOG {
                (1..BACKLOG).for_each(|n| actor.add(Add(n)).tell().unwrap());
                actor.add(Add(0)).await.unwrap();
            }
        }));
        println!("{name}: {blocks} allocations for {MESSAGES} messages in backlogs of {BACKLOG}");
        assert!(blocks <= BLOCKS, "{name}: {blocks} allocations");
    }
}

#[test]
fn an_ask_of_an_idle_actor_allocates_nothing() {
    for (name, bed) in beds() {
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Bounded>(())).unwrap();
        let asked = actor.clone();
        assert_none(name, &bed, NONE, move |messages| {
            let actor = asked.clone();
            async move {
                for n in 0..messages {
                    actor.add(Add(n)).await.unwrap();
                }
            }
        });
        assert_none(&format!("{name}, with a deadline"), &bed, NONE, move |messages| {
            let actor = actor.clone();
            async move {
                for n in 0..messages {
                    actor.add(Add(n)).within(Duration::from_secs(60)).await.unwrap();
                }
            }
        });
    }
}

#[test]
fn an_ask_of_a_busy_actor_allocates_nothing() {
    for (name, bed) in beds() {
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Bounded>(())).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        // On threads of their own: see `assert_none`.
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (actor, is_over) = (actor.clone(), is_over.clone());
                std::thread::spawn(move || {
                    mark_thread();
                    on_thread(async {
                        while !is_over.load(Ordering::SeqCst) {
                            actor.add(Add(1)).await.unwrap();
                        }
                    });
                })
            })
            .collect();
        assert_none(name, &bed, BUSY, move |messages| {
            let actor = actor.clone();
            async move {
                for n in 0..messages {
                    actor.add(Add(n)).await.unwrap();
                }
            }
        });
        is_over.store(true, Ordering::SeqCst);
        bed.tokio.block_on(async {
            while others.iter().any(|other| !other.is_finished()) {
                tokio::task::yield_now().await;
            }
        });
    }
}

#[test]
fn an_async_handler_allocates_nothing() {
    for (name, bed) in beds() {
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Bounded>(())).unwrap();
        assert_none(name, &bed, NONE, move |messages| {
            let actor = actor.clone();
            async move {
                for n in 0..messages / 2 {
                    actor.add_slowly(n).tell().unwrap();
                    actor.add_slowly(n).await.unwrap();
                }
            }
        });
    }
}

#[test]
fn a_batch_of_plain_items_allocates_nothing() {
    for (name, bed) in beds() {
        let told = bed.told;
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Batches>(())).unwrap();
        assert_none(name, &bed, TELLS, move |messages| {
            let actor = actor.clone();
            async move {
                for _ in 0..messages / told {
                    (1..told).for_each(|n| actor.add(Add(n)).tell().unwrap());
                    actor.add(Add(0)).await.unwrap();
                }
            }
        });
    }
}

#[test]
fn a_published_views_read_allocates_nothing() {
    for (name, bed) in beds() {
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Viewed>(())).unwrap();
        assert_none(name, &bed, NONE, move |messages| {
            let actor = actor.clone();
            async move {
                for _ in 0..messages {
                    assert_eq!(actor.sum().unwrap(), actor.sums().unwrap().sum);
                }
            }
        });
        let actor = bed.tokio.block_on(system.spawn::<Named>(())).unwrap();
        let read = bed.tokio.block_on(measure(|messages| {
            (0..messages).for_each(|_| assert_eq!(actor.name().unwrap().len(), 7));
            std::future::ready(())
        }));
        assert_eq!(read, MESSAGES, "{name}: a string is cloned for each reader");
    }
}

#[test]
fn a_turn_that_changes_a_view_allocates_no_more_than_its_view() {
    for (name, bed) in beds() {
        let system = bed.tokio.block_on(async { System::start().unwrap() });
        let actor = bed.tokio.block_on(system.spawn::<Viewed>(())).unwrap();
        let turns = bed.tokio.block_on(measure(async |messages| {
            for _ in 0..messages {
                actor.add(Add(1)).await.unwrap();
            }
        }));
        println!("{name}: {turns} allocations for {MESSAGES} turns that change two views");
        // An ask that meets the worker at the actor takes a slot.
        assert!(
            turns <= MESSAGES + FEW,
            "{name}: {turns} for {MESSAGES} turns that change a word and a struct"
        );
    }
}
