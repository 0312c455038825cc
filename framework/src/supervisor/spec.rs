//! A supervisor as a value: what it will be when it is started.

use std::future::Future;
use std::sync::Arc;

use super::group::Group;
use super::handle::SupervisorRef;
use super::plan::{AutoShutdown, ChildSpec, Plan, StopLimit, Strategy};
use super::tree::{Supervisor, SupervisorArgs};
use crate::actor::{
    Actor, ActorRef, AnyCell, AnyParent, Birth, Cell, Commons, Context, Name, RawReply, ReplyRx, Restart,
    SpawnError, StartOn, StopReason, first_start, reply_pair,
};

/// A supervisor that can be started: its strategy, its restarts, and the children that it starts with, in their order.
///
/// `H` is where it will stand: [`System::supervisor`](crate::System::supervisor) knows, and gives one that can
/// [`start`](Self::start). One that was made by [`new`](Self::new) is a child of another
/// ([`supervisor`](Self::supervisor)) or of an actor ([`start_in`](Self::start_in)).
#[derive(Clone)]
#[must_use = "a supervisor that is not started supervises nobody"]
pub struct SupervisorSpec<H = ()> {
    pub(super) plan: Plan,
    name: Option<Arc<str>>,
    pub(super) children: Vec<(ChildSpec, Recipe)>,
    placed: H,
}

/// The top of a system.
#[derive(Clone)]
pub struct Placed {
    commons: Arc<Commons>,
    parent: Arc<AnyParent>,
}

type MakeActor = dyn Fn(&Arc<Group>, Option<Arc<str>>) -> Result<(), SpawnError> + Send + Sync;

/// How a child's actor is made.
#[derive(Clone)]
pub(super) enum Recipe {
    Actor(Arc<MakeActor>),
    Group(Arc<SupervisorSpec>),
}

impl Recipe {
    pub(super) fn actor<A: Actor>(args: A::Args) -> Self {
        Recipe::actor_shown::<A>(args, drop)
    }

    /// Each actor that is made is shown to `show`, before it has started.
    pub(super) fn actor_shown<A: Actor>(
        args: A::Args,
        show: impl Fn(ActorRef<A>) + Send + Sync + 'static,
    ) -> Self {
        Recipe::Actor(Arc::new(move |group, name| {
            let name = name.map(Name::AmongSiblings);
            let birth = Birth { parent: AnyParent::new(group.clone()), name, shard: None };
            let nobody = RawReply::nobody();
            let cell = Cell::spawn(&group.commons, birth, args.clone(), StartOn::Workers, nobody)?;
            show(ActorRef::new(cell));
            Ok(())
        }))
    }

    /// Makes the actor, which `group` adopts. The group of its own children, if it is a supervisor.
    pub(super) fn make(
        &self,
        group: &Arc<Group>,
        name: Option<Arc<str>>,
    ) -> Result<Option<Arc<Group>>, SpawnError> {
        match self {
            Recipe::Actor(make) => make(group, name).map(|()| None),
            Recipe::Group(spec) => {
                let nested = Group::new(&group.commons, spec, true);
                let name = name.or_else(|| spec.name.clone());
                begin(&nested, AnyParent::new(group.clone()), name, RawReply::nobody())?;
                Ok(Some(nested))
            }
        }
    }
}

/// Makes the actor of a group, and has it begin its start.
fn begin(
    group: &Arc<Group>,
    parent: Arc<AnyParent>,
    name: Option<Arc<str>>,
    started: RawReply<(), StopReason>,
) -> Result<ActorRef<Supervisor>, SpawnError> {
    let birth = Birth { parent, name: name.map(Name::AmongSiblings), shard: None };
    let args = SupervisorArgs(group.clone());
    let cell = Cell::<Supervisor>::spawn(&group.commons, birth, args, StartOn::Workers, started)?;
    let closed = group.clone();
    cell.exit().watch(move |reason| closed.close(reason));
    Ok(ActorRef::new(cell))
}

impl SupervisorSpec {
    /// A supervisor by this strategy, with these restarts for all its children together.
    pub fn new(strategy: Strategy, restart: Restart) -> Self {
        SupervisorSpec::at((), strategy, restart)
    }

    /// Starts it as a child of an actor, and waits until its children run. It stops before the actor does; when it
    /// gives up, the actor fails.
    ///
    /// # Errors
    ///
    /// As [`start`](SupervisorSpec::start).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the supervisor running, until the actor ends or fails.
    pub fn start_in<A: Actor>(
        self,
        ctx: &mut Context<A>,
    ) -> impl Future<Output = Result<SupervisorRef, SpawnError>> + Send + use<A> {
        let placed = Placed { commons: ctx.commons().clone(), parent: ctx.family() };
        self.start_at(placed)
    }
}

impl SupervisorSpec<Placed> {
    /// Starts it at the top of its system, and waits until its children run.
    ///
    /// # Errors
    ///
    /// When a child does not start: then those that did are stopped again. When a significant child cannot be one, and
    /// when the system is stopping.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the supervisor running, without a reference to it.
    pub async fn start(self) -> Result<SupervisorRef, SpawnError> {
        let placed = self.placed.clone();
        self.start_at(placed).await
    }
}

impl Placed {
    pub(crate) fn new(commons: Arc<Commons>, parent: Arc<AnyParent>) -> Self {
        Placed { commons, parent }
    }
}

impl<H> SupervisorSpec<H> {
    pub(crate) fn at(placed: H, strategy: Strategy, restart: Restart) -> Self {
        SupervisorSpec { plan: Plan::new(strategy, restart), name: None, children: Vec::new(), placed }
    }

    /// A permanent child, after those before.
    pub fn child<A: Actor>(self, args: A::Args) -> Self {
        self.child_as::<A>(ChildSpec::permanent(), args)
    }

    /// A child that is supervised as `child` says.
    pub fn child_as<A: Actor>(mut self, child: ChildSpec, args: A::Args) -> Self {
        self.children.push((child, Recipe::actor::<A>(args)));
        self
    }

    /// A permanent child that is a supervisor itself.
    pub fn supervisor(self, spec: SupervisorSpec) -> Self {
        self.supervisor_as(ChildSpec::permanent(), spec)
    }

    /// A child that is a supervisor itself, and is supervised as `child` says.
    pub fn supervisor_as(mut self, child: ChildSpec, spec: SupervisorSpec) -> Self {
        self.children.push(nested(child, spec));
        self
    }

    /// Whether it ends with its significant children.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.plan = self.plan.auto_shutdown(auto_shutdown);
        self
    }

    /// Its name, in labels.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(super) fn fits(&self) -> bool {
        let fits = |(child, recipe): &(ChildSpec, Recipe)| {
            let nested_fits = match recipe {
                Recipe::Actor(_) => true,
                Recipe::Group(spec) => spec.fits(),
            };
            child.fits(self.plan.auto_shutdown) && nested_fits
        };
        self.children.iter().all(fits)
    }

    fn start_at(
        self,
        placed: Placed,
    ) -> impl Future<Output = Result<SupervisorRef, SpawnError>> + Send + use<H> {
        let starting = self.begin_at(placed);
        async move {
            let (supervisor, outcome) = starting?;
            first_start(outcome, || supervisor.label()).await?;
            Ok(supervisor)
        }
    }

    fn begin_at(self, placed: Placed) -> Result<(SupervisorRef, ReplyRx<(), StopReason>), SpawnError> {
        if !self.fits() {
            return Err(SpawnError::Significant);
        }
        let SupervisorSpec { plan, name, children, placed: _ } = self;
        let spec = SupervisorSpec { plan, name, children, placed: () };
        let group = Group::new(&placed.commons, &spec, false);
        let (outcome, started) = reply_pair(None);
        let actor = begin(&group, placed.parent, spec.name, started)?;
        Ok((SupervisorRef::new(actor, group), outcome))
    }
}

/// A supervisor has children to stop: it is given the time.
pub(super) fn nested(mut child: ChildSpec, spec: SupervisorSpec) -> (ChildSpec, Recipe) {
    child.stop.get_or_insert(StopLimit::Unlimited);
    (child, Recipe::Group(Arc::new(spec)))
}
