//! Where starts run, and whose runtime a handler on an asker's thread finds.

use std::thread::ThreadId;
use std::time::Duration;

use ostraca::prelude::*;

/// Knows on which thread it was started, and spawns another if it is told to.
struct Started {
    on: ThreadId,
    child: Option<ThreadId>,
}

#[actor]
impl Started {
    #[start]
    async fn start(system: Option<System>, waits: bool) -> Result<Self, StartError> {
        if waits {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let on = std::thread::current().id();
        let child = match system {
            Some(system) => Some(system.spawn::<Started>((None, false)).await?.on().await?),
            None => None,
        };
        Ok(Started { on, child })
    }

    #[handler]
    fn on(&mut self) -> ThreadId {
        self.on
    }

    #[handler]
    fn child(&mut self) -> Option<ThreadId> {
        self.child
    }
}

/// A system on threads of its own, and another runtime's thread to spawn and ask from.
fn apart<T>(work: impl AsyncFnOnce(&System) -> T) -> T {
    let home = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = home.block_on(async { System::start().unwrap() });
    let away = tokio::runtime::Builder::new_current_thread().build().unwrap();
    away.block_on(work(&system))
}

#[test]
fn a_start_begins_on_the_spawners_thread_and_goes_on_elsewhere_once_it_has_waited() {
    apart(async |system| {
        let here = std::thread::current().id();
        let at_once = system.spawn::<Started>((None, false)).await.unwrap();
        assert_eq!(at_once.on().await, Ok(here));
        let later = system.spawn::<Started>((None, true)).await.unwrap();
        assert_ne!(
            later.on().await,
            Ok(here),
            "its timer is its system's, and so is the thread that goes on"
        );
    });
}

#[test]
fn a_start_that_spawns_leaves_the_other_start_to_the_workers() {
    apart(async |system| {
        let here = std::thread::current().id();
        let parent = system.spawn::<Started>((Some(system.clone()), false)).await.unwrap();
        assert_eq!(parent.on().await, Ok(here));
        assert_ne!(parent.child().await.unwrap(), Some(here), "starts do not pile up on one stack");
    });
}

#[test]
fn starts_of_shards_are_the_workers() {
    apart(async |system| {
        let here = std::thread::current().id();
        let shards = system.shards::<Started>(4, (None, false)).await.unwrap();
        for on in shards.all().on().await {
            assert_ne!(on, Ok(here));
        }
    });
}

/// Says in whose runtime its plain handler runs.
struct Standing;

#[actor(inline = always)]
impl Standing {
    #[start]
    fn start() -> Self {
        Standing
    }

    #[handler(message = WhereIs)]
    fn runtime(&mut self) -> tokio::runtime::Id {
        tokio::runtime::Handle::current().id()
    }

    /// Asks an actor of another system from within a turn of this one.
    #[handler]
    async fn runtime_of(&mut self, other: ActorRef<Standing>) -> Result<tokio::runtime::Id, AskError> {
        other.runtime().await
    }
}

#[test]
fn a_handler_finds_its_own_systems_runtime_within_a_turn_of_another_system() {
    let runtimes = [(); 2].map(|()| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    });
    let systems = [0, 1].map(|n| runtimes[n].block_on(async { System::start().unwrap() }));
    let [one, two] = [0, 1].map(|n| runtimes[n].block_on(systems[n].spawn::<Standing>(())).unwrap());
    assert_eq!(runtimes[1].block_on(two.runtime()), Ok(runtimes[1].handle().id()));
    let nested = runtimes[0].block_on(one.runtime_of(two.clone()));
    assert_eq!(nested, Ok(runtimes[1].handle().id()));
    let asked_by_a_task = runtimes[0].block_on(async {
        let (one, two) = (one.clone(), two.clone());
        // One task that asks both by turns: what is known of its runtime is known for one system only.
        let task = tokio::spawn(async move {
            [one.runtime().await, two.runtime().await, one.runtime().await, two.runtime().await]
        });
        task.await.unwrap()
    });
    let ids = [0, 1, 0, 1].map(|n: usize| Ok(runtimes[n].handle().id()));
    assert_eq!(asked_by_a_task, ids);
}
