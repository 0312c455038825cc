//! Actors: the trait, the cell that runs one, references, requests and their answers.
//!
//! One message's way, file by file: a method on a reference makes a [`Request`] (`request`), whose first poll
//! wraps the message and the way back (`message`, `reply`) into the actor's enum and puts it into the mailbox.
//! The sender that finds the cell parked schedules it, or runs it on the spot (`claim`, `cell::inline`). Whoever
//! runs it (`cell::runner`) takes messages, calls [`Actor::handle`], publishes what changed, and lets the answer
//! out (`scope`), which wakes the asker.
//!
//! **Guarantees.** Messages of one sender to one actor run in the order sent. One message at a time. A panic
//! spends its message and drops the state; the mailbox and the asks in it outlive the restart. An ask gets
//! exactly one answer or one error. What may be told, asked and lost is written at [`Request`], [`AskError`] and
//! [`ActorRef::stop`].

mod batch;
mod bound;
mod cached;
mod cell;
mod commons;
mod context;
mod error;
mod home;
mod lifecycle;
mod message;
mod names;
mod panics;
mod parent;
mod recipient;
mod refs;
mod reply;
mod reply_pool;
mod request;
mod route;
mod sampling;
mod scope;
mod sending;
mod settings;
mod stamp;
mod stats;
mod tiered;
mod trace;
mod turn;

use std::future::Future;
use std::time::Instant;

use crate::cache::{CacheStats, TieredStats};

pub use batch::{
    Batch, BatchItems, BatchPlan, BatchReplies, BatchStats, ClosedBy, Gathered, Item, take_batch,
};
pub use bound::{Bound, NotPinnedError};
pub use cached::{Cached, CachedMessage, fill};
pub use commons::{DeadLetter, DeadReason};
pub use context::{Context, Task};
pub use error::{AskError, SendError, TellError};
pub use home::{Home, MoveError, Moved};
pub use lifecycle::{ActorId, Failure, Label, SpawnError, StartError, StopReason, Terminated};
pub use message::{Direct, Envelope, Handles, IsResult, Message};
pub use names::LookupError;
pub use panics::log_panics;
pub use recipient::{Recipient, RecipientRequest};
pub use refs::{ActorRef, WeakRef};
pub use reply::ReplyTo;
pub use request::Request;
pub use route::{Carries, Finds, Local, Methods, NoMethods, Reads, Route, Target};
pub use sending::Sending;
pub use settings::{HandlerInfo, Inline, Restart, Settings};
pub use tiered::{TieredMessage, TieredRead, open_accessor};
pub use turn::{Handled, Turn};

pub(crate) use cell::{Birth, Cell, Name, StartOn};
pub(crate) use commons::{Commons, Owner, PoolSource, Resizing, Retired};
pub(crate) use home::PINNED_MAX;
pub(crate) use lifecycle::{first_start, short_type_name};
pub(crate) use message::takes_only;
pub(crate) use parent::{AnyCell, AnyParent, AnyRef, ChildSlot, Control, IncarnationEnd, Parent, Verdict};
pub(crate) use reply::{RawReply, ReplyRx, pair as reply_pair};
pub(crate) use request::{earlier, until};
pub(crate) use settings::{Configured, SettingsChange};
pub use stats::ActorState;
pub(crate) use stats::{HandlerCounts, HandlerTimes, RareStats, TypeTimes};
#[cfg(feature = "actix")]
pub(crate) use {
    recipient::{Limit, Takes},
    request::RoomWait,
    turn::BoxFuture,
};

/// The deadline of the ask that is being handled on this thread, for what waits otherwise than by an ask.
pub(crate) fn inherited_deadline() -> Option<Instant> {
    scope::asker(0).deadline
}

/// An actor: a value that handles one message at a time.
///
/// `#[actor]` writes this from an impl block; everything it uses can be written by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    note = "put `#[actor]` on its impl block, or implement `Actor` by hand"
)]
pub trait Actor: Sized + Send + 'static {
    /// What it is made of, at spawn and again at every restart.
    type Args: Clone + Send + Sync + 'static;
    /// One enum of all its messages, stored inline in the mailbox.
    type Message: Send + 'static;
    /// What others may read without asking: published views and keyed caches. `()` if nothing.
    type Views: Default + Send + Sync + 'static;
    /// The methods of its references, over a route. [`NoMethods`] if it has none.
    type Methods<R: Route<Self>>: Methods<R>;

    /// Its handlers, one for each variant of [`Message`](Self::Message).
    const HANDLERS: &'static [HandlerInfo];
    /// Whether [`publish`](Self::publish) does anything: then answers wait until it has run.
    const PUBLISHES: bool = false;
    /// Whether [`start`](Self::start) never waits: then its future is not kept.
    const START_IS_PLAIN: bool = false;

    /// Its mailbox, its restarts and where it runs.
    fn settings() -> Settings {
        Settings::default()
    }

    /// Which of [`HANDLERS`](Self::HANDLERS) handles `message`.
    fn handler_of(message: &Self::Message) -> usize;

    /// Makes the actor. Runs before the first message and again after every failure.
    fn start(
        ctx: &mut Context<Self>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self, StartError>> + Send;

    /// Runs after the last message, unless the actor was killed or given up.
    fn stop(&mut self, ctx: &mut Context<Self>, reason: &StopReason) -> impl Future<Output = ()> + Send {
        // Named, because an `async fn` here would not promise `Send`.
        let _unused = (ctx, reason);
        async {}
    }

    /// Handles one message.
    fn handle<'a>(
        &'a mut self,
        message: Self::Message,
        ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a>;

    /// What the keyed caches have done, by the name of their method.
    fn caches(views: &Self::Views) -> Vec<(&'static str, CacheStats)> {
        let _unused = views;
        Vec::new()
    }

    /// What the keyed caches with tiers have done, tier by tier, by the name of their method.
    fn tiered(views: &Self::Views) -> Vec<(&'static str, TieredStats)> {
        let _unused = views;
        Vec::new()
    }

    /// Clears the keyed caches, after a restart: nothing older is served.
    fn forget(views: &Self::Views) {
        let _unused = views;
    }

    /// Publishes the views, after `start` and after every turn that may have changed them.
    fn publish(&self, views: &Self::Views) {
        let _unused = views;
    }
}
