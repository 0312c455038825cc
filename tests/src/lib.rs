//! Tests of the whole: the house's rules, behaviour through the public interface, order over seeded schedules. What
//! several of them need is here.

pub mod http;
pub mod process;
pub mod random;
pub mod runs;
pub mod servers;

/// The README's first actor, compiled and run as it stands.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
