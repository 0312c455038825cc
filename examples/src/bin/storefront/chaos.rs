//! Panics on purpose: `--chaos panic=P` strikes one message in 1/P.
//!
//! A strike falls at the start of a handler, before it has done anything, so that a request whose handler was
//! struck has had no effect. Which messages are struck follows from the seed and the order in which messages
//! are handled.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Decides which messages make their handler panic; clones share one count.
#[derive(Debug, Clone)]
pub(crate) struct Chaos(Arc<State>);

#[derive(Debug)]
struct State {
    chance: Option<Chance>,
    seed: u64,
    messages: AtomicU64,
    strikes: AtomicU64,
}

impl Chaos {
    /// Strikes with this chance, or never.
    pub(crate) fn new(chance: Option<Chance>, seed: u64) -> Self {
        Self(Arc::new(State { chance, seed, messages: AtomicU64::new(0), strikes: AtomicU64::new(0) }))
    }

    /// To be called once a message, at the start of its handler.
    ///
    /// # Panics
    ///
    /// If this message is one of those that chaos strikes.
    pub(crate) fn strike(&self) {
        let Some(chance) = &self.0.chance else { return };
        let message = self.0.messages.fetch_add(1, Ordering::Relaxed);
        let draw = fastrand::Rng::with_seed(self.0.seed ^ message.wrapping_mul(GOLDEN)).f64();
        if draw < chance.0 {
            self.0.strikes.fetch_add(1, Ordering::Relaxed);
            panic!("{SAID} message {message}");
        }
    }

    /// Keeps the panics that it makes out of the panic hook: the framework logs them in one line as it is, and a
    /// backtrace of each would tell nothing. Others are told as ever.
    pub(crate) fn quieten_hook() {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match panic.payload().downcast_ref::<String>() {
            Some(said) if said.starts_with(SAID) => {}
            _ => usual(panic),
        }));
    }

    /// How many messages were struck so far.
    pub(crate) fn strikes(&self) -> u64 {
        self.0.strikes.load(Ordering::Relaxed)
    }
}

/// How the panics made here begin.
const SAID: &str = "chaos strikes";

/// 2^64 over the golden ratio: spreads consecutive numbers over all seeds.
pub(crate) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A probability, written `panic=0.001`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Chance(f64);

impl FromStr for Chance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("panic=").and_then(|p| p.parse().ok());
        match number {
            Some(p) if (0.0..=1.0).contains(&p) => Ok(Self(p)),
            _ => Err("write panic=P with P from 0 to 1".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn struck(chance: &str, seed: u64) -> Vec<usize> {
        let chaos = Chaos::new(Some(chance.parse().unwrap()), seed);
        (0..1_000).filter(|_| catch_unwind(AssertUnwindSafe(|| chaos.strike())).is_err()).collect()
    }

    #[test]
    fn strikes_follow_the_seed_and_the_chance() {
        let first = struck("panic=0.05", 7);
        assert_eq!(first, struck("panic=0.05", 7));
        assert_ne!(first, struck("panic=0.05", 8));
        assert!((25..=80).contains(&first.len()), "{} of 1000 at 0.05", first.len());
        assert!(struck("panic=0", 7).is_empty());
    }

    #[test]
    fn a_chance_is_a_probability() {
        for wrong in ["panic=1.1", "panic=-0.1", "panic=NaN", "panic=", "0.5", "crash=0.5"] {
            assert!(wrong.parse::<Chance>().is_err(), "{wrong}");
        }
    }
}
