//! What the monitor costs: the same work with it and without, in pairs of short slices.
//!
//! ```text
//!   one system, 10,000 actors:   off on | on off | off on | ..      1 s each, with the monitor's samples, a pull and its
//!                                └ ratio ┘                          history, or with the monitor paused
//! ```
//!
//! The figure is the median over all pairs of how much longer a message took with the monitor, in percent. Both halves of
//! a pair have the same actors, memory and threads, within two seconds of each other, and the order of each pair is drawn,
//! so that what changes slowly hits both. A slice is as long as the time from one pull to the next, so that each with the
//! monitor has one in it: a median over shorter slices, most of which have none, would leave the pulls out. Beside it
//! stands the half-width of a 95 % interval of the median, from its order statistics: a figure within that of 0 is none.

use std::hint::black_box;
use std::time::{Duration, Instant};

use fastrand::Rng;
use ostraca::prelude::*;
use tokio::runtime::Runtime;

use crate::actors::peers::two_workers;
use crate::work::{Bar, Figures, Group, Work};

const ACTORS: usize = 10_000;
/// From one pull to the next.
const SLICE: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_secs(2);
/// Messages from one look at the clock to the next.
const ROUND: usize = 4_096;

pub fn group() -> Group {
    let pairs = |name, interval, run| {
        Work::new(name, &[Bar::AtMost(1.0)])
            .and_row(interval, &[])
            .in_percent()
            .by("ostraca", "on against off", 60, run)
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
type Run = fn(&Runtime, &Actors, Duration) -> f64;

type Actors = std::sync::Arc<[ActorRef<Counter>]>;

fn pairs_of(pairs: u64, run: Run) -> Figures {
    let tokio = two_workers();
    let (system, actors) = tokio.block_on(spawn_all());
    let half = |is_on: bool| {
        system.monitor().pause(!is_on);
        run(&tokio, &actors, SLICE)
    };
    run(&tokio, &actors, WARM_UP);
    let mut random = Rng::with_seed(7);
    let mut percent: Vec<f64> = (0..pairs)
        .map(|_| {
            let (on, off) = if random.bool() {
                let on = half(true);
                (on, half(false))
            } else {
                let off = half(false);
                (half(true), off)
            };
            (on / off - 1.0) * 100.0
        })
        .collect();
    percent.sort_by(f64::total_cmp);
    let (median, half_width) = median(&percent);
    eprintln!("a pull looked at the cells for {:?}", system.monitor().snapshot().took);
    tokio.block_on(system.stop());
    Figures(vec![median, half_width])
}

async fn spawn_all() -> (System, Actors) {
    let system = System::start().expect("a system");
    let mut actors = Vec::with_capacity(ACTORS);
    for _ in 0..ACTORS {
        actors.push(system.spawn::<Counter>(()).await.expect("an actor"));
    }
    system.monitor();
    (system, actors.into())
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

/// One task tells all in turn; the other thread's workers handle. A round ends when its last message is handled.
fn tell(tokio: &Runtime, actors: &Actors, time: Duration) -> f64 {
    let actors = actors.clone();
    let task = tokio.spawn(async move {
        let (begun, mut sent, mut next) = (Instant::now(), 0_u64, actors.iter().cycle());
        while begun.elapsed() < time {
            for _ in 0..ROUND {
                let actor = next.next().expect("a cycle has no end");
                actor.add(black_box(1)).send().await.expect("it runs");
            }
            sent += ROUND as u64;
        }
        for actor in actors.iter() {
            actor.get().await.expect("it runs");
        }
        begun.elapsed().as_nanos() as f64 / sent as f64
    });
    tokio.block_on(task).expect("it does not panic")
}

/// Two tasks ask, each its half of the actors in turn.
fn ask(tokio: &Runtime, actors: &Actors, time: Duration) -> f64 {
    let asker = |actors: Actors, from: usize| async move {
        let own = &actors[from..from + ACTORS / 2];
        let (begun, mut asked, mut next) = (Instant::now(), 0_u64, own.iter().cycle());
        while begun.elapsed() < time {
            for _ in 0..ROUND {
                let actor = next.next().expect("a cycle has no end");
                black_box(actor.add(black_box(1)).await.expect("it runs"));
            }
            asked += ROUND as u64;
        }
        begun.elapsed().as_nanos() as f64 / asked as f64
    };
    let tasks = [0, ACTORS / 2].map(|from| tokio.spawn(asker(actors.clone(), from)));
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
