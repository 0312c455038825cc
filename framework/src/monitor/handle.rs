//! The reference to the monitor.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::capacity::Capacity;
use super::history::History;
use super::pull::{Pull, Source};
use super::sampler::{Args, Published, Sample, SystemMonitor};
use super::settings::{MonitorSettings, Sampler};
use super::snapshot::Snapshot;
use super::top::{By, Top};
use super::tuning::{self, Decision, Decisions, SystemTuner, Tuning};
use crate::actor::{ActorRef, AnyParent, Birth, Cell, Commons, RawReply, StartOn};
use crate::stats::BufferSource;
use crate::sync::Mutex;

/// A system's monitor: clone it, read it from any thread.
#[derive(Clone)]
pub struct Monitor {
    source: Source,
    published: Published,
    /// None if the system was stopping already.
    actor: Option<ActorRef<SystemMonitor>>,
    parent: Arc<AnyParent>,
    tuner: Arc<Mutex<Option<ActorRef<SystemTuner>>>>,
    decisions: Decisions,
}

impl Monitor {
    /// Pulls for the first time and starts the actor that goes on pulling.
    pub(crate) fn start(
        commons: &Arc<Commons>,
        parent: Arc<AnyParent>,
        started_at: Instant,
        settings: &MonitorSettings,
    ) -> Self {
        let samplers = settings.samplers();
        let on = |sampler| samplers.has(sampler);
        commons.sampling.set(on(Sampler::Waiting), on(Sampler::Handling));
        let source = Source { commons: commons.clone(), started_at, samplers };
        let published = Published {
            last: Arc::new(ArcSwap::from_pointee(Pull::default().take(&source, true))),
            pulls: watch::Sender::new(()),
            history: History::default(),
            windows: Arc::default(),
            capacity: Arc::default(),
            is_paused: Arc::default(),
        };
        let args = Args {
            source: source.clone(),
            published: published.clone(),
            interval: settings.pulls_every(),
            keeps_history: settings.keeps_history(),
        };
        let birth = Birth { parent: parent.clone(), name: None, shard: None };
        let actor =
            Cell::spawn(commons, birth, args, StartOn::Workers, RawReply::nobody()).ok().map(ActorRef::new);
        Monitor { source, published, actor, parent, tuner: Arc::default(), decisions: Decisions::default() }
    }

    /// The last pull: at most about an interval old while the system runs. Waits for nothing and costs a
    /// reference count.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.last.load_full()
    }

    /// A new pull. When the system has stopped, one without rates.
    pub async fn latest(&self) -> Arc<Snapshot> {
        if let Some(actor) = &self.actor
            && let Ok(snapshot) = ActorRef::request(actor, Sample::Asked).await
        {
            return snapshot;
        }
        Arc::new(Pull::default().take(&self.source, false))
    }

    /// Each pull from now on, as it comes. Who is slow misses some, and gets the last.
    pub fn watch(&self) -> Watch {
        Watch { monitor: self.clone(), pulls: self.published.pulls.subscribe() }
    }

    /// What was pulled in the last day. Empty if no history is kept.
    pub fn history(&self) -> History {
        self.published.history.clone()
    }

    /// The `len` actors that have done the most within `window`, up to ten minutes, the first one first. Of those that a
    /// snapshot lists; one that has done nothing is not among them. Where no history is kept, all but the mailboxes is
    /// of the time since the last pull but one.
    pub fn top(&self, len: usize, by: By, window: Duration) -> Vec<Top> {
        self.published.windows.lock().top(&self.snapshot(), len, by, window)
    }

    /// How much more this node can do, and what ends first, from the load that there was. None before the second pull.
    /// Costs some milliseconds: it learns when it is asked.
    pub fn capacity(&self) -> Option<Capacity> {
        // A copy, so that the next pull does not wait.
        let estimator = self.published.capacity.lock().clone();
        estimator.capacity(&self.snapshot())
    }

    /// Tunes this from now on, instead of what was tuned before; an empty [`Tuning`] ends it. What was kept stays. When
    /// the system is stopping nothing is tuned.
    pub fn tune(&self, tuning: Tuning) {
        let mut tuner = self.tuner.lock();
        if let Some(before) = tuner.take() {
            ActorRef::stop(&before);
        }
        *tuner =
            tuning::start(&self.source.commons, self.parent.clone(), tuning, self.decisions.clone()).ok();
    }

    /// What the tuner did, or in a dry run would have done, and why: the last thousand steps, oldest first.
    pub fn decisions(&self) -> Vec<Decision> {
        self.decisions.all()
    }

    /// Neither pulls by itself nor times anything while it is paused. For benches, which compare the one with the other.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn pause(&self, is_paused: bool) {
        let on = |sampler| !is_paused && self.source.samplers.has(sampler);
        self.source.commons.sampling.set(on(Sampler::Waiting), on(Sampler::Handling));
        // ORDERING: Relaxed; nothing is read on the strength of it.
        self.published.is_paused.store(is_paused, crate::sync::atomic::Ordering::Relaxed);
    }

    /// Shows the numbers of a set of pooled buffers, for as long as somebody keeps it.
    pub fn add_buffers(&self, source: Weak<dyn BufferSource>) {
        self.source.commons.enter_buffers(source);
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// The pulls of a [`Monitor`], one after the other.
#[derive(Debug)]
pub struct Watch {
    monitor: Monitor,
    pulls: watch::Receiver<()>,
}

impl Watch {
    /// The next pull. `None` when the system has stopped: there will be none.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Arc<Snapshot>> {
        let actor = self.monitor.actor.as_ref()?;
        tokio::select! {
            biased;
            pulled = self.pulls.changed() => pulled.ok()?,
            _ = ActorRef::wait_stopped(actor) => return None,
        }
        Some(self.monitor.snapshot())
    }
}
