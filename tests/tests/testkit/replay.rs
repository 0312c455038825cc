//! A seed that fails is run again, the same, and made smaller.

use std::cell::Cell;
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Found, InlineAsks, Run};

use super::actors::Notes;

/// Sends up to sixty messages by three senders; fails when the third message of all is the second of sender 2.
async fn wrong_when_2_is_quick(run: Run) {
    let notes = run.system().spawn::<Notes>(()).await.unwrap();
    let senders: Vec<_> = (0..3)
        .map(|sender| {
            let (notes, run, count) = (notes.clone(), run.clone(), run.below(20) as u32);
            run.clone().spawn(&format!("sender {sender}"), async move {
                for number in 0..count {
                    match run.below(3) {
                        0 => drop(notes.note(sender, number).await),
                        1 => drop(notes.note_slowly(sender, number).await),
                        _ => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let seen = notes.seen().await.unwrap();
    assert_ne!(seen.get(2), Some(&(2, 1)), "the third is the second of sender 2");
}

fn find() -> Found {
    Explore::new().find(wrong_when_2_is_quick).expect("a seed in which 2 is quick")
}

#[test]
fn an_ask_that_runs_where_its_asker_stands_is_in_the_trace_too() {
    let found = Explore::new().seeds(1).inline(InlineAsks::Always).find(async |run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        for number in 0..3 {
            notes.note(0, number).await.unwrap();
        }
        assert_eq!(notes.seen().await, Ok(vec![]), "enough");
    });
    let trace = found.unwrap().trace().to_string();
    assert_eq!(trace.matches(" asks ").count(), 4, "{trace}");
}

#[test]
fn the_same_seed_gives_the_same_trace_to_the_byte() {
    let (one, other) = (find(), find());
    assert!(one.is_replayed() && other.is_replayed());
    assert_eq!(one.seed(), other.seed());
    assert_eq!(one.trace().to_string(), other.trace().to_string());
    assert_eq!(one.trace().hash(), other.trace().hash());
    assert_eq!(one.choices(), other.choices(), "and it is made smaller in the same way");
}

#[test]
fn what_failed_is_made_smaller() {
    let found = find();
    assert!(found.decisions_left() * 2 < found.decisions(), "{found}");
    // Three notes are needed.
    let notes = found.smallest().to_string().lines().filter(|line| line.contains("handles note")).count();
    assert_eq!(notes, 3, "{found}");
}

#[test]
fn the_smallest_run_can_be_run_alone() {
    let found = find();
    let again = std::panic::catch_unwind(|| {
        Explore::new().run_choices(&found.choices(), wrong_when_2_is_quick);
    });
    let text = *again.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("the third is the second of sender 2"), "{text}");
    assert!(text.contains(&found.smallest().to_string()), "{text}");
}

#[test]
fn faults_that_do_not_matter_are_left_out() {
    let faults =
        Faults::none().panics(0.1).full(0.1).reorders(0.1).slow(0.1, Duration::from_millis(3)).cancels(0.1);
    let found = Explore::new().faults(faults).find(async |run: Run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        let mut panicked = 0;
        for number in 0..20 {
            panicked += u32::from(notes.note(0, number).await == Err(AskError::Panicked));
        }
        assert!(panicked < 2, "two panics");
    });
    let found = found.unwrap();
    assert_eq!(found.faults(), 2, "{found}");
    assert_eq!(found.deviations(), 0, "{found}");
}

#[test]
fn a_run_that_takes_its_chance_elsewhere_is_told_so() {
    let runs = Cell::new(0);
    let found = Explore::new().seeds(1).find(async |run: Run| {
        runs.set(runs.get() + 1);
        run.note(format!("run {}", runs.get()));
        panic!("whatever");
    });
    let found = found.unwrap();
    assert!(!found.is_replayed());
    let text = found.to_string();
    assert!(text.contains("NOT replayed") && text.contains("run 1") && text.contains("run 2"), "{text}");
}
