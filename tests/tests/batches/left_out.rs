//! Messages that nobody waits for any more do not run.

use ostraca::prelude::*;
use ostraca::{DeadReason, monitor::ClosedBy};

use super::desk::{Desk, Linger, Plain, answers, ask_all, desk, ms, stats};

#[tokio::test(start_paused = true)]
async fn a_cancelled_ask_is_left_out_and_counted() {
    let (system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Plain>(&desk, [0]);
    tokio::time::sleep(ms(1)).await;
    let mut asks = ask_all::<Desk, Plain>(&desk, [1, 2, 3]);
    tokio::time::sleep(ms(1)).await;
    asks.remove(1).abort();
    assert_eq!(answers(first).await, [Ok(0)]);
    assert_eq!(answers(asks).await, [Ok(1), Ok(3)]);
    assert_eq!(calls.take(), [vec![0], vec![1, 3]]);
    let stats = stats(&system, "plain").await;
    assert_eq!((stats.cancelled, stats.expired, stats.messages), (1, 0, 3));
    let letters = system.dead_letters();
    assert_eq!((letters.len(), letters[0].reason, letters[0].count), (1, DeadReason::Cancelled, 1));
}

#[tokio::test(start_paused = true)]
async fn an_expired_ask_is_left_out_and_its_asker_told_so() {
    let (system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Plain>(&desk, [0]);
    tokio::time::sleep(ms(1)).await;
    let (late, in_time) =
        tokio::join!(desk.plain(1.into()).within(ms(2)), desk.plain(2.into()).within(ms(50)));
    assert_eq!((late, in_time), (Err(AskError::Deadline), Ok(2)));
    assert_eq!(answers(first).await, [Ok(0)]);
    assert_eq!(calls.take(), [[0], [2]]);
    let stats = stats(&system, "plain").await;
    // Its asker was gone by then.
    assert_eq!((stats.cancelled + stats.expired, stats.messages), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_nobody_is_left_does_not_run() {
    let (system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Plain>(&desk, [0]);
    tokio::time::sleep(ms(1)).await;
    let asks = ask_all::<Desk, Plain>(&desk, [1, 2]);
    tokio::time::sleep(ms(1)).await;
    asks.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(answers(first).await, [Ok(0)]);
    assert_eq!(desk.other().await, Ok(0), "and the actor goes on");
    assert_eq!(calls.take(), [vec![0], vec![]]);
    let stats = stats(&system, "plain").await;
    assert_eq!((stats.batches, stats.cancelled), (1, 2));
    let snapshot = system.monitor().latest().await;
    let numbers = &snapshot.of_type("Desk").unwrap().numbers;
    assert_eq!((numbers.handled, numbers.dropped, numbers.failed), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_is_cancelled_while_its_batch_waits_is_left_out() {
    let (system, desk, calls) = desk(ms(0)).await;
    let mut asks = ask_all::<Desk, Linger>(&desk, [1, 2]);
    tokio::time::sleep(ms(1)).await;
    asks.remove(0).abort();
    assert_eq!(answers(asks).await, [Ok(2)]);
    assert_eq!(calls.take(), [[2]]);
    let asks = ask_all::<Desk, Linger>(&desk, [3]);
    tokio::time::sleep(ms(1)).await;
    asks[0].abort();
    tokio::time::sleep(ms(20)).await;
    assert!(calls.take().is_empty(), "nobody is left");
    let stats = stats(&system, "linger").await;
    assert_eq!((stats.cancelled, stats.batches, stats.closed_by(ClosedBy::Wait)), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_told_message_is_never_left_out() {
    let (_system, desk, calls) = desk(ms(0)).await;
    desk.plain(1.into()).within(ms(0)).tell().unwrap();
    tokio::time::sleep(ms(1)).await;
    assert_eq!(calls.take(), [[1]]);
}
