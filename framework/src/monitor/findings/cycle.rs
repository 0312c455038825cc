//! Asks in a circle.
//!
//! A suspended actor says whose answer it waits for. An edge that was seen is kept for a minute, whether the ask is
//! over or not: actors that ask each other in a circle have been lucky so far, and hang when their asks meet. Where all
//! of a circle wait now, and have for two looks, they hang already.
//!
//! An actor that waits for several answers at once shows one of them, so that a circle through the others is seen when
//! that is the last one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::book::Seen;
use super::window::{Watched, Window};
use super::{FindingKind, Severity, Subject};
use crate::actor::ActorId;
use crate::mailbox::Activity;
use crate::monitor::snapshot::Snapshot;

/// How long an ask is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Edges that are remembered.
const EDGES_MAX: usize = 10_000;
/// Circles that are named at once.
const CYCLES_MAX: usize = 8;

/// Who asked whom, and when that was last seen.
#[derive(Default)]
pub(super) struct Asks {
    edges: HashMap<ActorId, Vec<(ActorId, Instant)>>,
    len: usize,
}

impl Asks {
    pub(super) fn take(&mut self, window: &Window, snapshot: &Snapshot) -> Vec<Seen> {
        let now = snapshot.taken_at;
        for actor in &snapshot.actors {
            if let Some(asked) = actor.awaits {
                self.saw(actor.label.id(), asked, now);
            }
        }
        if self.edges.is_empty() {
            return Vec::new();
        }
        self.forget(now);
        self.cycles()
            .into_iter()
            .take(CYCLES_MAX)
            .filter_map(|cycle| named(&cycle, window, snapshot))
            .collect()
    }

    fn saw(&mut self, asker: ActorId, asked: ActorId, now: Instant) {
        if self.len >= EDGES_MAX {
            return;
        }
        let edges = self.edges.entry(asker).or_default();
        match edges.iter_mut().find(|(to, _)| *to == asked) {
            Some(edge) => edge.1 = now,
            None => {
                edges.push((asked, now));
                self.len += 1;
            }
        }
    }

    fn forget(&mut self, now: Instant) {
        self.edges.retain(|_, edges| {
            edges.retain(|(_, at)| now.saturating_duration_since(*at) < REMEMBERED);
            !edges.is_empty()
        });
        self.len = self.edges.values().map(Vec::len).sum();
    }

    /// Each circle once, begun at the oldest of its actors.
    fn cycles(&self) -> Vec<Vec<ActorId>> {
        let mut cycles: Vec<Vec<ActorId>> = Vec::new();
        let mut done = HashMap::<ActorId, bool>::new();
        let mut starts: Vec<_> = self.edges.keys().copied().collect();
        starts.sort_unstable();
        for start in starts {
            self.walk(start, &mut done, &mut cycles);
        }
        cycles
    }

    /// Depth first: an edge back to who is on the way closes a circle.
    fn walk(&self, start: ActorId, done: &mut HashMap<ActorId, bool>, cycles: &mut Vec<Vec<ActorId>>) {
        if done.contains_key(&start) {
            return;
        }
        let mut way = vec![(start, 0)];
        done.insert(start, false);
        while let Some((at, next)) = way.last_mut() {
            let edge = self.edges.get(at).and_then(|edges| edges.get(*next));
            *next += 1;
            let Some(&(to, _)) = edge else {
                done.insert(*at, true);
                way.pop();
                continue;
            };
            match done.get(&to) {
                None => {
                    done.insert(to, false);
                    way.push((to, 0));
                }
                Some(false) => {
                    let from =
                        way.iter().position(|(id, _)| *id == to).expect("who is not done is on the way");
                    let mut cycle: Vec<_> = way[from..].iter().map(|(id, _)| *id).collect();
                    let oldest = (0..cycle.len()).min_by_key(|at| cycle[*at]).expect("a circle has actors");
                    cycle.rotate_left(oldest);
                    cycles.push(cycle);
                }
                Some(true) => {}
            }
        }
    }
}

/// The finding about this circle. None if one of its actors is gone.
fn named(cycle: &[ActorId], window: &Window, snapshot: &Snapshot) -> Option<Seen> {
    let mut actors = Vec::with_capacity(cycle.len());
    for id in cycle {
        let at = snapshot.actors.binary_search_by_key(id, |actor| actor.label.id()).ok()?;
        actors.push(window.actors(snapshot).nth(at)?);
    }
    let labels: Vec<_> = actors.iter().map(|actor| actor.now.label.clone()).collect();
    let hangs = actors.iter().enumerate().all(|(at, actor)| waits_for(actor, cycle[(at + 1) % cycle.len()]));
    let waiting: u64 = actors.iter().map(|actor| actor.now.numbers.mailbox_len as u64).sum();
    let subject = Subject::Actors(labels);
    let (summary, severity) = match hangs {
        true => (
            format!("each of them waits for the next, and {waiting} messages wait for them"),
            Severity::Critical,
        ),
        false => (
            "each of them has asked the next within the last minute: when these asks meet, none is answered"
                .to_owned(),
            Severity::Warning,
        ),
    };
    let seen = Seen::new(FindingKind::AskCycle, subject, summary).of_severity(severity);
    Some(seen.with("actors", cycle.len() as f64, "").with("waiting", waiting as f64, "messages"))
}

/// Whether it has done nothing but wait for this actor's answer since the look before.
fn waits_for(actor: &Watched<'_>, asked: ActorId) -> bool {
    let Some([before, now]) = actor.last(2) else { return false };
    let waits = |sample: &super::window::Sample| {
        sample.activity == Activity::Suspended && sample.awaits == Some(asked)
    };
    waits(before) && waits(now) && before.handled == now.handled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(edges: &[(u64, u64)]) -> Vec<Vec<u64>> {
        let mut asks = Asks::default();
        let now = Instant::now();
        edges.iter().for_each(|&(from, to)| asks.saw(ActorId(from), ActorId(to), now));
        asks.cycles().into_iter().map(|cycle| cycle.into_iter().map(|id| id.0).collect()).collect()
    }

    #[test]
    fn each_circle_is_found_once_and_begins_with_its_oldest() {
        assert_eq!(cycles(&[(1, 2), (2, 3), (3, 4)]), [[0u64; 0]; 0]);
        assert_eq!(cycles(&[(2, 1), (1, 2)]), [[1, 2]]);
        assert_eq!(cycles(&[(5, 3), (3, 9), (9, 5), (1, 3), (9, 2)]), [[3, 9, 5]]);
        assert_eq!(cycles(&[(1, 2), (2, 1), (3, 4), (4, 3)]).len(), 2);
    }

    #[test]
    fn an_ask_is_forgotten_after_a_minute() {
        let mut asks = Asks::default();
        let now = Instant::now();
        asks.saw(ActorId(1), ActorId(2), now);
        asks.saw(ActorId(2), ActorId(1), now + Duration::from_secs(40));
        asks.forget(now + Duration::from_secs(59));
        assert_eq!(asks.cycles().len(), 1);
        asks.forget(now + Duration::from_secs(61));
        assert_eq!((asks.cycles().len(), asks.len), (0, 1));
    }
}
