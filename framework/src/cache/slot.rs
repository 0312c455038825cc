//! A tier as a cache uses it: with a time-out, a breaker, and what is on its way to it.

use std::future::Future;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::clock::Clock;
use super::entry::{Body, Entry, Stamp};
use super::lifetime::Lifetime;
use super::outbox::{Full, Limits, Outbox, Ticket};
use super::stats::{TierCounts, TierStats};
use super::tier::{Put, Tier, TierError, Watcher};
use crate::sync::Mutex;

/// Outages in a row that open the breaker.
const OUTAGES_MAX: u32 = 3;
/// How long an open breaker waits before it lets one call try; doubles up to [`PROBE_AFTER_MAX`].
const PROBE_AFTER_MIN: Duration = Duration::from_millis(100);
const PROBE_AFTER_MAX: Duration = Duration::from_secs(1);
/// How long a removal outranks older values on their way: longer than a load may take.
const REMOVED_FOR: Duration = Duration::from_secs(60);

/// A tier in a cache's stack.
pub(super) struct Slot {
    pub(super) lifetime: Lifetime,
    guard: Arc<Guard>,
    outbox: Outbox<Target, Op>,
    /// What is older was cleared, whether the tier has heard of it or not.
    floor: Mutex<Stamp>,
    clock: Clock,
}

/// The tier, and whether it is asked at all.
struct Guard {
    name: Arc<str>,
    tier: Arc<dyn Tier>,
    time_max: Duration,
    breaker: Mutex<Breaker>,
    counts: TierCounts,
    /// Whom to tell that what is put was older than what the tier has.
    outdated: OnceLock<Weak<dyn Watcher>>,
}

/// ```text
///   closed ──OUTAGES_MAX in a row──> open ──after a while, one call──> tries ──fails──> open, longer
///     ^                                                                  └────works──> closed
/// ```
#[derive(Default)]
struct Breaker {
    outages: u32,
    /// Open until then.
    open_until: Option<Instant>,
    wait: Duration,
}

/// What is on its way is about.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Target {
    Key(Arc<[u8]>),
    Tag(Arc<str>),
    All,
}

#[derive(Clone)]
enum Op {
    Put {
        entry: Entry,
        origin: Origin,
    },
    /// Everything with this tag, or everything, below this stamp.
    Remove(Stamp),
}

/// Where an entry to be put comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// A read: nobody misses it.
    Fill,
    /// A write, stamped by the clock.
    Write,
    /// A write with the source's version.
    Versioned,
}

/// A write on its way to the tier.
pub(super) struct OnItsWay(Target, Ticket);

impl Slot {
    pub(super) fn new(
        name: Arc<str>,
        tier: Arc<dyn Tier>,
        lifetime: Lifetime,
        time_max: Duration,
        outbox_len_max: usize,
        clock: Clock,
        handle: Handle,
    ) -> Self {
        let guard = Arc::new(Guard {
            name,
            tier,
            time_max,
            breaker: Mutex::new(Breaker::default()),
            counts: TierCounts::default(),
            outdated: OnceLock::new(),
        });
        let limits = Limits {
            len_max: outbox_len_max,
            workers_max: 8,
            backoff_min: PROBE_AFTER_MIN,
            backoff_max: PROBE_AFTER_MAX,
        };
        let (delivers, time) = (guard.clone(), clock.clone());
        let deliver = move |target, op| -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>> {
            let (guard, clock) = (delivers.clone(), time.clone());
            Box::pin(async move { guard.deliver(target, op, &clock).await })
        };
        let outbox = Outbox::new(handle, limits, Box::new(deliver));
        Slot { lifetime, guard, outbox, floor: Mutex::new(Stamp::MIN), clock }
    }

    /// Tells `watcher` what others do to the tier, and what is found to be outdated.
    pub(super) fn watch(&self, watcher: Weak<dyn Watcher>) {
        self.guard.tier.watch(watcher.clone());
        // Watched once, when the cache is built.
        let _first = self.guard.outdated.set(watcher);
    }

    /// What the tier has of `key`, or will have; nothing if it cannot tell.
    pub(super) async fn get(&self, key: &Arc<[u8]>) -> Option<Entry> {
        let now = self.clock.now();
        let entry = match self.outbox.peek(&Target::Key(key.clone())) {
            Some(Op::Put { entry, .. }) => entry,
            _ => self.guard.call(self.guard.tier.get(key, now)).await.ok()??,
        };
        let floor = *self.floor.lock();
        (entry.is_kept(now) && entry.stamp >= floor).then_some(entry)
    }

    /// Whether the removal of this tag is still on its way.
    pub(super) fn removes_tag(&self, tag: &Arc<str>) -> bool {
        self.outbox.peek(&Target::Tag(tag.clone())).is_some()
    }

    /// Sends an entry on its way. A fill for which there is no room is left out; for the sake of a write everything
    /// in the tier is given up.
    pub(super) fn put(&self, key: &Arc<[u8]>, entry: Entry, origin: Origin) -> Option<OnItsWay> {
        let target = Target::Key(key.clone());
        if let Some(Op::Put { entry: there, .. }) = self.outbox.peek(&target)
            && there.stamp > entry.stamp
        {
            return None;
        }
        match self.outbox.push(target.clone(), Op::Put { entry, origin }) {
            Ok(ticket) => Some(OnItsWay(target, ticket)),
            Err(Full) if origin == Origin::Fill => {
                self.guard.counts.left_out.add(1);
                None
            }
            Err(Full) => {
                self.guard.counts.overflows.add(1);
                self.outbox.discard_waiting();
                self.remove_all(self.clock.stamp())
            }
        }
    }

    /// Sends word that `key` was invalidated at `stamp`.
    pub(super) fn remove(&self, key: &Arc<[u8]>, stamp: Stamp) -> Option<OnItsWay> {
        self.put(key, removal(stamp, &self.clock), Origin::Write)
    }

    pub(super) fn remove_tag(&self, tag: &Arc<str>, stamp: Stamp) -> Option<OnItsWay> {
        self.send_removal(Target::Tag(tag.clone()), stamp)
    }

    pub(super) fn remove_all(&self, stamp: Stamp) -> Option<OnItsWay> {
        let mut floor = self.floor.lock();
        *floor = stamp.max(*floor);
        drop(floor);
        self.send_removal(Target::All, stamp)
    }

    fn send_removal(&self, target: Target, stamp: Stamp) -> Option<OnItsWay> {
        if let Ok(ticket) = self.outbox.push(target.clone(), Op::Remove(stamp)) {
            return Some(OnItsWay(target, ticket));
        }
        self.guard.counts.overflows.add(1);
        self.outbox.discard_waiting();
        // At most `workers_max` keys are left, and the limit is above that.
        self.remove_all(self.clock.stamp())
    }

    /// Waits for a write to arrive, but no longer than a call may take: a tier that is out of reach gets it later.
    pub(super) async fn arrived(&self, write: OnItsWay) {
        if self.is_up() {
            let arrived = self.outbox.delivered(&write.0, write.1);
            // Too late is as good as later: the outbox goes on.
            let _late = tokio::time::timeout(self.guard.time_max, arrived).await;
        }
    }

    /// Delivers all, and lets the tier make it last.
    pub(super) async fn drain(&self) {
        self.outbox.drain().await;
        // An error is counted and logged where it happens; the entries are in the tier.
        let _done = self.guard.tier.flush().await.inspect_err(|error| self.guard.note(error));
    }

    /// Nothing is on its way.
    pub(super) fn is_drained(&self) -> bool {
        self.outbox.len() == 0
    }

    pub(super) fn count_hit(&self, is_hit: bool) {
        let counts = &self.guard.counts;
        if is_hit { counts.hits.add(1) } else { counts.misses.add(1) }
    }

    /// An entry that could not be decoded.
    pub(super) fn count_corrupt(&self) {
        self.guard.counts.corrupt.add(1);
    }

    /// An entry older than what readers have seen.
    pub(super) fn count_outdated(&self) {
        self.guard.counts.outdated.add(1);
    }

    /// Not while its breaker is open.
    pub(super) fn is_up(&self) -> bool {
        self.guard.breaker.lock().open_until.is_none()
    }

    pub(super) fn stats(&self) -> TierStats {
        let (guard, usage) = (&self.guard, self.guard.tier.usage());
        TierStats {
            name: guard.name.clone(),
            is_up: self.is_up(),
            waiting: self.outbox.len(),
            retries: self.outbox.retries(),
            len: usage.len,
            bytes: usage.bytes,
            evictions: usage.evictions,
            ..guard.counts.read()
        }
    }
}

/// The entry that says a key was invalidated.
fn removal(stamp: Stamp, clock: &Clock) -> Entry {
    let now = clock.now();
    Entry {
        stamp,
        made_at: now,
        fresh_until: now,
        keep_until: now.after(REMOVED_FOR),
        tags: Vec::new(),
        body: Body::Removed,
    }
}

impl Guard {
    /// A call, if the tier is to be asked, and not longer than it may take.
    async fn call<T>(&self, call: impl Future<Output = Result<T, TierError>>) -> Result<T, TierError> {
        if !self.breaker.lock().admits(Instant::now()) {
            self.counts.refused.add(1);
            return Err(TierError::unavailable("it was not a moment ago"));
        }
        let outcome = tokio::time::timeout(self.time_max, call).await.unwrap_or(Err(TierError::TimedOut));
        match &outcome {
            Err(error) => self.note(error),
            Ok(_) => self.breaker.lock().works(&self.name),
        }
        outcome
    }

    fn note(&self, error: &TierError) {
        match error {
            TierError::Corrupt(_) => self.counts.corrupt.add(1),
            TierError::TimedOut => self.counts.timeouts.add(1),
            _ => self.counts.errors.add(1),
        }
        let mut breaker = self.breaker.lock();
        match error.is_outage() {
            true => breaker.fails(Instant::now(), &self.name, error),
            false => breaker.works(&self.name),
        }
    }

    /// Whether it is done with, in one way or another.
    async fn deliver(&self, target: Target, op: Op, clock: &Clock) -> bool {
        let (tier, now) = (&*self.tier, clock.now());
        let outcome = match (&target, op) {
            (Target::Key(key), Op::Put { entry, origin }) => {
                return self.put(key, entry, origin, clock).await;
            }
            (Target::Tag(tag), Op::Remove(stamp)) => self.call(tier.remove_tag(tag, stamp, now)).await,
            (Target::All, Op::Remove(stamp)) => self.call(tier.clear(stamp, now)).await,
            (Target::Key(_), Op::Remove(_)) | (_, Op::Put { .. }) => unreachable!("keys are put"),
        };
        outcome.is_ok()
    }

    async fn put(&self, key: &Arc<[u8]>, mut entry: Entry, origin: Origin, clock: &Clock) -> bool {
        loop {
            let now = clock.now();
            let put = match origin {
                Origin::Fill => self.tier.fill(key, &entry, now),
                Origin::Write | Origin::Versioned => self.tier.put(key, &entry, now),
            };
            match self.call(put).await {
                Ok(Put::Stored) => {
                    self.counts.puts.add(1);
                    return true;
                }
                Ok(Put::Outdated(there)) => {
                    self.counts.outdated.add(1);
                    if let Some(watcher) = self.outdated.get().and_then(Weak::upgrade) {
                        watcher.changed(key);
                    }
                    if origin != Origin::Write {
                        return true;
                    }
                    // By its clock this write came first, but clocks differ: whether it did is not known. Neither
                    // value is trusted, and the next reader asks the source.
                    clock.observe(there);
                    entry = removal(clock.stamp(), clock);
                }
                // What is too long for the tier must not leave an older value there.
                Err(TierError::TooLong { .. }) if entry.body != Body::Removed => {
                    entry = removal(entry.stamp, clock);
                }
                Err(error) => return origin == Origin::Fill || !error.is_outage(),
            }
        }
    }
}

impl Breaker {
    fn admits(&mut self, now: Instant) -> bool {
        match self.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                // One call tries; the others wait for what it finds.
                self.open_until = Some(now + self.wait);
                true
            }
        }
    }

    fn works(&mut self, name: &str) {
        self.outages = 0;
        if self.open_until.take().is_some() {
            tracing::info!(target: "ostraca::cache", tier = name, "the tier is back");
        }
    }

    fn fails(&mut self, now: Instant, name: &str, error: &TierError) {
        self.outages = self.outages.saturating_add(1);
        let was_open = self.open_until.is_some();
        if was_open {
            self.wait = (2 * self.wait).min(PROBE_AFTER_MAX);
        } else if self.outages >= OUTAGES_MAX {
            self.wait = PROBE_AFTER_MIN;
            tracing::warn!(target: "ostraca::cache", tier = name, "{error}: reads go past the tier until it is back");
        } else {
            return;
        }
        self.open_until = Some(now + self.wait);
    }
}
