//! To actix's actors and from them (feature `actix`): half of a program may be theirs while it moves.
//!
//! ```text
//!   actix                                     │                                        ours
//!   Addr<Ours<A>>, Recipient<M> ─> their channel ─> the gate, an actor: forwards ─> mailbox ─> A
//!        <── tokio's oneshot <────────────────│─── the waker of the answer's slot <───────────┘
//!                                             │
//!   actor <── its mailbox <───────────────────│── len_max permits <── Recipient<M>
//!     └── tokio's oneshot ────────────────────│──> gives the permit back, and the answer to its slot
//! ```
//!
//! **What it is.** [`to_actix`] gives an `actix::Addr` that leads to an actor of ours; its `recipient::<M>()` is an
//! `actix::Recipient<M>`. [`from_actix`] gives a [`Recipient`] that leads to an actor of actix's. A message that crosses is a
//! message on both sides: `#[derive(ostraca::Message, actix::Message)]`, and the two answers must fit ([`Answer`]).
//!
//! **Guarantees**, either way:
//!
//! | | into ours | into actix's |
//! |---|---|---|
//! | order | what one sender sends through one `Addr`, of whatever messages, arrives in that order | what one sender sends through one `Recipient` does |
//! | bound | the actor's mailbox, `len_max` in front of it, and one for each clone of the `Addr` | `len_max` that are not handled yet, told and asked together |
//! | beyond it | `try_send` says `Full`; `send` waits in its own future; `do_send`: see below | `TellError::Full`, with the message; asks and sends wait until their deadline |
//! | a panic | an ask gets `AskError::Panicked` if its answer has a place for it, else `MailboxError::Closed`; our actor is restarted | an ask gets `AskError::Unanswered`; a tell is a dead letter; actix's actor is gone, and later messages get `Stopped` |
//! | at our stop | the gate stops before the actor: it forwards what it has, then `Closed` | the actor is actix's to stop |
//! | at actix's stop | the gate ends with the last `Addr` | asks under way get `Unanswered` |
//!
//! A message that was taken and is not handled is a dead letter of our system, never silently gone.
//!
//! **`do_send`.** actix has it queue whatever the bound: nobody can make it wait, and it cannot fail. So while the actor's
//! mailbox is full the gate looks into its channel up to a hundred times a second, keeps `len_max` messages, and refuses what
//! is beyond: asks get their error, the rest are dead letters. The channel grows by what `do_send` adds between two looks.
//! A look gives each honest sender one place, so that of an actor which takes nothing for long it may refuse their messages
//! too. An address for those who flood, and another for those who do not, keeps the two apart.
//!
//! **Traps of actix 0.13** that this avoids: `Addr::send` to a full mailbox goes through a fresh clone, which always has a
//! place of its own, so the mailbox's bound does not hold it (actix#515): in our direction the permits do, in theirs it
//! waits in the caller's future, one message each. A request that is dropped half way leaves its message in the mailbox: a
//! permit comes back when the message does. A `SyncArbiter`'s mailbox has no bound at all: the permits are one.
//!
//! **Cost.** Into ours: actix's own (a box and a push), and a hop over the gate's task. Into actix's: the same, an
//! `Arc`, and two slots for an answer. No thread, and no task a message.
//!
//! **Bad at.** Seeded runs: no seed decides who of actix's runs next. Speed: a hop more than either framework alone. Deadlines and cancelling across it: an asker of actix's that
//! gives up before its message is taken spares the handler, later it does not.
//!
//! **Pinned threads.** In an actix system (`#[actix::main]`) our [pinned threads](crate::SystemBuilder::pinned_cores) are
//! `Arbiter`s: an actor of ours that is [spawned there](crate::System::spawn_pinned) may start actors of actix's beside
//! itself and share an `Rc` with them, in a [`Bound`](crate::Bound).

mod answer;
mod answering;
mod forwarder;
mod gate;
mod ours;
mod theirs;

use std::sync::Arc;

pub use answer::{Answer, Crossing};
pub use ours::{Ours, OursContext};

use crate::actor::{Actor, ActorRef, Recipient, SpawnError};
use crate::system::System;
use gate::Gate;
use theirs::Theirs;

/// An address for actix's actors that leads to an actor of ours. Of all messages that cross: `address.recipient::<M>()`.
/// `len_max` bounds what waits in front of the actor's mailbox.
///
/// The gate between them is an actor at the top of the system's tree. It ends with the actor, or with the last clone of
/// the address.
///
/// ```
/// use ostraca::bridge;
/// use ostraca::prelude::*;
///
/// struct Counter { count: u64 }
///
/// #[actor]
/// impl Counter {
///     #[start]
///     fn start() -> Self { Counter { count: 0 } }
///
///     #[handler]
///     fn add(&mut self, by: u64) -> u64 { self.count += by; self.count }
/// }
///
/// // The macro made `Add` of the handler; to actix it says what its answer is.
/// impl actix::Message for Add {
///     type Result = Result<u64, AskError>;
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// actix::System::new().block_on(async {
///     let system = System::start()?;
///     let counter = system.spawn::<Counter>(()).await?;
///     let adds: actix::Recipient<Add> = bridge::to_actix(&system, &counter, 64)?.recipient();
///     adds.try_send(Add { by: 2 })?;
///     assert_eq!(adds.send(Add { by: 3 }).await??, 5);
///     system.stop().await;
///     assert!(!adds.connected());
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
///
/// When the system is stopping.
///
/// # Panics
///
/// When `len_max` is 0.
pub fn to_actix<A: Actor>(
    system: &System,
    actor: &ActorRef<A>,
    len_max: usize,
) -> Result<actix::Addr<Ours<A>>, SpawnError> {
    assert!(len_max > 0, "a bridge holds at least one message");
    let (tx, rx) = actix::dev::channel::channel(len_max);
    Gate::start(system, actor, rx, len_max)?;
    Ok(actix::Addr::new(tx))
}

/// A reference for our side that leads to an actor of actix's, by its `Addr` or a `Recipient`. At most `len_max` messages
/// through it, its clones together, wait for their handling: no more than the actor's mailbox has place for is best, 16 in
/// actix if nothing is said.
///
/// ```
/// use actix::prelude::*;
/// use ostraca::bridge;
///
/// #[derive(ostraca::Message)]
/// #[message(reply = usize)]
/// struct Measure(String);
///
/// impl actix::Message for Measure {
///     type Result = usize;
/// }
///
/// struct Ruler;
///
/// impl Actor for Ruler {
///     type Context = Context<Self>;
/// }
///
/// impl Handler<Measure> for Ruler {
///     type Result = usize;
///
///     fn handle(&mut self, text: Measure, _: &mut Context<Self>) -> usize {
///         text.0.len()
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// actix::System::new().block_on(async {
///     let system = ostraca::System::start()?;
///     let ruler = bridge::from_actix::<Measure>(&system, Ruler.start(), 16);
///     assert_eq!(ruler.request(Measure("seven".into())).await?, 5);
///     ruler.request(Measure("told".into())).tell()?;
///     Ok(())
/// })
/// # }
/// ```
///
/// # Panics
///
/// When `len_max` is 0.
pub fn from_actix<M: Crossing>(
    system: &System,
    recipient: impl Into<actix::Recipient<M>>,
    len_max: usize,
) -> Recipient<M> {
    assert!(len_max > 0, "a bridge holds at least one message");
    Recipient::over(Arc::new(Theirs::new(system.commons().clone(), recipient.into(), len_max)))
}
