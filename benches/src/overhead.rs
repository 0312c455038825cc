//! What the monitor costs: the same work with it and without, in pairs.
//!
//! ```text
//!   one process, one tokio runtime:   off on | on off | off on | ..      each a system of its own, 10,000 actors
//!                                     └ ratio ┘                          for a second and some, with the monitor's
//!                                                                        pull, histograms and history in it
//! ```
//!
//! The figure is the median over all pairs of how much longer a message took with the monitor, in percent. A pair's two
//! halves are a second apart, on the same threads, and every other pair is the other way round, so that what changes
//! slowly hits both. Beside it stands the half-width of a 95 % interval of the median, from its order statistics: a
//! figure within that of 0 is none.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ostraca::monitor::MonitorSettings;
use ostraca::prelude::*;
use tokio::runtime::Runtime;

use crate::work::{Bar, Figures, Group, Work};

const ACTORS: usize = 10_000;
/// Longer than an interval of the monitor, so that each half with it has a pull.
const HALF: Duration = Duration::from_millis(1_020);
const WARM_UP: Duration = Duration::from_millis(60);
/// Messages from one look at the clock to the next.
const ROUND: usize = 4_096;

pub fn group() -> Group {
    let pairs = |name, interval, run| {
        Work::new(name, &[Bar::AtMost(1.0)])
            .and_row(interval, &[])
            .in_percent()
            .by("ostraca", "on against off", 20, run)
            .rounds_max(1)
    };
    let works = vec![
        pairs("overhead/tell", "overhead/tell-interval", |n| pairs_of(n, tell)),
        pairs("overhead/ask", "overhead/ask-interval", |n| pairs_of(n, ask)),
    ];
    Group { name: "overhead", works }
}

struct Counter {
    sum: u64,
}

#[actor]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { sum: 0 }
    }

    #[handler]
    fn get(&self) -> u64 {
        self.sum
    }

    #[handler]
    fn add(&mut self, by: u64) -> u64 {
        self.sum += by;
        self.sum
    }
}

/// Nanoseconds a message over `time`.
type Run = fn(&Runtime, Vec<ActorRef<Counter>>, Duration) -> f64;

fn pairs_of(pairs: u64, run: Run) -> Figures {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let tokio = tokio.expect("a runtime");
    let half = |is_on| half(&tokio, is_on, run);
    // The first of all is slower than any other.
    half(true);
    let mut percent: Vec<f64> = (0..pairs)
        .map(|pair| {
            let (off, on) = if pair % 2 == 0 {
                let off = half(false);
                (off, half(true))
            } else {
                let on = half(true);
                (half(false), on)
            };
            (on / off - 1.0) * 100.0
        })
        .collect();
    percent.sort_by(f64::total_cmp);
    let (median, half_width) = median(&percent);
    Figures(vec![median, half_width])
}

/// Of sorted values, with the half-width of its interval.
fn median(sorted: &[f64]) -> (f64, f64) {
    let len = sorted.len();
    let median = f64::midpoint(sorted[(len - 1) / 2], sorted[len / 2]);
    // The binomial's normal approximation: ranks n / 2 -+ 0.98 sqrt n.
    let reach = 0.98 * (len as f64).sqrt();
    let rank = |rank: f64| sorted[(rank.round() as usize).min(len - 1)];
    let (low, high) = (rank((len as f64 / 2.0 - reach).max(0.0)), rank(len as f64 / 2.0 + reach));
    (median, (high - low) / 2.0)
}

fn half(tokio: &Runtime, is_on: bool, run: Run) -> f64 {
    let (system, actors) = tokio.block_on(async {
        let system = System::builder().monitor(MonitorSettings::default()).start().expect("a system");
        let mut actors = Vec::with_capacity(ACTORS);
        for _ in 0..ACTORS {
            actors.push(system.spawn::<Counter>(()).await.expect("an actor"));
        }
        if is_on {
            system.monitor();
        }
        (system, actors)
    });
    run(tokio, actors.clone(), WARM_UP);
    let took = run(tokio, actors, HALF);
    tokio.block_on(system.stop());
    took
}

/// One task tells all in turn; the other thread's workers handle. A round ends when its last message is handled.
fn tell(tokio: &Runtime, actors: Vec<ActorRef<Counter>>, time: Duration) -> f64 {
    let task = tokio.spawn(async move {
        let (begun, mut sent, mut next) = (Instant::now(), 0_u64, actors.iter().cycle());
        while begun.elapsed() < time {
            for _ in 0..ROUND {
                let actor = next.next().expect("a cycle has no end");
                actor.add(black_box(1)).send().await.expect("it runs");
            }
            sent += ROUND as u64;
        }
        for actor in &actors {
            actor.get().await.expect("it runs");
        }
        begun.elapsed().as_nanos() as f64 / sent as f64
    });
    tokio.block_on(task).expect("it does not panic")
}

/// Two tasks ask, each its half of the actors in turn.
fn ask(tokio: &Runtime, actors: Vec<ActorRef<Counter>>, time: Duration) -> f64 {
    let asker = |actors: Vec<ActorRef<Counter>>| async move {
        let (begun, mut asked, mut next) = (Instant::now(), 0_u64, actors.iter().cycle());
        while begun.elapsed() < time {
            for _ in 0..ROUND {
                let actor = next.next().expect("a cycle has no end");
                black_box(actor.add(black_box(1)).await.expect("it runs"));
            }
            asked += ROUND as u64;
        }
        begun.elapsed().as_nanos() as f64 / asked as f64
    };
    let (one, other) = actors.split_at(ACTORS / 2);
    let tasks = [tokio.spawn(asker(one.to_vec())), tokio.spawn(asker(other.to_vec()))];
    let each = tasks.map(|task| tokio.block_on(task).expect("it does not panic"));
    // Both at once: so many a time.
    1.0 / each.iter().map(|each| 1.0 / each).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_its_interval_are_of_the_order() {
        let sorted: Vec<f64> = (0..21).map(f64::from).collect();
        assert_eq!(median(&sorted).0, 10.0);
        assert_eq!(median(&[1.0, 3.0]), (2.0, 1.0));
    }
}
