//! Chapter 4: actors that need each other fall and rise together.

// ANCHOR: all
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{ChildError, ChildSpec, ChildState, Restart, Strategy, SupervisorSpec, Terminated};

#[derive(Clone, Default)]
struct Sessions(Arc<AtomicU64>);

// ANCHOR: journal
/// Takes deposits from whoever has opened a session with this incarnation of it.
struct Journal {
    session: u64,
    cents: Vec<i64>,
}

#[actor]
impl Journal {
    #[start]
    fn start(sessions: Sessions) -> Self {
        Journal { session: sessions.0.fetch_add(1, Ordering::Relaxed), cents: Vec::new() }
    }

    #[handler]
    fn open(&self) -> u64 {
        self.session
    }

    /// False: of an old session.
    #[handler]
    fn append(&mut self, session: u64, cents: i64) -> bool {
        let is_open = session == self.session;
        if is_open {
            self.cents.push(cents);
        }
        is_open
    }

    #[handler]
    fn tear(&mut self) {
        panic!("the disk is gone")
    }
}
// ANCHOR_END: journal

// ANCHOR: teller
struct Teller {
    journal: ActorRef<Journal>,
    session: u64,
}

#[actor]
impl Teller {
    #[start]
    async fn start(ctx: &mut Context<Self>) -> Result<Self, StartError> {
        let journal = ctx.sibling::<Journal>().ok_or_else(|| StartError::new("it needs a journal"))?;
        let session = journal.open().within(Duration::from_millis(100)).await?;
        Ok(Teller { journal, session })
    }

    #[handler]
    async fn deposit(&mut self, cents: i64) -> bool {
        self.journal.append(self.session, cents).await == Ok(true)
    }
}
// ANCHOR_END: teller

// ANCHOR: spec
fn counter(strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new(strategy, Restart::new(2, Duration::from_secs(10)))
        .child::<Journal>(Sessions::default())
        .child::<Teller>(())
}
// ANCHOR_END: spec

// ANCHOR: audit
/// Looks once, and is done.
struct Audit;

#[actor]
impl Audit {
    #[start]
    fn start() -> Self {
        Audit
    }

    #[handler]
    fn look(&mut self, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
// ANCHOR_END: audit

// ANCHOR: manager
/// Knows which tellers have gone.
struct Manager {
    gone: Vec<StopReason>,
}

#[actor]
impl Manager {
    #[start]
    fn start() -> Self {
        Manager { gone: Vec::new() }
    }

    #[handler]
    fn follow(&mut self, ctx: &mut Context<Self>, teller: ActorRef<Teller>) {
        ctx.watch(&teller);
    }

    #[handler]
    fn gone(&mut self, #[message] gone: Terminated) {
        self.gone.push(gone.reason);
    }

    #[handler]
    fn report(&self) -> usize {
        self.gone.len()
    }
}
// ANCHOR_END: manager

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;

    // ANCHOR: alone
    let bank = system
        .supervisor(Strategy::OneForOne, Restart::default())
        .supervisor_as(ChildSpec::permanent().named("alone"), counter(Strategy::OneForOne))
        .supervisor_as(ChildSpec::permanent().named("together"), counter(Strategy::RestForOne))
        .start()
        .await?;
    let alone = bank.supervisor_named("alone").expect("it was started above");
    let journal = alone.actor::<Journal>().expect("it was started above");
    let teller = alone.actor::<Teller>().expect("it was started above");
    assert_eq!(teller.deposit(500).await, Ok(true));
    assert_eq!(journal.tear().await, Err(AskError::Panicked));
    assert_eq!(teller.deposit(500).await, Ok(false)); // and so it stays
    // ANCHOR_END: alone

    // ANCHOR: together
    let together = bank.supervisor_named("together").expect("it was started above");
    let journal = together.actor::<Journal>().expect("it was started above");
    let teller = together.actor::<Teller>().expect("it was started above");
    assert_eq!(teller.deposit(500).await, Ok(true));
    assert_eq!(journal.tear().await, Err(AskError::Panicked));
    assert_eq!(journal.open().await, Ok(1)); // it runs again, and the teller is told to stop
    assert_eq!(teller.deposit(500).await, Ok(true)); // the next incarnation took it
    // ANCHOR_END: together

    // ANCHOR: dynamic
    let audit = together.add::<Audit>(ChildSpec::temporary().named("audit"), ()).await?;
    assert_eq!(together.children().len(), 3);
    audit.actor.look().await?;
    ActorRef::wait_stopped(&audit.actor).await;
    assert_eq!(together.terminate(audit.id).await, Err(ChildError::NotFound)); // temporary: forgotten
    // ANCHOR_END: dynamic

    // ANCHOR: watch
    let manager = system.spawn::<Manager>(()).await?;
    manager.follow(teller.clone()).await?;
    let id = together.children()[1].id;
    together.terminate(id).await?;
    assert_eq!(together.children()[1].state, ChildState::Down);
    assert_eq!(ActorRef::wait_stopped(&teller).await, StopReason::Requested);
    assert_eq!(teller.deposit(500).await, Err(AskError::Stopped));
    // ANCHOR_END: watch
    while manager.report().await? == 0 {
        tokio::task::yield_now().await;
    }

    // ANCHOR: escalation
    for _ in 0..2 {
        assert_eq!(journal.tear().await, Err(AskError::Panicked));
        journal.open().await?;
    }
    let teller = together.actor::<Teller>().expect("it was started with its siblings");
    assert_eq!(teller.deposit(500).await, Ok(true));
    assert!(system.readiness().is_ready());
    // ANCHOR_END: escalation

    system.stop().await;
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
