//! Supervisors: who starts actors, and what becomes of one that failed.
//!
//! **What it is.** Two kinds, by what they are for.
//!
//! - *Every actor stands under `OneForOne`*: what a system or an actor's context spawns is restarted alone, by the
//!   settings of its own type (`#[actor(restart(..))]`). It is OTP's supervisor with one child each, kept in one flat
//!   list: a million children cost a pointer and four bytes each.
//! - *A [`SupervisorSpec`] is a value* that says how a group of children lives together: a [`Strategy`], a [`Restart`]
//!   for all of them (what the children's own types say of restarts does not count in a group), and for each child how
//!   it is started, when it is restarted, and how long it may take to stop.
//!   Started, it is an actor like any other: it has a label, the monitor lists it, it is stopped and watched, and it
//!   stands under another supervisor, which decides what becomes of it when it gives up.
//!
//! ```
//! # use ostraca::prelude::*;
//! # use ostraca::{ChildSpec, Restart, Strategy};
//! # struct Feed; struct Prices;
//! # #[actor] impl Feed { #[start] fn start(url: String) -> Self { let _unused = url; Feed } }
//! # #[actor] impl Prices { #[start] fn start() -> Self { Prices } #[handler] fn len(&self) -> usize { 0 } }
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let system = System::start()?;
//! let market = system
//!     .supervisor(Strategy::RestForOne, Restart::default())
//!     .child::<Feed>("tcp://prices".into())
//!     .child_as::<Prices>(ChildSpec::transient().named("prices"), ())
//!     .start()
//!     .await?;
//! let prices = market.actor_named::<Prices>("prices").expect("it was started above");
//! assert_eq!(prices.len().await?, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # The rules
//!
//! They are those of [OTP's `supervisor`], to the letter; a model of it, written apart from this code, is run against
//! both halves of it (`tests/tests/supervision`). The words below are OTP's as well.
//!
//! - **Start.** Children start one after the other, in the order in which they were given; the next waits for the last
//!   one's `#[start]`. If one fails, those that run are stopped and the supervisor's own start has failed.
//! - **Limits of a start.** While a child starts its supervisor does nothing else, so a start must not wait for what only
//!   the supervisor can bring about: the restart of a sibling that has fallen. What a `#[start]` asks, and sends, without
//!   a deadline therefore waits for at most 5 s, as OTP's `gen_server:call` does, and then fails with
//!   [`AskError::Deadline`](crate::AskError::Deadline). The start itself may take as long as it needs, as with OTP's
//!   `start_link`; [`ChildSpec::start_within`] limits it, and what it asks then has the time that is left of it.
//!   A start over its limit is ended, and has failed: it is counted like any other, and the log and the
//!   supervisor's own failure name the actor.
//! - **End of a child.** *Permanent*: it is restarted, however it ended, a stop on request included. *Transient*: only
//!   if it failed or was killed. *Temporary*: never, and it is forgotten. A nested supervisor that gave up or shut
//!   itself down ended in order: transient, it stays down.
//! - **Restart.** *One for one*: it alone. *One for all*: the others are stopped, in the reverse order of their start,
//!   and then all are started, in their order, those that had ended before included. *Rest for one*: likewise, with
//!   those that come after it. Temporary siblings that are stopped so are forgotten.
//! - **A restart that fails** is tried again, from the child that failed, and is counted again. Between two tries
//!   everything else that waits for the supervisor has its turn.
//! - **Intensity.** Restarts are counted for the supervisor, not for the child, in a window that slides: at the instant
//!   of each, those that are at most `within` old count, itself included, and more than `max` is too many. Then the
//!   supervisor gives up: it stops all children, ends, and *its* supervisor decides.
//! - **Stop.** In the reverse order of the start, one after the other. A child has [`StopLimit`] to stop in order (an
//!   actor 5 s, a supervisor what it needs); then it is killed.
//! - **Significant children.** With [`AutoShutdown::AnySignificant`] the supervisor ends when one of them has ended by
//!   itself and is not restarted, with [`AutoShutdown::AllSignificant`] when the last has. A child that was stopped by
//!   its supervisor does not count.
//! - **Dynamic children.** [`SupervisorRef::add`], [`terminate`](SupervisorRef::terminate),
//!   [`restart`](SupervisorRef::restart) and [`remove`](SupervisorRef::remove). They are gone when the supervisor itself is restarted.
//! - **Down.** A child that waits for its restart has nothing that could be stopped or killed by a reference;
//!   `terminate` calls the restart off.
//! - **Drain.** A drained child handles what is queued, restarted on the way if it falls, and is closed; where the rules
//!   say that it is restarted then, a new actor takes its place.
//! - **One thing at a time.** What happens while a supervisor starts or stops a child waits, in order.
//!
//! What OTP has not: a wait before a restart. It starts at `backoff_min` and doubles with each failure of the same
//! child up to `backoff_max`, shortened by a random part of up to a quarter; a child that has run for `within` without
//! a failure begins anew. One for all and rest for one stop the siblings first, then wait, then start. Restarts are
//! counted when the child ended. With a wait of zero all is as in OTP.
//!
//! # What becomes of what at a restart
//!
//! ```text
//!            the actor's cell (references, name, mailbox)
//!   ────────────────────────────────────────────────────────────────────────────>
//!   ┌─ incarnation: state, timers, tasks ─┐        ┌─ the next ──────────────
//!   start ── messages ── ends             └─ wait ─┘ start ── messages
//! ```
//!
//! | | at a restart |
//! |---|---|
//! | references, [`watch`](crate::Context::watch)es of it | stay |
//! | mailbox, and the asks in it | stay, in order |
//! | the message in hand | of a child that failed or was killed: spent; its asker gets `Panicked` or `Unanswered`, the dead letters its name. Of a sibling that is stopped: its handler ends first |
//! | asks it had made itself | their waits end; the messages may still run |
//! | timers, streams, pipes, tasks, its own watches and links | end; `#[start]` sets them up |
//! | children of its context | are stopped, for good, newest first, before it starts again |
//! | published views | stay readable as they were until the new start has published its own |
//! | keyed caches | are cleared: nothing older than the restart is served |
//! | `#[stop]` | runs in a sibling that is stopped for the others' sake ([`StopReason::Restarting`]); not in one that failed |
//!
//! A child that ends and is *not* restarted (transient, temporary, terminated) is closed: its references say so, and a
//! later [`restart`](SupervisorRef::restart) makes a new actor.
//!
//! # How it is built
//!
//! ```text
//!   a child's runner: started, ended ──┐                      ┌──> start, stop, kill, close: orders to cells
//!   timers ────────────────────────────┼─> Core (under lock) ─┼──> timers
//!   add, terminate, stop ──────────────┘                      └──> answers; its own end, to its own cell
//! ```
//!
//! `core` decides and does nothing: it takes an event and the time, and says what is to be done. `group` does it. A
//! group's cell is an actor without messages (`tree`), whose start is the start of its children and whose stop is
//! theirs. Reports of children do not go through a mailbox: whoever reports runs the core under its lock, and one
//! thread at a time carries out its commands, in their order.
//!
//! **Costs.** A child of a group costs its cell and an entry in each of four lists of its supervisor's; a report is a lock
//! and a search among the children, so groups are for tens or hundreds, and the flat list for the rest. An idle group
//! costs no time.
//!
//! **Bad at.** Killing a plain `fn` handler that does not return: the supervisor waits for it, where OTP's need not.
//! Starts that need a sibling which falls meanwhile: it is started again when that start is over, and the ask lies in its
//! mailbox until its time is over, where OTP's call would fail at once. OTP counts the window in whole seconds, this one exactly.
//!
//! [OTP's `supervisor`]: https://www.erlang.org/doc/apps/stdlib/supervisor.html
//! [`Restart`]: crate::Restart
//! [`StopReason::Restarting`]: crate::StopReason::Restarting

#[cfg_attr(
    not(feature = "internals"),
    allow(unreachable_pub, reason = "the workspace's tests drive it beside a model of OTP")
)]
pub mod core;
mod group;
mod handle;
mod member;
mod one_for_one;
#[cfg_attr(not(feature = "internals"), allow(unreachable_pub, reason = "as for `core`, of `Plan`"))]
mod plan;
mod spec;
mod tree;
mod window;

pub use core::{ChildError, ChildId, ChildState};
pub use handle::{Added, SupervisorRef};
pub use member::ChildInfo;
pub(crate) use one_for_one::OneForOne;
#[cfg(feature = "internals")]
pub use plan::Plan;
pub use plan::{AutoShutdown, ChildSpec, RestartType, StopLimit, Strategy};
pub use spec::{Placed, SupervisorSpec};
pub use tree::{Supervisor, SupervisorArgs};
