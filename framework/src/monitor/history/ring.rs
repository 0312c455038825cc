//! Points of one resolution: the last so many.

use std::collections::VecDeque;

use super::Resolution;

/// What has a step's number.
pub(super) trait Stepped {
    fn step(&self) -> u32;
}

/// The last points of one resolution, oldest first. It takes memory as it fills.
#[derive(Debug)]
pub(super) struct Ring<P> {
    points: VecDeque<P>,
    resolution: Resolution,
}

impl<P: Stepped + Copy> Ring<P> {
    pub(super) fn new(resolution: Resolution) -> Self {
        Ring { points: VecDeque::new(), resolution }
    }

    pub(super) fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Puts a point in: instead of the last if it is of the same step. What is too old by then goes.
    pub(super) fn put(&mut self, point: P) {
        let step = point.step();
        if self.points.back().is_some_and(|last| last.step() == step) {
            self.points.pop_back();
        }
        let len_max = self.resolution.len_max();
        while self.points.front().is_some_and(|first| step.saturating_sub(first.step()) as usize >= len_max) {
            self.points.pop_front();
        }
        if self.points.len() == self.points.capacity() {
            // Exactly: to double would take twice the memory at the end.
            let more = (len_max - self.points.len()).min(len_max / 8).max(1);
            self.points.reserve_exact(more);
        }
        self.points.push_back(point);
    }

    /// The points, and one that is not over: beside it what is too old is left out.
    pub(super) fn and(&self, last: Option<P>) -> impl Iterator<Item = P> {
        let before = self.resolution.len_max() as u32 - 1;
        let oldest = last.map_or(0, |last| last.step().saturating_sub(before));
        self.points.iter().copied().filter(move |point| point.step() >= oldest).chain(last)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &P> {
        self.points.iter()
    }

    pub(super) fn bytes(&self) -> usize {
        self.points.capacity() * size_of::<P>()
    }
}
