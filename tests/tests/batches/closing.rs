//! When a batch is closed.

use ostraca::monitor::ClosedBy;
use ostraca::prelude::*;
use tokio::time::Instant;

use super::desk::{Adapt, Desk, Full, Heavy, Linger, answers, ask_all, desk, ms, stats};

async fn closed_by(system: &System, handler: &str, why: ClosedBy) -> u64 {
    let stats = stats(system, handler).await;
    assert_eq!(ClosedBy::ALL.map(|why| stats.closed_by(why)).iter().sum::<u64>(), stats.batches);
    stats.closed_by(why)
}

#[tokio::test(start_paused = true)]
async fn a_short_batch_waits_for_wait_max_and_no_longer() {
    let (system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    assert_eq!(desk.linger(1.into()).await, Ok(1));
    let waited = began.elapsed();
    assert!(waited >= ms(10) && waited <= ms(12), "{waited:?}");
    assert_eq!(calls.take(), [[1]]);
    assert_eq!(closed_by(&system, "linger", ClosedBy::Wait).await, 1);
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_while_it_waits_are_in_the_batch_and_len_min_ends_the_wait() {
    let (system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    let mut asks = ask_all::<Desk, Linger>(&desk, [1, 2]);
    tokio::time::sleep(ms(3)).await;
    asks.extend(ask_all::<Desk, Linger>(&desk, [3]));
    tokio::time::sleep(ms(3)).await;
    asks.extend(ask_all::<Desk, Linger>(&desk, [4]));
    assert_eq!(answers(asks).await, [Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(began.elapsed(), ms(6), "not until the wait was over");
    assert_eq!(calls.take(), [[1, 2, 3, 4]]);
    assert_eq!(closed_by(&system, "linger", ClosedBy::LenMin).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_has_len_min_does_not_wait_and_takes_up_to_len_max() {
    let (system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Linger>(&desk, 0..4);
    tokio::time::sleep(ms(1)).await;
    let began = Instant::now();
    let rest = ask_all::<Desk, Linger>(&desk, 4..16);
    answers(first).await;
    answers(rest).await;
    assert_eq!(began.elapsed(), ms(14), "three calls, of which the first had a millisecond");
    let lens: Vec<_> = calls.take().iter().map(Vec::len).collect();
    assert_eq!(lens, [4, 8, 4]);
    assert_eq!(closed_by(&system, "linger", ClosedBy::LenMax).await, 1);
    assert_eq!(closed_by(&system, "linger", ClosedBy::Empty).await, 2);
}

#[tokio::test(start_paused = true)]
async fn without_len_min_a_plain_fn_waits_for_a_full_batch() {
    let (system, desk, calls) = desk(ms(0)).await;
    let asks = ask_all_full(&desk, 3).await;
    assert_eq!(asks, [0, 1, 2]);
    assert_eq!(calls.take(), [[0, 1, 2]]);
    let asks = ask_all_full(&desk, 4).await;
    assert_eq!(asks, [0, 1, 2, 3]);
    let stats = stats(&system, "full").await;
    assert_eq!((stats.closed_by(ClosedBy::Wait), stats.closed_by(ClosedBy::LenMax)), (1, 1));
}

async fn ask_all_full(desk: &ActorRef<Desk>, len: u64) -> Vec<u64> {
    let ask = |number| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.full(Full(number, 1)).await })
    };
    let mut answers = Vec::new();
    for ask in (0..len).map(ask).collect::<Vec<_>>() {
        answers.push(ask.await.unwrap().unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_kind_closes_a_batch_that_waits_and_stays_behind_it() {
    let (system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    desk.linger(1.into()).tell().unwrap();
    desk.linger(2.into()).tell().unwrap();
    tokio::time::sleep(ms(2)).await;
    assert_eq!(desk.other().await, Ok(0));
    assert_eq!(began.elapsed(), ms(2), "it did not wait for the rest of the wait");
    assert_eq!(calls.take(), [vec![1, 2], vec![]]);
    assert_eq!(closed_by(&system, "linger", ClosedBy::OtherMessage).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_flushed_in_time_for_the_nearest_deadline() {
    let (system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    let (patient, hurried) = tokio::join!(desk.linger(1.into()), desk.linger(2.into()).within(ms(5)));
    assert_eq!((patient, hurried), (Ok(1), Ok(2)), "both in time");
    assert!(began.elapsed() < ms(5), "{:?}", began.elapsed());
    assert_eq!(calls.take(), [[1, 2]]);
    assert_eq!(closed_by(&system, "linger", ClosedBy::Deadline).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_call_takes_is_learned_for_the_deadline() {
    let (system, desk, _calls) = desk(ms(4)).await;
    for _ in 0..8 {
        assert_eq!(answers(ask_all::<Desk, Linger>(&desk, 0..4)).await, [0, 1, 2, 3].map(Ok));
    }
    assert_eq!(
        desk.linger(1.into()).within(ms(8)).await,
        Ok(1),
        "4 ms for the call, and less than 4 to wait"
    );
    assert_eq!(closed_by(&system, "linger", ClosedBy::Deadline).await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_message_that_would_take_it_over_bytes_max_is_in_the_next_batch() {
    let (system, desk, calls) = desk(ms(1)).await;
    for (number, bytes) in [(0, 1), (1, 4), (2, 4), (3, 4), (4, 99), (5, 10), (6, 1)] {
        desk.heavy(Heavy(number, bytes)).tell().unwrap();
    }
    tokio::time::sleep(ms(20)).await;
    assert_eq!(calls.take(), [vec![0, 1, 2], vec![3], vec![4], vec![5], vec![6]]);
    assert_eq!(closed_by(&system, "heavy", ClosedBy::BytesMax).await, 4);
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_batch_does_not_wait_where_it_does_not_pay() {
    let (system, desk, _calls) = desk(ms(8)).await;
    for number in 0..64 {
        assert_eq!(desk.adapt(number.into()).await, Ok(number));
    }
    let stats = stats(&system, "adapt").await;
    assert!(stats.waits.mean().unwrap() < 8e6 / 32.0, "{:?}: probes alone", stats.waits.mean());
    assert!(stats.waits.max() <= 8_000_000, "never longer than a call costs");
}

#[tokio::test(start_paused = true)]
async fn callers_who_come_back_together_are_taken_together_by_an_adaptive_batch() {
    let (system, desk, _calls) = desk(ms(20)).await;
    let caller = |number: u64| {
        let desk = desk.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                // They come one after the other, within 4 ms.
                tokio::time::sleep(ms(number % 5)).await;
                assert_eq!(desk.adapt(Adapt(number, 1)).await, Ok(number));
            }
        })
    };
    for caller in (0..32).map(caller).collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let stats = stats(&system, "adapt").await;
    assert!(stats.waits.max() <= 20_000_000, "never longer than a call costs: {}", stats.waits.max());
    let usual = stats.lengths.quantile(0.5).unwrap();
    assert!(usual >= 28, "of 32 callers {usual} are in a batch, where 16 would be without a wait");
}

#[tokio::test(start_paused = true)]
async fn a_stop_flushes_a_batch_that_waits() {
    let (system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    let asks = ask_all::<Desk, Linger>(&desk, [1, 2]);
    tokio::time::sleep(ms(1)).await;
    ActorRef::stop(&desk);
    assert_eq!(answers(asks).await, [Ok(1), Ok(2)]);
    assert_eq!(began.elapsed(), ms(1));
    assert_eq!(calls.take(), [[1, 2]]);
    assert_eq!(closed_by(&system, "linger", ClosedBy::Stop).await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_systems_stop_flushes_it_as_well() {
    let (system, desk, calls) = desk(ms(0)).await;
    let asks = ask_all::<Desk, Linger>(&desk, [1, 2]);
    tokio::time::sleep(ms(1)).await;
    assert!(system.stop().await.is_clean());
    assert_eq!(answers(asks).await, [Ok(1), Ok(2)]);
    assert_eq!(calls.take(), [[1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_answers_everybody_in_a_batch_that_waits_and_says_that_they_did_not_run() {
    let (system, desk, calls) = desk(ms(0)).await;
    let asks = ask_all::<Desk, Linger>(&desk, [1, 2]);
    tokio::time::sleep(ms(1)).await;
    ActorRef::kill(&desk);
    assert_eq!(answers(asks).await, [Err(AskError::Dropped), Err(AskError::Dropped)]);
    assert!(calls.take().is_empty());
    assert_eq!(system.dead_letters_total(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_waits_is_left_alone_by_orders_that_do_not_end_it() {
    let (_system, desk, calls) = desk(ms(0)).await;
    let began = Instant::now();
    let asks = ask_all::<Desk, Linger>(&desk, [1]);
    tokio::time::sleep(ms(1)).await;
    // A look at the actor, on the control lane: it moves to where it is.
    let _moved = ActorRef::move_to(&desk, ostraca::Home::Workers).await;
    assert_eq!(answers(asks).await, [Ok(1)]);
    assert!(began.elapsed() >= ms(10), "{:?}", began.elapsed());
    assert_eq!(calls.take(), [[1]]);
}
