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
        let base = self.base(snapshot, window);
        let is_whole = window >= snapshot.uptime;
        let since =
            if is_whole { Some(snapshot.uptime) } else { base.map(|base| snapshot.taken_at - base.at) };
        let value = |actor: &ActorNumbers| {
            let now = Counts::of(actor);
            if by == By::Mailbox {
                return Some(actor.numbers.mailbox_len as f64);
            }
            let seconds = since?.as_secs_f64();
            // One that was not there yet had done nothing.
            let before = base.filter(|_| !is_whole).and_then(|base| base.of(now.id).copied());
            let before = before.unwrap_or(Counts::nothing(now.id));
            Some(match by {
                By::Handled => now.handled.saturating_sub(before.handled) as f64 / seconds,
                By::Busy => (now.busy - before.busy) / seconds,
                By::Errors => f64::from(now.errors.saturating_sub(before.errors)) / seconds,
                By::Mailbox | By::Restarts => f64::from(now.restarts.saturating_sub(before.restarts)),
            })
        };
        let valued = |actor| Some((actor, value(actor).filter(|value| *value > 0.0)?));
        let mut all: Vec<_> = snapshot.actors.iter().filter_map(valued).collect();
        // The sort is stable: of equals the older actor comes first.
        all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        all.truncate(len);
        all.into_iter().map(|(actor, value)| Top { actor: actor.label.clone(), value }).collect()
    }

    /// The youngest moment that is old enough, else the oldest there is.
    fn base(&self, snapshot: &Snapshot, window: Duration) -> Option<&Moment> {
        let now = snapshot.taken_at;
        let old_enough = |moment: &&Moment| now.saturating_duration_since(moment.at) >= window;
        let base = self.moments.iter().rev().find(old_enough).or(self.moments.front());
        base.filter(|moment| moment.at < now)
    }
}

impl Moment {
    fn of(&self, id: ActorId) -> Option<&Counts> {
        self.actors.binary_search_by_key(&id, |counts| counts.id).ok().map(|at| &self.actors[at])
    }
}

impl Counts {
    fn nothing(id: ActorId) -> Self {
        Counts { id, handled: 0, busy: 0.0, errors: 0, restarts: 0 }
    }

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
