//! OTP's supervisor and ours, on the same random trees and failures.
//!
//! ```text
//!   seed ──> tree::Case ──> model::tell ──> Story, and the acts with their times
//!                                   │               ‖  the same?
//!                                   ├──> pure::tell ──> Story    the decisions alone, pretended workers
//!                                   └──> live::tell ──> Story    a system, real actors, paused time
//! ```
//!
//! `OSTRACA_SEEDS` says how many trees (3,000 by default), `OSTRACA_LIVE_EVERY` which of them run live too (every
//! fiftieth by default), `OSTRACA_SEED` the first seed: a failure prints its own, and
//! `OSTRACA_SEED=<it> OSTRACA_SEEDS=1 OSTRACA_LIVE_EVERY=1` replays it.

mod live;
mod mistake;
mod model;
mod pure;
mod tree;

use ostraca_tests::runs::number;

use mistake::Mistake;
use tree::{Case, Note, Story, Why};

fn seeds() -> std::ops::Range<u64> {
    let first = number("OSTRACA_SEED").unwrap_or(1);
    first..first + number::<u64>("OSTRACA_SEEDS").unwrap_or(3_000)
}

/// Where two stories part, in words.
fn difference(otp: &Story, ours: &Story) -> Option<String> {
    if otp == ours {
        return None;
    }
    let parts = otp.notes.iter().zip(&ours.notes).position(|(theirs, ours)| theirs != ours);
    let place = parts.unwrap_or(otp.notes.len().min(ours.notes.len()));
    Some(format!(
        "they part at note {place}:\n OTP  {:?}\n ours {:?}\nOTP:  {otp:?}\nours: {ours:?}",
        otp.notes.get(place),
        ours.notes.get(place),
    ))
}

/// How much of what matters the cases had, so that agreement means something.
#[derive(Debug, Default)]
struct Seen {
    restarts: u64,
    failed_starts: u64,
    gave_up: u64,
    shut_down: u64,
    not_started: u64,
    answers: u64,
}

impl Seen {
    fn add(&mut self, story: &Story) {
        let mut started = std::collections::HashSet::new();
        for (_, note) in &story.notes {
            match note {
                Note::Started(id) if !started.insert(*id) => self.restarts += 1,
                Note::NotStarted(_) => self.failed_starts += 1,
                Note::Gone(_, Why::GaveUp) => self.gave_up += 1,
                Note::Gone(_, Why::AutoShutdown) => self.shut_down += 1,
                Note::Gone(_, Why::NotStarted) => self.not_started += 1,
                _ => {}
            }
        }
        self.answers += story.answers.len() as u64;
    }
}

#[test]
fn the_decisions_are_otps_on_random_trees() {
    let mut seen = Seen::default();
    for seed in seeds() {
        let case = Case::from_seed(seed, true);
        let told = model::tell(&case, None);
        let ours = pure::tell(&case, &told);
        if let Some(difference) = difference(&told.story, &ours) {
            panic!("seed {seed}: {difference}\ncase: {case:#?}");
        }
        seen.add(&told.story);
    }
    println!("seeds {:?}: {seen:?}", seeds());
    assert!(seen.restarts > 0 || seeds().count() < 100, "nothing happened");
}

#[test]
fn live_supervisors_do_what_otp_does_on_random_trees() {
    let mut seen = Seen::default();
    let mut count = 0;
    let every = number("OSTRACA_LIVE_EVERY").unwrap_or(50).max(1);
    for seed in seeds().step_by(every) {
        let case = Case::from_seed(seed, false);
        let told = model::tell(&case, None);
        let ours = live::tell(&case, &told);
        if let Some(difference) = difference(&live::visible(&told.story), &ours) {
            panic!("seed {seed}: {difference}\nacts: {:?}\ncase: {case:#?}", told.acts);
        }
        seen.add(&told.story);
        count += 1;
    }
    println!("live, {count} seeds of {:?}: {seen:?}", seeds());
}

#[test]
fn a_planted_mistake_in_any_rule_is_found() {
    for mistake in Mistake::ALL {
        let is_found = |&seed: &u64| {
            let case = Case::from_seed(seed, true);
            let told = model::tell(&case, Some(mistake));
            difference(&told.story, &pure::tell(&case, &told)).is_some()
        };
        let found = (1..3_000).find(is_found);
        println!("{mistake:?}: found by seed {found:?}");
        assert!(found.is_some(), "{mistake:?} was not found by 3,000 trees");
    }
}
