//! From actors of ours to actix's.

use std::time::Duration;

use actix::Actor;
use ostraca::bridge::from_actix;
use ostraca::prelude::*;
use ostraca::{DeadReason, Recipient};

use crate::support::{Desk, End, Even, Fail, Gauge, Note, Scribe, actix_paused, settle, tasks};

const LEN_MAX: usize = 4;
const SECOND: Duration = Duration::from_secs(1);

struct Office {
    system: System,
    scribe: actix::Addr<Scribe>,
    notes: Recipient<Note>,
    desk: Desk,
    gauge: Gauge,
}

impl Office {
    fn open(desk: Desk) -> Self {
        let system = System::start().unwrap();
        let scribe = Scribe { desk: desk.clone() }.start();
        let notes = from_actix(&system, scribe.clone(), LEN_MAX);
        Office { system, scribe, notes, desk, gauge: Gauge::default() }
    }

    fn note(&self, number: u64) -> Note {
        Note { from: 0, number, ticket: self.gauge.ticket() }
    }
}

#[test]
fn asks_are_answered_and_results_are_refusals() {
    actix_paused(async {
        let office = Office::open(Desk::open());
        assert_eq!(office.notes.request(office.note(7)).await, Ok(7));
        let evens: Recipient<Even> = from_actix(&office.system, office.scribe.clone(), LEN_MAX);
        assert_eq!(evens.request(Even(2)).await, Ok(2));
        assert_eq!(evens.request(Even(3)).await, Err(AskError::Refused("3 is odd".to_owned())));
        assert!(office.notes.label().to_string().starts_with("actix's taker of Note: Recipient#"));
    });
}

#[test]
fn tells_sends_and_asks_keep_their_order() {
    actix_paused(async {
        let office = Office::open(Desk::open());
        let mut sent = 0;
        for number in 0..300 {
            let request = office.notes.request(office.note(number));
            match number % 3 {
                0 => match request.tell() {
                    Ok(()) => {}
                    Err(error) => office.notes.request(error.into_inner()).send().await.unwrap(),
                },
                1 => request.send().await.unwrap(),
                _ => assert_eq!(request.await, Ok(number)),
            }
            sent += 1;
        }
        settle().await;
        assert_eq!(office.desk.orderly(1), [sent]);
        assert!(office.gauge.most() <= LEN_MAX + 1);
    });
}

/// Nothing is handled: the bound holds by every verb, and asks that gave up keep their place until actix lets go.
#[test]
fn a_bound_holds_whatever_the_verb() {
    actix_paused(async {
        let office = Office::open(Desk::closed());
        office.notes.request(office.note(0)).tell().unwrap();
        for number in 1..LEN_MAX as u64 {
            let ask = office.notes.request(office.note(number)).within(SECOND);
            assert_eq!(ask.await, Err(AskError::Deadline));
        }
        let error = office.notes.request(office.note(4)).tell().unwrap_err();
        assert!(matches!(error, TellError::Full(Note { number: 4, .. })), "{error:?}");
        drop(error);
        let error = office.notes.request(office.note(5)).within(SECOND).send().await.unwrap_err();
        assert!(matches!(error, SendError::Full(Note { number: 5, .. })), "{error:?}");
        drop(error);
        assert_eq!(office.notes.request(office.note(6)).within(SECOND).await, Err(AskError::Full));
        assert_eq!(office.gauge.live(), LEN_MAX);

        let waits = {
            let (notes, note) = (office.notes.clone(), office.note(7));
            tokio::spawn(async move { notes.request(note).await })
        };
        settle().await;
        office.desk.let_through(1_000);
        assert_eq!(waits.await.unwrap(), Ok(7));
        assert_eq!(office.desk.seen(), [(0, 0), (0, 1), (0, 2), (0, 3), (0, 7)]);
        assert_eq!(office.gauge.live(), 0);
    });
}

/// A `SyncArbiter` has a queue without end.
#[test]
fn a_bound_holds_where_actix_has_none() {
    struct Digger;
    impl Actor for Digger {
        type Context = actix::SyncContext<Self>;
    }
    impl actix::Handler<Note> for Digger {
        type Result = Result<u64, AskError>;
        fn handle(&mut self, note: Note, _ctx: &mut Self::Context) -> Self::Result {
            Ok(note.number)
        }
    }
    actix::System::new().block_on(async {
        let system = System::start().unwrap();
        let gauge = Gauge::default();
        let notes: Recipient<Note> = from_actix(&system, actix::SyncArbiter::start(1, || Digger), LEN_MAX);
        let (mut taken, mut full) = (0, 0);
        // Its hand-over task has no turn meanwhile.
        for number in 0..1_000 {
            match notes.request(Note { from: 0, number, ticket: gauge.ticket() }).tell() {
                Ok(()) => taken += 1,
                Err(_) => full += 1,
            }
        }
        assert_eq!((taken, full), (LEN_MAX, 1_000 - LEN_MAX));
        assert_eq!(notes.request(Note { from: 0, number: 7, ticket: gauge.ticket() }).await, Ok(7));
        assert!(gauge.most() <= LEN_MAX + 1);
    });
}

#[test]
fn a_panic_of_actixs_is_an_error_of_ours() {
    actix_paused(async {
        let office = Office::open(Desk::closed());
        let fails: Recipient<Fail> = from_actix(&office.system, office.scribe.clone(), LEN_MAX);
        assert_eq!(fails.request(Fail).await, Err(AskError::Unanswered));
        // Its actor is gone.
        assert_eq!(fails.request(Fail).await, Err(AskError::Stopped));
        let error = fails.request(Fail).tell().unwrap_err();
        assert!(matches!(error, TellError::Stopped(Fail)));
        let error = fails.request(Fail).send().await.unwrap_err();
        assert!(matches!(error, SendError::Stopped(Fail)));
        assert_eq!(office.system.dead_letters_total(), 0);

        let scribe = Scribe { desk: Desk::open() }.start();
        let fails: Recipient<Fail> = from_actix(&office.system, scribe, LEN_MAX);
        fails.request(Fail).tell().unwrap();
        settle().await;
        let dead = office.system.dead_letters();
        assert_eq!(
            dead.iter().map(|dead| (dead.handler, dead.reason)).collect::<Vec<_>>(),
            [("Fail", DeadReason::Lost)]
        );
    });
}

#[test]
fn an_actor_of_actixs_that_ends_leaves_nothing_waiting() {
    actix_paused(async {
        let before = tasks();
        let office = Office::open(Desk::open());
        let ends: Recipient<End> = from_actix(&office.system, office.scribe.clone(), LEN_MAX);
        ends.request(End).tell().unwrap();
        let asks: Vec<_> = (0..LEN_MAX as u64 + 4)
            .map(|number| {
                let (notes, note) = (office.notes.clone(), office.note(number));
                tokio::spawn(async move { notes.request(note).await })
            })
            .collect();
        for ask in asks {
            let answer = ask.await.unwrap();
            assert!(matches!(answer, Err(AskError::Unanswered | AskError::Stopped)), "{answer:?}");
        }
        assert_eq!(office.gauge.live(), 0);
        let Office { system, scribe, notes, .. } = office;
        drop((scribe, notes, ends));
        assert!(system.stop().await.is_clean());
        drop(system);
        settle().await;
        assert_eq!(tasks(), before, "no task is left");
    });
}

/// A handler's deadline holds for what it asks of actix.
#[test]
fn a_deadline_is_inherited() {
    struct Relay {
        notes: Recipient<Note>,
        gauge: Gauge,
    }
    #[actor]
    impl Relay {
        #[start]
        fn start(notes: Recipient<Note>, gauge: Gauge) -> Self {
            Relay { notes, gauge }
        }

        #[handler]
        async fn pass_on(&mut self) -> Result<u64, String> {
            let note = Note { from: 0, number: 1, ticket: self.gauge.ticket() };
            self.notes.request(note).await.map_err(|error| error.to_string())
        }
    }
    actix_paused(async {
        let office = Office::open(Desk::closed());
        let args = (office.notes.clone(), office.gauge.clone());
        let relay = office.system.spawn::<Relay>(args).await.unwrap();
        assert_eq!(relay.pass_on().within(SECOND).await, Err(AskError::Deadline));
        // The handler ended with it.
        office.desk.let_through(1);
        assert_eq!(
            relay.pass_on().within(SECOND).await,
            Err(AskError::Deadline),
            "the first was let through"
        );
    });
}
