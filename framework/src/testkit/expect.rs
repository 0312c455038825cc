//! Expectations on what actors do besides answering: restarts, ends, dead letters.

use super::run::Run;
use crate::actor::{Actor, ActorRef, AnyCell, DeadLetter, StopReason};
use crate::system::System;

impl Run {
    /// How often an actor was restarted.
    pub fn restarts<A: Actor>(&self, actor: &ActorRef<A>) -> u64 {
        ActorRef::cell(actor).rare_stats_if_any().map_or(0, |rare| rare.restarts.value())
    }

    /// Waits until an actor has been restarted `times` in all. That is when it was decided: its start may be to come.
    ///
    /// # Panics
    ///
    /// When it has not within ten seconds of virtual time.
    pub async fn expect_restarts<A: Actor>(&self, actor: &ActorRef<A>, times: u64) {
        let (run, watched) = (self.clone(), actor.clone());
        let what = format!("{} restarted {times} times", ActorRef::label(actor));
        self.until(&what, move || run.restarts(&watched) >= times).await;
    }

    /// Waits until an actor has stopped, and says why.
    ///
    /// # Panics
    ///
    /// When it has not within ten seconds of virtual time.
    pub async fn expect_stopped<A: Actor>(&self, actor: &ActorRef<A>) -> StopReason {
        let watched = actor.clone();
        let what = format!("{} stopped", ActorRef::label(actor));
        self.until(&what, move || ActorRef::stop_reason(&watched).is_some()).await;
        ActorRef::stop_reason(actor).expect("it was there, and stays")
    }

    /// Waits until the run's system has a dead letter that `wanted` likes, and returns it.
    ///
    /// # Panics
    ///
    /// When it has not within ten seconds of virtual time.
    pub async fn expect_dead_letter(
        &self,
        wanted: impl Fn(&DeadLetter) -> bool + Clone + 'static,
    ) -> DeadLetter {
        let find = |system: &System, wanted: &dyn Fn(&DeadLetter) -> bool| {
            system.dead_letters().into_iter().find(|letter| wanted(letter))
        };
        let (system, liked) = (self.system(), wanted.clone());
        self.until("a dead letter", move || find(&system, &liked).is_some()).await;
        find(&self.system(), &wanted).expect("it was there, and 256 are kept")
    }

    /// Checks that the run's system has had no dead letter so far.
    ///
    /// # Panics
    ///
    /// When it has.
    #[track_caller]
    pub fn expect_no_dead_letters(&self) {
        let letters = self.system().dead_letters();
        assert!(letters.is_empty(), "dead letters: {letters:?}");
    }
}
