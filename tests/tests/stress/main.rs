//! Everything at once, on real threads: whatever happens, every message has one end and every ask one answer.
//!
//! A round is a runtime, a system with actors of every sort, and senders in its runtime, in another one, on threads
//! with a runtime and without. They tell, send and ask, give up at random polls, spawn, stop, drain and kill, while
//! handlers, starts, stops, drops and views panic. Late in it the system is stopped, killed or dropped, or loses its
//! runtime. Then the [books](ledger) must be right: no message lost, none dropped or run twice, no answer to another's
//! ask, the messages of each sender to each actor in order, and the system's count of dead letters exact. A
//! [watch](watch) names who waits for ever.
//!
//! `OSTRACA_STRESS_SECONDS` says how long (4 by default), `OSTRACA_SEED` with which seed (a fresh one by default).
//! The seed gives the same senders, actors and choices; what the threads make of them differs from run to run.
#![allow(clippy::unwrap_used, reason = "tests")]

mod actors;
mod chance;
mod desk;
mod driver;
mod ledger;
mod round;
mod verbs;
mod watch;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ostraca_tests::runs::number;

use chance::mix;
use watch::Watch;

/// Panics that nobody planned.
static UNPLANNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// As many rounds that went wrong are enough.
const WRONG_MAX: usize = 20;

/// How many rounds are played side by side.
const LANES: u64 = 2;

#[derive(Default)]
struct Sums {
    rounds: u64,
    made: u64,
    asked: u64,
    finished: u64,
    spent: u64,
    returned: u64,
    withdrawn: u64,
    dead: u64,
    cancelled: u64,
    wrong: Vec<String>,
}

#[test]
fn every_message_has_one_end_and_every_ask_one_answer() {
    let seed: u64 = number("OSTRACA_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 16);
    let until = Instant::now() + Duration::from_secs(number("OSTRACA_STRESS_SECONDS").unwrap_or(4));
    println!("seed {seed}");
    hush_planned_panics();
    let (watch, sums) = (Watch::start(seed), Arc::new(Mutex::new(Sums::default())));
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (watch, sums, other) = (&watch, &sums, other.handle());
            scope.spawn(move || {
                for round in 0.. {
                    play(mix(seed ^ (lane << 56) ^ round), watch, other, sums);
                    if Instant::now() > until || sums.lock().unwrap().wrong.len() > WRONG_MAX {
                        return;
                    }
                }
            });
        }
    });
    let Sums { rounds, made, asked, finished, spent, returned, withdrawn, dead, cancelled, wrong } =
        &*sums.lock().unwrap();
    println!(
        "seed {seed}: {rounds} rounds, {made} messages ({asked} asked, {cancelled} waits cancelled) = {finished} finished \
         + {spent} spent + {returned} returned + {withdrawn} withdrawn + {dead} dead"
    );
    assert!(wrong.is_empty(), "seed {seed}: {} went wrong:\n  {}", wrong.len(), wrong.join("\n  "));
    // Taken out: the hook takes the lock when the assertion fails.
    let unplanned = std::mem::take(&mut *UNPLANNED.lock().unwrap());
    assert!(unplanned.is_empty(), "seed {seed}: panics that nobody planned:\n  {}", unplanned.join("\n  "));
}

fn play(seed: u64, watch: &Watch, other: &tokio::runtime::Handle, sums: &Mutex<Sums>) {
    let ledger = round::play(seed, watch, other);
    let mut sums = sums.lock().unwrap();
    sums.rounds += 1;
    sums.made += ledger.made.value();
    sums.asked += ledger.asked.value();
    sums.finished += ledger.finished.value();
    sums.spent += ledger.ran.value() - ledger.finished.value();
    sums.returned += ledger.returned.value();
    sums.withdrawn += ledger.withdrawn.value();
    sums.dead +=
        ledger.made.value() - ledger.ran.value() - ledger.returned.value() - ledger.withdrawn.value();
    sums.cancelled += ledger.cancelled.value();
    sums.wrong.extend(ledger.complaints());
}

/// Prints and counts the panics that nobody planned.
fn hush_planned_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.to_string();
        // A deadline's timer that is polled in the moment in which its runtime goes: caught, but it passes here.
        let is_lost_timer = text.contains("A Tokio 1.x context was found, but it is being shutdown.");
        if !text.contains("\nplanned: ") && !is_lost_timer {
            UNPLANNED.lock().unwrap().push(text);
            usual(info);
        }
    }));
}
