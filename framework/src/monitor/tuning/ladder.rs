//! The values of a setting that are tried: steps of about √2, within the user's bounds.

/// Values in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ladder {
    rungs: Vec<f64>,
}

/// The longest wait by its shortest that is not zero.
const WAITS: f64 = 128.0;

impl Ladder {
    /// Whole numbers from `min` to `max`.
    pub(super) fn whole(min: usize, max: usize) -> Self {
        let (min, max) = (min.max(1), max.max(min).max(1));
        let mut rungs = vec![min as f64];
        let mut ideal = min as f64;
        while (ideal as usize) < max {
            ideal = (ideal * std::f64::consts::SQRT_2).min(max as f64);
            let rung = ideal.round();
            if rung > rungs[rungs.len() - 1] {
                rungs.push(rung);
            }
        }
        Ladder { rungs }
    }

    /// Durations, or none at all where `min` is zero.
    pub(super) fn continuous(min: f64, max: f64) -> Self {
        let max = max.max(min);
        let mut rungs = vec![min];
        let mut rung = if min > 0.0 { min * std::f64::consts::SQRT_2 } else { max / WAITS };
        while rung < max * 0.999 {
            rungs.push(rung);
            rung *= std::f64::consts::SQRT_2;
        }
        if max > min {
            rungs.push(max);
        }
        Ladder { rungs }
    }

    /// The value `steps` rungs above `from`, or below it; at the end of the ladder its end. None if that is `from`.
    pub(super) fn step(&self, from: f64, steps: i32) -> Option<f64> {
        let last = self.rungs.len() as i32 - 1;
        // A value between two rungs is half way: the first step leads to the nearer.
        let at = self.rungs.partition_point(|&rung| rung < from * 0.999) as i32;
        let is_rung =
            self.rungs.get(at as usize).is_some_and(|rung| (rung - from).abs() <= from.abs() * 0.001);
        let to = match (is_rung, steps > 0) {
            (true, _) => at + steps,
            (false, true) => at + steps - 1,
            (false, false) => at + steps,
        };
        let value = self.rungs[to.clamp(0, last) as usize];
        ((value > from) == (steps > 0) && (value - from).abs() > from.abs() * 0.001).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_go_up_by_about_the_root_of_two_and_end_at_the_bounds() {
        assert_eq!(Ladder::whole(1, 16).rungs, [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 16.0]);
        assert_eq!(Ladder::whole(3, 3).rungs, [3.0]);
        assert_eq!(Ladder::whole(0, 2).rungs, [1.0, 2.0]);
    }

    #[test]
    fn durations_have_zero_only_where_that_is_allowed() {
        let ladder = Ladder::continuous(0.0, 1_280.0);
        assert_eq!((ladder.rungs[0], ladder.rungs[1]), (0.0, 10.0));
        assert_eq!(*ladder.rungs.last().unwrap(), 1_280.0);
        assert_eq!(Ladder::continuous(5.0, 5.0).rungs, [5.0]);
    }

    #[test]
    fn a_step_leads_to_a_rung_within_the_bounds_and_away_from_where_it_began() {
        let ladder = Ladder::whole(1, 16);
        assert_eq!(ladder.step(1.0, 2), Some(3.0));
        assert_eq!(ladder.step(8.0, 4), Some(16.0));
        assert_eq!(ladder.step(16.0, 1), None);
        assert_eq!(ladder.step(1.0, -1), None);
        assert_eq!(ladder.step(5.0, 1), Some(6.0), "from between two");
        assert_eq!(ladder.step(5.0, -1), Some(4.0));
        assert_eq!(ladder.step(100.0, -1), Some(16.0), "from beyond the bounds");
        assert_eq!(Ladder::continuous(0.0, 1_280.0).step(0.0, 1), Some(10.0));
        assert_eq!(Ladder::continuous(0.0, 1_280.0).step(10.0, -1), Some(0.0));
    }
}
