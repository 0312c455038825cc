//! What users of batch processors complain of, and what the processor of this project's seed got wrong: one test each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ostraca::prelude::*;
use tokio::time::Instant;

use super::desk::{Bad, Calls, Desk, Linger, Plain, answers, ask_all, desk, ms, stats};

/// The seed: an item pushed while every worker is busy lies there until the next one is submitted.
#[tokio::test(start_paused = true)]
async fn stranded_items() {
    let (_system, desk, calls) = desk(ms(5)).await;
    let first = ask_all::<Desk, Linger>(&desk, 0..4);
    tokio::time::sleep(ms(1)).await;
    // It comes while the handler runs, and nobody comes after it.
    assert_eq!(desk.linger(9.into()).await, Ok(9));
    assert_eq!(answers(first).await, [0, 1, 2, 3].map(Ok));
    assert_eq!(calls.take(), [vec![0, 1, 2, 3], vec![9]]);
}

/// The seed: `batch_timeout` is never used, so the last items of a burst wait for ever.
#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_never_used() {
    let (_system, desk, _calls) = desk(ms(0)).await;
    let began = Instant::now();
    assert_eq!(answers(ask_all::<Desk, Linger>(&desk, 0..11)).await.len(), 11);
    assert!(began.elapsed() <= ms(12), "{:?}", began.elapsed());
}

/// Counts who is in it at once.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

struct Narrow(Gauge);

#[actor]
impl Narrow {
    #[start]
    fn start(gauge: Gauge) -> Self {
        Narrow(gauge)
    }

    #[handler(batch(len_max = 4, wait_max = "1ms"))]
    async fn work(&mut self, batch: Batch<Work>) {
        let (now, most) = &*self.0.0;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(ms(3)).await;
        now.fetch_sub(1, Ordering::SeqCst);
        drop(batch);
    }
}

#[derive(Message)]
struct Work;

/// The seed: the permit is dropped when the work has been spawned, so that nothing bounds how much runs at once.
#[tokio::test(start_paused = true)]
async fn no_bound_on_what_runs_at_once() {
    let system = System::start().unwrap();
    let gauge = Gauge::default();
    let narrow = system.spawn::<Narrow>(gauge.clone()).await.unwrap();
    for _ in 0..40 {
        narrow.work(Work).tell().unwrap();
    }
    assert_eq!(narrow.work(Work).await, Err(AskError::Unanswered));
    assert_eq!(gauge.0.1.load(Ordering::SeqCst), 1, "one batch of an actor is under way, no more");
}

/// The seed: nobody is answered. Lambda: a malformed partial answer is total success or total failure.
#[tokio::test(start_paused = true)]
async fn an_answer_that_goes_to_nobody_or_to_all() {
    let (_system, desk, _calls) = desk(ms(1)).await;
    let asks = ask_all::<Desk, Plain>(&desk, [7, 8, 9]);
    assert_eq!(answers(asks).await, [Ok(7), Ok(8), Ok(9)]);
}

/// The seed prints errors; ultra-batch and others fail good items with bad ones.
#[tokio::test(start_paused = true)]
async fn one_bad_item_fails_the_whole_batch() {
    let (_system, desk, _calls) = desk(ms(1)).await;
    let asks = ask_all::<Desk, super::desk::Halve>(&desk, [7, 9_008, 9]);
    assert_eq!(answers(asks).await, [Ok(7), Err(AskError::Refused(Bad(9_008))), Ok(9)]);
}

/// The seed: `active_workers` stays up after an error, until none is left.
#[tokio::test(start_paused = true)]
async fn errors_leak_workers() {
    let (system, desk, calls) = desk(ms(0)).await;
    for round in 0..100 {
        let asks = ask_all::<Desk, Plain>(&desk, [9_001, round]);
        answers(asks).await;
    }
    assert_eq!(desk.plain(5.into()).await, Ok(5));
    drop(calls);
    assert!(stats(&system, "plain").await.failures >= 100);
}

/// ultra-batch 0.3: what was not found once is never looked for again.
#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_for_ever() {
    let (_system, desk, _calls) = desk(ms(0)).await;
    assert_eq!(desk.once(1_005.into()).await, Err(AskError::Refused(Bad(1_005))));
    assert_eq!(desk.once(1_005.into()).await, Ok(1_005), "the next batch asks anew");
}

/// A processor that is dropped with its queue leaves its callers waiting.
#[tokio::test(start_paused = true)]
async fn callers_hang_when_the_processor_goes() {
    let system = System::start().unwrap();
    let desk = system.spawn::<Desk>((Calls::default(), ms(60_000))).await.unwrap();
    let asks = ask_all::<Desk, Plain>(&desk, 0..6);
    tokio::time::sleep(ms(1)).await;
    drop(system);
    for answer in answers(asks).await {
        assert!(answer.is_err(), "{answer:?}");
    }
}
