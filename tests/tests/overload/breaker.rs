//! Circuit breakers, in paused time.

use std::time::Duration;

use ostraca::overload::{Breaker, BreakerPermit, BreakerState};
use tokio::time::{Instant, advance};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn fail(breaker: &Breaker, times: u32) {
    (0..times).for_each(|_| breaker.try_acquire().unwrap().failed());
}

fn state(breaker: &Breaker) -> BreakerState {
    breaker.numbers().state
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_an_answer_begins_the_count_anew() {
    let breaker = Breaker::new().failures_in_a_row(3);
    fail(&breaker, 2);
    breaker.try_acquire().unwrap().answered();
    fail(&breaker, 2);
    assert_eq!(state(&breaker), BreakerState::Closed);
    fail(&breaker, 1);
    assert_eq!(state(&breaker), BreakerState::Open);
    advance(400 * MS).await;
    let open = breaker.try_acquire().unwrap_err();
    assert_eq!(open.retry_after, 600 * MS);
    assert_eq!(open.to_string(), "the circuit breaker is open: try again in 600 ms");
    assert!(!breaker.is_passable());
    let numbers = breaker.numbers();
    assert_eq!((numbers.opened, numbers.refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn it_opens_twice_as_long_each_time_in_a_row_up_to_its_cap() {
    let breaker = Breaker::new().failures_in_a_row(1).open_for(SECOND).open_max(3 * SECOND);
    for open_for in [SECOND, 2 * SECOND, 3 * SECOND, 3 * SECOND] {
        fail(&breaker, 1);
        advance(open_for - MS).await;
        assert_eq!(state(&breaker), BreakerState::Open);
        advance(MS).await;
        assert_eq!(state(&breaker), BreakerState::HalfOpen);
    }
    breaker.try_acquire().unwrap().answered();
    assert_eq!(state(&breaker), BreakerState::Closed);
}

/// resilience4j #935, #1389, #903: a permit taken by a call that never ends is never returned.
#[tokio::test(start_paused = true)]
async fn stuck_half_open() {
    let breaker = Breaker::new().failures_in_a_row(1).trials(2).trial_max(5 * SECOND);
    fail(&breaker, 1);
    advance(SECOND).await;
    // Trials whose calls never end; no more than two at a time.
    let stuck: Vec<BreakerPermit> = (0..2).map(|_| breaker.try_acquire().unwrap()).collect();
    assert!(breaker.try_acquire().is_err());
    advance(5 * SECOND).await;
    assert_eq!(state(&breaker), BreakerState::Open, "trials that did not end in time have failed");
    advance(2 * SECOND).await;
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    // What they come to in the end is of an earlier state.
    stuck.into_iter().for_each(BreakerPermit::failed);
    for _ in 0..2 {
        breaker.try_acquire().unwrap().answered();
    }
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_gives_itself_back_and_one_dropped_by_a_panic_has_failed() {
    let breaker = Breaker::new().failures_in_a_row(1);
    fail(&breaker, 1);
    advance(SECOND).await;
    for _ in 0..100 {
        drop(breaker.try_acquire().unwrap());
    }
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    let permit = breaker.try_acquire().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _permit = permit;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(state(&breaker), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_rates_of_failed_and_of_slow_calls_have_thresholds_of_their_own() {
    let spec =
        || Breaker::new().failures_in_a_row(1_000).failure_rate(0.5, 10, 10 * SECOND).slow_rate(0.8, SECOND);
    let failing = spec();
    for _ in 0..5 {
        failing.try_acquire().unwrap().answered();
        failing.try_acquire().unwrap().failed();
    }
    assert_eq!(state(&failing), BreakerState::Open);
    let slow = spec();
    for at in 0..10 {
        let permit = slow.try_acquire().unwrap();
        advance(if at < 2 { MS } else { SECOND + MS }).await;
        permit.answered();
    }
    assert_eq!(state(&slow), BreakerState::Open);
    // What failed longer ago than the window does not count.
    let patient = spec();
    fail(&patient, 4);
    advance(11 * SECOND).await;
    fail(&patient, 4);
    (0..5).for_each(|_| patient.try_acquire().unwrap().answered());
    assert_eq!(state(&patient), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn no_state_lasts_longer_than_its_cap_whatever_becomes_of_the_calls() {
    let seeds = std::env::var("OSTRACA_SEEDS").map_or(2_000, |seeds| seeds.parse().unwrap());
    let mut random = 0x5eed_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for _ in 0..seeds {
        let (open_max, trial_max) = (8 * SECOND, 3 * SECOND);
        let breaker = Breaker::new()
            .failures_in_a_row(1 + next(3) as u32)
            .open_max(open_max)
            .trials(1 + next(3) as u32)
            .trial_max(trial_max);
        let mut permits = Vec::new();
        let mut passable_at = Instant::now();
        for _ in 0..40 {
            match next(6) {
                0..=1 => permits.extend(breaker.try_acquire()),
                2 if !permits.is_empty() => {
                    permits.swap_remove(next(permits.len() as u64) as usize).answered()
                }
                3 if !permits.is_empty() => permits.swap_remove(next(permits.len() as u64) as usize).failed(),
                4 if !permits.is_empty() => drop(permits.swap_remove(next(permits.len() as u64) as usize)),
                _ => advance(Duration::from_millis(next(1_500))).await,
            }
            if breaker.is_passable() {
                passable_at = Instant::now();
            }
            // It is looked at once a step.
            let cap = open_max.max(trial_max) + 1_500 * MS;
            assert!(passable_at.elapsed() <= cap, "{:?} for {:?}", state(&breaker), passable_at.elapsed());
        }
        // In the end it can be passed again, whatever is still under way.
        advance(open_max + trial_max + open_max).await;
        assert!(breaker.is_passable());
    }
}
