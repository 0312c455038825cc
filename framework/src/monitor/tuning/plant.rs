//! The settings that can be tuned: how each is read and set, and how its effect is measured.

use std::any::TypeId;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::KnobName;
use super::ladder::Ladder;
use super::trial::{Goal, Meter};
use crate::actor::{AnyRef, Commons, PoolSource, Resizing};
use crate::overload::Limit;

/// How often the actors of a type are looked up.
const LOOKS_UP_EVERY: Duration = Duration::from_secs(1);

/// One setting. All is called by the tuner alone.
pub(super) trait Plant: Send {
    fn name(&self) -> KnobName;
    fn goal(&self) -> Goal;
    fn ladder(&self) -> Ladder;
    /// Whether less of it is better where it makes no difference.
    fn prefers_less(&self) -> bool {
        false
    }
    /// Its value now. None: there is nothing to set yet, or any more.
    fn value(&self) -> Option<f64>;
    /// Sets it, for a slice of a trial or for longer; what is returned is to be awaited beside the tuner.
    fn set(&mut self, value: f64, is_trial: bool) -> Option<Resizing>;
    /// A moment has passed: looks for whom it is to be set.
    fn look_up(&mut self, _now: Instant) {}
    /// A moment of its trial has passed: counts what is there.
    fn tick(&mut self, _now: Instant) {}
    /// Of its trial.
    fn meter(&self) -> Meter;
}

/// Integrates a number over time, from one reading to the next.
#[derive(Debug, Default)]
struct Area {
    last: Option<(Instant, f64)>,
    seconds: f64,
}

impl Area {
    fn read(&mut self, now: Instant, value: f64) {
        if let Some((at, before)) = self.last {
            let seconds = now.saturating_duration_since(at).as_secs_f64();
            self.seconds += seconds * f64::midpoint(before, value);
        }
        self.last = Some((now, value));
    }
}

/// A setting of a batched handler, of all actors of a type.
pub(super) struct BatchPlant {
    commons: Arc<Commons>,
    actor: TypeId,
    type_name: &'static str,
    handler: &'static str,
    setting: BatchSetting,
    cells: Vec<AnyRef>,
    looked_up_at: Option<Instant>,
    set_to: Option<f64>,
    there: Area,
    /// What actors that are gone have done.
    gone: f64,
}

/// Which, with its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) enum BatchSetting {
    Len(usize, usize),
    Wait(Duration, Duration),
}

impl BatchPlant {
    pub(super) fn new(
        commons: Arc<Commons>,
        (actor, type_name): (TypeId, &'static str),
        handler: &'static str,
        setting: BatchSetting,
    ) -> Self {
        BatchPlant {
            commons,
            actor,
            type_name,
            handler,
            setting,
            cells: Vec::new(),
            looked_up_at: None,
            set_to: None,
            there: Area::default(),
            gone: 0.0,
        }
    }

    fn tell(&self, value: f64) {
        for tuned in self.cells.iter().filter_map(|cell| cell.tuned(self.handler)) {
            match self.setting {
                BatchSetting::Len(..) => tuned.set_len_max(value as usize),
                BatchSetting::Wait(..) => tuned.set_wait_max(Duration::from_secs_f64(value.max(0.0) / 1e6)),
            }
        }
    }

    fn done(&self) -> f64 {
        let done = |cell: &AnyRef| {
            let mut done = 0;
            cell.each_handler(&mut |_, counts| done += counts.handled + counts.failed);
            done
        };
        self.gone + self.cells.iter().map(done).sum::<u64>() as f64
    }
}

impl Plant for BatchPlant {
    fn name(&self) -> KnobName {
        let BatchPlant { type_name, handler, .. } = *self;
        match self.setting {
            BatchSetting::Len(..) => KnobName::BatchLen { type_name, handler },
            BatchSetting::Wait(..) => KnobName::BatchWait { type_name, handler },
        }
    }

    fn goal(&self) -> Goal {
        Goal::Time
    }

    /// A wait may make no difference between two lengths, and all of it at the next: where it does not help, it is not to
    /// stand in the way.
    fn prefers_less(&self) -> bool {
        matches!(self.setting, BatchSetting::Wait(..))
    }

    fn ladder(&self) -> Ladder {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        match self.setting {
            BatchSetting::Len(min, max) => Ladder::whole(min, max),
            BatchSetting::Wait(min, max) => Ladder::continuous(micros(min), micros(max)),
        }
    }

    fn value(&self) -> Option<f64> {
        let mut tuned = self.cells.iter().filter_map(|cell| cell.tuned(self.handler));
        tuned.find_map(|tuned| match self.setting {
            BatchSetting::Len(..) => tuned.current_len_max().map(|len_max| len_max as f64),
            BatchSetting::Wait(..) => tuned.current_wait_max().map(|wait_max| wait_max.as_secs_f64() * 1e6),
        })
    }

    fn set(&mut self, value: f64, _is_trial: bool) -> Option<Resizing> {
        self.set_to = Some(value);
        self.tell(value);
        None
    }

    fn look_up(&mut self, now: Instant) {
        let is_young = |at: Instant| now.saturating_duration_since(at) < LOOKS_UP_EVERY;
        if self.looked_up_at.is_some_and(is_young) {
            return;
        }
        self.looked_up_at = Some(now);
        let before = self.done();
        self.cells = self.commons.cells();
        self.cells.retain(|cell| cell.actor_type() == self.actor);
        self.gone += before - self.done();
        if let Some(value) = self.set_to {
            self.tell(value);
        }
    }

    fn tick(&mut self, now: Instant) {
        let there: usize = self.cells.iter().map(|cell| cell.mailbox_len() + cell.in_hand()).sum();
        self.there.read(now, there as f64);
    }

    fn meter(&self) -> Meter {
        Meter { done: self.done(), there: self.there.seconds }
    }
}

/// The size of a pool.
pub(super) struct PoolPlant {
    pool: Weak<dyn PoolSource>,
    name: String,
    bounds: (usize, usize),
}

impl PoolPlant {
    pub(super) fn new(pool: &Arc<dyn PoolSource>, bounds: (usize, usize)) -> Self {
        let numbers = pool.numbers();
        let name =
            numbers.name.map_or_else(|| format!("pool of {}", numbers.type_name), |name| name.to_string());
        PoolPlant { pool: Arc::downgrade(pool), name, bounds }
    }
}

impl Plant for PoolPlant {
    fn name(&self) -> KnobName {
        KnobName::PoolSize { pool: self.name.clone() }
    }

    fn goal(&self) -> Goal {
        Goal::Time
    }

    fn ladder(&self) -> Ladder {
        Ladder::whole(self.bounds.0, self.bounds.1)
    }

    fn value(&self) -> Option<f64> {
        self.pool.upgrade().map(|pool| pool.numbers().replicas as f64)
    }

    fn set(&mut self, value: f64, is_trial: bool) -> Option<Resizing> {
        self.pool.upgrade()?.resize(value as usize, is_trial)
    }

    fn meter(&self) -> Meter {
        let Some(pool) = self.pool.upgrade() else { return Meter::default() };
        let numbers = pool.numbers();
        let done = numbers.answered + numbers.failed + numbers.left;
        Meter { done: done as f64, there: (numbers.running + numbers.waiting).as_secs_f64() }
    }
}

/// What a limit may not exceed.
pub(super) struct LimitPlant {
    limit: Limit,
    name: String,
    bounds: (usize, usize),
    there: Area,
}

impl LimitPlant {
    pub(super) fn new(limit: Limit, name: String, bounds: (usize, usize)) -> Self {
        LimitPlant { limit, name, bounds, there: Area::default() }
    }
}

impl Plant for LimitPlant {
    fn name(&self) -> KnobName {
        KnobName::Limit { name: self.name.clone() }
    }

    fn goal(&self) -> Goal {
        Goal::Power
    }

    fn ladder(&self) -> Ladder {
        Ladder::whole(self.bounds.0, self.bounds.1)
    }

    fn value(&self) -> Option<f64> {
        Some(f64::from(self.limit.max()))
    }

    fn set(&mut self, value: f64, _is_trial: bool) -> Option<Resizing> {
        self.limit.set_max(value as u32);
        None
    }

    fn tick(&mut self, now: Instant) {
        self.there.read(now, f64::from(self.limit.numbers().in_flight));
    }

    fn meter(&self) -> Meter {
        let numbers = self.limit.numbers();
        let done = numbers.admitted.saturating_sub(u64::from(numbers.in_flight));
        Meter { done: done as f64, there: self.there.seconds }
    }
}
