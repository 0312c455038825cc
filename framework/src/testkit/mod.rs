//! Runs a test of actors a thousand times, each time in another order, and replays the one that fails.
//!
//! ```text
//!               seed ──> choices: who runs next, how far, what goes wrong ──┐
//!                                                                           ▼
//!   your test ──> tasks ─┐                                          ┌──────────────┐
//!   ask, tell ──> cells ─┼──> what is ready to run, oldest first ──>│ one thread,  │──> trace
//!   ctx.spawn, timers ───┘                                          │ virtual time │
//!                                                                   └──────────────┘
//!   failed? ──> the same seed again: the same trace ──> the choices made fewer, as long as it fails ──> printed
//! ```
//!
//! **What it is.** [`explore`] calls a test once a seed. Inside, actors run on one thread, one at a time, and time is
//! tokio's paused clock: a sleep of an hour takes no time at all. Whenever more than one thing is ready to run, the
//! seed decides which does. A test that panics, that hangs or that never ends fails its seed. The seed is then run
//! again, its trace compared byte by byte, and made smaller; what is left is printed in lines that can be read.
//!
//! # How a test is written
//!
//! ```
//! use ostraca::prelude::*;
//! use ostraca::testkit;
//!
//! struct Counter(u64);
//!
//! #[actor]
//! impl Counter {
//!     #[start]
//!     fn start() -> Self {
//!         Counter(0)
//!     }
//!
//!     #[handler]
//!     fn add(&mut self, by: u64) -> u64 {
//!         self.0 += by;
//!         self.0
//!     }
//! }
//!
//! testkit::explore(100, async |run| {
//!     let counter = run.system().spawn::<Counter>(()).await.unwrap();
//!     let adding = counter.clone();
//!     let other = run.spawn("other", async move { adding.add(2).await });
//!     counter.add(1).await.unwrap();
//!     other.await.unwrap().unwrap();
//!     assert_eq!(counter.add(0).await, Ok(3));
//! });
//! ```
//!
//! [`Explore`] is the same with settings: faults, whether asks run where the asker stands, pinned cores to move actors to,
//! how long a run may take.
//! [`Run`] is what the test is given: the [system](Run::system), [tasks](Run::spawn) beside its own, [chance](Run::below)
//! from the same seed, [probes](Run::probe), [expectations](Run::expect_restarts), and [the reins](Run::hold) for who
//! wants to step by hand.
//!
//! # What the seed decides
//!
//! | what | default | otherwise |
//! |---|---|---|
//! | which cell or task that is ready runs next | decided | |
//! | how many messages a cell handles before others have their turn | decided | |
//! | whether an await that could go on lets others run first | decided | |
//! | whether an ask of an idle actor runs where the asker stands | decided | [`Explore::inline`] |
//! | the part of a backoff that is chance | decided | |
//! | a message that arrives after later ones of other senders | off | [`Faults::reorders`] |
//! | a handler that panics, at its beginning or at an await | off | [`Faults::panics`] |
//! | a mailbox that says it is full | off | [`Faults::full`] |
//! | a turn that comes late, as after a slow handler | off | [`Faults::slow`] |
//! | a task of the test that is dropped at an await, with the ask it waits for | off | [`Faults::cancels`] |
//! | when an actor that is [moved](crate::ActorRef::move_to) leaves, and when it arrives | decided | [`Explore::pinned_cores`] |
//! | a timer that rings | when nothing is ready, the next one | [`Run::advance`] |
//!
//! What one sender sends to one actor arrives in the order sent, whatever is switched on. A seed uses each of its
//! decisions more or less freely: some seeds run nearly first come first served, some in wild disorder.
//!
//! # What it cannot control
//!
//! A turn of a plain handler is never interrupted: with another thread it could be, between two of its sends. Real
//! threads (`ctx.blocking`), real sockets and files, `std::time`, the order of a `HashMap`, and `tokio::select!`
//! without `biased` take their chance from the machine: a test that depends on them does not replay. It is told so:
//! a replay whose trace differs is reported as such, with the first line that does. A `tokio::spawn` by hand runs first
//! come first served. Orderings of memory are not its subject: actors share none; the framework's own are proven with
//! loom.
//!
//! # What it costs
//!
//! A run is a tokio runtime, a system, and one to three microseconds a step in a release build (`tests/tests/seeds`
//! prints the figure). Production pays nothing a message: what decides and notes stands on paths that a message takes
//! once in sixteen times, or when a mailbox is at its limit, and asks whether there is a seeded run. The feature
//! `testkit` switches tokio's `test-util` on; put it among your `dev-dependencies`.
//!
//! # From outside
//!
//! | variable | meaning |
//! |---|---|
//! | `OSTRACA_SEED` | the first seed; alone: only this one |
//! | `OSTRACA_SEEDS` | how many |
//! | `OSTRACA_CHOICES` | runs the choices that a report printed, and nothing else |
//!
//! **Source.** One thread, virtual time and a printed seed: FoundationDB's simulation and TigerBeetle's; in Rust,
//! madsim, turmoil and shuttle. Random schedules of Erlang: PULSE (Claessen et al., "Finding race conditions in Erlang
//! with QuickCheck and PULSE", ICFP 2009). Making the choices smaller and not the values: Hypothesis (MacIver and
//! Donaldson, "Test-case reduction via test-case generation", ECOOP 2020); the algorithm is delta debugging (Zeller and
//! Hildebrandt, 2002). Seeds that leave things out: swarm testing (Groce et al., ISSTA 2012).

mod choices;
mod drive;
mod expect;
mod explore;
mod faults;
mod hook;
mod probe;
mod report;
mod run;
mod shrink;
mod sim;
mod state;
mod trace;

pub use explore::{Explore, InlineAsks, explore};
pub use faults::Faults;
pub use probe::Probe;
pub use report::{Failure, FailureKind, Found};
pub use run::{Cancelled, Run, Spawned};
pub use trace::Trace;
