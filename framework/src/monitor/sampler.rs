//! The monitor's actor, written by hand: the framework does not expand its own macros.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::pull::{Pull, Source};
use super::snapshot::Snapshot;
use crate::actor::{
    Actor, Context, Envelope, Handled, HandlerInfo, Handles, Inline, Message, NoMethods, Route, Settings,
    StartError, Turn,
};

/// How often it pulls.
const INTERVAL: Duration = Duration::from_secs(1);

/// Named as it shall be seen among the user's actors.
pub(super) struct SystemMonitor {
    args: Args,
    pull: Pull,
}

#[derive(Clone)]
pub(super) struct Args {
    pub(super) source: Source,
    pub(super) published: Arc<ArcSwap<Snapshot>>,
}

/// Pull now. Its timer tells it, [`Monitor::latest`](super::Monitor::latest) asks it.
pub(super) struct Sample;

impl Message for Sample {
    type Reply = Arc<Snapshot>;
    type Refusal = Infallible;
}

impl Handles<Sample> for SystemMonitor {
    fn wrap(envelope: Envelope<Sample>) -> Envelope<Sample> {
        envelope
    }

    fn unwrap(message: Envelope<Sample>) -> Envelope<Sample> {
        message
    }
}

impl Actor for SystemMonitor {
    type Args = Args;
    type Message = Envelope<Sample>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("sample")];

    fn settings() -> Settings {
        // A pass over all cells is not what an asker's thread is for.
        Settings::default().inline(Inline::Never)
    }

    fn handler_of(_message: &Envelope<Sample>) -> usize {
        0
    }

    async fn start(ctx: &mut Context<Self>, args: Args) -> Result<Self, StartError> {
        ctx.every(INTERVAL, || Sample);
        Ok(SystemMonitor { args, pull: Pull::default() })
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<Sample>,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (Sample, reply) = message.open();
        let snapshot = Arc::new(self.pull.take(&self.args.source));
        self.args.published.store(snapshot.clone());
        reply.reply(snapshot);
        turn.done()
    }
}
