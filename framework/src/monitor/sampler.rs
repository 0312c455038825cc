//! The monitor's actor, written by hand: the framework does not expand its own macros.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::capacity::Estimator;
use super::findings::Detectors;
use super::history::History;
use super::pull::{Pull, Source};
use super::snapshot::Snapshot;
use super::top::Windows;
use crate::actor::{
    Actor, Context, Envelope, Handled, HandlerInfo, Inline, Message, NoMethods, Route, Settings, StartError,
    Turn, takes_only,
};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Asks that wait for a pull; who finds no room waits for that.
const MAILBOX_LEN_MAX: usize = 64;

/// Named as it shall be seen among the user's actors.
pub(super) struct SystemMonitor {
    args: Args,
    pull: Pull,
    detectors: Detectors,
}

#[derive(Clone)]
pub(super) struct Args {
    pub(super) source: Source,
    pub(super) published: Published,
    pub(super) interval: Duration,
    pub(super) keeps_history: bool,
}

/// What its handles read.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) last: Arc<ArcSwap<Snapshot>>,
    /// Told of each pull.
    pub(super) pulls: watch::Sender<()>,
    pub(super) history: History,
    pub(super) windows: Arc<Mutex<Windows>>,
    pub(super) capacity: Arc<Mutex<Estimator>>,
    /// It lets its times go by.
    pub(super) is_paused: Arc<AtomicBool>,
}

/// Pull now.
pub(super) enum Sample {
    /// Its timer says so: this pull goes into the history.
    Due,
    /// Somebody [asks](super::Monitor::latest).
    Asked,
}

impl Message for Sample {
    type Reply = Arc<Snapshot>;
    type Refusal = Infallible;
}

takes_only!(Sample, SystemMonitor);

impl Actor for SystemMonitor {
    type Args = Args;
    type Message = Envelope<Sample>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("sample")];

    fn settings() -> Settings {
        // A pass over all cells is not what an asker's thread is for. And the length of a small mailbox is exact: it does
        // not count the message that is being handled, which is the pull itself.
        Settings::default().inline(Inline::Never).mailbox_len_max(MAILBOX_LEN_MAX)
    }

    fn handler_of(_message: &Envelope<Sample>) -> usize {
        0
    }

    async fn start(ctx: &mut Context<Self>, args: Args) -> Result<Self, StartError> {
        ctx.every(args.interval, || Sample::Due);
        let detectors = Detectors::new(ctx.label().id());
        Ok(SystemMonitor { args, pull: Pull::default(), detectors })
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<Sample>,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (sample, reply) = message.open();
        let is_due = matches!(sample, Sample::Due);
        let published = &self.args.published;
        // ORDERING: Relaxed; nothing is read on the strength of it.
        if is_due && published.is_paused.load(Ordering::Relaxed) {
            reply.reply(published.last.load_full());
            return turn.done();
        }
        let mut snapshot = self.pull.take(&self.args.source, is_due);
        if is_due {
            self.detectors.take(&snapshot);
            published.capacity.lock().take(&snapshot, &self.detectors);
        }
        snapshot.findings = self.detectors.findings();
        let snapshot = Arc::new(snapshot);
        published.last.store(snapshot.clone());
        if is_due {
            if self.args.keeps_history {
                published.history.take(&snapshot);
                published.windows.lock().take(&snapshot);
            }
            published.pulls.send_replace(());
        }
        reply.reply(snapshot);
        turn.done()
    }
}
