//! A start that waits for what does not come: it holds its supervisor up for so long and no longer.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Run};
use ostraca::{ChildSpec, ChildState, Restart, SpawnError, Strategy, SupervisorRef};
use tokio::time::Instant;

/// What the sibling of a [`Teller`] is asked when that starts.
struct Journal;

#[actor]
impl Journal {
    #[start]
    fn start() -> Self {
        Journal
    }

    #[handler]
    fn open(&self) {}

    #[handler]
    async fn open_in(&self, after: Duration) {
        tokio::time::sleep(after).await;
    }

    #[handler]
    fn tear(&mut self) {
        panic!("the disk is gone")
    }
}

/// How often a teller began to start, and what the last one was told.
#[derive(Clone, Default)]
struct Starts {
    begun: Arc<AtomicU32>,
    told: Arc<Mutex<Option<AskError>>>,
}

struct Teller;

#[actor]
impl Teller {
    /// Leaves the journal the time to fall, then asks it without a deadline.
    #[start]
    async fn start(ctx: &mut Context<Self>, starts: Starts) -> Result<Self, StartError> {
        starts.begun.fetch_add(1, Ordering::Relaxed);
        let journal = ctx.sibling::<Journal>().ok_or_else(|| StartError::new("it needs a journal"))?;
        tokio::time::sleep(Duration::from_millis(10)).await;
        let answer = journal.open().await;
        if let Err(error) = &answer {
            *starts.told.lock().unwrap() = Some(*error);
        }
        Ok(answer.map(|()| Teller)?)
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure")
    }

    #[handler]
    fn count(&self) -> u32 {
        1
    }
}

async fn bank(
    system: &System,
    teller: ChildSpec,
) -> (SupervisorRef, Starts, ActorRef<Journal>, ActorRef<Teller>) {
    let starts = Starts::default();
    let bank = system
        .supervisor(Strategy::OneForOne, Restart::new(4, Duration::from_secs(10)))
        .child::<Journal>(())
        .child_as::<Teller>(teller, starts.clone())
        .start()
        .await
        .unwrap();
    let (journal, teller) = (bank.actor().unwrap(), bank.actor().unwrap());
    (bank, starts, journal, teller)
}

/// The journal's restart waits for the teller's start, which waits for the journal.
#[tokio::test(start_paused = true)]
async fn a_start_that_asks_a_sibling_which_has_fallen_fails_after_five_seconds_and_is_tried_again() {
    let system = System::start().unwrap();
    let (_bank, starts, journal, teller) = bank(&system, ChildSpec::permanent()).await;
    let began = Instant::now();
    teller.fail().await.unwrap_err();
    journal.tear().await.unwrap_err();
    assert_eq!(teller.count().await, Ok(1));
    assert_eq!(*starts.told.lock().unwrap(), Some(AskError::Deadline));
    assert_eq!(
        starts.begun.load(Ordering::Relaxed),
        3,
        "the first, the one that was stuck, the one that worked"
    );
    let took = began.elapsed().as_millis();
    assert!((5_010..5_100).contains(&took), "{took} ms");
    assert_eq!(journal.open().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_a_start_asks_has_what_is_left_of_the_starts_own_limit() {
    let system = System::start().unwrap();
    let limit = Duration::from_millis(200);
    let (bank, starts, journal, teller) = bank(&system, ChildSpec::permanent().start_within(limit)).await;
    let began = Instant::now();
    teller.fail().await.unwrap_err();
    journal.tear().await.unwrap_err();
    assert_eq!(teller.count().await, Ok(1));
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(starts.begun.load(Ordering::Relaxed), 3);
    // One that was in time has no limit any more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((teller.count().await, bank.children()[1].state), (Ok(1), ChildState::Up));
}

/// Seeds decide when the two fall, and who is first.
#[test]
fn no_seed_leaves_two_siblings_waiting_for_each_other() {
    let faults = Faults::none().panics_in::<Journal>(0.2).panics_in::<Teller>(0.2);
    Explore::new().seeds(150).faults(faults).run(async |run: Run| {
        let starts = Starts::default();
        let system = run.system();
        let bank = system
            .supervisor(Strategy::OneForOne, Restart::new(1_000, Duration::from_secs(10)))
            .child::<Journal>(())
            .child::<Teller>(starts);
        let Ok(bank) = bank.start().await else { return };
        let (journal, teller): (ActorRef<Journal>, ActorRef<Teller>) =
            (bank.actor().unwrap(), bank.actor().unwrap());
        for _ in 0..4 {
            let _spent = teller.fail().tell();
            let _spent = journal.tear().tell();
            tokio::time::sleep(Duration::from_millis(run.below(20))).await;
        }
        tokio::time::timeout(Duration::from_secs(300), async {
            while teller.count().await.is_err() || journal.open().await.is_err() {}
        })
        .await
        .expect("both run again");
    });
}

struct Stuck;

#[actor]
impl Stuck {
    #[start]
    async fn start(ends: bool) -> Self {
        if !ends {
            pending::<()>().await;
        }
        Stuck
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_over_its_limit_has_failed_and_the_failure_names_the_actor_and_the_limit() {
    let system = System::start().unwrap();
    let limited = ChildSpec::permanent().named("stuck").start_within(Duration::from_millis(300));
    let began = Instant::now();
    let starting = system
        .supervisor(Strategy::OneForAll, Restart::default())
        .child::<Journal>(())
        .child_as::<Stuck>(limited, false)
        .start();
    let failed = tokio::time::timeout(Duration::from_secs(60), starting).await.expect("it is given up");
    let Err(SpawnError::NotStarted { reason, .. }) = failed else { panic!("{failed:?}") };
    let reason = reason.to_string();
    let expected = "could not start: it did not end within 300ms, its `start_within`";
    assert!(reason.contains("stuck: Stuck#") && reason.contains(expected), "{reason}");
    assert_eq!(began.elapsed().as_millis(), 300);
    assert!(system.stop().await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_added_and_does_not_start_in_time_is_no_child() {
    let system = System::start().unwrap();
    let (bank, ..) = bank(&system, ChildSpec::permanent()).await;
    let limited = ChildSpec::permanent().start_within(Duration::from_millis(300));
    let adding = bank.add::<Stuck>(limited.clone(), false);
    let added = tokio::time::timeout(Duration::from_secs(60), adding).await.expect("it is given up");
    assert!(added.is_err());
    assert!(bank.add::<Stuck>(limited, true).await.is_ok());
    assert_eq!(bank.children().len(), 3);
}

/// A start may take its time; only what it asks may not.
#[tokio::test(start_paused = true)]
async fn a_start_without_a_limit_takes_as_long_as_it_needs_and_each_of_its_asks_has_five_seconds() {
    struct Slow;

    #[actor]
    impl Slow {
        #[start]
        async fn start(ctx: &mut Context<Self>) -> Result<Self, StartError> {
            let journal = ctx.sibling::<Journal>().ok_or_else(|| StartError::new("it needs a journal"))?;
            for _ in 0..3 {
                journal.open_in(Duration::from_secs(4)).await?;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(Slow)
        }

        /// After the start no ask is limited.
        #[handler]
        async fn open(&self, journal: ActorRef<Journal>) -> Result<(), AskError> {
            journal.open_in(Duration::from_secs(60)).await
        }
    }

    let system = System::start().unwrap();
    let (bank, _, journal, _) = bank(&system, ChildSpec::permanent()).await;
    let slow = bank.add::<Slow>(ChildSpec::permanent(), ()).await.unwrap();
    assert_eq!(slow.actor.open(journal).await, Ok(()));
}
