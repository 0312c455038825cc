//! One of the messages with the same key stands for all of them.

use ostraca::prelude::*;

use super::desk::{Bad, Both, Desk, FORGETS, Once, PANICS, Plain, answers, ask_all, desk, ms, stats};

#[tokio::test(start_paused = true)]
async fn each_key_is_in_a_batch_once_where_it_came_first_and_all_get_the_answer() {
    let (system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Plain>(&desk, [0]);
    tokio::time::sleep(ms(1)).await;
    let asks = ask_all::<Desk, Once>(&desk, [5, 6, 5, 7, 6, 5]);
    answers(first).await;
    assert_eq!(answers(asks).await, [5, 6, 5, 7, 6, 5].map(Ok));
    assert_eq!(calls.take(), [vec![0], vec![5, 6, 7]]);
    let stats = stats(&system, "once").await;
    assert_eq!((stats.messages, stats.duplicates), (6, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_an_error_and_a_panic_are_for_all_of_a_key_too() {
    let (_system, desk, _calls) = desk(ms(5)).await;
    for (number, error) in [
        (9_001, AskError::Refused(Bad(9_001))),
        (FORGETS, AskError::Unanswered),
        (PANICS, AskError::Panicked),
    ] {
        let first = ask_all::<Desk, Plain>(&desk, [0]);
        tokio::time::sleep(ms(1)).await;
        let asks = ask_all::<Desk, Once>(&desk, [number, number, number]);
        answers(first).await;
        assert_eq!(answers(asks).await, vec![Err(error); 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_the_key_of_one_that_was_cancelled_gets_its_answer() {
    let (_system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Plain>(&desk, [0]);
    tokio::time::sleep(ms(1)).await;
    let mut asks = ask_all::<Desk, Once>(&desk, [5, 5, 5]);
    tokio::time::sleep(ms(1)).await;
    asks.remove(0).abort();
    answers(first).await;
    assert_eq!(answers(asks).await, [Ok(5), Ok(5)]);
    assert_eq!(calls.take(), [[0], [5]]);
}

#[tokio::test(start_paused = true)]
async fn told_ones_are_merged_with_asked_ones() {
    let (_system, desk, calls) = desk(ms(1)).await;
    desk.once(1.into()).tell().unwrap();
    desk.once(5.into()).tell().unwrap();
    desk.once(5.into()).tell().unwrap();
    assert_eq!(desk.once(5.into()).await, Ok(5));
    assert_eq!(calls.take(), [[1, 5]]);
}

#[tokio::test(start_paused = true)]
async fn all_options_go_together() {
    let (system, desk, calls) = desk(ms(0)).await;
    let asks = ask_all::<Desk, Both>(&desk, [1, 9_002, 1, 9_002, 3]);
    let bad = || Err(AskError::Refused(Bad(9_002)));
    assert_eq!(answers(asks).await, [Ok(1), bad(), Ok(1), bad(), Ok(3)]);
    assert_eq!(calls.take(), [vec![1, 9_002, 3], vec![1, 9_002], vec![1], vec![9_002], vec![3]]);
    let stats = stats(&system, "both").await;
    assert_eq!((stats.messages, stats.duplicates, stats.quarantined, stats.batches), (5, 2, 1, 1));
}
