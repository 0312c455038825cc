//! What findings need of the last readings: little of each actor, a little more of each type.
//!
//! ```text
//!   reading      t-9  t-8  ..  t-1  t      the newest with all there is; of the others a few numbers
//!   each actor  [ s    s   ..   s   s ]    sixty bytes a sample
//!   each type   [ s    s   ..   s   s ]
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::kept::PerActor;
use super::super::last::keep_last;
use super::super::numbers::{ActorNumbers, CacheNumbers, HandlerNumbers, Times, TypeNumbers};
use super::super::snapshot::Snapshot;
use crate::actor::{ActorId, BatchStats, ClosedBy};
use crate::mailbox::Activity;
use crate::stats::PoolNumbers;

/// Readings that are kept.
pub(super) const LOOKS: usize = 10;

/// Places for samples of an actor: with some to spare, the samples need to move only once they are used up.
const PLACES: usize = LOOKS + 5;

/// A handler that keeps its thread for longer blocks it.
pub(super) const BLOCKS: Duration = Duration::from_millis(50);

/// The last readings.
#[derive(Default)]
pub(super) struct Window {
    times: VecDeque<Instant>,
    actors: PerActor<Track>,
    types: HashMap<&'static str, VecDeque<Arc<TypeSample>>>,
    pools: VecDeque<Vec<PoolNumbers>>,
    /// Of the process, in bytes.
    pub(super) resident: VecDeque<Option<u64>>,
}

/// One actor at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) handled: u64,
    /// Calls of its handlers: a batch is one.
    pub(super) calls: u64,
    pub(super) busy: Option<Duration>,
    pub(super) restarts: u32,
    pub(super) mailbox_len: u32,
    pub(super) activity: Activity,
    pub(super) awaits: Option<ActorId>,
}

/// The samples of one actor, oldest first, somewhere among its places.
#[derive(Default)]
struct Track {
    places: [Sample; PLACES],
    from: u8,
    until: u8,
}

/// One type at one moment.
#[derive(Clone, Debug, Default)]
pub(in crate::monitor) struct TypeSample {
    pub(super) restarts: u64,
    pub(in crate::monitor) handled: u64,
    pub(super) mailbox_len: usize,
    pub(super) in_batches: usize,
    pub(super) handlers: Vec<HandlerSample>,
    pub(super) caches: Vec<CacheSample>,
    pub(super) batches: Vec<BatchSample>,
}

/// One handler at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HandlerSample {
    pub(super) name: &'static str,
    pub(super) handled: u64,
    pub(super) waiting: Sum,
    pub(super) handling: Sum,
    /// Calls that took longer than [`BLOCKS`].
    pub(super) slow: u64,
}

/// So many times, of so many nanoseconds together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) nanos: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CacheSample {
    pub(super) name: &'static str,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) evictions: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BatchSample {
    pub(super) handler: &'static str,
    pub(super) batches: u64,
    pub(super) messages: u64,
    pub(super) runs: Sum,
    pub(super) closed: [u64; ClosedBy::ALL.len()],
}

/// An actor with its samples, oldest first; at least one.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a> {
    pub(super) now: &'a ActorNumbers,
    pub(super) samples: &'a [Sample],
}

/// A type with its samples, oldest first; at least one.
#[derive(Clone, Copy)]
pub(super) struct WatchedType<'a> {
    pub(super) now: &'a TypeNumbers,
    samples: &'a VecDeque<Arc<TypeSample>>,
}

impl Window {
    pub(super) fn push(&mut self, snapshot: &Snapshot) {
        keep_last(&mut self.times, LOOKS, snapshot.taken_at);
        keep_last(&mut self.pools, LOOKS, snapshot.pools.clone());
        keep_last(&mut self.resident, LOOKS, snapshot.process.resident_bytes);
        self.actors.follow(snapshot.actors.iter().map(|actor| actor.label.id()));
        let both = self.actors.iter_mut().zip(&snapshot.actors);
        both.for_each(|(track, actor)| track.push(Sample::of(actor)));
        for of_type in &snapshot.types {
            let samples = self.types.entry(of_type.type_name).or_default();
            keep_last(samples, LOOKS, Arc::new(TypeSample::of(of_type)));
        }
    }

    /// The actors of the newest reading, which is `snapshot`.
    pub(super) fn actors<'a>(&'a self, snapshot: &'a Snapshot) -> impl Iterator<Item = Watched<'a>> {
        self.actors_that(snapshot, |_| true)
    }

    /// Those of them that are wanted; of the others no sample is looked at.
    pub(super) fn actors_that<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        is_wanted: impl Fn(&ActorNumbers) -> bool,
    ) -> impl Iterator<Item = Watched<'a>> {
        let both = snapshot.actors.iter().zip(self.actors.iter());
        let wanted = both.filter(move |(now, _)| is_wanted(now));
        wanted.map(|(now, track)| Watched { now, samples: track.samples() })
    }

    /// The types of the newest reading, which is `snapshot`.
    pub(super) fn types<'a>(&'a self, snapshot: &'a Snapshot) -> impl Iterator<Item = WatchedType<'a>> {
        snapshot.types.iter().filter_map(|now| {
            let samples = self.types.get(now.type_name)?;
            Some(WatchedType { now, samples })
        })
    }

    /// What the newest reading says of a type.
    pub(super) fn newest(&self, type_name: &str) -> Option<&Arc<TypeSample>> {
        self.types.get(type_name)?.back()
    }

    /// The pool at this place in the last `looks` readings, oldest first, if it was the same.
    pub(super) fn pool(&self, at: usize, looks: usize) -> Option<Vec<&PoolNumbers>> {
        if self.pools.len() < looks {
            return None;
        }
        let pools: Option<Vec<_>> =
            self.pools.iter().skip(self.pools.len() - looks).map(|pools| pools.get(at)).collect();
        let pools = pools?;
        let is_same = |pool: &&PoolNumbers| {
            pool.type_name == pools[0].type_name && pool.name == pools[0].name && pool.picks >= pools[0].picks
        };
        pools.iter().all(is_same).then_some(pools)
    }

    /// Seconds over the last `looks` readings.
    pub(super) fn seconds(&self, looks: usize) -> f64 {
        let Some(last) = self.times.back() else { return 0.0 };
        let first = self.times[self.times.len().saturating_sub(looks)];
        last.saturating_duration_since(first).as_secs_f64()
    }
}

impl Track {
    fn samples(&self) -> &[Sample] {
        &self.places[usize::from(self.from)..usize::from(self.until)]
    }

    fn push(&mut self, sample: Sample) {
        if usize::from(self.until) == PLACES {
            self.places.copy_within(PLACES - LOOKS + 1.., 0);
            (self.from, self.until) = (0, LOOKS as u8 - 1);
        } else if self.samples().len() == LOOKS {
            self.from += 1;
        }
        self.places[usize::from(self.until)] = sample;
        self.until += 1;
    }
}

impl Sample {
    fn of(actor: &ActorNumbers) -> Self {
        let numbers = &actor.numbers;
        let (handled, failed) = (numbers.handled, numbers.failed);
        Sample {
            handled: handled + failed,
            calls: (handled + failed).saturating_sub(numbers.batch_items.saturating_sub(numbers.batches)),
            busy: numbers.busy,
            restarts: u32::try_from(numbers.restarts).unwrap_or(u32::MAX),
            mailbox_len: u32::try_from(numbers.mailbox_len).unwrap_or(u32::MAX),
            activity: actor.activity,
            awaits: actor.awaits,
        }
    }
}

impl<'a> Watched<'a> {
    /// The last `looks` samples. None: there are not so many.
    pub(super) fn last(&self, looks: usize) -> Option<&'a [Sample]> {
        self.samples.len().checked_sub(looks).map(|from| &self.samples[from..])
    }
}

impl TypeSample {
    fn of(of_type: &TypeNumbers) -> Self {
        let cache = |cache: &CacheNumbers| {
            let (hits, misses) = cache.reads();
            CacheSample { name: cache.name, hits, misses, evictions: cache.stats.evictions }
        };
        TypeSample {
            restarts: of_type.numbers.restarts,
            handled: of_type.numbers.handled,
            mailbox_len: of_type.numbers.mailbox_len,
            in_batches: of_type.in_batches,
            handlers: of_type.handlers.iter().map(HandlerSample::of).collect(),
            caches: of_type.caches.iter().map(cache).collect(),
            batches: of_type
                .batches
                .iter()
                .map(|batches| BatchSample::of(batches.handler, &batches.stats))
                .collect(),
        }
    }

    /// Seconds that handlers took since an earlier sample, awaits included. Batches are timed one by one.
    pub(in crate::monitor) fn time_at_work(&self, earlier: &TypeSample) -> f64 {
        let single = self.handlers.iter().zip(&earlier.handlers).map(|(now, before)| {
            let is_batched = self.batches.iter().any(|batches| batches.handler == now.name);
            let handled = now.handled.saturating_sub(before.handled) as f64;
            match is_batched {
                true => 0.0,
                false => now.handling.since(before.handling).mean().unwrap_or(0.0) * handled,
            }
        });
        let batched = self.batches.iter().map(|now| {
            let before = earlier.batches.iter().find(|before| before.handler == now.handler);
            let before = before.copied().unwrap_or_default();
            let calls = now.batches.saturating_sub(before.batches) as f64;
            now.runs.since(before.runs).mean().unwrap_or(0.0) * calls
        });
        single.sum::<f64>() + batched.sum::<f64>()
    }
}

impl HandlerSample {
    fn of(numbers: &HandlerNumbers) -> Self {
        let sum = |times: &Option<Times>| {
            times
                .as_ref()
                .map_or(Sum::default(), |times| Sum { count: times.all.count(), nanos: times.all.sum() })
        };
        let blocks = BLOCKS.as_nanos() as u64;
        let slow = numbers.handling.as_ref().map_or(0, |times| {
            times.all.buckets().filter(|(last, _)| *last > blocks).map(|(_, count)| count).sum()
        });
        HandlerSample {
            name: numbers.handler,
            handled: numbers.handled,
            waiting: sum(&numbers.waiting),
            handling: sum(&numbers.handling),
            slow,
        }
    }
}

impl BatchSample {
    fn of(handler: &'static str, stats: &BatchStats) -> Self {
        BatchSample {
            handler,
            batches: stats.batches,
            messages: stats.messages,
            runs: Sum { count: stats.runs.count(), nanos: stats.runs.sum() },
            closed: ClosedBy::ALL.map(|why| stats.closed_by(why)),
        }
    }
}

impl Sum {
    /// What came since.
    pub(super) fn since(self, earlier: Sum) -> Sum {
        Sum {
            count: self.count.saturating_sub(earlier.count),
            nanos: self.nanos.saturating_sub(earlier.nanos),
        }
    }

    /// In seconds.
    pub(super) fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.nanos as f64 / self.count as f64 / 1e9)
    }
}

impl<'a> WatchedType<'a> {
    /// The last `looks` samples, oldest first. None: there are not so many.
    pub(super) fn last(&self, looks: usize) -> Option<impl ExactSizeIterator<Item = &'a TypeSample> + Clone> {
        let skip = self.samples.len().checked_sub(looks)?;
        Some(self.samples.iter().skip(skip).map(|sample| &**sample))
    }

    /// The oldest of the last `looks` samples, and the newest.
    pub(super) fn ends(&self, looks: usize) -> Option<(&'a TypeSample, &'a TypeSample)> {
        let from = self.samples.len().checked_sub(looks)?;
        Some((&self.samples[from], self.samples.back()?))
    }
}
