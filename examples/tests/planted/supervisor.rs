//! Children that belong together are restarted alone: a session keeps the number of a line that fell since.
//!
//! An actor's children are supervised one for one. A session made with a line must go when the line goes, as OTP's
//! `rest_for_one` has it; here the parent does that by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, Faults, Found, Run};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stale;

/// Each start is another line, with another number.
pub(crate) struct Line {
    number: u64,
}

#[actor(restart(max = 100, within = "1s", backoff = "1ms..2ms"))]
impl Line {
    #[start]
    fn start(lines: Arc<AtomicU64>) -> Self {
        Line { number: lines.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    #[handler]
    fn number(&self) -> u64 {
        self.number
    }

    #[handler]
    fn transmit(&mut self, on: u64) -> Result<(), Stale> {
        if on == self.number { Ok(()) } else { Err(Stale) }
    }
}

pub(crate) struct Session {
    line: ActorRef<Line>,
    number: u64,
    is_cured: bool,
}

#[actor(restart(max = 100, within = "1s", backoff = "1ms..2ms"))]
impl Session {
    #[start]
    async fn start(line: ActorRef<Line>, is_cured: bool) -> Result<Self, StartError> {
        Ok(Session { number: line.number().await?, line, is_cured })
    }

    #[handler]
    async fn call(&mut self) -> bool {
        let outcome = self.line.transmit(self.number).await;
        // The cure: this session is of a line that is gone, and must go as well.
        assert!(!(self.is_cured && outcome == Err(AskError::Refused(Stale))), "the line is another");
        outcome.is_ok()
    }
}

/// The mistake: both are children, and one for one.
struct Office {
    session: ActorRef<Session>,
}

#[actor]
impl Office {
    #[start]
    fn start(ctx: &mut Context<Self>, is_cured: bool) -> Result<Self, StartError> {
        let line = ctx.child::<Line>(Arc::default())?;
        Ok(Office { session: ctx.child::<Session>((line, is_cured))? })
    }

    #[handler]
    fn open(&self) -> ActorRef<Session> {
        self.session.clone()
    }
}

fn explore(is_cured: bool) -> Option<Found> {
    let faults = Faults::none().panics_in::<Line>(0.02);
    Explore::new().faults(faults).find(async |run: Run| {
        let office = run.system().spawn::<Office>(is_cured).await.unwrap();
        let session = office.open().await.unwrap();
        for _ in 0..8 {
            // A message may be lost with the line; the session must be of use again soon.
            if session.call().await != Ok(true) {
                run.advance(Duration::from_secs(1)).await;
                let mut calls = 0;
                while calls < 6 && session.call().await != Ok(true) {
                    calls += 1;
                }
                assert!(calls < 6, "six calls, a second after the line fell, and none goes through");
            }
        }
    })
}

#[test]
fn a_session_outlives_its_line_and_is_of_no_use() {
    let found = super::check(explore(false).expect("a seed in which the line falls"), "none goes through");
    assert_eq!((found.faults(), found.deviations()), (1, 0), "one panic is all it takes: {found}");
}

#[test]
fn with_the_cure_the_session_is_restarted_with_its_line() {
    let found = explore(true);
    assert!(found.is_none(), "{}", found.unwrap());
}
