//! Whose thread, whose runtime.

use std::time::Duration;

use ostraca::AskError;
use ostraca::prelude::*;

struct Adder {
    sum: u64,
}

#[actor(inline = always)]
impl Adder {
    #[start]
    fn start() -> Self {
        Adder { sum: 0 }
    }

    #[handler]
    fn add(&mut self, n: u64) -> u64 {
        self.sum += n;
        self.sum
    }

    #[handler]
    fn sum(&mut self) -> u64 {
        self.sum
    }

    #[handler]
    fn thread(&mut self) -> std::thread::ThreadId {
        std::thread::current().id()
    }

    #[handler]
    fn add_soon(&mut self, ctx: &mut Context<Self>, n: u64) -> tokio::runtime::Id {
        ctx.after(Duration::from_millis(1), Add { n });
        ctx.spawn(async {});
        tokio::runtime::Handle::current().id()
    }

    #[handler]
    fn fail(&mut self) {
        panic!("on whose thread?");
    }
}

#[tokio::test]
async fn a_loop_of_asks_of_an_idle_actor_does_not_starve_its_neighbour() {
    let system = System::start().unwrap();
    let adder = system.spawn::<Adder>(()).await.unwrap();
    let asker = tokio::spawn({
        let adder = adder.clone();
        async move {
            // Bounded, so that a starved neighbour is a failure and not a hang.
            for _ in 0..1_000_000 {
                adder.add(1).await.unwrap();
            }
        }
    });
    // On this one thread the neighbour only gets a turn if the asker gives its own up.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!asker.is_finished(), "the neighbour had ten turns while the asker asked");
    asker.abort();
    assert!(asker.await.unwrap_err().is_cancelled());
    assert!(adder.sum().await.unwrap() > 0);
}

#[tokio::test]
async fn an_ask_of_an_idle_actor_runs_on_the_askers_thread() {
    let system = System::start().unwrap();
    let adder = system.spawn::<Adder>(()).await.unwrap();
    adder.add(1).await.unwrap();
    let other = std::thread::spawn(move || {
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        (tokio.block_on(adder.thread()).unwrap(), std::thread::current().id())
    });
    let (ran_on, asker) = other.join().unwrap();
    assert_eq!(ran_on, asker);
    drop(system);
}

#[test]
fn an_ask_from_another_runtime_leaves_no_timer_or_task_there() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = home.block_on(async { System::start().unwrap() });
    let adder = home.block_on(system.spawn::<Adder>(())).unwrap();
    // The asker's runtime has no timers at all: one made on it would panic.
    let asker = tokio::runtime::Builder::new_current_thread().build().unwrap();
    asker.block_on(adder.add(1)).unwrap();
    let ran_in = asker.block_on(adder.add_soon(41).within(Duration::from_secs(60))).unwrap();
    assert_eq!(ran_in, home.handle().id(), "the handler ran in the system's runtime");
    assert_eq!(asker.metrics().num_alive_tasks(), 0);
    drop(asker);
    let fired = async {
        while adder.sum().await != Ok(42) {
            tokio::task::yield_now().await;
        }
    };
    home.block_on(async { tokio::time::timeout(Duration::from_secs(30), fired).await })
        .expect("the timer outlives the asker's runtime");
    drop(system);
}

#[test]
fn a_panic_on_an_askers_thread_is_its_error_and_the_supervisors_failure() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = home.block_on(async { System::start().unwrap() });
    let adder = home.block_on(system.spawn::<Adder>(())).unwrap();
    let asker = tokio::runtime::Builder::new_current_thread().build().unwrap();
    asker.block_on(adder.add(5)).unwrap();
    assert_eq!(asker.block_on(adder.fail()), Err(AskError::Panicked));
    assert_eq!(asker.block_on(adder.sum()), Ok(0), "restarted by its supervisor");
    assert_eq!(system.dead_letters_total(), 1);
    drop(system);
}

#[test]
fn two_systems_in_one_process_share_nothing() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    tokio.block_on(async {
        let (one, two) = (System::start().unwrap(), System::start().unwrap());
        let (a, b) = (one.spawn::<Adder>(()).await.unwrap(), two.spawn::<Adder>(()).await.unwrap());
        assert_eq!(ActorRef::id(&a), ActorRef::id(&b), "each counts its own actors");
        one.stop().await;
        assert_eq!(a.add(1).await, Err(AskError::Stopped));
        assert_eq!(b.add(1).await, Ok(1));
        two.stop().await;
    });
}

struct Keeper(std::sync::mpsc::Sender<ReplyTo<u32>>);

#[actor]
impl Keeper {
    #[start]
    fn start(keep: std::sync::mpsc::Sender<ReplyTo<u32>>) -> Self {
        Keeper(keep)
    }

    #[handler]
    fn keep(&mut self, reply: ReplyTo<u32>) {
        self.0.send(reply).unwrap();
    }
}

#[test]
fn an_ask_with_a_deadline_outlives_the_timers_it_waits_with() {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = home.block_on(async { System::start().unwrap() });
    let (keep, kept) = std::sync::mpsc::channel();
    let keeper = home.block_on(system.spawn::<Keeper>(keep)).unwrap();
    let asker = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ask = asker.spawn({
        let keeper = keeper.clone();
        async move { keeper.keep().within(Duration::from_secs(60)).await }
    });
    asker.block_on(tokio::task::yield_now());
    let reply = kept.recv().unwrap();
    drop(home);
    assert_eq!(asker.block_on(ask).unwrap(), Err(AskError::Deadline));
    assert!(reply.is_cancelled());
    drop(system);
}

/// A waker that panics.
struct Bad;

impl std::task::Wake for Bad {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("a planned failure");
    }
}

#[tokio::test]
async fn an_askers_waker_that_panics_does_not_reach_who_answers() {
    let system = System::start().unwrap();
    let (keep, kept) = std::sync::mpsc::channel();
    let keeper = system.spawn::<Keeper>(keep).await.unwrap();
    let mut ask = Box::pin(keeper.keep());
    let bad = std::task::Waker::from(std::sync::Arc::new(Bad));
    assert!(ask.as_mut().poll(&mut std::task::Context::from_waker(&bad)).is_pending());
    let reply = tokio::task::spawn_blocking(move || kept.recv()).await.unwrap().unwrap();
    reply.reply(7);
    assert_eq!(ask.await, Ok(7));
}
