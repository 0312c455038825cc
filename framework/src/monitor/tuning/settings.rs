//! What may be tuned, and within which bounds: the user says so.

use std::any::TypeId;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::plant::{BatchPlant, BatchSetting, LimitPlant, Plant, PoolPlant};
use crate::actor::{Actor, Commons, PoolSource, short_type_name};
use crate::overload::Limit;
use crate::pool::{By, Pool};

/// A slice where nothing else is said.
const SLICE: Duration = Duration::from_millis(250);

/// What [`Monitor::tune`](crate::monitor::Monitor::tune) tunes. Empty it tunes nothing.
///
/// ```
/// # use ostraca::prelude::*;
/// use std::time::Duration;
/// use ostraca::monitor::Tuning;
///
/// # struct Orders;
/// # #[derive(Message)]
/// # struct Order;
/// # #[actor]
/// # impl Orders {
/// #     #[start]
/// #     fn start() -> Self { Orders }
/// #     #[handler(batch(len_max = 64, wait_max = "1ms"))]
/// #     async fn place(&mut self, batch: Batch<Order>) {}
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let system = System::start()?;
/// let tuning = Tuning::new()
///     .batch_len::<Orders>("place", 1..=1024)
///     .batch_wait::<Orders>("place", Duration::ZERO..=Duration::from_millis(20))
///     .dry_run();
/// system.monitor().tune(tuning);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is tuned before it is given to `Monitor::tune`"]
pub struct Tuning {
    knobs: Vec<(Knob, Option<f64>)>,
    pub(super) slice: Duration,
    pub(super) is_dry_run: bool,
}

enum Knob {
    Batch { actor: TypeId, type_name: &'static str, handler: &'static str, setting: BatchSetting },
    Pool(Arc<dyn PoolSource>, (usize, usize)),
    Limit(Limit, String, (usize, usize)),
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning::new()
    }
}

impl Tuning {
    /// Nothing yet.
    pub fn new() -> Self {
        Tuning { knobs: Vec::new(), slice: SLICE, is_dry_run: false }
    }

    /// The longest batch of a handler, in all actors of a type.
    ///
    /// # Panics
    ///
    /// When the type has no handler of this name.
    #[track_caller]
    pub fn batch_len<A: Actor>(self, handler: &str, bounds: RangeInclusive<usize>) -> Self {
        self.batch::<A>(handler, BatchSetting::Len(*bounds.start(), *bounds.end()))
    }

    /// How long a batch of a handler is held open, in all actors of a type. One that does not wait, or decides itself
    /// (`wait_max = adaptive`), is left alone.
    ///
    /// # Panics
    ///
    /// When the type has no handler of this name.
    #[track_caller]
    pub fn batch_wait<A: Actor>(self, handler: &str, bounds: RangeInclusive<Duration>) -> Self {
        self.batch::<A>(handler, BatchSetting::Wait(*bounds.start(), *bounds.end()))
    }

    #[track_caller]
    fn batch<A: Actor>(self, handler: &str, setting: BatchSetting) -> Self {
        let type_name = short_type_name::<A>();
        let known = A::HANDLERS.iter().map(|info| info.name()).find(|name| *name == handler);
        let Some(handler) = known else {
            let names: Vec<_> = A::HANDLERS.iter().map(|info| info.name()).collect();
            panic!("{type_name} has no handler `{handler}`, but {}", names.join(", "));
        };
        self.knob(Knob::Batch { actor: TypeId::of::<A>(), type_name, handler, setting })
    }

    /// The replicas of a pool that was given a fixed number of them. One with two bounds sees to its size itself, and is
    /// left alone.
    pub fn pool_size<A: Actor, B: By>(self, pool: &Pool<A, B>, bounds: RangeInclusive<usize>) -> Self {
        self.knob(Knob::Pool(Pool::source(pool), (*bounds.start(), *bounds.end())))
    }

    /// The most calls that a limit lets in, by this name in decisions. What it learns stays below that.
    pub fn limit(self, name: impl Into<String>, limit: &Limit, bounds: RangeInclusive<u32>) -> Self {
        self.knob(Knob::Limit(limit.clone(), name.into(), (*bounds.start() as usize, *bounds.end() as usize)))
    }

    /// The setting that was said last begins at this value, in its unit (a wait in microseconds), and not where it is.
    pub fn begin_at(mut self, value: f64) -> Self {
        if let Some((_, begins_at)) = self.knobs.last_mut() {
            *begins_at = Some(value);
        }
        self
    }

    /// How long one value is set before the other is again; a sample is eight of them. 250 ms if nothing is said, which
    /// is much longer than a message takes; where that is not so, give it more.
    ///
    /// # Panics
    ///
    /// When it is less than 10 ms.
    #[track_caller]
    pub fn slice(mut self, slice: Duration) -> Self {
        assert!(slice >= Duration::from_millis(10), "a slice is 10 ms or more, not {slice:?}");
        self.slice = slice;
        self
    }

    /// Changes nothing, and says what it would try.
    pub fn dry_run(mut self) -> Self {
        self.is_dry_run = true;
        self
    }

    fn knob(mut self, knob: Knob) -> Self {
        self.knobs.push((knob, None));
        self
    }

    pub(super) fn plants(self, commons: &Arc<Commons>) -> Vec<(Box<dyn Plant>, Option<f64>)> {
        let plant = |(knob, begins_at)| {
            let plant: Box<dyn Plant> = match knob {
                Knob::Batch { actor, type_name, handler, setting } => {
                    Box::new(BatchPlant::new(commons.clone(), (actor, type_name), handler, setting))
                }
                Knob::Pool(pool, bounds) => Box::new(PoolPlant::new(&pool, bounds)),
                Knob::Limit(limit, name, bounds) => Box::new(LimitPlant::new(limit, name, bounds)),
            };
            (plant, begins_at)
        };
        self.knobs.into_iter().map(plant).collect()
    }
}

impl fmt::Debug for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuning")
            .field("knobs", &self.knobs.len())
            .field("slice", &self.slice)
            .field("is_dry_run", &self.is_dry_run)
            .finish()
    }
}
