//! Which actors have done the most lately.
//!
//! ```text
//!   kept of each actor: its counts    1 s ago .. 10 s ago | 10 s .. 1 min, every 10 s | 1 min .. 10 min, every minute
//! ```
//!
//! **Source.** recon's `proc_window`: what grew within a window tells more than what is great since the start.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::numbers::ActorNumbers;
use super::snapshot::Snapshot;
use crate::actor::{ActorId, Label};

/// What actors are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum By {
    /// Messages that wait now.
    Mailbox,
    /// Messages handled a second.
    Handled,
    /// The part of the time that it was busy.
    Busy,
    /// Messages refused or failed a second.
    Errors,
    /// Restarts.
    Restarts,
}

/// One of the first by a comparison.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Top {
    /// Which.
    pub actor: Label,
    /// How much, in the unit of its [`By`].
    pub value: f64,
}

/// Counts of every actor at some moments of the last ten minutes.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Oldest first.
    moments: VecDeque<Moment>,
}

#[derive(Debug)]
struct Moment {
    at: Instant,
    /// In the order of their numbers.
    actors: Box<[Counts]>,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    id: ActorId,
    handled: u64,
    busy: f64,
    errors: u32,
    restarts: u32,
}

/// Up to this age moments are kept at this distance.
const KEPT: [(Duration, Duration); 3] = [
    (Duration::from_secs(10), Duration::from_secs(1)),
    (Duration::from_secs(60), Duration::from_secs(10)),
    (Duration::from_secs(600), Duration::from_secs(60)),
];

impl Windows {
    /// Takes a pull in.
    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        let actors = snapshot.actors.iter().map(Counts::of).collect();
        self.moments.push_back(Moment { at: snapshot.taken_at, actors });
        self.thin(snapshot.taken_at);
    }

    /// Lets go of those that lie closer together than their age is worth.
    fn thin(&mut self, now: Instant) {
        let mut newer: Option<Instant> = None;
        let mut kept = VecDeque::with_capacity(self.moments.len());
        let newest = self.moments.pop_back();
        while let Some(moment) = self.moments.pop_front() {
            let age = now.saturating_duration_since(moment.at);
            let Some((_, distance)) = KEPT.iter().find(|(until, _)| age <= *until) else { continue };
            // Half a step too early counts as in time.
            let is_due =
                newer.is_none_or(|before| moment.at.saturating_duration_since(before) >= *distance * 9 / 10);
            if is_due {
                newer = Some(moment.at);
                kept.push_back(moment);
            }
        }
        kept.extend(newest);
        self.moments = kept;
    }

    /// The `len` first of the actors of `snapshot`, the greatest first; those with nothing are left out.
    pub(super) fn top(&self, snapshot: &Snapshot, len: usize, by: By, window: Duration) -> Vec<Top> {
        let since = snapshot.taken_at.checked_sub(window);
        // The youngest that is old enough, else the oldest there is.
        let old_enough =
            self.moments.iter().rev().find(|moment| since.is_some_and(|since| moment.at <= since));
        let base = old_enough.or(self.moments.front()).filter(|moment| moment.at < snapshot.taken_at);
        let seconds = base.map(|base| snapshot.taken_at.saturating_duration_since(base.at).as_secs_f64());
        let value = |actor: &ActorNumbers| {
            let now = Counts::of(actor);
            if by == By::Mailbox {
                return Some(actor.numbers.mailbox_len as f64);
            }
            let before = base?.of(now.id);
            Some(match by {
                By::Mailbox => return None,
                By::Handled => {
                    now.handled.saturating_sub(before.map_or(0, |before| before.handled)) as f64 / seconds?
                }
                By::Busy => (now.busy - before.map_or(0.0, |before| before.busy)) / seconds?,
                By::Errors => {
                    f64::from(now.errors.saturating_sub(before.map_or(0, |before| before.errors))) / seconds?
                }
                By::Restarts => {
                    f64::from(now.restarts.saturating_sub(before.map_or(0, |before| before.restarts)))
                }
            })
        };
        let all = snapshot
            .actors
            .iter()
            .filter_map(|actor| Some((actor, value(actor).filter(|value| *value > 0.0)?)));
        let mut all: Vec<_> = all.collect();
        // The sort is stable: of equals the older actor comes first.
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        all.truncate(len);
        all.into_iter().map(|(actor, value)| Top { actor: actor.label.clone(), value }).collect()
    }
}

impl Moment {
    fn of(&self, id: ActorId) -> Option<&Counts> {
        self.actors.binary_search_by_key(&id, |counts| counts.id).ok().map(|at| &self.actors[at])
    }
}

impl Counts {
    fn of(actor: &ActorNumbers) -> Self {
        let numbers = &actor.numbers;
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Counts {
            id: actor.label.id(),
            handled: numbers.handled,
            busy: numbers.busy.map_or(0.0, |busy| busy.as_secs_f64()),
            errors: small(numbers.refused + numbers.failed),
            restarts: small(numbers.restarts),
        }
    }
}
