//! What it costs to pick one of 256 replicas, by each strategy; and what a call counts besides.
//!
//! The replicas are in the state of a pool that works: each has a few calls under way, and has answered some. A pick
//! includes its load of the roster, and none of the random number that it is given.

use std::hint::black_box;
use std::time::Instant;

use ostraca::pool::{Balance, BalanceSettings, Balancer, Load, Member, Outcome};

use crate::work::{Bar, Figures, Group, Work};

const REPLICAS: u64 = 256;
const OPS: u64 = 5_000_000;
/// The calibration's fetch-adds that a pick may cost, of 6 ns each.
const PICK: &[Bar] = &[Bar::AtMostScaled(7.0 * 6.0)];

pub fn group() -> Group {
    let pick = |name, run| Work::new(name, PICK).by("ostraca", "", OPS, run);
    let works = vec![
        pick("pick/256/round-robin", |ops| picks(ops, Balance::RoundRobin)),
        pick("pick/256/weighted", |ops| picks(ops, Balance::Weighted)),
        pick("pick/256/least", |ops| picks(ops, Balance::LeastLoaded)),
        pick("pick/256/power-of-two", |ops| picks(ops, Balance::PowerOfTwo)),
        pick("pick/256/adaptive", |ops| picks(ops, Balance::Adaptive)),
        pick("pick/256/by-key", |ops| picks(ops, Balance::ByKey { bound: 1.1 })),
        Work::new("pick-and-count/256", &[]).by("ostraca", "", OPS, |ops| calls(ops, Balance::Adaptive)),
    ];
    Group { name: "pools", works }
}

/// xorshift64's step.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn working(balance: Balance) -> Balancer<u64> {
    let member = |id| Member { id, weight: 1 + (id % 4) as u32, load: Load::new(None), target: id };
    let balancer = Balancer::new(balance, BalanceSettings::default(), (0..REPLICAS).map(member).collect());
    let mut state = 1;
    for at in 1..20_000u64 {
        let now = at * 1_000;
        let call = balancer.begin(now, random(&mut state), random(&mut state), |_| 0);
        if at % 32 != 0 {
            balancer.end(&call, now + 1_000_000 + random(&mut state) % 1_000_000, Outcome::Answered);
        }
    }
    balancer
}

fn picks(ops: u64, balance: Balance) -> Figures {
    let balancer = working(balance);
    let mut state = 7;
    let numbers: Vec<(u64, u64)> = (0..4_096).map(|_| (random(&mut state), random(&mut state))).collect();
    let mut sum = 0;
    let began = Instant::now();
    for at in 0..ops {
        let (key, random) = numbers[at as usize % numbers.len()];
        sum += balancer.choose(black_box(30_000_000 + at), key, random, |_| 0);
    }
    let took = began.elapsed();
    // Any replica is picked now and then.
    let mean = sum as f64 / ops as f64;
    assert!((1.0..(REPLICAS - 1) as f64).contains(&mean), "{mean}");
    Figures::each(took, ops)
}

/// A pick, and all that a call adds up at its beginning and its end.
fn calls(ops: u64, balance: Balance) -> Figures {
    let balancer = working(balance);
    let mut state = 7;
    let began = Instant::now();
    for at in 0..ops {
        let now = 30_000_000 + at * 100;
        let call = balancer.begin(now, 0, random(&mut state), |_| 0);
        balancer.end(&call, now + 1_500_000, Outcome::Answered);
    }
    let took = began.elapsed();
    let answered: u64 = balancer.members().iter().map(|member| member.load.numbers(1).answered).sum();
    assert!(answered >= ops);
    Figures::each(took, ops)
}
