//! Why actors stop, how one waits for it, and what a start can fail with.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};

use thiserror::Error;
use tokio::sync::oneshot;

use super::error::AskError;
use super::message::Message;
use super::reply::ReplyRx;
use crate::sync::Mutex;

/// Why an actor stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody asked it to: by a reference, its context, or its parent's stop.
    Requested,
    /// The system stops.
    SystemStopped,
    /// It was killed: a suspended handler was dropped half way and `#[stop]` did not run.
    Killed,
    /// It failed more often than its restart settings allow, and its supervisor gave it up.
    GaveUp(Failure),
    /// Its first start failed.
    NotStarted(Failure),
    /// The system's runtime was dropped under it.
    RuntimeLost,
    /// A sibling failed, and its supervisor restarts both: only `#[stop]` gets this reason.
    Restarting,
    /// It failed, and is of a kind that is not restarted.
    Failed(Failure),
    /// It is a supervisor, and its significant children have ended.
    AutoShutdown,
}

/// One failure of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    cause: Cause,
    text: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Panic(&'static str),
    Start,
    Child,
    Member,
    Link,
}

impl Failure {
    /// Code of the actor panicked: `place` is the handler's name, or `start`, `stop`, `drop`.
    pub(crate) fn panic(place: &'static str, payload: &(dyn std::any::Any + Send)) -> Self {
        Failure { cause: Cause::Panic(place), text: Self::text_of(payload).into() }
    }

    /// What a panic says.
    pub(super) fn text_of(payload: &dyn std::any::Any) -> &str {
        let text = payload.downcast_ref::<&str>().copied();
        text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic whose payload is no text")
    }

    pub(super) fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }

    pub(crate) fn start(error: &StartError) -> Self {
        Failure { cause: Cause::Start, text: error.to_string().into() }
    }

    pub(crate) fn child(child: &Label, reason: &StopReason) -> Self {
        Failure { cause: Cause::Child, text: format!("{child}: {reason}").into() }
    }

    /// A child of a group failed once too often.
    pub(crate) fn member(child: &str, failure: &str) -> Self {
        Failure { cause: Cause::Member, text: format!("{child}: {failure}").into() }
    }

    pub(crate) fn link(other: &Label, end: &str) -> Self {
        Failure { cause: Cause::Link, text: format!("{other}: {end}").into() }
    }

    /// The panic's message, the start's error, or the child and its reason.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Panic(place) => write!(f, "panicked in {place}: {}", self.text),
            Cause::Start => write!(f, "could not start: {}", self.text),
            Cause::Child => write!(f, "a child was given up: {}", self.text),
            Cause::Member => f.write_str(&self.text),
            Cause::Link => write!(f, "a linked actor fell: {}", self.text),
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Requested => f.write_str("stopped on request"),
            StopReason::SystemStopped => f.write_str("the system stopped"),
            StopReason::Killed => f.write_str("killed"),
            StopReason::GaveUp(failure) => write!(f, "given up after too many failures, the last: {failure}"),
            StopReason::NotStarted(failure) => failure.fmt(f),
            StopReason::RuntimeLost => f.write_str("its runtime was dropped"),
            StopReason::Restarting => f.write_str("stopped to be restarted with a sibling"),
            StopReason::Failed(failure) => write!(f, "failed, and is not restarted: {failure}"),
            StopReason::AutoShutdown => f.write_str("its significant children have ended"),
        }
    }
}

/// What a `#[start]` failed with: any error, by `?`.
#[derive(Debug)]
pub struct StartError(Box<dyn std::error::Error + Send + Sync>);

impl StartError {
    /// A start that failed for a reason in words.
    pub fn new(text: impl Into<String>) -> Self {
        StartError(text.into().into())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for StartError {
    fn from(error: E) -> Self {
        StartError(Box::new(error))
    }
}

/// Why a spawn did not give a running actor.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The actor's `#[start]` failed or panicked, or it was stopped before it had started.
    #[error("{actor} did not start: {reason}")]
    NotStarted {
        /// Which actor.
        actor: Label,
        /// Why it is not there.
        reason: StopReason,
    },
    /// Another actor has the name.
    #[error("the name {0:?} is taken: choose another, or stop the actor that has it")]
    NameTaken(String),
    /// The system is stopping or stopped.
    #[error("the system is stopping and takes no new actors")]
    Stopping,
    /// The system has no such pinned core.
    #[error(
        "there is no pinned core {core}: the system has {pinned}; name them by `pinned_cores` in its builder"
    )]
    NoCore {
        /// The core that was asked for, by its place.
        core: usize,
        /// How many pinned cores there are.
        pinned: usize,
    },
    /// A supervisor has a significant child that cannot be one.
    #[error(
        "a significant child is transient or temporary, and its supervisor says `auto_shutdown`: say so, or leave \
         `significant` out"
    )]
    Significant,
}

/// Waits for an actor's first start, whose outcome comes to `outcome`.
pub(crate) async fn first_start(
    mut outcome: ReplyRx<(), StopReason>,
    actor: impl FnOnce() -> Label,
) -> Result<(), SpawnError> {
    std::future::poll_fn(|cx| outcome.poll(cx)).await;
    let reason = match outcome.take() {
        Ok(()) => return Ok(()),
        Err(AskError::Refused(reason)) => reason,
        Err(_) => StopReason::RuntimeLost,
    };
    Err(SpawnError::NotStarted { actor: actor(), reason })
}

/// An actor's number, unique in its system and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorId(pub(crate) u64);

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How an actor is called in logs, metrics and errors: `Ledger#7`, `Ledger/3#7` for shard 3, or
/// `ledger: Ledger#7` when named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) type_name: &'static str,
    pub(crate) shard: Option<usize>,
    pub(crate) id: ActorId,
}

impl Label {
    /// The type's name without its path and its generics: `Ledger`.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The name it was spawned with.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Which shard it is, if it is one.
    pub fn shard(&self) -> Option<usize> {
        self.shard
    }

    /// Its number.
    pub fn id(&self) -> ActorId {
        self.id
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}: ")?;
        }
        f.write_str(self.type_name)?;
        if let Some(shard) = self.shard {
            write!(f, "/{shard}")?;
        }
        write!(f, "#{}", self.id)
    }
}

/// `Ledger<S>` of `my::path::Ledger<my::Store>`.
pub(crate) fn short_type_name<A>() -> &'static str {
    let full = std::any::type_name::<A>();
    let head = full.find('<').unwrap_or(full.len());
    let start = full[..head].rfind("::").map_or(0, |at| at + 2);
    &full[start..head]
}

/// Told by [`Context::watch`](super::Context::watch): an actor has stopped for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terminated {
    /// Which.
    pub actor: Label,
    /// Why.
    pub reason: StopReason,
}

impl Terminated {
    pub(crate) fn new(actor: Label, reason: StopReason) -> Self {
        Terminated { actor, reason }
    }
}

impl Message for Terminated {
    type Reply = ();
    type Refusal = Infallible;
}

/// Who wants to know that an actor has stopped.
enum Watcher {
    /// Called once.
    Call(Box<dyn FnOnce(&StopReason) + Send>),
    /// Waits, unless it has lost interest.
    Wait(oneshot::Sender<StopReason>),
}

/// Whether an actor has stopped, and who wants to know.
#[derive(Default)]
pub(crate) struct Exit {
    reason: OnceLock<StopReason>,
    watchers: Mutex<Vec<Watcher>>,
}

impl Exit {
    pub(crate) fn reason(&self) -> Option<&StopReason> {
        self.reason.get()
    }

    /// Calls `watcher` with the reason, at once if the actor has stopped already.
    pub(crate) fn watch(&self, watcher: impl FnOnce(&StopReason) + Send + 'static) {
        self.enter(Watcher::Call(Box::new(watcher)));
    }

    fn enter(&self, watcher: Watcher) {
        let mut watchers = self.watchers.lock();
        // Under the lock that `set` takes to collect the watchers: none is missed between the two.
        if let Some(reason) = self.reason.get() {
            drop(watchers);
            return watcher.tell(reason);
        }
        // Each time the memory is full: an actor that outlives many who watched it does not keep them. Where few were
        // gone it is made twice as large, so that to look through all of them costs each that enters a look or two.
        if watchers.len() == watchers.capacity() {
            watchers.retain(|watcher| !watcher.is_gone());
            let (len, capacity) = (watchers.len(), watchers.capacity());
            if len > capacity / 2 {
                watchers.reserve(len + 1);
            }
        }
        watchers.push(watcher);
    }

    /// Whether the actor has stopped, for who has just left an order in its control lane: if not, its runner finds it.
    ///
    /// The runner that closes a cell [sets](Self::set) the reason and then empties the lane for the last time. Both take
    /// this lock between the two steps. If the asker has it first, what it left before is seen by the runner after; else
    /// the asker sees the reason. Either way one of them answers, and never both find nothing.
    pub(crate) fn is_over(&self) -> bool {
        let _locked = self.watchers.lock();
        self.reason.get().is_some()
    }

    /// Sets the reason and tells the watchers, once.
    pub(crate) fn set(&self, reason: StopReason) {
        let watchers = {
            let mut watchers = self.watchers.lock();
            if self.reason.set(reason).is_err() {
                return;
            }
            std::mem::take(&mut *watchers)
        };
        let reason = self.reason.get().expect("it was set above");
        watchers.into_iter().for_each(|watcher| watcher.tell(reason));
    }

    /// Ready when the actor has stopped.
    pub(crate) fn wait(&self) -> impl Future<Output = StopReason> + Send + use<> {
        let (tx, rx) = oneshot::channel();
        self.enter(Watcher::Wait(tx));
        // A cell that is dropped without a reason went with its runtime.
        async move { rx.await.unwrap_or(StopReason::RuntimeLost) }
    }
}

impl Watcher {
    fn tell(self, reason: &StopReason) {
        match self {
            Watcher::Call(call) => call(reason),
            // A receiver that is gone no longer wants to know.
            Watcher::Wait(tx) => drop(tx.send(reason.clone())),
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self, Watcher::Wait(tx) if tx.is_closed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_that_have_lost_interest_are_not_kept() {
        let exit = Exit::default();
        let waiting = exit.wait();
        for _ in 0..1_000 {
            drop(exit.wait());
        }
        assert!(exit.watchers.lock().len() < 16, "{} are kept", exit.watchers.lock().len());
        exit.set(StopReason::Requested);
        let mut waiting = std::pin::pin!(waiting);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(waiting.as_mut().poll(&mut cx), std::task::Poll::Ready(StopReason::Requested));
    }
}
