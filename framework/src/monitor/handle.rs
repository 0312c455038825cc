//! The reference to the monitor.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;

use super::pull::{Pull, Source};
use super::sampler::{Args, Sample, SystemMonitor};
use super::snapshot::Snapshot;
use crate::actor::{ActorRef, AnyParent, Birth, Cell, Commons, RawReply, StartOn};

/// A system's monitor: clone it, read it from any thread.
#[derive(Clone)]
pub struct Monitor {
    source: Source,
    published: Arc<ArcSwap<Snapshot>>,
    /// None if the system was stopping already.
    actor: Option<ActorRef<SystemMonitor>>,
}

impl Monitor {
    /// Pulls for the first time and starts the actor that goes on pulling.
    pub(crate) fn start(commons: &Arc<Commons>, parent: Arc<AnyParent>, started_at: Instant) -> Self {
        let source = Source { commons: commons.clone(), started_at };
        let published = Arc::new(ArcSwap::from_pointee(Pull::default().take(&source)));
        let args = Args { source: source.clone(), published: published.clone() };
        let birth = Birth { parent, name: None, shard: None };
        let actor =
            Cell::spawn(commons, birth, args, StartOn::Workers, RawReply::nobody()).ok().map(ActorRef::new);
        Monitor { source, published, actor }
    }

    /// The last pull: at most about a second old while the system runs. Waits for nothing and costs a
    /// reference count.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// A new pull. When the system has stopped, one without rates.
    pub async fn latest(&self) -> Arc<Snapshot> {
        if let Some(actor) = &self.actor
            && let Ok(snapshot) = ActorRef::request(actor, Sample).await
        {
            return snapshot;
        }
        Arc::new(Pull::default().take(&self.source))
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("actor", &self.actor).finish_non_exhaustive()
    }
}
