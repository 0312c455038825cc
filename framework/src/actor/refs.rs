//! References to actors.

use std::fmt;
use std::ops::Deref;

use super::cell::{CellRef, WeakCellRef};
use super::home::{Home, MoveError, Moved};
use super::lifecycle::{ActorId, Label, StopReason};
use super::parent::{AnyCell, Control};
use super::recipient::Recipient;
use super::request::Request;
use super::route::{Local, Methods, Target};
use super::{Actor, Handles, Message};

/// A reference to one actor: clone it, send it, ask through it.
///
/// It dereferences to the methods that `#[actor]` made of the handlers, so what it can do itself are associated
/// functions: `ActorRef::stop(&ledger)`.
///
/// ```
/// # use ostraca::prelude::*;
/// # struct Counter { count: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[start] fn start() -> Self { Counter { count: 0 } }
/// #     #[handler] fn add(&mut self, by: u64) -> u64 { self.count += by; self.count }
/// # }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// # let counter = system.spawn::<Counter>(()).await?;
/// let other = counter.clone(); // the same actor
/// other.add(2).tell()?;
/// ActorRef::drain(&counter); // handles what is queued, then stops
/// assert_eq!(ActorRef::wait_stopped(&other).await, StopReason::Requested);
/// assert_eq!(other.add(1).await, Err(AskError::Stopped));
/// # system.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// A reference does not keep its actor running: an actor lives until it is
/// stopped, its parent or system stops, or it is given up.
pub struct ActorRef<A: Actor> {
    methods: A::Methods<Local<A>>,
}

impl<A: Actor> ActorRef<A> {
    pub(crate) fn new(cell: CellRef<A>) -> Self {
        ActorRef { methods: A::Methods::new(Local::new(cell)) }
    }

    pub(crate) fn cell(this: &Self) -> &CellRef<A> {
        this.methods.route().cell()
    }

    /// A request of `message`, for code that is generic over messages; the generated methods are shorter.
    pub fn request<M: Message>(this: &Self, message: M) -> Request<'_, A, M>
    where
        A: Handles<M>,
    {
        Request::new(Target::of(Self::cell(this)), message)
    }

    /// Stops the actor when its current handler has ended: `#[stop]` runs, what is queued is dropped (asks get
    /// [`AskError::Dropped`](crate::AskError::Dropped), the rest becomes dead letters). In a group it is for the
    /// supervisor to say what follows: a permanent child is restarted, and its mailbox stays.
    pub fn stop(this: &Self) {
        Self::cell(this).order(Control::Stop(StopReason::Requested));
    }

    /// Takes no more messages, handles those that are queued, then stops. Its children drain after it.
    pub fn drain(this: &Self) {
        Self::cell(this).order(Control::Drain(StopReason::Requested));
    }

    /// Stops the actor now: a suspended handler is dropped half way, `#[stop]` does not run. A plain `fn`
    /// handler that is running cannot be interrupted.
    pub fn kill(this: &Self) {
        Self::cell(this).order(Control::Kill(StopReason::Killed));
    }

    /// Has the actor run elsewhere from now on, while messages flow: none is lost, repeated or reordered, and asks that
    /// wait are answered there. The move begins at once; the future is ready when the actor has arrived.
    ///
    /// # Errors
    ///
    /// When the system has no such home, the actor has a [`Bound`](crate::Bound) value, or it stops first.
    ///
    /// # Cancellation
    ///
    /// The move goes on when the future is dropped.
    pub fn move_to(
        this: &Self,
        home: Home,
    ) -> impl Future<Output = Result<Moved, MoveError>> + Send + use<A> {
        let ordered = Self::cell(this).move_to(home);
        async move {
            let pause = ordered?.await.map_err(|_| MoveError::Stopped)??;
            Ok(Moved { pause })
        }
    }

    /// Where the actor runs.
    pub fn home(this: &Self) -> Home {
        Self::cell(this).home()
    }

    /// Ready when the actor has stopped.
    pub fn wait_stopped(this: &Self) -> impl Future<Output = StopReason> + Send + use<A> {
        Self::cell(this).exit().wait()
    }

    /// Why the actor stopped, if it has.
    pub fn stop_reason(this: &Self) -> Option<StopReason> {
        Self::cell(this).exit().reason().cloned()
    }

    /// A reference that does not keep the actor's memory.
    pub fn downgrade(this: &Self) -> WeakRef<A> {
        WeakRef::new(Self::cell(this).weak())
    }

    /// A reference that only knows that the actor takes `M`.
    pub fn recipient<M: Message>(this: &Self) -> Recipient<M>
    where
        A: Handles<M>,
    {
        Recipient::new(Self::cell(this).clone())
    }

    /// The actor's number.
    pub fn id(this: &Self) -> ActorId {
        Self::cell(this).id()
    }

    /// How the actor is called in logs and errors.
    pub fn label(this: &Self) -> Label {
        Self::cell(this).label()
    }

    /// Messages waiting in its mailbox now.
    pub fn mailbox_len(this: &Self) -> usize {
        Self::cell(this).mailbox_len()
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        ActorRef::new(Self::cell(self).clone())
    }
}

impl<A: Actor> Deref for ActorRef<A> {
    type Target = A::Methods<Local<A>>;

    fn deref(&self) -> &Self::Target {
        &self.methods
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({})", Self::label(self))
    }
}

/// A reference that does not keep an actor's memory.
pub struct WeakRef<A: Actor>(WeakCellRef<A>);

impl<A: Actor> WeakRef<A> {
    pub(super) fn new(cell: WeakCellRef<A>) -> Self {
        WeakRef(cell)
    }

    /// The actor, unless it has stopped and is gone.
    pub fn upgrade(&self) -> Option<ActorRef<A>> {
        self.0.upgrade().map(ActorRef::new)
    }

    /// Sends, waiting for room. False when the actor is gone.
    pub(super) async fn send<M: Message>(&self, message: M) -> bool
    where
        A: Handles<M>,
    {
        match self.upgrade() {
            Some(me) => ActorRef::request(&me, message).send().await.is_ok(),
            None => false,
        }
    }
}

impl<A: Actor> Clone for WeakRef<A> {
    fn clone(&self) -> Self {
        WeakRef(self.0.clone())
    }
}

impl<A: Actor> fmt::Debug for WeakRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.upgrade() {
            Some(actor) => write!(f, "WeakRef({})", ActorRef::label(&actor)),
            None => f.write_str("WeakRef(gone)"),
        }
    }
}
