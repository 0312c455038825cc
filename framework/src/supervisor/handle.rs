//! The reference to a running supervisor.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::core::{ChildError, ChildId, Request};
use super::group::Group;
use super::member::ChildInfo;
use super::plan::ChildSpec;
use super::spec::{Recipe, SupervisorSpec, nested};
use super::tree::Supervisor;
use crate::actor::{Actor, ActorRef, AnyRef, Cell, Label, StopReason};
use crate::sync::Mutex;

/// A reference to a running supervisor: clone it, find its children, change them.
///
/// Requests wait while the supervisor starts or stops a child, in the order in which they came. One made from a
/// `#[start]` or `#[stop]` that the supervisor waits for would wait for itself.
#[derive(Clone)]
pub struct SupervisorRef {
    actor: ActorRef<Supervisor>,
    group: Arc<Group>,
}

/// A child that was added.
pub struct Added<A: Actor> {
    /// Its number among its siblings.
    pub id: ChildId,
    /// Its reference, good over all its restarts.
    pub actor: ActorRef<A>,
}

impl SupervisorRef {
    pub(super) fn new(actor: ActorRef<Supervisor>, group: Arc<Group>) -> Self {
        SupervisorRef { actor, group }
    }

    /// The first child that is an `A`. `None` while it is not there, or not yet.
    pub fn actor<A: Actor>(&self) -> Option<ActorRef<A>> {
        self.find(|_, _| true)
    }

    /// The child of this name, if it is an `A`.
    pub fn actor_named<A: Actor>(&self, name: &str) -> Option<ActorRef<A>> {
        self.find(|_, named| named == Some(name))
    }

    /// The child of this number, if it is an `A`.
    pub fn actor_of<A: Actor>(&self, id: ChildId) -> Option<ActorRef<A>> {
        self.find(|of, _| of == id)
    }

    fn find<A: Actor>(&self, is_it: impl Fn(ChildId, Option<&str>) -> bool) -> Option<ActorRef<A>> {
        let cells = self.group.cells().into_iter();
        let mut found = cells.filter(|(id, name, _)| is_it(*id, name.as_deref()));
        found.find_map(|(_, _, cell)| Cell::downcast(cell)).map(ActorRef::new)
    }

    /// The supervisor among the children that has this name.
    pub fn supervisor_named(&self, name: &str) -> Option<SupervisorRef> {
        self.nested(|_, named| named == Some(name))
    }

    /// The child of this number, if it is a supervisor.
    pub fn supervisor_of(&self, id: ChildId) -> Option<SupervisorRef> {
        self.nested(|of, _| of == id)
    }

    fn nested(&self, is_it: impl Fn(ChildId, Option<&str>) -> bool) -> Option<SupervisorRef> {
        let (cell, group): (AnyRef, Arc<Group>) = self.group.nested(is_it)?;
        let actor = ActorRef::new(Cell::downcast(cell)?);
        Some(SupervisorRef { actor, group })
    }

    /// The children, in the order of their start.
    pub fn children(&self) -> Vec<ChildInfo> {
        self.group.list()
    }

    /// Starts one more child, after the others, and waits until it runs. It is gone when the supervisor is restarted.
    ///
    /// # Errors
    ///
    /// When it does not start (then it is no child), when it cannot be significant, or when the supervisor is stopping.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the child where it is; likewise of the requests below.
    pub async fn add<A: Actor>(&self, child: ChildSpec, args: A::Args) -> Result<Added<A>, ChildError> {
        // The first that is made: it can have ended, and another one be there, when the answer comes.
        let (tx, mut rx) = oneshot::channel();
        let first = Mutex::new(Some(tx));
        let show = move |actor| {
            if let Some(tx) = first.lock().take() {
                // Nobody waits any more.
                let _ = tx.send(actor);
            }
        };
        let id = self.group.add(child, Recipe::actor_shown::<A>(args, show)).await?;
        let actor = rx.try_recv().expect("a child that was started was made");
        Ok(Added { id, actor })
    }

    /// Starts one more child that is a supervisor itself, and waits until its children run.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub async fn add_supervisor(
        &self,
        child: ChildSpec,
        spec: SupervisorSpec,
    ) -> Result<ChildId, ChildError> {
        if !spec.fits() {
            return Err(ChildError::Significant);
        }
        let (child, recipe) = nested(child, spec);
        self.group.add(child, recipe).await
    }

    /// Stops a child and waits for its end. It stays a child that is down, unless it is temporary.
    ///
    /// # Errors
    ///
    /// When there is no such child, or the supervisor is stopping.
    pub async fn terminate(&self, child: ChildId) -> Result<(), ChildError> {
        self.group.ask(Request::Terminate(child)).await
    }

    /// Starts a child that is down, as a new actor, and waits until it runs.
    ///
    /// # Errors
    ///
    /// When there is no such child, it is not down, or it does not start; when the supervisor is stopping.
    pub async fn restart(&self, child: ChildId) -> Result<(), ChildError> {
        self.group.ask(Request::Restart(child)).await
    }

    /// Forgets a child that is down.
    ///
    /// # Errors
    ///
    /// When there is no such child, or it is not down; when the supervisor is stopping.
    pub async fn remove(&self, child: ChildId) -> Result<(), ChildError> {
        self.group.ask(Request::Remove(child)).await
    }

    /// Stops the supervisor: its children first, newest first. Under another supervisor that is an end like any other:
    /// a permanent one is restarted.
    pub fn stop(&self) {
        ActorRef::stop(&self.actor);
    }

    /// As [`stop`](Self::stop), for good, and each child handles what is queued first.
    pub fn drain(&self) {
        self.group.drain();
        ActorRef::drain(&self.actor);
    }

    /// Ready when the supervisor has stopped for good.
    pub fn wait_stopped(&self) -> impl Future<Output = StopReason> + Send + use<> {
        ActorRef::wait_stopped(&self.actor)
    }

    /// Its actor: to watch, to link, to kill.
    pub fn as_actor(&self) -> &ActorRef<Supervisor> {
        &self.actor
    }

    /// How it is called in logs and errors.
    pub fn label(&self) -> Label {
        ActorRef::label(&self.actor)
    }
}

impl fmt::Debug for SupervisorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupervisorRef({})", self.label())
    }
}

impl<A: Actor> fmt::Debug for Added<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Added").field("id", &self.id).field("actor", &self.actor).finish()
    }
}
