//! Both ways at once, on threads: senders of every verb, panics on both sides, and a stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Arbiter};
use ostraca::bridge::{Ours, from_actix, to_actix};
use ostraca::prelude::*;
use ostraca_tests::runs::number;

use crate::support::{Clerk, Desk, Fail, Gauge, Jot, Note, Scribe};

const SENDERS: usize = 4;
const MAILBOX: usize = 8;
const LEN_MAX: usize = 16;
/// So many times as much as the others send.
const FLOOD: u64 = 20;

fn messages() -> u64 {
    number("OSTRACA_BRIDGE_MESSAGES").unwrap_or(2_000)
}

/// One of actix's senders: a task on an arbiter, with a clone of the address.
async fn send_to_ours(address: actix::Addr<Ours<Clerk>>, from: usize, gauge: Gauge) {
    let mut asks = Vec::new();
    for number in 0..messages() {
        let note = Note { from, number, ticket: gauge.ticket() };
        match number % 4 {
            0 => assert_eq!(address.send(note).await.unwrap(), Ok(number)),
            1 => assert_eq!(address.send(Jot(note)).await.unwrap(), number),
            2 => {
                // Answered later: what follows does not wait for it.
                asks.push((number, address.send(note)));
                tokio::task::yield_now().await;
            }
            _ => {
                let mut note = note;
                while let Err(actix::prelude::SendError::Full(back)) = address.try_send(note) {
                    note = back;
                    tokio::task::yield_now().await;
                }
            }
        }
        if asks.len() == 8 {
            for (number, ask) in asks.drain(..) {
                assert_eq!(ask.await.unwrap(), Ok(number));
            }
        }
    }
    for (number, ask) in asks {
        assert_eq!(ask.await.unwrap(), Ok(number));
    }
}

/// Another, which ignores every bound, by an address of its own: what is refused of it is nobody else's.
async fn flood_ours(address: actix::Addr<Ours<Clerk>>, gauge: Gauge) {
    for number in 0..FLOOD * messages() {
        address.do_send(Note { from: SENDERS, number, ticket: gauge.ticket() });
        if number % 512 == 511 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// One of ours: a task on tokio's threads.
async fn send_to_theirs(notes: ostraca::Recipient<Note>, from: usize, gauge: Gauge) {
    for number in 0..messages() {
        let request = notes.request(Note { from, number, ticket: gauge.ticket() });
        match number % 3 {
            0 => assert_eq!(request.await, Ok(number)),
            1 => request.send().await.unwrap(),
            _ => {
                if let Err(error) = request.tell() {
                    let TellError::Full(note) = error else { panic!("{error:?}") };
                    notes.request(note).send().await.unwrap();
                }
            }
        }
    }
}

/// Panics on our side as long as the others send; and each is seen.
async fn fail_ours(address: actix::Addr<Ours<Clerk>>, is_over: Arc<AtomicBool>, seen: Arc<AtomicU64>) {
    while !is_over.load(Ordering::Relaxed) {
        assert_eq!(address.send(Fail).await.unwrap(), Err(AskError::Panicked));
        seen.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Panics of actix's actors, each of which is a new one.
async fn fail_theirs(system: System, is_over: Arc<AtomicBool>, seen: Arc<AtomicU64>) {
    while !is_over.load(Ordering::Relaxed) {
        let scribe = Scribe { desk: Desk::open() }.start();
        let fails: ostraca::Recipient<Fail> = from_actix(&system, scribe, LEN_MAX);
        assert_eq!(fails.request(Fail).await, Err(AskError::Unanswered));
        assert_eq!(fails.request(Fail).await, Err(AskError::Stopped));
        seen.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn both_ways_under_load_order_and_bounds_are_kept_and_nothing_is_left() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        if !text.contains("a planned failure") {
            eprintln!("{text}");
        }
    }));
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let before = tokio.metrics().num_alive_tasks();
    let (desk, their_desk) = (Desk::open(), Desk::open());
    let (gauge, flood_gauge, their_gauge) = (Gauge::default(), Gauge::default(), Gauge::default());
    let panics = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
    let runner = actix::System::new();
    runner.block_on(async {
        let system = System::builder().tokio(tokio.handle().clone()).start().unwrap();
        let clerk = system.spawn::<Clerk>(desk.clone()).await.unwrap();
        let address = to_actix(&system, &clerk, LEN_MAX).unwrap();
        let arbiters: Vec<_> = (0..2).map(|_| Arbiter::new()).collect();
        let scribe = {
            let desk = their_desk.clone();
            Scribe::start_in_arbiter(&arbiters[1].handle(), |_| Scribe { desk })
        };
        let notes = from_actix(&system, scribe, LEN_MAX);
        let is_over = Arc::new(AtomicBool::new(false));

        let mut senders = Vec::new();
        for from in 0..SENDERS {
            let (ended, end) = tokio::sync::oneshot::channel();
            let sending = send_to_ours(address.clone(), from, gauge.clone());
            assert!(arbiters[from % 2].spawn(async move {
                sending.await;
                ended.send(()).unwrap();
            }));
            senders.push(end);
            let sending = tokio.spawn(send_to_theirs(notes.clone(), from, their_gauge.clone()));
            let (ended, end) = tokio::sync::oneshot::channel();
            actix::spawn(async move {
                sending.await.unwrap();
                ended.send(()).unwrap();
            });
            senders.push(end);
        }
        let flood = to_actix(&system, &clerk, LEN_MAX).unwrap();
        let flooding = actix::spawn(flood_ours(flood.clone(), flood_gauge.clone()));
        let failing = [
            actix::spawn(fail_ours(address.clone(), is_over.clone(), panics[0].clone())),
            actix::spawn(fail_theirs(system.clone(), is_over.clone(), panics[1].clone())),
        ];
        for sender in senders {
            sender.await.unwrap();
        }
        flooding.await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        for failing in failing {
            failing.await.unwrap();
        }
        drop((address, flood, notes, clerk));
        let report = system.stop().await;
        assert!(report.is_clean(), "{report:?}");
        // Each planned failure, what was refused of the flood, and nothing else.
        let refused = system.dead_letters_total() - panics[0].load(Ordering::Relaxed);
        let came = desk.orderly(SENDERS + 1)[SENDERS] as u64;
        assert_eq!(came + refused, FLOOD * messages(), "of the flood each is handled or counted");
        println!(
            "of the flood {came} came, {refused} were refused; {} at most were under way",
            flood_gauge.most()
        );
        drop(system);
        for arbiter in arbiters {
            arbiter.stop();
            arbiter.join().unwrap();
        }
        actix::System::current().stop();
    });
    runner.run().unwrap();

    let all = vec![messages() as usize; SENDERS];
    assert_eq!(desk.orderly(SENDERS), all, "every message came, in its sender's order");
    assert_eq!(their_desk.orderly(SENDERS), all);
    // In hand, in the mailbox, kept in front of it, in the channel; one place and one message in hand for each sender, and
    // the eight asks that each has under way wait in its own futures.
    let bound = 1 + MAILBOX + 2 * LEN_MAX + SENDERS * (2 + 8);
    assert!(gauge.most() <= bound, "{} of {bound}", gauge.most());
    let bound = LEN_MAX + SENDERS;
    assert!(their_gauge.most() <= bound, "{} of {bound}", their_gauge.most());
    assert_eq!([gauge.live(), flood_gauge.live(), their_gauge.live()], [0; 3]);
    let panics = panics.map(|panics| panics.load(Ordering::Relaxed));
    assert!(panics.iter().all(|&seen| seen > 0), "{panics:?}");
    // The workers are on their way out when the stop is over.
    let until = Instant::now() + Duration::from_secs(10);
    while tokio.metrics().num_alive_tasks() > before && Instant::now() < until {
        tokio.block_on(tokio::task::yield_now());
    }
    assert_eq!(tokio.metrics().num_alive_tasks(), before, "no task is left");
    println!("{} and {} at most under way; {panics:?} panics seen", gauge.most(), their_gauge.most());
}
