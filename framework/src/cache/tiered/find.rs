//! The way of a read that the memory does not answer.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::super::entry::{Body, Entry, Stamp};
use super::super::flights::{Seat, Turn};
use super::super::memory::Kept;
use super::super::panics::catch_panic;
use super::super::slot::{Origin, Slot};
use super::super::source::{LoadError, Loaded, Loads};
use super::core::{Core, Outcome};
use crate::cache::Timestamp;

/// Leaders of one flight that may panic before everybody is told.
const PANICS_MAX: u32 = 2;

/// How fresh a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Within its lifetime.
    Fresh,
    /// At most so old, whatever its lifetime.
    Age(Duration),
    /// Within its lifetime, and not older than this state.
    After(Stamp),
    /// From the source.
    Latest,
}

impl Want {
    #[inline]
    pub(super) fn accepts<V>(self, kept: &Kept<V>, now: Timestamp) -> bool {
        match self {
            Want::Fresh => kept.is_fresh(now),
            Want::Age(age_max) => now.since(kept.made_at) <= age_max,
            Want::After(stamp) => kept.is_fresh(now) && kept.stamp >= stamp,
            Want::Latest => false,
        }
    }

    /// As `accepts`, of what was just searched for: what comes from the source, or instead of it, is good enough.
    fn accepts_found<V>(self, outcome: &Outcome<V>, now: Timestamp) -> bool {
        match self {
            Want::Fresh => true,
            Want::Age(_) => self.accepts(&outcome.kept, now),
            Want::After(stamp) => outcome.kept.stamp >= stamp,
            Want::Latest => false,
        }
    }
}

type Found<V> = Result<Outcome<V>, LoadError>;
type Leading<'a, K, V> = Seat<'a, K, Found<V>>;

impl<K, V> Core<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What the memory answers at once.
    #[inline]
    pub(crate) fn at_once(&self, key: &K, want: Want, now: Timestamp) -> Option<Kept<V>> {
        self.memory.find(key, |kept| want.accepts(kept, now))
    }

    /// A read that the memory did not answer.
    pub(crate) async fn search(
        self: Arc<Self>,
        key: K,
        want: Want,
        source: Arc<dyn Loads<K, V>>,
    ) -> Result<Kept<V>, LoadError> {
        if let Want::After(stamp) = want {
            self.clock.observe(stamp);
        }
        if want == Want::Latest {
            return self.load_anew(&key, &*source).await;
        }
        let now = self.clock.now();
        if want == Want::Fresh
            && let Some(kept) = self.memory.peek(&key)
            && now < kept.stale_until
        {
            if kept.is_fresh(now) {
                // It came between the look that missed it and this one.
                self.counts.hits_behind.add(1);
                return Ok(kept);
            }
            self.counts.stale.add(1);
            if kept.retry_at <= now {
                self.refresh(&key, &source);
            }
            return Ok(kept);
        }
        // What this reader may have been given before it came here. A search that is on its way may have begun before that.
        let floor = self.memory.floor(&key);
        loop {
            let seat = self.flights.join(&key);
            match seat.turn().await {
                Turn::Found(Err(error)) => {
                    self.count_miss(seat.has_joined);
                    return Err(error);
                }
                Turn::Found(Ok(outcome))
                    if outcome.kept.stamp >= floor && want.accepts_found(&outcome, self.clock.now()) =>
                {
                    if outcome.is_stale {
                        self.counts.stale.add(1)
                    } else {
                        self.count_miss(true)
                    }
                    return Ok(outcome.kept);
                }
                // Found for somebody who asks for less, or has seen less.
                Turn::Found(Ok(_)) => {}
                Turn::Lead(_permit) => return self.lead(&seat, &key, want, &source).await,
            }
        }
    }

    fn count_miss(&self, is_coalesced: bool) {
        self.counts.misses.add(1);
        self.counts.coalesced.add(u64::from(is_coalesced));
    }

    /// Searches tier after tier, then asks the source.
    async fn lead(
        self: &Arc<Self>,
        seat: &Leading<'_, K, V>,
        key: &K,
        want: Want,
        source: &Arc<dyn Loads<K, V>>,
    ) -> Result<Kept<V>, LoadError> {
        // Somebody may have found it between the look into the memory and the seat.
        let there = self.memory.peek(key);
        let now = self.clock.now();
        if let Some(kept) = there.as_ref().filter(|kept| want.accepts(kept, now)) {
            self.counts.hits_behind.add(1);
            seat.finish(Ok(Outcome { kept: kept.clone(), is_stale: false }), || (), || ());
            return Ok(kept.clone());
        }
        if let Some(kept) = self.pending.get().and_then(|pending| pending.of(key)) {
            self.counts.hits_behind.add(1);
            let outcome = Outcome { kept: kept.clone(), is_stale: false };
            seat.finish(
                Ok(outcome),
                || self.memory.insert(key, kept.clone()),
                || self.memory.given(key, kept.stamp),
            );
            return Ok(kept);
        }
        let mut rest = there.filter(|kept| now < kept.keep_until);
        if let Some((kept, is_fresh)) = self.look_behind(seat, key, want, &mut rest).await {
            if is_fresh {
                self.counts.hits_behind.add(1);
            } else {
                self.counts.stale.add(1);
                self.refresh(key, source);
            }
            return Ok(kept);
        }
        let outcome = self.load(seat, key, &**source, rest).await.inspect_err(|_| self.count_miss(false))?;
        if outcome.is_stale {
            self.counts.stale.add(1);
        } else {
            self.count_miss(false);
            if let Want::After(stamp) = want
                && outcome.kept.stamp < stamp
            {
                return Err(LoadError::Behind);
            }
        }
        Ok(outcome.kept)
    }

    /// What a tier behind the memory has that will do, and whether it is fresh; the best of what will not goes into
    /// `rest`. Ends the flight if it finds something.
    async fn look_behind(
        &self,
        seat: &Leading<'_, K, V>,
        key: &K,
        want: Want,
        rest: &mut Option<Kept<V>>,
    ) -> Option<(Kept<V>, bool)> {
        let bytes = self.key_bytes(key)?;
        let seen = self.memory.seen(key).max(rest.as_ref().map_or(Stamp::MIN, |kept| kept.stamp));
        for (index, slot) in self.slots.iter().enumerate() {
            let entry = slot.get(&bytes).await;
            let kept = entry.as_ref().and_then(|entry| self.read_back(slot, key, entry, seen));
            let now = self.clock.now();
            let is_fresh = kept.as_ref().is_some_and(|kept| want.accepts(kept, now));
            let will_do =
                is_fresh || want == Want::Fresh && kept.as_ref().is_some_and(|kept| now < kept.stale_until);
            slot.count_hit(will_do);
            let (Some(kept), Some(entry)) = (kept, entry) else { continue };
            if !will_do {
                if rest.as_ref().is_none_or(|rest| rest.stamp <= kept.stamp) {
                    *rest = Some(kept);
                }
                continue;
            }
            let outcome = Outcome { kept: kept.clone(), is_stale: !is_fresh };
            let keep = || {
                self.copy_forward(index, &bytes, &entry, now);
                self.memory.insert(key, kept.clone())
            };
            seat.finish(Ok(outcome), keep, || self.memory.given(key, kept.stamp));
            return Some((kept, is_fresh));
        }
        None
    }

    /// Puts a copy into the tiers in front of the one that had it.
    fn copy_forward(&self, found_in: usize, key: &Arc<[u8]>, entry: &Entry, now: Timestamp) {
        for slot in &self.slots[..found_in] {
            // A copy is not fresh for longer than what it was made from.
            let fresh_until = now.after(slot.lifetime.fresh).min(entry.fresh_until);
            let keep_until = fresh_until.after(slot.lifetime.stale).after(slot.lifetime.on_error);
            let copy = Entry { fresh_until, keep_until, ..entry.clone() };
            if copy.is_kept(now) {
                slot.put(key, copy, Origin::Fill);
            }
        }
    }

    /// An entry as the memory would keep it; nothing if there is no value in it, or it would be a step back.
    fn read_back(&self, slot: &Slot, key: &K, entry: &Entry, seen: Stamp) -> Option<Kept<V>> {
        if entry.stamp < seen || !self.is_above_floors(entry) {
            slot.count_outdated();
            return None;
        }
        let value = match &entry.body {
            Body::Removed => return None,
            Body::Absent => None,
            Body::Value(bytes) => {
                let value = self.wire.as_ref().and_then(|wire| wire.value_back(bytes));
                if value.is_none() {
                    slot.count_corrupt();
                    return None;
                }
                value
            }
        };
        // What is written here later outranks what was seen here, also where another machine's clock is ahead.
        self.clock.observe(entry.stamp);
        let now = self.clock.now();
        let copy = self.kept(key, value, entry.stamp, now);
        let fresh_until = copy.fresh_until.min(entry.fresh_until);
        // Past its freshness it is as good as the tier it comes from, or as the memory says, whichever is more.
        let stale = slot.lifetime.stale.max(self.lifetime.stale);
        Some(Kept {
            made_at: entry.made_at,
            fresh_until,
            stale_until: fresh_until.after(stale).min(entry.keep_until.max(fresh_until)),
            keep_until: entry.keep_until.max(fresh_until),
            tags: (!entry.tags.is_empty()).then(|| entry.tags.clone().into()),
            ..copy
        })
    }

    /// Asks the source, and ends the flight.
    async fn load(
        &self,
        seat: &Leading<'_, K, V>,
        key: &K,
        source: &dyn Loads<K, V>,
        rest: Option<Kept<V>>,
    ) -> Found<V> {
        let error = match self.ask(key, source).await {
            Ok(kept) => {
                let outcome = Outcome { kept: kept.clone(), is_stale: false };
                let stamp = kept.stamp;
                let encoded = self.encoded(key, kept.value.as_ref());
                let keep = || {
                    self.send(key, &kept, encoded.as_ref(), Origin::Fill);
                    self.memory.insert(key, kept)
                };
                seat.finish(Ok(outcome.clone()), keep, || self.memory.given(key, stamp));
                return Ok(outcome);
            }
            Err(error) => error,
        };
        let now = self.clock.now();
        if let Some(rest) = rest.filter(|rest| now < rest.keep_until) {
            // Not asked again at once: a source that fails is not helped by more questions.
            let retry_at = now.after(self.rules.retry_after).min(rest.keep_until);
            let kept = Kept { retry_at, stale_until: rest.stale_until.max(retry_at), ..rest };
            let outcome = Outcome { kept: kept.clone(), is_stale: true };
            let stamp = kept.stamp;
            seat.finish(
                Ok(outcome.clone()),
                || self.memory.insert(key, kept),
                || self.memory.given(key, stamp),
            );
            return Ok(outcome);
        }
        if matches!(error, LoadError::Panicked) && seat.panicked() < PANICS_MAX {
            // The flight goes on: the next leads when this seat's permit is dropped.
            return Err(error);
        }
        seat.finish(Err(error.clone()), || (), || ());
        Err(error)
    }

    /// One call of the source.
    async fn ask(&self, key: &K, source: &dyn Loads<K, V>) -> Result<Kept<V>, LoadError> {
        // Before the source is read: what is written meanwhile is newer.
        let stamp = self.clock.stamp();
        let (began, from) = (Instant::now(), self.clock.now());
        self.counts.loads.add(1);
        let loading = timeout(self.rules.load_time_max, source.load(key.clone()));
        let loaded: Result<Loaded<V>, LoadError> = match catch_panic(loading).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_elapsed)) => Err(LoadError::TimedOut),
            Err(_panicked) => Err(LoadError::Panicked),
        };
        self.counts.load_nanos.add(began.elapsed().as_nanos() as u64);
        match loaded {
            Ok(Loaded { value, stamp: own, tags }) => {
                let kept = self.kept(key, value, own.unwrap_or(stamp), from);
                Ok(Kept { tags: (!tags.is_empty()).then(|| tags.into()), ..kept })
            }
            Err(error) => {
                self.counts.load_errors.add(1);
                Err(error)
            }
        }
    }

    /// Asks the source whatever is known, in a flight of its own: one on its way may have begun before this.
    async fn load_anew(&self, key: &K, source: &dyn Loads<K, V>) -> Result<Kept<V>, LoadError> {
        let seat = self.flights.join_anew(key);
        match seat.turn().await {
            Turn::Lead(_permit) => self.load(&seat, key, source, None).await.map(|outcome| outcome.kept),
            // Who joined it got in first: that too began after this was asked.
            Turn::Found(found) => found.map(|outcome| outcome.kept),
        }
    }

    /// Begins a refresh in the background, unless the key is being searched for.
    pub(super) fn refresh(self: &Arc<Self>, key: &K, source: &Arc<dyn Loads<K, V>>) {
        let Some(reserved) = self.flights.reserve(key) else { return };
        self.counts.refreshes.add(1);
        let (core, key, source) = (Arc::downgrade(self), key.clone(), source.clone());
        self.spawn(async move {
            let Some(core) = core.upgrade() else { return };
            let seat = core.flights.take(&key, reserved);
            let Turn::Lead(_permit) = seat.turn().await else { return };
            let mut best = core.memory.peek(&key);
            if core.look_behind(&seat, &key, Want::After(Stamp::MIN), &mut best).await.is_none() {
                // What it comes to is in the flight, for whoever waits.
                let _in_flight = core.load(&seat, &key, &*source, best).await;
            }
        });
    }
}
