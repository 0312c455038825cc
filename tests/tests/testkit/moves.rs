//! Actors move between the workers and pinned cores in a seeded run, on its one thread.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Found, Run};
use ostraca::{Home, MoveError};

use super::actors::Notes;

const CORE: Home = Home::Pinned(0);

/// Takes it for granted that a handler ends where it began.
struct Local;

#[actor]
impl Local {
    #[start]
    fn start() -> Self {
        Local
    }

    #[handler]
    async fn stays(&mut self, ctx: &mut Context<Self>) -> bool {
        let before = ActorRef::home(&ctx.me());
        tokio::task::yield_now().await;
        ActorRef::home(&ctx.me()) == before
    }
}

/// Asks many times, and moves the actor once.
async fn moved_in_the_middle(run: Run) {
    let local = run.system().spawn::<Local>(()).await.unwrap();
    let moving = local.clone();
    let mover = run.spawn("mover", async move { ActorRef::move_to(&moving, CORE).await });
    for _ in 0..run.below(8) {
        assert_eq!(local.stays().await, Ok(true), "it moved in the middle");
    }
    mover.await.unwrap().unwrap();
}

fn find() -> Found {
    Explore::new().pinned_cores(1).find(moved_in_the_middle).expect("a seed that moves it in the middle")
}

#[test]
fn a_move_in_the_middle_of_a_handler_is_found_replayed_and_made_smaller() {
    let found = find();
    assert!(found.is_replayed(), "{found}");
    let smallest = found.smallest().to_string();
    let at = |what: &str| smallest.find(what).unwrap_or_else(|| panic!("no {what:?}: {found}"));
    assert!(at("handles stays") < at("moves to pinned core 0"), "{found}");
    assert!(found.decisions_left() <= 6, "{found}");
    assert_eq!(find().trace().to_string(), found.trace().to_string());
}

#[test]
fn the_smallest_run_that_moves_can_be_run_alone() {
    let found = find();
    let again = std::panic::catch_unwind(|| {
        Explore::new().pinned_cores(1).run_choices(&found.choices(), moved_in_the_middle);
    });
    let text = *again.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains(&found.smallest().to_string()), "{text}");
}

#[test]
fn the_seed_decides_how_much_is_sent_before_an_actor_arrives() {
    let meanwhile = std::cell::RefCell::new(std::collections::BTreeSet::new());
    Explore::new().seeds(200).pinned_cores(2).run(async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let moving = ActorRef::move_to(&notes, Home::Pinned(1));
        let arrived = run.spawn("mover", moving);
        let mut sent = 0;
        while !arrived.is_over() && sent < 8 {
            notes.note(0, sent).tell().unwrap();
            run.yield_now().await;
            sent += 1;
        }
        arrived.await.unwrap().unwrap();
        assert_eq!(ActorRef::home(&notes), Home::Pinned(1));
        let seen = notes.seen().await.unwrap();
        assert_eq!(seen, (0..sent).map(|number| (0, number)).collect::<Vec<_>>(), "all, in order");
        meanwhile.borrow_mut().insert(sent);
    });
    assert!(meanwhile.borrow().len() > 2, "{meanwhile:?}");
}

#[test]
fn the_pause_of_a_move_is_virtual_time() {
    let slow = Faults::none().slow(1.0, Duration::from_millis(3));
    Explore::new().seeds(20).pinned_cores(1).faults(slow).run(async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let moved = ActorRef::move_to(&notes, CORE).await.unwrap();
        assert!((1..=3).contains(&moved.pause.as_millis()), "{moved:?}");
    });
}

#[test]
fn systems_of_one_run_have_pinned_cores_of_their_own() {
    Explore::new().seeds(50).pinned_cores(2).run(async |run| {
        let (one, other) = (run.system(), run.new_system("other"));
        let here = one.spawn::<Notes>(()).await.unwrap();
        let there = other.spawn::<Notes>(()).await.unwrap();
        ActorRef::move_to(&here, Home::Pinned(1)).await.unwrap();
        ActorRef::move_to(&there, Home::Pinned(1)).await.unwrap();
        assert!(other.stop().await.is_clean());
        assert_eq!(there.note(0, 0).await, Err(AskError::Stopped));
        assert_eq!(here.note(0, 0).await, Ok(1));
        ActorRef::move_to(&here, Home::Workers).await.unwrap();
        assert_eq!(here.note(0, 1).await, Ok(2));
    });
}

#[test]
fn a_run_without_pinned_cores_has_no_home_to_move_to() {
    Explore::new().seeds(1).run(async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let refused = ActorRef::move_to(&notes, CORE).await;
        assert_eq!(refused, Err(MoveError::NoHome { home: CORE, pinned: 0 }));
    });
}
