//! Faults strike where and as often as they may, and nowhere else.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use ostraca::DeadReason;
use ostraca::prelude::*;
use ostraca::testkit::{Cancelled, Explore, Faults, InlineAsks, Run};

use super::actors::{Notes, Partner};

/// What a test saw, over all seeds.
fn seen(faults: Faults, test: impl AsyncFn(Run) -> String) -> BTreeSet<String> {
    let seen = RefCell::new(BTreeSet::new());
    Explore::new().seeds(200).faults(faults).run(async |run| {
        let what = test(run).await;
        seen.borrow_mut().insert(what);
    });
    seen.into_inner()
}

#[test]
fn a_panic_strikes_at_the_beginning_and_at_an_await_and_is_told_to_the_asker() {
    let seen = seen(Faults::none().panics(0.3), async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let plain = notes.note(0, 1).await.map(drop);
        let waiting = notes.note_slowly(0, 2).await;
        let letters = run.system().dead_letters();
        assert!(letters.iter().all(|letter| letter.reason == DeadReason::Panicked));
        assert_eq!(letters.len(), usize::from(plain.is_err()) + usize::from(waiting.is_err()));
        assert_eq!(run.restarts(&notes), letters.len() as u64);
        format!("{plain:?} {waiting:?}")
    });
    let (ok, panicked) = ("Ok(())", "Err(Panicked)");
    let all = [(ok, ok), (ok, panicked), (panicked, ok), (panicked, panicked)];
    assert_eq!(seen, all.map(|(plain, waiting)| format!("{plain} {waiting}")).into());
}

#[test]
fn in_mailboxes_of_production_a_panic_spends_its_message_and_is_told_to_the_asker_too() {
    for inline in [InlineAsks::Always, InlineAsks::Never, InlineAsks::Seeded] {
        let explore = Explore::new().seeds(50).inline(inline).real_mailboxes();
        explore.faults(Faults::none().panics(1.0)).run(async |run| {
            let notes = run.system().spawn::<Notes>(()).await.unwrap();
            assert_eq!(notes.note(0, 0).await, Err(AskError::Panicked));
            (1..3).for_each(|number| notes.note(0, number).tell().unwrap());
            assert_eq!(notes.note(0, 3).await, Err(AskError::Panicked));
            assert_eq!(run.restarts(&notes), 4);
            assert_eq!(run.system().dead_letters().len(), 4);
        });
    }
}

#[test]
fn a_panic_at_an_await_leaves_what_was_done_before_undone() {
    let found = Explore::new().faults(Faults::none().panics_in::<Notes>(0.2)).find(async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let outcome = notes.note_slowly(0, 1).await;
        assert!(outcome.is_ok(), "it was struck");
    });
    let found = found.unwrap();
    let trace = found.smallest().to_string();
    assert!(trace.contains("panicked in note_slowly: planned by the test kit"), "{trace}");
    assert_eq!(found.faults(), 1, "{found}");
}

#[test]
fn a_panic_spares_the_actors_of_other_types() {
    Explore::new().seeds(100).faults(Faults::none().panics_in::<Partner>(1.0)).run(async |run| {
        let system = run.system();
        let notes = system.spawn::<Notes>(()).await.unwrap();
        let partner = system.spawn::<Partner>(()).await.unwrap();
        assert_eq!(notes.note(0, 1).await, Ok(1));
        assert_eq!(partner.call(0).await, Err(AskError::Panicked));
    });
}

#[test]
fn a_full_mailbox_gives_a_tell_back_and_lets_asks_wait() {
    let seen = seen(Faults::none().full(0.3), async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let told = notes.note(0, 1).tell();
        notes.note(0, 2).send().await.unwrap();
        notes.note(0, 3).await.unwrap();
        let seen = notes.seen().await.unwrap();
        assert_eq!(seen.len(), if told.is_ok() { 3 } else { 2 });
        format!("{}", matches!(told, Err(TellError::Full(_))))
    });
    assert_eq!(seen.len(), 2);
}

#[test]
fn messages_of_others_are_overtaken_and_ones_own_are_not() {
    let orders = seen(Faults::none().reorders(0.5), async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let sending = |sender: u8| {
            let notes = notes.clone();
            run.spawn("sender", async move {
                (0..2).for_each(|number| notes.note(sender, number).tell().unwrap())
            })
        };
        let (one, other) = (sending(0), sending(1));
        one.await.unwrap();
        other.await.unwrap();
        let arrived = notes.clone();
        run.until("all have arrived", move || ActorRef::mailbox_len(&arrived) == 0).await;
        format!("{:?}", notes.seen().await.unwrap())
    });
    // Each sends both of its messages in one step: without the fault there are two orders.
    assert!(orders.contains("[(0, 0), (1, 0), (0, 1), (1, 1)]"), "{orders:?}");
    let is_kept = |order: &String| {
        order.find("(0, 0)") < order.find("(0, 1)") && order.find("(1, 0)") < order.find("(1, 1)")
    };
    assert!(orders.len() == 6 && orders.iter().all(is_kept), "{orders:?}");
}

#[test]
fn a_late_turn_lets_deadlines_pass() {
    let limit = Duration::from_millis(5);
    let seen = seen(Faults::none().slow(0.3, Duration::from_millis(10)), async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        format!("{:?}", notes.note(0, 1).within(limit).await)
    });
    assert_eq!(seen, ["Ok(1)", "Err(Deadline)"].map(str::to_owned).into());
}

#[test]
fn a_cancelled_ask_is_gone_and_its_message_may_have_run() {
    let seen = seen(Faults::none().cancels(0.3), async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let asking = notes.clone();
        let task = run.spawn("asker", async move { asking.note_slowly(0, 1).await });
        let spawned = task.await.map(drop);
        let here = run.cancellable(notes.note_slowly(0, 2)).await.map(drop);
        let count = notes.seen().await.unwrap().len();
        assert!(count >= usize::from(spawned.is_ok()) + usize::from(here.is_ok()));
        format!("{}{} {count}", u8::from(spawned == Err(Cancelled)), u8::from(here == Err(Cancelled)))
    });
    // Dropped before its first step, a task has sent nothing; later, its message runs all the same.
    for expected in ["00 2", "01 2", "10 1", "10 2", "11 1", "11 2"] {
        assert!(seen.contains(expected), "{expected}: {seen:?}");
    }
}

#[test]
fn nothing_goes_wrong_that_may_not() {
    let found = Explore::new().seeds(300).find(async |run: Run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        for number in 0..4 {
            notes.note(0, number).tell().unwrap();
            notes.note_slowly(0, number).within(Duration::from_millis(1)).await.unwrap();
        }
        run.expect_no_dead_letters();
        assert_eq!(run.restarts(&notes), 0);
    });
    assert!(found.is_none(), "{}", found.unwrap());
}
