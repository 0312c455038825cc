//! Probes: actors of the test that keep what they get.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::run::{PATIENCE, Run};
use crate::actor::{
    Actor, ActorRef, Context, Envelope, Handled, HandlerInfo, Handles, Message, NoMethods, Recipient,
    ReplyTo, Route, Settings, StartError, Turn,
};
use crate::sync::Mutex;

/// Whether an actor of this type is a probe: none panics by a fault.
pub(super) fn is_probe(type_name: &str) -> bool {
    type_name.starts_with("Probing<")
}

/// A message that a probe got, and the way to its asker.
type Got<M> = (M, ReplyTo<<M as Message>::Reply, <M as Message>::Refusal>);

/// An actor of the test that takes messages `M` and keeps them, oldest first, for [`expect`](Self::expect).
///
/// Give its [`recipient`](Self::recipient) to the actors under test. An ask waits until the test answers it
/// ([`expect_ask`](Self::expect_ask)), or has taken the message and dropped the way to answer.
pub struct Probe<M: Message> {
    run: Run,
    actor: ActorRef<Probing<M>>,
    got: Kept<M>,
}

struct Kept<M: Message>(Arc<Mutex<VecDeque<Got<M>>>>);

impl<M: Message> Clone for Kept<M> {
    fn clone(&self) -> Self {
        Kept(self.0.clone())
    }
}

impl Run {
    /// Spawns a probe for messages `M` in the run's system.
    pub async fn probe<M: Message>(&self, name: &str) -> Probe<M> {
        let got = Kept(Arc::default());
        let spawned = self.system().spawn_named::<Probing<M>>(name, got.clone()).await;
        let actor = spawned.unwrap_or_else(|error| panic!("the probe {name:?}: {error}"));
        Probe { run: self.clone(), actor, got }
    }
}

impl<M: Message> Probe<M> {
    /// What the actors under test send to.
    pub fn recipient(&self) -> Recipient<M> {
        ActorRef::recipient(&self.actor)
    }

    /// How many messages it has that were not expected yet.
    pub fn len(&self) -> usize {
        self.got.0.lock().len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// When none comes within ten seconds of virtual time.
    pub async fn expect(&self) -> M {
        self.expect_ask().await.0
    }

    /// The next message, and the way to answer it.
    ///
    /// # Panics
    ///
    /// As [`expect`](Self::expect).
    pub async fn expect_ask(&self) -> (M, ReplyTo<M::Reply, M::Refusal>) {
        let got = self.got.clone();
        let is_there = self.run.until_within(PATIENCE, move || !got.0.lock().is_empty()).await;
        assert!(is_there, "{}: no message within {PATIENCE:?} of virtual time", ActorRef::label(&self.actor));
        self.got.0.lock().pop_front().expect("it is there, and nobody else takes it")
    }

    /// The next message, which `wanted` likes.
    ///
    /// # Panics
    ///
    /// When it does not, and as [`expect`](Self::expect).
    pub async fn expect_that(&self, wanted: impl FnOnce(&M) -> bool) -> M
    where
        M: fmt::Debug,
    {
        let message = self.expect().await;
        assert!(wanted(&message), "{}: not what was expected: {message:?}", ActorRef::label(&self.actor));
        message
    }

    /// Waits for `time`, in which nothing comes.
    ///
    /// # Panics
    ///
    /// When something does, or has come before and was not expected.
    pub async fn expect_none(&self, time: Duration) {
        let got = self.got.clone();
        let has_come = self.run.until_within(time, move || !got.0.lock().is_empty()).await;
        assert!(!has_come, "{}: a message that nobody expected", ActorRef::label(&self.actor));
    }
}

impl<M: Message> fmt::Debug for Probe<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("actor", &self.actor).field("len", &self.len()).finish()
    }
}

/// The probe's actor.
struct Probing<M: Message>(Kept<M>);

impl<M: Message> Handles<M> for Probing<M> {
    fn wrap(envelope: Envelope<M>) -> Envelope<M> {
        envelope
    }

    fn unwrap(message: Envelope<M>) -> Envelope<M> {
        message
    }
}

impl<M: Message> Actor for Probing<M> {
    type Args = Kept<M>;
    type Message = Envelope<M>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("probe")];

    fn settings() -> Settings {
        // A test's messages bound it.
        Settings::default().mailbox_unbounded()
    }

    fn handler_of(_message: &Envelope<M>) -> usize {
        0
    }

    async fn start(_ctx: &mut Context<Self>, kept: Kept<M>) -> Result<Self, StartError> {
        Ok(Probing(kept))
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<M>,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        self.0.0.lock().push_back(message.open());
        turn.done()
    }
}
