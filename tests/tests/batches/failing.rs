//! What becomes of a batch that fails.

use ostraca::DeadReason;
use ostraca::prelude::*;
use tokio::time::Instant;

use super::desk::{
    Again, Answer, BAD, Bad, Desk, FORGETS, Halve, PANICS, Plain, answers, ask_all, desk, ms, stats,
};

/// Asks while the desk is busy, so that all are in one batch.
macro_rules! in_one_batch {
    ($desk:expr, $calls:expr, $message:ty, $numbers:expr) => {{
        let first = ask_all::<Desk, Plain>(&$desk, [0]);
        tokio::time::sleep(ms(1)).await;
        let asks = ask_all::<Desk, $message>(&$desk, $numbers);
        answers(first).await;
        let answers = answers(asks).await;
        let mut calls = $calls.take();
        assert_eq!(calls.remove(0), [0]);
        (answers, calls)
    }};
}

#[tokio::test(start_paused = true)]
async fn without_on_error_all_that_are_not_answered_get_the_error() {
    let (system, desk, calls) = desk(ms(5)).await;
    let (answers, calls) = in_one_batch!(desk, calls, Plain, [1, 9_002, 3]);
    assert_eq!(answers, vec![Err(AskError::Refused(Bad(9_002))); 3]);
    assert_eq!(calls, [[1, 9_002, 3]]);
    assert_eq!(stats(&system, "plain").await.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_bad_message_is_found_by_halves_and_the_good_ones_succeed() {
    let (system, desk, calls) = desk(ms(5)).await;
    let (answers, calls) = in_one_batch!(desk, calls, Halve, [1, 2, 9_003, 4]);
    assert_eq!(answers, [Ok(1), Ok(2), Err(AskError::Refused(Bad(9_003))), Ok(4)]);
    assert_eq!(
        calls,
        [vec![1, 2, 9_003, 4], vec![1, 2], vec![9_003, 4], vec![9_003], vec![4]],
        "oldest first"
    );
    let stats = stats(&system, "halve").await;
    assert_eq!((stats.calls, stats.failures, stats.splits, stats.quarantined), (5, 3, 2, 1));
    let letters = system.dead_letters();
    assert_eq!((letters.len(), letters[0].reason, letters[0].handler), (1, DeadReason::Quarantined, "halve"));
}

/// It must show, point 3.
#[tokio::test(start_paused = true)]
async fn k_bad_of_1024_cost_at_most_1_plus_2k_1_plus_log2_1024_by_k_calls() {
    let (system, desk, calls) = desk(ms(5)).await;
    let mut before = 0;
    for (round, k) in [1usize, 2, 3, 8, 32, 100, 256, 1_024].into_iter().enumerate() {
        // Spread by a multiplication modulo a power of two, which is a permutation.
        let bad: Vec<u64> = (0..k as u64).map(|at| (at + round as u64) * 421 % 1_024).collect();
        // Numbers from 9,000 on fail for ever; the good ones need no number of their own.
        let number = |at: u64| if bad.contains(&at) { 9 * BAD + at % BAD } else { at % 50 };
        let asked: Vec<u64> = (0..1_024).map(number).collect();
        let (answers, calls) = in_one_batch!(desk, calls, Halve, asked.clone());
        for (asked, answer) in asked.iter().zip(answers) {
            let expected = if *asked >= BAD { Err(AskError::Refused(Bad(*asked))) } else { Ok(*asked) };
            assert_eq!(answer, expected, "each its own");
        }
        assert_eq!(calls[0].len(), 1_024);
        let limit = 1.0 + 2.0 * k as f64 * (1.0 + (1_024.0 / k as f64).log2());
        println!("{k} bad: {} calls, at most {limit:.0}", calls.len());
        assert!(calls.len() as f64 <= limit, "{k} bad: {} calls, more than {limit:.0}", calls.len());
        let stats = stats(&system, "halve").await;
        assert_eq!(stats.calls - before, calls.len() as u64);
        before = stats.calls;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_is_tried_again_whole_and_in_order_with_growing_pauses() {
    let (system, desk, calls) = desk(ms(5)).await;
    let began = Instant::now();
    let (answers, calls) = in_one_batch!(desk, calls, Again, [1, 3_002, 3]);
    assert_eq!(answers, [Ok(1), Ok(3_002), Ok(3)], "it fails three times, and is called four times");
    assert_eq!(calls, [[1, 3_002, 3]; 4]);
    assert_eq!(began.elapsed(), ms(5 + 4 * 5 + 10 + 20 + 20));
    let stats = stats(&system, "again").await;
    assert_eq!((stats.calls, stats.failures, stats.retries, stats.batches), (4, 3, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_once_too_often_gets_its_error() {
    let (system, desk, calls) = desk(ms(5)).await;
    let (answers, calls) = in_one_batch!(desk, calls, Again, [1, 4_002]);
    assert_eq!(answers, [Err(AskError::Refused(Bad(4_002))), Err(AskError::Refused(Bad(4_002)))]);
    assert_eq!(calls.len(), 4);
    let began_anew = answers_of(&desk, [2_001]).await;
    assert_eq!(began_anew, [Ok(2_001)], "the next batch has all its tries");
    assert_eq!(stats(&system, "again").await.retries, 3 + 2);
}

async fn answers_of(desk: &ActorRef<Desk>, numbers: impl IntoIterator<Item = u64>) -> Vec<Answer> {
    answers(ask_all::<Desk, Again>(desk, numbers)).await
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_pause_before_a_batch_is_tried_again() {
    let (_system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    let asks = ask_all::<Desk, Again>(&desk, [1_001]);
    tokio::time::sleep(ms(2)).await;
    ActorRef::stop(&desk);
    assert_eq!(answers(asks).await, [Ok(1_001)], "it was tried again at once");
    assert_eq!(began.elapsed(), ms(2));
    assert_eq!(calls.take().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_pause_answers_everybody() {
    let (_system, desk, _calls) = desk(ms(0)).await;
    let asks = ask_all::<Desk, Again>(&desk, [9_001, 2]);
    tokio::time::sleep(ms(2)).await;
    ActorRef::kill(&desk);
    assert_eq!(answers(asks).await, [Err(AskError::Unanswered), Err(AskError::Unanswered)]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_half_answers_everybody_who_has_no_answer_and_is_not_tried_again() {
    let (_system, desk, calls) = desk(ms(5)).await;
    let (answers, calls) = in_one_batch!(desk, calls, Halve, [1, 2, PANICS, 9_004]);
    assert_eq!(answers, [Ok(1), Ok(2), Err(AskError::Panicked), Err(AskError::Panicked)]);
    assert_eq!(calls, [vec![1, 2, PANICS, 9_004], vec![1, 2], vec![PANICS, 9_004], vec![PANICS]]);
}

#[tokio::test(start_paused = true)]
async fn what_a_good_call_forgets_is_an_error_and_not_tried_again() {
    let (_system, desk, calls) = desk(ms(5)).await;
    let (answers, calls) = in_one_batch!(desk, calls, Halve, [1, FORGETS, 3]);
    assert_eq!(answers, [Ok(1), Err(AskError::Unanswered), Err(AskError::Unanswered)]);
    assert_eq!(calls.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn told_messages_of_a_failed_batch_are_tried_again_as_well() {
    let (_system, desk, calls) = desk(ms(1)).await;
    desk.halve(0.into()).tell().unwrap();
    for number in [1, 9_002, 3] {
        desk.halve(number.into()).tell().unwrap();
    }
    tokio::time::sleep(ms(50)).await;
    let calls = calls.take();
    assert!(calls.contains(&vec![3]) && calls.contains(&vec![9_002]), "{calls:?}");
}
