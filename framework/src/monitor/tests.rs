//! What the monitor says, against what was done.

use std::convert::Infallible;
use std::time::Duration;

use super::*;
use crate::actor::{
    Actor, ActorRef, Context, Envelope, Handled, HandlerInfo, Message, NoMethods, Route, StartError, Turn,
    takes_only,
};
use crate::cache::{CacheStats, KeyedCache};
use crate::system::System;

/// Handles what it is told, or panics.
struct Probe;

enum Work {
    Do,
    Panic,
    Fill,
}

impl Message for Work {
    type Reply = ();
    type Refusal = Infallible;
}

struct Views(KeyedCache<u64, u64>);

impl Default for Views {
    fn default() -> Self {
        Views(KeyedCache::new(10, Duration::from_secs(1)))
    }
}

takes_only!(Work, Probe);

impl Actor for Probe {
    type Args = ();
    type Message = Envelope<Work>;
    type Views = Views;
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("work")];

    fn handler_of(_message: &Envelope<Work>) -> usize {
        0
    }

    async fn start(_ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
        Ok(Probe)
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<Work>,
        ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (work, reply) = message.open();
        match work {
            Work::Do => {}
            Work::Panic => panic!("as told"),
            Work::Fill => {
                let (cache, now) = (&ctx.views().0, ctx.now());
                assert_eq!(cache.get(&1, cache.ttl(), now), None);
                cache.insert(1, 1, now);
            }
        }
        reply.reply(());
        turn.done()
    }

    fn caches(views: &Views) -> Vec<(&'static str, CacheStats)> {
        vec![("cached", views.0.stats())]
    }
}

async fn ask(probe: &ActorRef<Probe>, times: usize) {
    for _ in 0..times {
        ActorRef::request(probe, Work::Do).await.unwrap();
    }
}

/// A system with two probes that were asked 3 and 4 times, the second of which panicked once besides.
async fn two_probes() -> (System, ActorRef<Probe>, ActorRef<Probe>) {
    let system = System::start().unwrap();
    let first = system.spawn::<Probe>(()).await.unwrap();
    let second = system.spawn::<Probe>(()).await.unwrap();
    ask(&first, 3).await;
    ask(&second, 3).await;
    ActorRef::request(&second, Work::Panic).await.unwrap_err();
    ask(&second, 1).await;
    (system, first, second)
}

#[tokio::test(start_paused = true)]
async fn counts_are_what_was_done() {
    let (system, first, _second) = two_probes().await;
    let snapshot = system.monitor().latest().await;
    let probes = snapshot.of_type("Probe").unwrap();
    let Numbers { handled, failed, restarts, dropped, mailbox_len, .. } = probes.numbers;
    assert_eq!((handled, failed, restarts, dropped, mailbox_len), (7, 1, 1, 0, 0));
    assert_eq!(probes.running, 2);
    assert_eq!(snapshot.dead_letters, 1);
    let of_first = snapshot.actors.iter().find(|actor| actor.label.id() == ActorRef::id(&first)).unwrap();
    assert_eq!(of_first.numbers.handled, 3);
    assert!(snapshot.total.handled >= 7, "the monitor's own messages are among them");
    assert_eq!(snapshot.of_type("Nobody"), None);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_has_stopped_stays_in_the_counts_of_its_type() {
    let (system, first, second) = two_probes().await;
    ActorRef::request(&first, Work::Fill).await.unwrap();
    for probe in [&first, &second] {
        ActorRef::stop(probe);
        ActorRef::wait_stopped(probe).await;
    }
    let snapshot = system.monitor().latest().await;
    let probes = snapshot.of_type("Probe").unwrap();
    assert_eq!((probes.running, probes.numbers.handled, probes.numbers.failed), (0, 8, 1));
    let gone = CacheStats { misses: 1, fills: 1, len: 0, ..CacheStats::default() };
    assert_eq!(probes.numbers.cache, gone);
    let third = system.spawn::<Probe>(()).await.unwrap();
    ask(&third, 1).await;
    let probes = system.monitor().latest().await.of_type("Probe").unwrap().clone();
    assert_eq!((probes.running, probes.numbers.handled), (1, 9));
}

#[tokio::test(start_paused = true)]
async fn it_pulls_every_second_without_being_asked() {
    let (system, first, second) = two_probes().await;
    let monitor = system.monitor();
    let before = monitor.snapshot();
    assert_eq!(before.of_type("Probe").unwrap().numbers.handled, 7);
    assert_eq!(before.total.handled_per_second, None, "there was one reading");
    ask(&first, 10).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(monitor.snapshot().of_type("Probe").unwrap().numbers.handled, 17);
    ask(&first, 10).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let probes = monitor.snapshot().of_type("Probe").unwrap().clone();
    assert_eq!(probes.numbers.handled, 27);
    assert_eq!(probes.numbers.handled_per_second, Some(10.0));
    assert_eq!(probes.numbers.failed_per_second, Some(0.0));
    let by_actor = |probe| {
        let snapshot = monitor.snapshot();
        snapshot.actors.iter().find(|actor| actor.label.id() == ActorRef::id(probe)).unwrap().numbers.clone()
    };
    assert_eq!(by_actor(&first).handled_per_second, Some(10.0));
    assert_eq!(by_actor(&second).handled_per_second, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn caches_are_counted_by_the_name_of_their_method() {
    let (system, first, _second) = two_probes().await;
    ActorRef::request(&first, Work::Fill).await.unwrap();
    let snapshot = system.monitor().latest().await;
    let [cache] = snapshot.of_type("Probe").unwrap().caches.as_slice() else { panic!("one cache") };
    assert_eq!(cache.name, "cached");
    assert_eq!(cache.stats, CacheStats { misses: 1, fills: 1, len: 1, ..CacheStats::default() });
    assert_eq!(snapshot.total.cache, cache.stats);
}

#[tokio::test(start_paused = true)]
async fn after_the_stop_the_last_counts_can_still_be_read() {
    let (system, first, _second) = two_probes().await;
    system.monitor().latest().await;
    ask(&first, 1).await;
    system.stop().await;
    let snapshot = system.monitor().latest().await;
    let probes = snapshot.of_type("Probe").unwrap();
    assert_eq!((probes.running, probes.numbers.handled), (0, 8));
    assert_eq!(snapshot.total.handled_per_second, None, "nobody measures any more");
}

#[tokio::test(start_paused = true)]
async fn more_actors_than_a_snapshot_lists_are_counted_all_the_same() {
    let system = System::start().unwrap();
    for _ in 0..ACTORS_LEN_MAX + 5 {
        ask(&system.spawn::<Probe>(()).await.unwrap(), 1).await;
    }
    let snapshot = system.monitor().latest().await;
    let probes = snapshot.of_type("Probe").unwrap();
    assert_eq!((probes.running, probes.numbers.handled), (ACTORS_LEN_MAX + 5, ACTORS_LEN_MAX as u64 + 5));
    assert_eq!(snapshot.actors.len(), ACTORS_LEN_MAX);
    // The monitor itself is one more.
    assert_eq!(snapshot.actors_left_out, 6);
}
