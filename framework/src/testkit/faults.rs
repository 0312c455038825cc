//! What may go wrong in a run, and how often.

use std::time::Duration;

use crate::actor::{Actor, short_type_name};

/// What the seed may let go wrong, each at a rate between 0 (never, as it is until said otherwise) and 1 (always).
///
/// A rate is a chance each time the occasion arises. Rates of a few per cent find more than large ones: a run in which
/// everything fails tests little but failing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub(super) panics: f64,
    pub(super) panics_in: Vec<(&'static str, f64)>,
    pub(super) full: f64,
    pub(super) reorders: f64,
    pub(super) slow: f64,
    pub(super) slow_max: Duration,
    pub(super) cancels: f64,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Faults::default()
    }

    /// A handler panics: when it is called, or when it goes on after an await. The occasion is each call and each
    /// going on, of every actor but probes.
    #[must_use]
    #[track_caller]
    pub fn panics(mut self, rate: f64) -> Self {
        self.panics = checked(rate);
        self
    }

    /// As [`panics`](Self::panics), for the actors of one type, instead of the common rate.
    #[must_use]
    #[track_caller]
    pub fn panics_in<A: Actor>(mut self, rate: f64) -> Self {
        self.panics_in.push((short_type_name::<A>(), checked(rate)));
        self
    }

    /// A bounded mailbox says that it is full: a tell comes back, an ask and a `send` wait. The occasion is each send.
    #[must_use]
    #[track_caller]
    pub fn full(mut self, rate: f64) -> Self {
        self.full = checked(rate);
        self
    }

    /// A message arrives before some that other senders sent earlier. The occasion is each send that finds such.
    ///
    /// That is less order than one process gives: there, whoever was told something by a message finds that all sent
    /// before it has arrived. The promise is only the order of one sender to one actor.
    #[must_use]
    #[track_caller]
    pub fn reorders(mut self, rate: f64) -> Self {
        self.reorders = checked(rate);
        self
    }

    /// A cell that is ready comes to run only after up to `late_max` of virtual time, in whole milliseconds, as when
    /// it, or what its worker ran before, took long. The occasion is each turn, once.
    #[must_use]
    #[track_caller]
    pub fn slow(mut self, rate: f64, late_max: Duration) -> Self {
        (self.slow, self.slow_max) = (checked(rate), late_max);
        self
    }

    /// A task of the test, or what is in [`Run::cancellable`](super::Run::cancellable), is dropped where it waits, and
    /// with it the ask it waits for. The occasion is each time it would go on.
    #[must_use]
    #[track_caller]
    pub fn cancels(mut self, rate: f64) -> Self {
        self.cancels = checked(rate);
        self
    }

    /// How often a handler of this actor panics. The label is the actor's.
    pub(super) fn panic_rate(&self, type_name: &str) -> f64 {
        let own = self.panics_in.iter().rev().find(|(name, _)| *name == type_name);
        own.map_or(self.panics, |(_, rate)| *rate)
    }
}

#[track_caller]
fn checked(rate: f64) -> f64 {
    assert!((0.0..=1.0).contains(&rate), "a rate is between 0 and 1, not {rate}");
    rate
}
