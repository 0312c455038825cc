//! Points, against the pulls that made them.

use std::time::Duration;

use super::*;
use crate::stats::Distribution;

fn reading(handled: u64) -> Reading<'static> {
    Reading {
        handled,
        refused: 0,
        failed: 0,
        restarts: 0,
        busy: None,
        mailbox_len: 0,
        waiting: None,
        handling: None,
    }
}

/// A series that had `rate` messages a second, pulled every second.
fn steady(seconds: u64, rate: u64) -> Series {
    let mut series = Series::default();
    for second in 1..=seconds {
        series.take(Duration::from_secs(second), &reading(second * rate));
    }
    series
}

#[test]
fn points_of_every_resolution_add_up_to_what_was_counted() {
    let series = steady(600, 7);
    for resolution in Resolution::ALL {
        let points = series.points(resolution);
        let step = resolution.step().as_secs();
        assert_eq!(points.len() as u64, 600 / step, "{resolution:?}");
        assert!(points.iter().all(|point| point.handled == 7 * step), "{resolution:?}");
        assert_eq!(points[1].at, resolution.step());
    }
}

#[test]
fn what_is_too_old_goes() {
    let series = steady(100_000, 1);
    for resolution in Resolution::ALL {
        let points = series.points(resolution);
        assert!(points.len() <= resolution.len_max(), "{resolution:?}: {}", points.len());
        assert!(points.len() + 1 >= resolution.len_max(), "{resolution:?}: {}", points.len());
    }
}

#[test]
fn a_step_without_anything_has_no_point() {
    let mut series = steady(2, 5);
    series.take(Duration::from_secs(3), &reading(10));
    series.take(Duration::from_secs(4), &reading(11));
    let points = series.points(Resolution::Second);
    let counted: Vec<_> = points.iter().map(|point| (point.at.as_secs(), point.handled)).collect();
    assert_eq!(counted, [(0, 5), (1, 5), (3, 1)]);
}

#[test]
fn quantiles_are_of_the_step_alone() {
    let histogram = crate::stats::Histogram::default();
    let mut series = Series::default();
    let mut pull = |second, values: &[u64]| {
        values.iter().for_each(|&value| histogram.record(value));
        let times: Distribution = histogram.read();
        series.take(Duration::from_secs(second), &Reading { handling: Some(&times), ..reading(second) });
    };
    pull(1, &[1_000; 99]);
    pull(2, &[9_000_000; 3]);
    let [first, second] = &*series.points(Resolution::Second) else { panic!("two points") };
    assert_eq!(first.handling.unwrap().count, 99);
    let second = second.handling.unwrap();
    assert_eq!(second.count, 3);
    let off = second.p50.as_secs_f64() / 9e-3 - 1.0;
    assert!(off.abs() < 0.13, "{second:?}");
}
