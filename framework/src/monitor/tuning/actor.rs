//! The tuner's actor: a timer, and beside it the pools that change their size. By hand: the framework does not expand
//! its own macros.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::settings::Tuning;
use super::tuner::{Decisions, SLICE_TICKS, Tuner};
use crate::actor::{
    Actor, ActorRef, AnyParent, Birth, Cell, Commons, Context, Envelope, Handled, HandlerInfo, Inline,
    Message, NoMethods, RawReply, Route, Settings, SpawnError, StartError, StartOn, StopReason, Turn,
    takes_only,
};
use crate::sync::Mutex;

/// Starts a tuner; it is stopped when the system is, or by its reference.
pub(in crate::monitor) fn start(
    commons: &Arc<Commons>,
    parent: Arc<AnyParent>,
    tuning: Tuning,
    decisions: Decisions,
) -> Result<ActorRef<SystemTuner>, SpawnError> {
    let (slice, is_dry_run) = (tuning.slice, tuning.is_dry_run);
    let tuner = Tuner::new(commons.now(), tuning.plants(commons), slice, is_dry_run, decisions);
    let args = Args { tuner: Arc::new(Mutex::new(tuner)), tick: slice / SLICE_TICKS };
    let birth = Birth { parent, name: None, shard: None };
    Cell::spawn(commons, birth, args, StartOn::Workers, RawReply::nobody()).map(ActorRef::new)
}

/// Named as it shall be seen among the user's actors.
pub(in crate::monitor) struct SystemTuner {
    /// A restart goes on with it.
    tuner: Arc<Mutex<Tuner>>,
}

#[derive(Clone)]
pub(in crate::monitor) struct Args {
    tuner: Arc<Mutex<Tuner>>,
    tick: Duration,
}

/// Look now.
pub(in crate::monitor) struct Tick;

impl Message for Tick {
    type Reply = ();
    type Refusal = Infallible;
}

takes_only!(Tick, SystemTuner);

impl Actor for SystemTuner {
    type Args = Args;
    type Message = Envelope<Tick>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("tick")];

    fn settings() -> Settings {
        Settings::default().inline(Inline::Never).mailbox_len_max(4)
    }

    fn handler_of(_message: &Envelope<Tick>) -> usize {
        0
    }

    async fn start(ctx: &mut Context<Self>, args: Args) -> Result<Self, StartError> {
        ctx.every(args.tick, || Tick);
        Ok(SystemTuner { tuner: args.tuner })
    }

    async fn stop(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        let resizing = self.tuner.lock().stop();
        if let Some(resizing) = resizing {
            resizing.await;
        }
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<Tick>,
        ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (Tick, reply) = message.open();
        let resizing = self.tuner.lock().tick(ctx.now());
        if let Some(resizing) = resizing {
            ctx.spawn(resizing);
        }
        reply.reply(());
        turn.done()
    }
}
