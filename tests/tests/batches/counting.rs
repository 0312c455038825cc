//! A scripted run's statistics are exact (it must show, point 7).

use ostraca::monitor::ClosedBy;
use ostraca::prelude::*;

use super::desk::{Desk, Halve, Linger, Plain, answers, ask_all, desk, ms, stats};

#[tokio::test(start_paused = true)]
async fn a_scripted_runs_statistics_are_exact() {
    let (system, desk, _calls) = desk(ms(5)).await;
    // Closed by the wait: 3 messages, held for 10 ms, run for 5.
    answers(ask_all::<Desk, Linger>(&desk, 0..3)).await;
    // By len_max and, behind it, by what else was there: 8 and 4, not held.
    let asks = ask_all::<Desk, Linger>(&desk, 0..12);
    answers(asks).await;
    // By another message, after 2 ms.
    desk.linger(1.into()).tell().unwrap();
    tokio::time::sleep(ms(2)).await;
    desk.other().await.unwrap();
    // One cancelled and one expired while 1 message waits for 10 ms.
    let mut asks = ask_all::<Desk, Linger>(&desk, [1, 2]);
    tokio::time::sleep(ms(1)).await;
    asks.remove(0).abort();
    answers(asks).await;

    let stats = stats(&system, "linger").await;
    assert_eq!((stats.batches, stats.calls, stats.messages), (5, 5, 3 + 8 + 4 + 1 + 1));
    let closed = ClosedBy::ALL.map(|why| (why.name(), stats.closed_by(why)));
    assert_eq!(
        closed,
        [
            ("len_max", 1),
            ("len_min", 0),
            ("bytes_max", 0),
            ("wait", 2),
            ("deadline", 0),
            ("other_message", 1),
            ("empty", 1),
            ("stop", 0)
        ]
    );
    assert_eq!((stats.cancelled, stats.expired, stats.failures, stats.duplicates), (1, 0, 0, 0));
    let lengths: Vec<_> = stats.lengths.buckets().collect();
    assert_eq!(lengths, [(1, 2), (3, 1), (4, 1), (8, 1)]);
    assert_eq!(stats.waits.count(), 5);
    assert_eq!(stats.waits.sum(), 22_000_000, "10 + 0 + 0 + 2 + 10 ms");
    assert_eq!((stats.runs.count(), stats.runs.sum()), (5, 5 * 5_000_000));
}

#[tokio::test(start_paused = true)]
async fn the_queues_depth_is_the_mailboxes() {
    let (system, desk, _calls) = desk(ms(5)).await;
    for number in 0..10 {
        desk.plain(number.into()).tell().unwrap();
    }
    tokio::time::sleep(ms(1)).await;
    let depth = async || system.monitor().latest().await.of_type("Desk").unwrap().numbers.mailbox_len;
    assert_eq!(depth().await, 6, "four are at work");
    tokio::time::sleep(ms(5)).await;
    assert_eq!(depth().await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_stopped_actors_counted_stays() {
    let (system, desk, _calls) = desk(ms(1)).await;
    answers(ask_all::<Desk, Halve>(&desk, [1, 9_002])).await;
    let other = system.spawn::<Desk>((super::desk::Calls::default(), ms(1))).await.unwrap();
    answers(ask_all::<Desk, Plain>(&other, [1])).await;
    answers(ask_all::<Desk, Halve>(&other, [1, 9_002])).await;
    let before = stats(&system, "halve").await;
    ActorRef::stop(&desk);
    ActorRef::wait_stopped(&desk).await;
    assert_eq!(stats(&system, "halve").await, before);
    assert_eq!(before.quarantined, 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_what_was_counted() {
    let (system, desk, _calls) = desk(ms(1)).await;
    answers(ask_all::<Desk, Plain>(&desk, [1, super::desk::PANICS])).await;
    answers(ask_all::<Desk, Plain>(&desk, [1])).await;
    assert!(stats(&system, "plain").await.batches >= 2);
}
