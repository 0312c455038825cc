//! Makes the decisions of a run that fails fewer and smaller, as long as it still fails.
//!
//! A candidate is a list of decisions with some left out, set to 0, or lowered. It is run, and kept if it fails in the
//! same way with less: fewer decisions of the test, then fewer faults, then fewer deviations, then fewer events. Rounds
//! go on until one finds nothing more. Which parts are tried, the larger first, is delta debugging.
//!
//! When the test does less, other things are ready at each step, and the old decisions about the order mean something
//! else. So a candidate with fewer decisions of the test is tried in a few orders anew, too.

use super::choices::{Choices, Kind, Source};
use super::explore::Ended;
use super::report::Failure;

pub(super) struct Shrink<'a, R> {
    failure: &'a Failure,
    run: R,
    runs: u64,
    runs_max: u64,
}

/// How much there is to read in a run: less is better, the first number before the second.
type Size = (usize, usize, usize, usize, u64);

fn size(ended: &Ended) -> Size {
    let made = &ended.made;
    let draws = made.list(Kind::Draw);
    let sum =
        Kind::ALL.into_iter().flat_map(|kind| made.list(kind)).fold(0u64, |sum, &n| sum.saturating_add(n));
    (
        draws.len() + made.count(|kind| kind == Kind::Draw),
        made.count(Kind::is_fault),
        made.count(|kind| kind != Kind::Draw && !kind.is_fault()),
        ended.trace.len(),
        sum,
    )
}

impl<'a, R: FnMut(Source) -> Ended> Shrink<'a, R> {
    /// Makes runs with `run`, at most `runs_max`.
    pub(super) fn new(failure: &'a Failure, runs_max: u64, run: R) -> Self {
        Shrink { failure, run, runs: 0, runs_max }
    }

    /// The smallest that is found, beginning with `best`, and after how many runs.
    pub(super) fn shrink(mut self, mut best: Ended) -> (Ended, u64) {
        loop {
            let before = size(&best);
            for kind in ORDER {
                best = self.cut_end(best, kind);
                best = self.set_to_0(best, kind);
            }
            best = self.leave_out(best, Kind::Draw);
            for kind in ORDER {
                best = self.lower(best, kind);
                if kind.is_fault() {
                    best = self.strike_earlier(best, kind);
                }
            }
            if size(&best) >= before || self.runs >= self.runs_max {
                return (best, self.runs);
            }
        }
    }

    /// Runs a candidate in which decisions of `kind` were changed; true if it took the place of the best.
    fn try_out(&mut self, best: &mut Ended, mut candidate: Choices, kind: Kind) -> bool {
        candidate.trim();
        if candidate == best.made {
            return false;
        }
        let candidate = Box::new(candidate);
        let orders = if kind == Kind::Draw { ORDERS_ANEW } else { 0 };
        let anew = (1..=orders).map(|seed| Source::ListInOrderOf(candidate.clone(), seed));
        let mut sources = std::iter::once(Source::List(candidate.clone())).chain(anew);
        sources.any(|source| self.run_better(best, source))
    }

    fn run_better(&mut self, best: &mut Ended, source: Source) -> bool {
        if self.runs >= self.runs_max {
            return false;
        }
        self.runs += 1;
        let ended = (self.run)(source);
        let fails = ended.failure.as_ref().is_some_and(|failure| failure.is_like(self.failure));
        let is_better = fails && size(&ended) < size(best);
        if is_better {
            *best = ended;
        }
        is_better
    }

    /// The shortest beginning: halves what is left out until nothing more can be.
    fn cut_end(&mut self, mut best: Ended, kind: Kind) -> Ended {
        let mut cut = best.made.list(kind).len();
        while cut > 0 {
            let len = best.made.list(kind).len();
            let mut candidate = best.made.clone();
            candidate.list_mut(kind).truncate(len.saturating_sub(cut));
            if !self.try_out(&mut best, candidate, kind) {
                cut /= 2;
            }
            cut = cut.min(best.made.list(kind).len());
        }
        best
    }

    /// Sets ever smaller parts to 0.
    fn set_to_0(&mut self, best: Ended, kind: Kind) -> Ended {
        self.by_parts(best, kind, |list, from, to| {
            let made = list[from..to].iter().any(|&choice| choice != 0);
            list[from..to].fill(0);
            made
        })
    }

    /// Leaves ever smaller parts out, so that what follows moves up.
    fn leave_out(&mut self, best: Ended, kind: Kind) -> Ended {
        self.by_parts(best, kind, |list, from, to| {
            list.drain(from..to);
            true
        })
    }

    /// Changes parts of a list by `change`, which says whether it has.
    fn by_parts(
        &mut self,
        mut best: Ended,
        kind: Kind,
        change: impl Fn(&mut Vec<u64>, usize, usize) -> bool,
    ) -> Ended {
        let mut part = best.made.list(kind).len();
        while part > 0 {
            let mut from = 0;
            while from < best.made.list(kind).len() {
                let mut candidate = best.made.clone();
                let list = candidate.list_mut(kind);
                let to = (from + part).min(list.len());
                let is_kept = change(list, from, to) && self.try_out(&mut best, candidate, kind);
                // A part that was left out has another in its place now; one that was set to 0 cannot be again.
                from += if is_kept { 0 } else { part };
            }
            part /= 2;
        }
        best
    }

    /// Lowers each number: to 1, to its half, by 1.
    fn lower(&mut self, mut best: Ended, kind: Kind) -> Ended {
        let mut at = 0;
        while let Some(&choice) = best.made.list(kind).get(at) {
            let lower = [1, choice / 2, choice.saturating_sub(1)].into_iter().filter(|&lower| lower < choice);
            for lower in lower {
                let mut candidate = best.made.clone();
                candidate.list_mut(kind)[at] = lower;
                if self.try_out(&mut best, candidate, kind) {
                    break;
                }
            }
            at += 1;
        }
        best
    }

    /// Lets what goes wrong go wrong sooner, so that less comes before it: at once, halfway to it, one occasion earlier.
    fn strike_earlier(&mut self, mut best: Ended, kind: Kind) -> Ended {
        let mut at = 0;
        while at < best.made.list(kind).len() {
            let list = best.made.list(kind);
            let first = list[..at].iter().rposition(|&choice| choice != 0).map_or(0, |before| before + 1);
            if list[at] != 0 {
                let earlier = [first, first.midpoint(at), at.saturating_sub(1)];
                let is_kept = earlier.into_iter().filter(|&to| (first..at).contains(&to)).any(|to| {
                    let mut candidate = best.made.clone();
                    candidate.list_mut(kind).swap(to, at);
                    self.try_out(&mut best, candidate, kind)
                });
                if is_kept {
                    // It is at an earlier place now, which may not be the earliest.
                    at = first;
                    continue;
                }
            }
            at += 1;
        }
        best
    }
}

/// In how many orders a candidate is tried when the test does less.
const ORDERS_ANEW: u64 = 20;

/// In which order the kinds are made fewer: what is read first, first.
const ORDER: [Kind; 11] = [
    Kind::Draw,
    Kind::Cancel,
    Kind::Panic,
    Kind::Full,
    Kind::Slow,
    Kind::Overtake,
    Kind::Pace,
    Kind::Turn,
    Kind::Elsewhere,
    Kind::Jitter,
    Kind::Pick,
];
