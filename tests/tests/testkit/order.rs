//! The seed decides the order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, FailureKind, InlineAsks, Run, explore};

use super::actors::{Cell, Notes, Partner};

#[test]
fn two_senders_arrive_in_every_order_and_each_in_its_own() {
    let orders = RefCell::new(BTreeSet::new());
    explore(300, async |run: Run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let sending = |sender: u8| {
            let notes = notes.clone();
            run.spawn(&format!("sender {sender}"), async move {
                for number in 0..2 {
                    notes.note(sender, number).await.unwrap();
                }
            })
        };
        let (one, other) = (sending(0), sending(1));
        one.await.unwrap();
        other.await.unwrap();
        let seen = notes.seen().await.unwrap();
        for sender in 0..2 {
            let own: Vec<_> = seen.iter().filter(|(from, _)| *from == sender).map(|(_, n)| *n).collect();
            assert_eq!(own, [0, 1]);
        }
        orders.borrow_mut().insert(seen);
    });
    assert_eq!(orders.borrow().len(), 6, "all orders of two senders with two messages each");
}

async fn add(cell: &ActorRef<Cell>, by: u64) {
    let before = cell.get().await.unwrap();
    cell.set(before + by).await.unwrap();
}

async fn two_adders(run: Run) {
    let cell = run.system().spawn::<Cell>(()).await.unwrap();
    let adding = cell.clone();
    let other = run.spawn("other", async move { add(&adding, 1).await });
    add(&cell, 1).await;
    other.await.unwrap();
    assert_eq!(cell.get().await, Ok(2), "nothing is lost");
}

#[test]
fn a_lost_update_is_found_however_asks_run() {
    for inline in [InlineAsks::Seeded, InlineAsks::Always, InlineAsks::Never] {
        let found = Explore::new().inline(inline).find(two_adders).expect("a seed that loses an update");
        assert_eq!(found.failure().kind(), FailureKind::Panic);
        assert!(found.failure().text().contains("nothing is lost"), "{found}");
        assert!(found.is_replayed(), "{found}");
    }
}

#[test]
fn a_circle_of_asks_hangs_and_the_report_names_who_waits_for_whom() {
    let found = Explore::new().find(async |run: Run| {
        let system = run.system();
        let one = system.spawn_named::<Partner>("one", ()).await.unwrap();
        let other = system.spawn_named::<Partner>("other", ()).await.unwrap();
        one.meet(other.clone()).await.unwrap();
        other.meet(one.clone()).await.unwrap();
        let _depth = one.call(2).await;
    });
    let found = found.expect("each waits for the other");
    assert_eq!(found.failure().kind(), FailureKind::Hang);
    let text = found.failure().text();
    assert!(
        text.contains("test waits since it asked one: Partner#1: call, which is being handled"),
        "{text}"
    );
    assert!(text.contains("one: Partner#1 waits in call since it asked other: Partner#2: call"), "{text}");
    assert!(
        text.contains("other: Partner#2 waits in call since it asked one: Partner#1: call, which lies"),
        "{text}"
    );
}

#[test]
fn a_task_of_an_actor_that_waits_for_an_answer_is_named_too() {
    let found = Explore::new().seeds(1).find(async |run: Run| {
        let system = run.system();
        let one = system.spawn::<Partner>(()).await.unwrap();
        let probe = run.probe::<Question>("silent").await;
        one.ask_beside(probe.recipient()).await.unwrap();
    });
    let found = found.expect("the probe does not answer");
    let text = found.failure().text();
    assert!(text.contains("a task of Partner#1 waits since it asked silent: Probing#2: probe"), "{text}");
}

#[derive(Message)]
#[message(reply = u32)]
pub(crate) struct Question;

#[test]
fn a_run_without_end_is_given_up() {
    let found = Explore::new().seeds(1).steps_max(1_000).find(async |run: Run| {
        loop {
            run.yield_now().await;
        }
    });
    assert_eq!(found.unwrap().failure().kind(), FailureKind::Endless);
}

#[test]
fn an_hour_takes_no_time_and_timers_ring_in_their_order() {
    let began = std::time::Instant::now();
    explore(20, async |run: Run| {
        let partner = run.system().spawn::<Partner>(()).await.unwrap();
        let napping = partner.clone();
        let nap = run.spawn("nap", async move { napping.nap(Duration::from_secs(1800)).await });
        tokio::time::sleep(Duration::from_secs(1799)).await;
        assert!(!nap.is_over());
        nap.await.unwrap().unwrap();
        assert_eq!(run.now().as_secs(), 1800);
    });
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_restarts_backoff_passes_in_virtual_time_and_its_chance_is_the_seeds() {
    let waits = RefCell::new(BTreeSet::new());
    explore(20, async |run: Run| {
        let sentinel = run.system().spawn::<Fragile>(()).await.unwrap();
        assert_eq!(sentinel.fall().await, Err(AskError::Panicked));
        let began = run.now();
        assert_eq!(sentinel.stand().await, Ok(1));
        waits.borrow_mut().insert((run.now() - began).as_millis());
    });
    let waits = waits.borrow();
    assert!(waits.len() > 3 && waits.iter().all(|wait| (3_000..=4_001).contains(wait)), "{waits:?}");
}

struct Fragile;

#[actor(restart(max = 3, within = "10s", backoff = "4s..4s"))]
impl Fragile {
    #[start]
    fn start() -> Self {
        Fragile
    }

    #[handler]
    fn fall(&mut self) -> u32 {
        panic!("as asked")
    }

    #[handler]
    fn stand(&self) -> u32 {
        1
    }
}

#[test]
fn a_panic_of_a_task_beside_the_test_fails_the_run() {
    let found = Explore::new().seeds(1).find(async |run: Run| {
        let task = run.spawn("beside", async { panic!("the task's own") });
        task.await.unwrap();
    });
    assert_eq!(found.unwrap().failure().text(), "the task's own");
}

#[test]
fn two_systems_of_a_run_share_its_time_and_its_order() {
    explore(50, async |run: Run| {
        let (one, other) = (run.system(), run.new_system("other"));
        let here = one.spawn::<Notes>(()).await.unwrap();
        let there = other.spawn::<Notes>(()).await.unwrap();
        let task = {
            let there = there.clone();
            run.spawn("there", async move { there.note(0, 1).await })
        };
        here.note(0, 1).await.unwrap();
        one.stop().await;
        assert_eq!(here.note(0, 2).await, Err(AskError::Stopped));
        task.await.unwrap().unwrap();
        assert_eq!(there.note(0, 2).await, Ok(2));
    });
}
