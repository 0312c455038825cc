//! Several systems in one process: what they share, and what they leave behind.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(unsafe_code, reason = "a global allocator is unsafe to write: see the module's doc")]
mod live;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ostraca::prelude::*;
use ostraca::{AskError, Lag, Phase, Topic};
use tokio::runtime::{Builder, Runtime};

/// The tests count what the process has: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[derive(Clone, Message)]
struct News(Arc<u64>);

/// Does a little of everything.
struct Busy {
    heard: u64,
    ticks: u64,
    child: ActorRef<Child>,
}

#[actor]
impl Busy {
    #[start]
    fn start(ctx: &mut Context<Self>, news: Topic<News>) -> Result<Self, StartError> {
        news.subscribe(&ctx.me(), Lag::DropOldest { len_max: 100 });
        ctx.every(Duration::from_millis(1), || Tick {});
        ctx.spawn(std::future::pending());
        Ok(Busy { heard: 0, ticks: 0, child: ctx.child::<Child>(())? })
    }

    #[handler]
    fn tick(&mut self) {
        self.ticks += 1;
    }

    #[handler]
    fn news(&mut self, #[message] News(by): News) {
        self.heard += *by;
    }

    #[handler]
    fn counts(&self) -> (u64, u64) {
        (self.heard, self.ticks)
    }

    #[handler]
    async fn add(&mut self, #[key] by: u64) -> u64 {
        self.child.sum(by).await.unwrap_or_default()
    }

    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    #[handler]
    fn fail(&mut self) {
        std::panic::panic_any(PLANNED);
    }
}

struct Child {
    sum: u64,
}

#[actor]
impl Child {
    #[start]
    fn start() -> Self {
        Child { sum: 0 }
    }

    #[handler]
    fn sum(&mut self, by: u64) -> u64 {
        self.sum += by;
        self.sum
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn a_system_that_stops_takes_nothing_from_another() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let tokio = runtime();
    tokio.block_on(async {
        let news = Topic::new("news");
        let (one, two) = (start(HUNG), start(IN_ORDER));
        let stays = two.spawn_named::<Busy>("busy", news.clone()).await.unwrap();
        let goes = one.spawn_named::<Busy>("busy", news.clone()).await.unwrap();
        let shards = two.shards::<Busy>(4, news.clone()).await.unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let askers: Vec<_> = (0..4)
            .map(|asker| {
                let (stays, shards) = (stays.clone(), shards.clone());
                let (is_over, answered) = (is_over.clone(), answered.clone());
                tokio::spawn(async move {
                    while !is_over.load(Ordering::Relaxed) {
                        stays.add(1).await.unwrap();
                        shards.add(asker).await.unwrap();
                        answered.fetch_add(2, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        goes.hang().tell().unwrap();
        let published = 1000;
        for n in 0..published {
            news.publish(News(Arc::new(1)));
            if n == published / 2 {
                let report = one.stop().await;
                assert_eq!(report.killed.len(), 2, "the one that hangs, and its child");
                drop(one.clone());
            }
            tokio::task::yield_now().await;
        }
        drop(one);
        let before = answered.load(Ordering::Relaxed);
        let (heard, ticks) = stays.counts().await.unwrap();
        assert_eq!(heard, published, "every publication, before and after");
        while answered.load(Ordering::Relaxed) < before + 100 || stays.counts().await.unwrap().1 <= ticks + 2
        {
            tokio::task::yield_now().await;
        }
        is_over.store(true, Ordering::Relaxed);
        for asker in askers {
            asker.await.expect("every ask was answered");
        }
        assert_eq!(goes.counts().await, Err(AskError::Stopped));
        assert_eq!(ActorRef::id(&two.lookup::<Busy>("busy").unwrap()), ActorRef::id(&stays));
        assert_eq!(two.dead_letters_total(), 0);
        assert!(two.readiness().is_ready());
        assert_eq!(news.subscriptions().len(), 5);
        assert!(two.stop().await.is_clean());
    });
}

/// How long a stop waits for a handler that hangs.
const HUNG: Duration = Duration::from_millis(100);
/// And how long it may take for the machine to come round to it.
const IN_ORDER: Duration = Duration::from_secs(30);

fn start(stop_deadline: Duration) -> System {
    System::builder().stop_deadline(stop_deadline).start().unwrap()
}

/// The life of a system with a bit of everything in it. `n` says how it ends.
async fn live_and_stop(n: u64, news: &Topic<News>) {
    let hangs = n.is_multiple_of(50);
    let system = start(if hangs { HUNG } else { IN_ORDER });
    let busy = system.spawn_named::<Busy>("busy", news.clone()).await.unwrap();
    let shards = system.shards::<Busy>(3, news.clone()).await.unwrap();
    news.publish(News(Arc::new(n)));
    assert_eq!(busy.add(n).await, Ok(n));
    shards.add(n).await.unwrap();
    assert_eq!(busy.counts().within(Duration::from_secs(60)).await.map(|(heard, _)| heard), Ok(n));
    assert!(system.monitor().latest().await.actors.len() >= 8);
    if n.is_multiple_of(10) {
        assert_eq!(busy.fail().await, Err(AskError::Panicked));
    }
    if hangs {
        shards.shard(0).hang().tell().unwrap();
    }
    system.on_stop(Phase::Flush, "nothing", async {});
    if n % 5 == 1 {
        // Whoever has references to its actors, and asks that wait.
        let hung = busy.hang();
        let dropped = async { drop(system) };
        let failed = tokio::join!(hung, dropped).0;
        assert!(matches!(failed, Err(AskError::Unanswered | AskError::Dropped)), "begun or not");
    } else {
        assert_eq!(system.stop().await.is_clean(), !hangs);
    }
}

/// What the process has.
#[derive(Debug)]
struct Has {
    threads: usize,
    files: usize,
    tasks: usize,
    bytes: i64,
}

impl Has {
    fn now(tokio: &Runtime) -> Self {
        Has {
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            files: fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: tokio.metrics().num_alive_tasks(),
            bytes: live::bytes(),
        }
    }

    /// Once what ends by itself has ended: tasks that are told to end do so when their runtime comes to them.
    fn at_rest(tokio: &Runtime) -> Self {
        let until = Instant::now() + Duration::from_secs(30);
        while tokio.metrics().num_alive_tasks() > 0 && Instant::now() < until {
            std::thread::yield_now();
        }
        Has::now(tokio)
    }
}

const PLANNED: &str = "a planned failure";

/// Planned panics are not shown: to resolve a backtrace reads debug information, and keeps it.
fn quieten_planned_panics() {
    let shows = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&PLANNED) {
            shows(panic);
        }
    }));
}

/// Bytes a system that may be found at the end: capacities of lists that live longer, which grow once.
const BYTES_A_SYSTEM: i64 = 8;

#[test]
fn a_thousand_systems_leave_no_thread_task_file_or_memory() {
    const SYSTEMS: u64 = 1000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    quieten_planned_panics();
    let tokio = runtime();
    let news = Topic::new("news");
    let live = async |systems: std::ops::Range<u64>| {
        for n in systems {
            live_and_stop(n, &news).await;
            // A system that was dropped lets its actors go when their present message has ended.
            while !news.subscriptions().is_empty() {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio.block_on(live(0..100));
    let before = Has::at_rest(&tokio);
    let began = Instant::now();
    tokio.block_on(live(100..100 + SYSTEMS));
    let after = Has::at_rest(&tokio);
    println!("{SYSTEMS} systems in {:?}: from {before:?} to {after:?}", began.elapsed());
    assert_eq!(after.tasks, 0);
    assert_eq!((after.threads, after.files), (before.threads, before.files));
    let more = after.bytes - before.bytes;
    assert!(more < BYTES_A_SYSTEM * SYSTEMS as i64, "{more} bytes are left of {SYSTEMS} systems");
}
