//! Watching and linking.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Run, explore};
use ostraca::{ChildSpec, Restart, Strategy};

use crate::worker::{Log, Plan, Worker, is_planned, settle};

async fn pair(system: &System, log: &Log) -> (ActorRef<Worker>, ActorRef<Worker>) {
    let a = system.spawn::<Worker>(Plan::new("a", log)).await.unwrap();
    let b = system.spawn::<Worker>(Plan::new("b", log)).await.unwrap();
    log.take();
    (a, b)
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_of_the_stop_and_not_of_a_restart() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (a, b) = pair(&system, &log).await;
    a.watch(b.clone()).await.unwrap();
    b.fail().await.unwrap_err();
    assert_eq!(b.count().await, Ok(1));
    assert_eq!(a.seen().await, Ok(vec![]));
    ActorRef::stop(&b);
    settle().await;
    assert_eq!(a.seen().await, Ok(vec![StopReason::Requested]));
    a.watch(b.clone()).await.unwrap();
    settle().await;
    assert_eq!(a.seen().await.unwrap().len(), 2, "at once, when it has stopped already");
}

#[tokio::test(start_paused = true)]
async fn linked_actors_fall_together_whichever_fails() {
    for fails_first in [true, false] {
        let (system, log) = (System::start().unwrap(), Log::default());
        let (a, b) = pair(&system, &log).await;
        a.link(b.clone()).await.unwrap();
        settle().await;
        let (first, second) = if fails_first { (&a, &b) } else { (&b, &a) };
        first.fail().await.unwrap_err();
        assert_eq!((first.count().await, second.count().await), (Ok(1), Ok(1)), "both are new");
        let fell = log.take();
        assert!(fell.contains("-a") && fell.contains("-b"), "{fell}");
        // The new incarnations are not linked.
        first.fail().await.unwrap_err();
        assert_eq!((first.count().await, second.count().await), (Ok(1), Ok(2)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_order_and_an_unlink_leave_the_other_end_alone() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (a, b) = pair(&system, &log).await;
    a.link(b.clone()).await.unwrap();
    b.unlink(a.clone()).await.unwrap();
    settle().await;
    b.fail().await.unwrap_err();
    assert_eq!((a.count().await, b.count().await), (Ok(1), Ok(1)));
    a.link(b.clone()).await.unwrap();
    settle().await;
    ActorRef::stop(&b);
    ActorRef::wait_stopped(&b).await;
    settle().await;
    assert_eq!(a.count().await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_kill_breaks_a_link_and_so_does_one_who_fails_while_it_links() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (a, b) = pair(&system, &log).await;
    a.count().await.unwrap();
    b.link_and_fail(a.clone()).await.unwrap_err();
    settle().await;
    assert_eq!(a.count().await, Ok(1), "it fell with the one that linked to it");
    assert_eq!(b.count().await, Ok(1));
    a.link(b.clone()).await.unwrap();
    settle().await;
    ActorRef::kill(&b);
    settle().await;
    assert_eq!(a.count().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_link_to_one_that_is_gone_is_a_failure_at_once() {
    let (system, log) = (System::start().unwrap(), Log::default());
    let (a, b) = pair(&system, &log).await;
    ActorRef::stop(&b);
    ActorRef::wait_stopped(&b).await;
    a.count().await.unwrap();
    for _ in 0..4 {
        a.link(b.clone()).await.unwrap();
        settle().await;
    }
    let reason = ActorRef::wait_stopped(&a).await;
    let StopReason::GaveUp(failure) = reason else { panic!("{reason}") };
    assert!(failure.to_string().starts_with("a linked actor fell: Worker#"), "{failure}");
    assert!(!is_planned(&failure));
}

/// A group of two that are linked. From here on the test makes the steps, and the seed decides whose they are.
async fn linked_pair(run: &Run, log: &Log) -> [ActorRef<Worker>; 2] {
    let spec = run.system().supervisor(Strategy::OneForOne, Restart::new(9, Duration::from_secs(10)));
    let spec = ["a", "b"].into_iter().fold(spec, |spec, name| {
        spec.child_as::<Worker>(ChildSpec::permanent().named(name), Plan::new(name, log))
    });
    let supervisor = spec.start().await.unwrap();
    let [a, b] = ["a", "b"].map(|name| supervisor.actor_named::<Worker>(name).unwrap());
    run.hold();
    a.link(b.clone()).tell().unwrap();
    run.settle().await;
    log.take();
    [a, b]
}

#[test]
fn one_that_is_restarted_at_once_does_not_fall_again_with_the_one_that_fell_with_it() {
    explore(100, async |run: Run| {
        let log = Log::default();
        let [a, _b] = linked_pair(&run, &log).await;
        a.fail().tell().unwrap();
        run.settle().await;
        let line = log.take();
        let mut all: Vec<_> = line.split(' ').collect();
        all.sort_unstable();
        assert_eq!(all, ["+a", "+b", "-a", "-b"], "each once: {line}");
    });
}
