//! The chapter on tests, second half: faults, probes, and the reins.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Run, explore};
use ostraca::{Home, Recipient};

#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<i64>>>);

// ANCHOR: message
/// Sent when an account is empty.
#[derive(Debug, PartialEq, Message)]
struct Empty {
    since: Duration,
}
// ANCHOR_END: message

struct Account {
    cents: i64,
    journal: Journal,
    notify: Recipient<Empty>,
}

#[derive(Message)]
struct Look {
    since: Duration,
}

#[actor(restart(max = 100, within = "1s", backoff = "1ms..10ms"))]
impl Account {
    #[start]
    fn start(journal: Journal, notify: Recipient<Empty>) -> Self {
        let cents = journal.0.lock().expect("nobody panics with it").iter().sum();
        Account { cents, journal, notify }
    }

    // ANCHOR: deposit
    /// The state first, the disk second: the wrong way round.
    #[handler]
    async fn deposit(&mut self, cents: i64) -> i64 {
        self.cents += cents;
        let balance = self.cents;
        tokio::time::sleep(Duration::from_millis(1)).await; // a disk
        self.journal.0.lock().expect("nobody panics with it").push(cents);
        balance
    }
    // ANCHOR_END: deposit

    #[handler]
    fn balance(&self) -> i64 {
        self.cents
    }

    /// Looks again after a minute, and says so if there is still nothing.
    #[handler]
    fn watch(&mut self, ctx: &mut Context<Self>) {
        let since = Duration::from_secs(60);
        ctx.after(since, Look { since });
    }

    #[handler]
    fn look(&mut self, #[message] look: Look) {
        if self.cents == 0 {
            // Whoever wants to know has room for it, or is gone.
            let _untold = self.notify.request(Empty { since: look.since }).tell();
        }
    }
}

// ANCHOR: faults
async fn what_was_acknowledged_is_there(run: Run) {
    let notify = run.probe::<Empty>("notify").await.recipient();
    let account = run.system().spawn::<Account>((Journal::default(), notify)).await.unwrap();
    let (mut acknowledged, mut sent) = (0, 0);
    for _ in 0..1 + run.below(5) {
        let cents = 1 + run.below(100) as i64;
        sent += cents;
        if run.cancellable(account.deposit(cents)).await.is_ok_and(|answer| answer.is_ok()) {
            acknowledged += cents;
        }
    }
    loop {
        // The question may be what falls. Then it is asked again.
        let Ok(balance) = account.balance().await else { continue };
        run.note(format!("{acknowledged} acknowledged, {balance} there, {sent} sent"));
        assert!((acknowledged..=sent).contains(&balance));
        break;
    }
}

#[test]
fn no_acknowledged_deposit_is_lost_by_a_panic() {
    let faults = Faults::none().panics(0.1).cancels(0.1);
    Explore::new().seeds(500).faults(faults).run(what_was_acknowledged_is_there);
}
// ANCHOR_END: faults

// ANCHOR: moves
#[test]
fn no_deposit_is_lost_while_its_account_moves() {
    Explore::new().seeds(100).pinned_cores(1).run(async |run: Run| {
        let notify = run.probe::<Empty>("notify").await.recipient();
        let account = run.system().spawn::<Account>((Journal::default(), notify)).await.unwrap();
        run.spawn("mover", ActorRef::move_to(&account, Home::Pinned(0)));
        for cents in 1..=3 {
            account.deposit(cents).await.unwrap();
        }
        assert_eq!(account.balance().await, Ok(6));
    });
}
// ANCHOR_END: moves

// ANCHOR: probe
#[test]
fn an_empty_account_says_so_after_a_minute() {
    explore(20, async |run: Run| {
        let notify = run.probe::<Empty>("notify").await;
        let account = run.system().spawn::<Account>((Journal::default(), notify.recipient())).await.unwrap();
        account.watch().await.unwrap();
        notify.expect_none(Duration::from_secs(59)).await;
        assert_eq!(notify.expect().await, Empty { since: Duration::from_secs(60) });
    });
}
// ANCHOR_END: probe

// ANCHOR: reins
#[test]
fn a_stop_lets_the_deposit_that_has_begun_end() {
    explore(20, async |run: Run| {
        let notify = run.probe::<Empty>("notify").await.recipient();
        let account = run.system().spawn::<Account>((Journal::default(), notify)).await.unwrap();

        run.hold();
        account.deposit(5).tell().unwrap();
        run.settle().await; // the deposit has begun, and waits for the disk
        ActorRef::stop(&account);
        run.settle().await;
        assert_eq!(ActorRef::stop_reason(&account), None);

        run.advance(Duration::from_millis(2)).await; // the disk is done
        run.settle().await;
        assert_eq!(ActorRef::stop_reason(&account), Some(StopReason::Requested));
    });
}
// ANCHOR_END: reins

// ANCHOR: restarts
#[test]
fn a_fall_is_a_restart_and_a_dead_letter() {
    let faults = Faults::none().panics_in::<Account>(1.0);
    Explore::new().seeds(20).faults(faults).run(async |run: Run| {
        let notify = run.probe::<Empty>("notify").await.recipient();
        let account = run.system().spawn::<Account>((Journal::default(), notify)).await.unwrap();
        assert_eq!(account.balance().await, Err(AskError::Panicked));
        run.expect_restarts(&account, 1).await;
        run.expect_dead_letter(|letter| letter.handler == "balance").await;
    });
}
// ANCHOR_END: restarts
