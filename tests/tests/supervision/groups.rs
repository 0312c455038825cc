//! Groups, live: who is started and stopped, in which order, and what their references are told.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Run, explore};
use ostraca::{
    AutoShutdown, ChildError, ChildSpec, ChildState, Restart, SpawnError, StopLimit, Strategy, SupervisorRef,
    SupervisorSpec,
};

use crate::worker::{Log, Plan, Worker, is_planned, settle};

fn restart() -> Restart {
    Restart::new(2, Duration::from_secs(10))
}

/// `a`, `b` and `c`, permanent.
async fn three(system: &System, strategy: Strategy, log: &Log) -> (SupervisorRef, [ActorRef<Worker>; 3]) {
    let supervisor =
        ["a", "b", "c"].into_iter().fold(system.supervisor(strategy, restart()), |spec, name| {
            spec.child_as::<Worker>(ChildSpec::permanent().named(name), Plan::new(name, log))
        });
    let supervisor = supervisor.start().await.unwrap();
    assert_eq!(log.take(), "+a +b +c");
    let workers = ["a", "b", "c"].map(|name| supervisor.actor_named(name).unwrap());
    (supervisor, workers)
}

#[tokio::test(start_paused = true)]
async fn one_for_one_restarts_the_one_that_failed() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (_supervisor, [a, b, c]) = three(&system, Strategy::OneForOne, &log).await;
    a.count().await.unwrap();
    b.fail().await.unwrap_err();
    assert_eq!((a.count().await, b.count().await, c.count().await), (Ok(2), Ok(1), Ok(1)));
    assert_eq!(log.take(), "-b +b");
}

#[tokio::test(start_paused = true)]
async fn one_for_all_stops_the_others_newest_first_and_starts_all_in_order() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (_supervisor, [a, b, c]) = three(&system, Strategy::OneForAll, &log).await;
    b.fail().await.unwrap_err();
    assert_eq!((a.count().await, b.count().await, c.count().await), (Ok(1), Ok(1), Ok(1)));
    assert_eq!(log.take(), "-b ~c -c ~a -a +a +b +c");
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_leaves_those_before_alone() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (_supervisor, [a, b, c]) = three(&system, Strategy::RestForOne, &log).await;
    a.count().await.unwrap();
    b.fail().await.unwrap_err();
    assert_eq!((a.count().await, b.count().await, c.count().await), (Ok(2), Ok(1), Ok(1)));
    assert_eq!(log.take(), "-b ~c -c +b +c");
}

#[tokio::test(start_paused = true)]
async fn one_restart_too_many_and_the_supervisor_gives_up_and_the_system_is_not_ready() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (supervisor, [a, b, c]) = three(&system, Strategy::OneForOne, &log).await;
    for worker in [&a, &b] {
        worker.fail().await.unwrap_err();
        settle().await;
    }
    assert_eq!(log.take(), "-a +a -b +b");
    assert!(system.readiness().is_ready());
    c.fail().await.unwrap_err();
    let reason = supervisor.wait_stopped().await;
    assert!(matches!(&reason, StopReason::GaveUp(failure) if is_planned(failure)), "{reason}");
    settle().await;
    assert_eq!(log.take(), "-c -b -a", "those that run are stopped, newest first");
    assert_eq!(a.count().await, Err(AskError::Stopped), "answered, not left hanging");
    assert_eq!(system.readiness().given_up.len(), 1);
    assert!(system.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_gives_up_is_restarted_by_its_own_and_references_stay_good() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let inner = SupervisorSpec::new(Strategy::OneForOne, Restart::new(0, Duration::from_secs(10)))
        .child::<Worker>(Plan::new("a", &log))
        .child::<Worker>(Plan::new("b", &log));
    let outer = system
        .supervisor(Strategy::OneForOne, restart())
        .supervisor_as(ChildSpec::permanent().named("inner"), inner)
        .start()
        .await
        .unwrap();
    assert_eq!(log.take(), "+a +b");
    let b: ActorRef<Worker> = outer.supervisor_named("inner").unwrap().actor().unwrap();
    b.fail().await.unwrap_err();
    assert_eq!(b.count().await, Ok(1));
    assert_eq!(log.take(), "-a -b +a +b");
    let labels: Vec<_> = system.monitor().latest().await.actors.iter().map(|a| a.label.to_string()).collect();
    assert!(labels.iter().any(|label| label.starts_with("inner: Supervisor#")), "{labels:?}");
}

#[tokio::test(start_paused = true)]
async fn a_transient_supervisor_that_gives_up_stays_down() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let inner = SupervisorSpec::new(Strategy::OneForOne, Restart::new(0, Duration::from_secs(10)))
        .child::<Worker>(Plan::new("a", &log));
    let outer = system
        .supervisor(Strategy::OneForOne, restart())
        .supervisor_as(ChildSpec::transient().named("inner"), inner)
        .start()
        .await
        .unwrap();
    let inner = outer.supervisor_named("inner").unwrap();
    let a: ActorRef<Worker> = inner.actor().unwrap();
    a.fail().await.unwrap_err();
    assert!(matches!(inner.wait_stopped().await, StopReason::GaveUp(_)));
    assert_eq!(outer.children()[0].state, ChildState::Down);
    assert_eq!(a.count().await, Err(AskError::Stopped));
}

#[tokio::test(start_paused = true)]
async fn permanent_children_are_restarted_however_they_end_transient_ones_when_they_fail() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let supervisor = system
        .supervisor(Strategy::OneForOne, Restart::new(9, Duration::from_secs(10)))
        .child_as::<Worker>(ChildSpec::permanent().named("p"), Plan::new("p", &log))
        .child_as::<Worker>(ChildSpec::transient().named("t"), Plan::new("t", &log))
        .child_as::<Worker>(ChildSpec::temporary().named("y"), Plan::new("y", &log))
        .start()
        .await
        .unwrap();
    let [p, t, y]: [ActorRef<Worker>; 3] = ["p", "t", "y"].map(|name| supervisor.actor_named(name).unwrap());
    log.take();
    p.quit().await.unwrap();
    settle().await;
    ActorRef::stop(&p);
    settle().await;
    ActorRef::kill(&p);
    settle().await;
    assert_eq!(log.take(), "-p +p -p +p -p +p");
    assert_eq!(p.count().await, Ok(1));
    ActorRef::kill(&t);
    settle().await;
    t.quit().await.unwrap();
    assert_eq!(ActorRef::wait_stopped(&t).await, StopReason::Requested);
    assert_eq!(log.take(), "-t +t -t");
    y.fail().await.unwrap_err();
    let reason = ActorRef::wait_stopped(&y).await;
    assert!(matches!(&reason, StopReason::Failed(failure) if is_planned(failure)), "{reason}");
    let left: Vec<_> =
        supervisor.children().into_iter().map(|child| (child.name.unwrap(), child.state)).collect();
    assert_eq!(left, [("p".into(), ChildState::Up), ("t".into(), ChildState::Down)]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_stops_those_that_run_and_fails_the_spawn() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let started = system
        .supervisor(Strategy::OneForOne, restart())
        .child::<Worker>(Plan::new("a", &log))
        .child::<Worker>(Plan::new("b", &log).bad_starts(1))
        .child::<Worker>(Plan::new("c", &log))
        .start()
        .await;
    let Err(SpawnError::NotStarted { reason: StopReason::NotStarted(failure), .. }) = started else {
        panic!("{started:?}")
    };
    assert!(is_planned(&failure), "{failure}");
    settle().await;
    assert_eq!(log.take(), "+a !b -a");
    assert!(system.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_is_tried_again_and_counted() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let plan = Plan::new("a", &log);
    let supervisor = system
        .supervisor(Strategy::OneForOne, restart())
        .child::<Worker>(plan.clone())
        .start()
        .await
        .unwrap();
    let a: ActorRef<Worker> = supervisor.actor().unwrap();
    *plan.bad_starts.lock().unwrap() = 1;
    a.fail().await.unwrap_err();
    assert_eq!(a.count().await, Ok(1));
    assert_eq!(log.take(), "+a -a !a +a");
    a.fail().await.unwrap_err();
    assert!(
        matches!(supervisor.wait_stopped().await, StopReason::GaveUp(_)),
        "the third restart is too many"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_before_a_restart_doubles_and_siblings_are_down_meanwhile() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let restart =
        Restart::new(9, Duration::from_secs(10)).backoff(Duration::from_millis(100), Duration::from_secs(1));
    let supervisor = system
        .supervisor(Strategy::OneForAll, restart)
        .child::<Worker>(Plan::new("a", &log))
        .child_as::<Worker>(ChildSpec::permanent().named("b"), Plan::new("b", &log))
        .start()
        .await
        .unwrap();
    let (a, b): (ActorRef<Worker>, ActorRef<Worker>) =
        (supervisor.actor().unwrap(), supervisor.actor_named("b").unwrap());
    for longest in [100, 200, 400] {
        let began = tokio::time::Instant::now();
        a.fail().await.unwrap_err();
        settle().await;
        let states: Vec<_> = supervisor.children().iter().map(|child| child.state).collect();
        assert_eq!(states, [ChildState::Restarting, ChildState::Down]);
        assert_eq!(b.count().await, Ok(1), "its mailbox waited for it");
        let waited = began.elapsed().as_millis();
        assert!((longest * 3 / 4..=longest + 2).contains(&waited), "waited {waited} of {longest} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_stop_in_time_is_killed() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let limit = StopLimit::Within(Duration::from_secs(1));
    let supervisor = system
        .supervisor(Strategy::OneForAll, restart())
        .child::<Worker>(Plan::new("a", &log))
        .child_as::<Worker>(
            ChildSpec::permanent().named("b").stop(limit),
            Plan::new("b", &log).slow(Duration::from_secs(60)),
        )
        .child_as::<Worker>(ChildSpec::permanent().named("c").stop(StopLimit::Kill), Plan::new("c", &log))
        .start()
        .await
        .unwrap();
    let a: ActorRef<Worker> = supervisor.actor().unwrap();
    let c: ActorRef<Worker> = supervisor.actor_named("c").unwrap();
    let hanging = tokio::spawn(async move { c.hang().await });
    settle().await;
    log.take();
    let began = tokio::time::Instant::now();
    a.fail().await.unwrap_err();
    assert_eq!(a.count().await, Ok(1));
    assert_eq!(log.take(), "-a -c ~b -b +a +b +c", "c is killed without a word, b after its time");
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(hanging.await.unwrap(), Err(AskError::Unanswered));
}

#[tokio::test(start_paused = true)]
async fn children_are_added_terminated_restarted_and_removed() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (supervisor, _) = three(&system, Strategy::RestForOne, &log).await;
    let added =
        supervisor.add::<Worker>(ChildSpec::permanent().named("d"), Plan::new("d", &log)).await.unwrap();
    assert_eq!(added.actor.count().await, Ok(1));
    assert_eq!(supervisor.remove(added.id).await, Err(ChildError::Running));
    assert_eq!(supervisor.restart(added.id).await, Err(ChildError::Running));
    supervisor.terminate(added.id).await.unwrap();
    assert_eq!(ActorRef::wait_stopped(&added.actor).await, StopReason::Requested);
    assert_eq!(supervisor.children()[3].state, ChildState::Down);
    supervisor.restart(added.id).await.unwrap();
    let again: ActorRef<Worker> = supervisor.actor_of(added.id).unwrap();
    assert_ne!(ActorRef::id(&again), ActorRef::id(&added.actor), "a new actor");
    supervisor.terminate(added.id).await.unwrap();
    supervisor.remove(added.id).await.unwrap();
    assert_eq!(supervisor.remove(added.id).await, Err(ChildError::NotFound));
    assert_eq!(log.take(), "+d -d +d -d");
    let bad = supervisor.add::<Worker>(ChildSpec::permanent(), Plan::new("e", &log).bad_starts(1)).await;
    assert_eq!(bad.unwrap_err(), ChildError::NotStarted);
    assert_eq!(supervisor.children().len(), 3);
    supervisor.stop();
    supervisor.wait_stopped().await;
    let late = supervisor.add::<Worker>(ChildSpec::permanent(), Plan::new("f", &log)).await;
    assert_eq!(late.unwrap_err(), ChildError::Stopping);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_significant_children_is_the_supervisors() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let bad = system
        .supervisor(Strategy::OneForOne, restart())
        .child_as::<Worker>(ChildSpec::transient().significant(), Plan::new("a", &log))
        .start()
        .await;
    assert!(matches!(bad, Err(SpawnError::Significant)));
    let supervisor = system
        .supervisor(Strategy::OneForOne, restart())
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child::<Worker>(Plan::new("a", &log))
        .child_as::<Worker>(ChildSpec::transient().named("b").significant(), Plan::new("b", &log))
        .start()
        .await
        .unwrap();
    let b: ActorRef<Worker> = supervisor.actor_named("b").unwrap();
    b.fail().await.unwrap_err();
    settle().await;
    b.quit().await.unwrap();
    assert_eq!(supervisor.wait_stopped().await, StopReason::AutoShutdown);
    assert_eq!(log.take(), "+a +b -b +b -b -a");
    assert!(system.readiness().is_ready(), "it was meant to end");
}

#[test]
fn when_a_supervisor_has_stopped_everything_below_it_has() {
    explore(100, async |run: Run| {
        let log = Log::default();
        let inner = SupervisorSpec::new(Strategy::OneForOne, restart()).child::<Worker>(Plan::new("b", &log));
        let outer = run
            .system()
            .supervisor(Strategy::OneForOne, restart())
            .child::<Worker>(Plan::new("a", &log))
            .supervisor_as(ChildSpec::permanent().named("inner"), inner)
            .start();
        let outer = outer.await.unwrap();
        let a: ActorRef<Worker> = outer.actor().unwrap();
        let b: ActorRef<Worker> = outer.supervisor_named("inner").unwrap().actor().unwrap();
        run.hold();
        outer.stop();
        while ActorRef::stop_reason(outer.as_actor()).is_none() {
            assert!(run.step().await, "nothing is ready, and the supervisor has not stopped");
        }
        assert_eq!(ActorRef::stop_reason(&a), Some(StopReason::Requested));
        assert_eq!(ActorRef::stop_reason(&b), Some(StopReason::Requested));
        assert_eq!(log.take(), "+a +b -b -a");
    });
}

#[tokio::test(start_paused = true)]
async fn a_system_that_stops_drains_a_group_newest_first() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (_supervisor, [a, _b, c]) = three(&system, Strategy::OneForOne, &log).await;
    let asks = async { tokio::join!(c.count(), c.count(), a.count()) };
    let (asks, report) = tokio::join!(asks, system.stop());
    assert_eq!(asks, (Ok(1), Ok(2), Ok(1)), "what was queued was handled");
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(log.take(), "-c -b -a");
}

#[tokio::test(start_paused = true)]
async fn an_actor_supervises_a_group_that_ends_with_it_and_fails_when_it_gives_up() {
    struct Owner {
        group: SupervisorRef,
    }

    #[actor(restart(max = 3, within = "10s", backoff = "0ms..0ms"))]
    impl Owner {
        #[start]
        async fn start(ctx: &mut Context<Self>, log: Log) -> Result<Self, StartError> {
            let spec = SupervisorSpec::new(Strategy::OneForOne, Restart::new(0, Duration::from_secs(1)))
                .child::<Worker>(Plan::new("a", &log));
            Ok(Owner { group: spec.start_in(ctx).await? })
        }

        #[handler]
        fn hired(&self) -> ActorRef<Worker> {
            self.group.actor().expect("it was started")
        }
    }

    let (system, log) = (System::start().unwrap(), Log::default());
    let owner = system.spawn::<Owner>(log.clone()).await.unwrap();
    let worker = owner.hired().await.unwrap();
    worker.fail().await.unwrap_err();
    settle().await;
    assert_eq!(worker.count().await, Err(AskError::Stopped));
    let again = owner.hired().await.unwrap();
    assert_eq!(again.count().await, Ok(1), "the owner was restarted, with a new group");
    ActorRef::stop(&owner);
    ActorRef::wait_stopped(&owner).await;
    assert_eq!(log.take(), "+a -a +a -a");
}

#[tokio::test(start_paused = true)]
async fn a_killed_supervisor_takes_its_children_along_and_they_start_again_with_it() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let inner = SupervisorSpec::new(Strategy::OneForOne, restart())
        .child::<Worker>(Plan::new("a", &log).slow(Duration::from_secs(60)))
        .child::<Worker>(Plan::new("b", &log));
    let outer = system
        .supervisor(Strategy::OneForOne, restart())
        .supervisor_as(ChildSpec::permanent().named("inner"), inner)
        .start()
        .await
        .unwrap();
    log.take();
    let inner = outer.supervisor_named("inner").unwrap();
    let a: ActorRef<Worker> = inner.actor().unwrap();
    ActorRef::kill(inner.as_actor());
    assert_eq!(a.count().await, Ok(1));
    let fell = log.take();
    assert!(matches!(&*fell, "-a -b +a +b" | "-b -a +a +b"), "{fell}");
    ActorRef::kill(outer.as_actor());
    assert_eq!(outer.wait_stopped().await, StopReason::Killed);
    settle().await;
    assert_eq!(a.count().await, Err(AskError::Stopped));
    assert!(system.stop().await.is_clean());
}

#[tokio::test]
async fn dropping_the_system_leaves_no_ask_of_a_group_hanging() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (supervisor, [a, ..]) = three(&system, Strategy::OneForAll, &log).await;
    let hanging = tokio::spawn(async move { a.hang().await });
    tokio::task::yield_now().await;
    drop(system);
    hanging.await.unwrap().unwrap_err();
    assert_eq!(supervisor.wait_stopped().await, StopReason::RuntimeLost);
    let late = supervisor.add::<Worker>(ChildSpec::permanent(), Plan::new("f", &log)).await;
    assert_eq!(late.unwrap_err(), ChildError::Stopping);
}

#[tokio::test(start_paused = true)]
async fn a_drained_child_that_falls_goes_on_with_what_is_queued_and_a_new_one_takes_its_place() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let supervisor = system
        .supervisor(Strategy::OneForOne, restart())
        .child::<Worker>(Plan::new("a", &log))
        .start()
        .await
        .unwrap();
    let a: ActorRef<Worker> = supervisor.actor().unwrap();
    let drained = async {
        let asks = async { tokio::join!(a.count(), a.fail(), a.count()) };
        let drain = async { ActorRef::drain(&a) };
        tokio::join!(asks, drain).0
    };
    assert_eq!(drained.await, (Ok(1), Err(AskError::Panicked), Ok(1)));
    assert_eq!(ActorRef::wait_stopped(&a).await, StopReason::Requested);
    settle().await;
    let again: ActorRef<Worker> = supervisor.actor().unwrap();
    assert_ne!(ActorRef::id(&again), ActorRef::id(&a));
    assert_eq!(again.count().await, Ok(1));
    assert_eq!(log.take(), "+a -a +a -a +a");
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_group_finds_its_siblings() {
    struct Finder;

    #[actor]
    impl Finder {
        #[start]
        fn start(ctx: &mut Context<Self>) -> Result<Self, StartError> {
            ctx.sibling_named::<Worker>("b").ok_or_else(|| StartError::new("b is not there"))?;
            Ok(Finder)
        }

        #[handler]
        fn first(&self, ctx: &mut Context<Self>) -> Option<ActorRef<Worker>> {
            ctx.sibling()
        }
    }

    let (system, log) = (System::start().unwrap(), Log::default());
    let (supervisor, [a, ..]) = three(&system, Strategy::OneForOne, &log).await;
    let finder = supervisor.add::<Finder>(ChildSpec::permanent(), ()).await.unwrap();
    let found = finder.actor.first().await.unwrap().unwrap();
    assert_eq!(ActorRef::id(&found), ActorRef::id(&a));
    let alone = system.spawn::<Finder>(()).await;
    assert!(matches!(alone, Err(SpawnError::NotStarted { .. })), "it has no siblings");
}

/// Supervisors are of one type, whatever they hold: neighbours are not stopped side by side.
#[tokio::test(start_paused = true)]
async fn a_system_stops_its_supervisors_one_after_the_other_newest_first() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let mut supervisors = Vec::new();
    for plan in
        [Plan::new("a", &log), Plan::new("b", &log), Plan::new("c", &log).slow(Duration::from_millis(300))]
    {
        let spec = system.supervisor(Strategy::OneForOne, restart()).child::<Worker>(plan);
        supervisors.push(spec.start().await.unwrap());
    }
    log.take();
    assert!(system.stop().await.is_clean());
    assert_eq!(log.take(), "-c -b -a");
}

/// The names that siblings have among themselves are not the system's.
#[tokio::test(start_paused = true)]
async fn a_childs_name_is_its_supervisors_and_takes_none_of_the_systems() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let named = system.spawn_named::<Worker>("a", Plan::new("named", &log)).await.unwrap();
    named.count().await.unwrap();
    log.take();
    for _ in 0..2 {
        let (supervisor, _workers) = three(&system, Strategy::OneForOne, &log).await;
        supervisor.stop();
        supervisor.wait_stopped().await;
        log.take();
        assert_eq!(system.lookup::<Worker>("a").unwrap().count().await.unwrap() % 2, 0, "the same actor");
        named.count().await.unwrap();
    }
    assert!(system.lookup::<Worker>("b").is_err(), "found by its supervisor, not by the system");
}
