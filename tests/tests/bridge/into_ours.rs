//! From actix to actors of ours. Its senders need no actix system.

use std::time::Duration;

use actix::{MailboxError, Recipient};
use ostraca::DeadReason;
use ostraca::bridge::{Ours, to_actix};
use ostraca::prelude::*;

use crate::support::{Clerk, Desk, Even, Fail, FailBare, Gauge, Jot, Note, settle, tasks};

/// The clerk's mailbox.
const MAILBOX: usize = 8;
/// Of the bridge.
const LEN_MAX: usize = 4;

struct Office {
    system: System,
    clerk: ActorRef<Clerk>,
    address: actix::Addr<Ours<Clerk>>,
    notes: Recipient<Note>,
    desk: Desk,
    gauge: Gauge,
}

impl Office {
    async fn open(desk: Desk) -> Self {
        let system = System::start().unwrap();
        let clerk = system.spawn::<Clerk>(desk.clone()).await.unwrap();
        let address = to_actix(&system, &clerk, LEN_MAX).unwrap();
        let notes = address.clone().recipient();
        Office { system, clerk, address, notes, desk, gauge: Gauge::default() }
    }

    fn note(&self, number: u64) -> Note {
        Note { from: 0, number, ticket: self.gauge.ticket() }
    }

    fn dead(&self) -> u64 {
        self.system.dead_letters_total()
    }
}

#[tokio::test(start_paused = true)]
async fn asks_are_answered_and_refusals_are_results() {
    let office = Office::open(Desk::open()).await;
    assert_eq!(office.notes.send(office.note(7)).await.unwrap(), Ok(7));
    let jots: Recipient<Jot> = office.address.clone().recipient();
    assert_eq!(jots.send(Jot(office.note(8))).await.unwrap(), 8);
    let evens: Recipient<Even> = office.address.clone().recipient();
    assert_eq!(evens.send(Even(2)).await.unwrap(), Ok(2));
    assert_eq!(evens.send(Even(3)).await.unwrap(), Err("3 is odd".to_owned()));
    assert_eq!(office.dead(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_goes_through_one_address_keeps_its_order_whatever_it_is() {
    let office = Office::open(Desk::open()).await;
    let jots: Recipient<Jot> = office.address.clone().recipient();
    let mut asks = Vec::new();
    for number in 0..200 {
        // Asks and tells of two messages, sent before any is handled.
        match number % 4 {
            0 => office.address.do_send(office.note(number)),
            1 => asks.push(office.address.send(office.note(number))),
            2 => office.address.do_send(Jot(office.note(number))),
            _ => asks.push(office.address.send(office.note(number))),
        }
        if number % 3 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for ask in asks {
        ask.await.unwrap().unwrap();
    }
    settle().await;
    let numbers: Vec<_> = office.desk.seen().into_iter().map(|(_, number)| number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(numbers.len() as u64 + office.dead(), 200);
    drop(jots);
}

/// Nothing is handled: what `try_send` takes ends at the bound, and then it says so.
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_an_error_to_the_sender() {
    let office = Office::open(Desk::closed()).await;
    let (mut taken, mut full) = (0u64, 0);
    for _ in 0..1_000 {
        match office.notes.try_send(office.note(taken)) {
            Ok(()) => taken += 1,
            Err(actix::prelude::SendError::Full(_)) => full += 1,
            Err(actix::prelude::SendError::Closed(_)) => panic!("it is open"),
        }
        tokio::task::yield_now().await;
    }
    // In hand, in the mailbox, in front of it, and the place of each of the two that send.
    assert!((1 + MAILBOX..=1 + MAILBOX + LEN_MAX + 2).contains(&(taken as usize)), "{taken} were taken");
    assert!(full > 900);
    assert_eq!(office.gauge.live() as u64, taken, "what was not taken came back");
    office.desk.let_through(1_000);
    settle().await;
    assert_eq!(office.desk.seen().len() as u64, taken, "what was taken is handled");
    assert_eq!((office.dead(), office.gauge.live()), (0, 0));
    office.notes.try_send(office.note(taken)).expect("there is room again");
    settle().await;
    assert_eq!(office.desk.orderly(1), [taken as usize + 1]);
}

/// As time goes by, it gives a sender one place a look and no more.
#[tokio::test(start_paused = true)]
async fn a_mailbox_that_stays_full_stays_an_error() {
    let office = Office::open(Desk::closed()).await;
    let mut taken = 0;
    for number in 0..100 {
        taken += usize::from(office.notes.try_send(office.note(number)).is_ok());
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    // Looks after 10, 30, 70 and 150 milliseconds.
    let bound = 1 + MAILBOX + LEN_MAX + 2 + 4;
    assert!(taken <= bound, "{taken} of {bound}");
}

/// `do_send` cannot be held back. What is kept is bounded all the same, and what is not is a dead letter.
#[tokio::test(start_paused = true)]
async fn a_flood_that_ignores_every_bound_is_refused_and_counted() {
    let office = Office::open(Desk::closed()).await;
    let mut sent = 0;
    for wave in 0..20 {
        for _ in 0..1_000 {
            office.notes.do_send(office.note(sent));
            sent += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let kept = office.gauge.live();
        assert!(kept <= 1 + MAILBOX + LEN_MAX, "{kept} are kept after wave {wave}");
    }
    assert!(
        office.gauge.most() <= 1 + MAILBOX + LEN_MAX + 1_000,
        "one wave at most: {}",
        office.gauge.most()
    );
    office.desk.let_through(100_000);
    settle().await;
    let handled = office.desk.orderly(1)[0] as u64;
    assert_eq!(handled + office.dead(), sent, "each was handled or is a dead letter");
    assert!(office.system.dead_letters().iter().all(|dead| dead.reason == DeadReason::Shed
        && dead.handler == "note"
        && dead.actor == ActorRef::label(&office.clerk)));
    assert_eq!(office.gauge.live(), 0);
    // And it goes on.
    assert_eq!(office.notes.send(office.note(sent)).await.unwrap(), Ok(sent));
}

/// There is room now and then, so that nothing waits for long; and the flood is faster.
#[tokio::test(start_paused = true)]
async fn a_flood_is_refused_while_the_mailbox_moves() {
    let office = Office::open(Desk::closed()).await;
    let mut sent = 0;
    for _ in 0..500 {
        for _ in 0..100 {
            office.notes.do_send(office.note(sent));
            sent += 1;
        }
        office.desk.let_through(1);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Ten milliseconds between two looks, of a hundred messages each, and one for the clock's own grain.
    let bound = 1 + MAILBOX + LEN_MAX + 12 * 100;
    assert!(office.gauge.most() <= bound, "{} of {bound}", office.gauge.most());
    office.desk.let_through(100_000);
    settle().await;
    assert_eq!(office.desk.orderly(1)[0] as u64 + office.dead(), sent);
    assert!(office.desk.seen().len() >= 500, "as many as were let through: {}", office.desk.seen().len());
}

#[tokio::test(start_paused = true)]
async fn asks_beyond_the_bound_get_their_error() {
    let office = Office::open(Desk::closed()).await;
    let asks: Vec<_> = (0..100).map(|number| tokio::spawn(office.notes.send(office.note(number)))).collect();
    settle().await;
    office.desk.let_through(1_000);
    let mut answered = 0;
    for (number, ask) in (0..).zip(asks) {
        match ask.await.unwrap().unwrap() {
            Ok(answer) => {
                assert_eq!(answer, number);
                answered += 1;
            }
            Err(error) => assert_eq!(error, AskError::Full),
        }
    }
    assert_eq!(answered, 1 + MAILBOX + LEN_MAX);
    assert_eq!(office.gauge.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_ours_is_an_error_in_actix() {
    let office = Office::open(Desk::open()).await;
    let fails: Recipient<Fail> = office.address.clone().recipient();
    assert_eq!(fails.send(Fail).await.unwrap(), Err(AskError::Panicked));
    let bare: Recipient<FailBare> = office.address.clone().recipient();
    assert!(matches!(bare.send(FailBare).await, Err(MailboxError::Closed)));
    // The actor was restarted, and the address leads to it still.
    assert!(office.notes.connected());
    assert_eq!(office.notes.send(office.note(1)).await.unwrap(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn an_asker_that_is_gone_spares_the_handler() {
    let office = Office::open(Desk::closed()).await;
    let asks: Vec<_> = (0..12).map(|number| office.notes.send(office.note(number))).collect();
    drop(asks);
    office.desk.let_through(1_000);
    settle().await;
    assert_eq!((office.desk.seen(), office.gauge.live()), (vec![], 0));
    assert!(office.system.dead_letters().iter().all(|dead| dead.reason == DeadReason::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_stop_forwards_what_was_taken_and_leaves_nothing() {
    let before = tasks();
    let office = Office::open(Desk::closed()).await;
    for number in 0..10 {
        office.notes.do_send(office.note(number));
    }
    let ask = tokio::spawn(office.notes.send(office.note(10)));
    let desk = office.desk.clone();
    // When the gate is to stop, and waits for room.
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        desk.let_through(1_000);
    });
    let report = office.system.stop().await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(office.desk.orderly(1), [11]);
    assert_eq!(ask.await.unwrap().unwrap(), Ok(10));
    assert!(!office.notes.connected());
    assert!(matches!(office.notes.send(office.note(11)).await, Err(MailboxError::Closed)));
    assert_eq!((office.dead(), office.gauge.live()), (0, 0));
    let Office { system, clerk, address, notes, .. } = office;
    drop((system, clerk, address, notes));
    settle().await;
    assert_eq!(tasks(), before, "no task is left");
}

#[tokio::test(start_paused = true)]
async fn the_gate_ends_with_the_last_address() {
    let office = Office::open(Desk::open()).await;
    // The monitor is one too, from its first snapshot on.
    office.system.monitor();
    settle().await;
    let with = office.system.monitor().snapshot().actors.len();
    office.notes.do_send(office.note(1));
    let Office { address, notes, .. } = &office;
    let (address, notes) = (address.clone(), notes.clone());
    let Office { system, clerk, address: last, notes: last_notes, desk, gauge } = office;
    drop((last, last_notes, address));
    settle().await;
    assert_eq!(system.monitor().snapshot().actors.len(), with, "a recipient is left");
    notes.do_send(Note { from: 0, number: 2, ticket: gauge.ticket() });
    drop(notes);
    settle().await;
    assert_eq!(system.monitor().snapshot().actors.len(), with - 1);
    assert_eq!(desk.orderly(1), [2], "what was sent before is handled");
    assert_eq!(ActorRef::stop_reason(&clerk), None);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_ends_closes_its_address() {
    let office = Office::open(Desk::closed()).await;
    let asks: Vec<_> = (0..12).map(|number| tokio::spawn(office.notes.send(office.note(number)))).collect();
    settle().await;
    ActorRef::kill(&office.clerk);
    settle().await;
    assert!(!office.notes.connected());
    for ask in asks {
        // Half way, in the mailbox, or in front of it.
        let error = ask.await.unwrap().unwrap().unwrap_err();
        assert!(matches!(error, AskError::Unanswered | AskError::Dropped | AskError::Stopped), "{error:?}");
    }
    assert_eq!(office.gauge.live(), 0);
}
