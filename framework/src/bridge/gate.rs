//! The actor that owns a forwarder, so that it has a place in the system's tree, and in the order of its stop.

use std::convert::Infallible;
use std::sync::Arc;

use actix::dev::channel::AddressReceiver;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::forwarder::Forwarder;
use super::ours::Ours;
use crate::actor::{
    Actor, ActorRef, Birth, Cell, Context, Control, Handled, HandlerInfo, Inline, Name, NoMethods, RawReply,
    Route, Settings, SpawnError, StartError, StartOn, StopReason, Turn,
};
use crate::sync::Mutex;
use crate::system::System;

/// It takes no messages itself. Started after the actor that it leads to, it stops before it.
pub(super) struct Gate<A: Actor> {
    forwarder: JoinHandle<()>,
    stopping: Option<oneshot::Sender<()>>,
    actor: std::marker::PhantomData<fn() -> A>,
}

pub(super) struct GateArgs<A: Actor> {
    actor: ActorRef<A>,
    /// Taken by the start, of which there is one: a gate does not fail.
    channel: Arc<Mutex<Option<AddressReceiver<Ours<A>>>>>,
    len_max: usize,
}

impl<A: Actor> Gate<A> {
    pub(super) fn start(
        system: &System,
        actor: &ActorRef<A>,
        channel: AddressReceiver<Ours<A>>,
        len_max: usize,
    ) -> Result<(), SpawnError> {
        let name = Name::AmongSiblings(format!("actix to {}", ActorRef::label(actor)).into());
        let birth = Birth { parent: system.parent(), name: Some(name), shard: None };
        let channel = Arc::new(Mutex::new(Some(channel)));
        let args = GateArgs { actor: actor.clone(), channel, len_max };
        Cell::<Gate<A>>::spawn(system.commons(), birth, args, StartOn::Spawner, RawReply::nobody()).map(drop)
    }
}

impl<A: Actor> Clone for GateArgs<A> {
    fn clone(&self) -> Self {
        GateArgs { actor: self.actor.clone(), channel: self.channel.clone(), len_max: self.len_max }
    }
}

impl<A: Actor> Actor for Gate<A> {
    type Args = GateArgs<A>;
    type Message = Infallible;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[];

    fn settings() -> Settings {
        Settings::default().mailbox_len_max(1).inline(Inline::Never)
    }

    fn handler_of(message: &Infallible) -> usize {
        match *message {}
    }

    async fn start(ctx: &mut Context<Self>, args: GateArgs<A>) -> Result<Self, StartError> {
        let channel = args.channel.lock().take();
        let channel = channel.ok_or_else(|| StartError::new("its channel went with its first life"))?;
        let (stopping, is_stopping) = oneshot::channel();
        let forwarder = Forwarder::new(args.actor, channel, args.len_max, is_stopping);
        let owner = ctx.owner();
        let forwarder = ctx.commons().runtime.spawn(async move {
            forwarder.await;
            // The actor has stopped, or nobody has an address any more.
            if let Some(gate) = owner.upgrade() {
                gate.order(Control::Stop(StopReason::Requested));
            }
        });
        Ok(Gate { forwarder, stopping: Some(stopping), actor: std::marker::PhantomData })
    }

    async fn stop(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        self.stopping = None;
        // One that panicked has said so.
        let _ended = (&mut self.forwarder).await;
    }

    fn handle<'a>(
        &'a mut self,
        message: Infallible,
        _ctx: &'a mut Context<Self>,
        _turn: Turn<'a>,
    ) -> Handled<'a> {
        match message {}
    }
}

impl<A: Actor> Drop for Gate<A> {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}
