//! What the strategies come to, in virtual time and seeded.

use std::sync::Arc;

use ostraca::pool::{Balance, BalanceSettings, Load, Member, Outcome};

use super::simulation::{Ended, MS, Replica, SECOND, Simulation, Takes, quantile};

const SEED: u64 = 0x5eed;

/// The ten endpoints of tower's demonstration (tower #76, `examples/tower-balance.rs`): each takes any time up to its
/// own, and as many calls at once as there are.
fn endpoints(is_serial: bool) -> Vec<Replica> {
    let most = [1, 5, 10, 10, 10, 100, 100, 100, 500, 1000];
    most.iter().map(|most| Replica { takes: Takes::UpTo(most * MS), is_serial }).collect()
}

fn run(balance: Balance, is_serial: bool, seed: u64) -> (u64, u64) {
    let mut simulation =
        Simulation::new(balance, BalanceSettings::default().serial(is_serial), endpoints(is_serial), seed);
    let ended = simulation.closed_loop(50, 50_000);
    (quantile(ended.iter().map(|ended| ended.took), 0.999) / MS, simulation.now / SECOND)
}

#[test]
fn ten_replicas_of_1_to_1000_ms_are_used_as_they_are() {
    println!("50,000 calls by 50 callers");
    for balance in [Balance::PowerOfTwo, Balance::LeastLoaded, Balance::RoundRobin] {
        let ((p999, wall), (serial, serial_wall)) = (run(balance, false, SEED), run(balance, true, SEED));
        println!("{balance:?}: p99.9 {p999} ms, {wall} s; one call at a time: {serial} ms, {serial_wall} s");
    }
    for seed in [SEED, 1, 2] {
        let ((p999, wall), (serial, serial_wall)) =
            (run(Balance::Adaptive, false, seed), run(Balance::Adaptive, true, seed));
        println!(
            "Adaptive: p99.9 {p999} ms, {wall} s; one call at a time: {serial} ms, {serial_wall} s; seed {seed}"
        );
        assert!(p999 <= 105 && wall <= 15, "{p999} ms, {wall} s");
    }
}

/// To who measures time alone a replica that fails at once is the quickest (linkerd2-proxy #4537, brpc #3367).
#[test]
fn fast_failing_replica_attracting_load() {
    for balance in [Balance::Adaptive, Balance::LeastLoaded, Balance::PowerOfTwo, Balance::RoundRobin] {
        let mut replicas = vec![Replica { takes: Takes::Exactly(10 * MS), is_serial: false }; 10];
        replicas[3].takes = Takes::FailsAfter(MS);
        let mut simulation = Simulation::new(balance, BalanceSettings::default(), replicas, SEED);
        let ended = simulation.closed_loop(50, 50_000);
        let within = |second: u64| {
            let of_it = |ended: &&Ended| ended.began / SECOND == second;
            let all = ended.iter().filter(of_it).count();
            let failing = ended.iter().filter(of_it).filter(|ended| ended.replica == 3).count();
            failing as f64 * 10.0 / all as f64
        };
        println!("{balance:?}: {:.3} of its fair share in the first second", within(0));
        for second in 0..simulation.now / SECOND - 1 {
            assert!(within(second) <= 0.2, "{balance:?}, second {second}: {}", within(second));
        }
    }
}

#[test]
fn without_ejection_the_penalty_alone_keeps_load_off_a_fast_failing_replica() {
    let settings = BalanceSettings::default().failures_max(u32::MAX);
    let mut replicas = vec![Replica { takes: Takes::Exactly(10 * MS), is_serial: false }; 10];
    replicas[3].takes = Takes::FailsAfter(MS);
    let mut simulation = Simulation::new(Balance::Adaptive, settings, replicas, SEED);
    let ended = simulation.closed_loop(50, 50_000);
    let failing = ended.iter().filter(|ended| ended.replica == 3).count();
    assert!(failing as f64 * 10.0 / ended.len() as f64 <= 0.2, "{failing}");
}

#[test]
fn removing_one_of_n_replicas_moves_its_own_keys_and_no_more() {
    const KEYS: u64 = 100_000;
    for n in [2, 5, 10, 50, 200] {
        let replicas = vec![Replica { takes: Takes::Exactly(1), is_serial: false }; n];
        let mut simulation =
            Simulation::new(Balance::ByKey { bound: 1e6 }, BalanceSettings::default(), replicas, SEED);
        let owners = |simulation: &mut Simulation| -> Vec<usize> {
            let mut keys =
                Simulation::new(Balance::RoundRobin, BalanceSettings::default(), endpoints(true), 7);
            (0..KEYS)
                .map(|_| {
                    let owner = simulation.begin(keys.random());
                    simulation.step();
                    owner
                })
                .collect()
        };
        let before = owners(&mut simulation);
        simulation.balancer.change(|members| drop(members.remove(n / 2)));
        let after = owners(&mut simulation);
        let moved: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        assert!(moved.iter().all(|(before, _)| **before == n / 2), "of {n}: others' keys moved");
        // The keys are a sample: three standard deviations of it beside the bar.
        let part = moved.len() as f64 / KEYS as f64;
        let sampling = 3.0 * (1.0 / n as f64 / KEYS as f64).sqrt();
        println!("{n} replicas: {:.4} of the keys moved, {:.4} is one part", part, 1.0 / n as f64);
        assert!(part <= 1.05 / n as f64 + sampling, "{n}: {part}");
    }
}

#[test]
fn bounded_load_keeps_the_fullest_replica_near_the_mean_under_zipf() {
    // A zipf distribution with exponent 1.0 over 10,000 keys, by its inverse.
    let mut sums = vec![0.0];
    for rank in 1..=10_000 {
        sums.push(sums[rank - 1] + 1.0 / rank as f64);
    }
    let all = *sums.last().unwrap();
    for callers in [1_000, 2_000, 10_000] {
        let replicas = vec![Replica { takes: Takes::UpTo(10 * MS), is_serial: false }; 10];
        let mut simulation =
            Simulation::new(Balance::ByKey { bound: 1.1 }, BalanceSettings::default(), replicas, SEED);
        let begin = |simulation: &mut Simulation| {
            let chance = simulation.random() as f64 / u64::MAX as f64 * all;
            let key = sums.partition_point(|sum| *sum < chance) as u64;
            // Any hash will do, as long as it spreads.
            let hash =
                key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            simulation.begin(hash)
        };
        for _ in 0..callers {
            begin(&mut simulation);
        }
        let mut worst = 0.0f64;
        for _ in 0..20_000 {
            simulation.step();
            begin(&mut simulation);
            let loads: Vec<u32> =
                simulation.balancer.members().iter().map(|member| member.load.in_flight()).collect();
            let mean = loads.iter().sum::<u32>() as f64 / loads.len() as f64;
            worst = worst.max(f64::from(*loads.iter().max().unwrap()) / mean);
        }
        println!("{callers} calls under way: the fullest has at most {worst:.4} of the mean");
        assert!(worst <= 1.10, "{worst}");
    }
}

#[test]
fn a_key_stays_with_its_replica_while_that_has_room() {
    let replicas = vec![Replica { takes: Takes::Exactly(MS), is_serial: false }; 10];
    let balance = Balance::ByKey { bound: 1.1 };
    let mut simulation = Simulation::new(balance, BalanceSettings::default(), replicas, SEED);
    let first = simulation.begin(42);
    simulation.step();
    for _ in 0..100 {
        assert_eq!(simulation.begin(42), first);
        simulation.step();
    }
}

#[test]
fn a_replica_that_hangs_is_avoided_before_a_call_of_its_own_has_ended() {
    // Quick, and from the first second on it takes a minute.
    let mut replicas = vec![Replica { takes: Takes::Exactly(2 * MS), is_serial: false }; 4];
    replicas[0].takes = Takes::Turns(SECOND, MS, 60 * SECOND);
    let mut simulation = Simulation::new(Balance::Adaptive, BalanceSettings::default(), replicas, SEED);
    for _ in 0..8 {
        simulation.begin(0);
    }
    let (mut caught, mut all) = (0, 0);
    while simulation.now < 3 * SECOND {
        simulation.step();
        let replica = simulation.begin(0);
        if simulation.now > SECOND {
            all += 1;
            caught += usize::from(replica == 0);
        }
    }
    assert!(all > 3_000 && caught <= 8, "{caught} of {all}");
}

#[test]
fn a_spike_is_left_and_the_replica_found_well_again() {
    let mut replicas = vec![Replica { takes: Takes::Exactly(5 * MS), is_serial: false }; 4];
    // Slow for its first second, then like the others.
    replicas[2].takes = Takes::Turns(SECOND, 200 * MS, 5 * MS);
    let mut simulation = Simulation::new(Balance::Adaptive, BalanceSettings::default(), replicas, SEED);
    let ended = simulation.closed_loop(16, 400_000);
    let share = |from: u64, to: u64| {
        let of_it: Vec<_> =
            ended.iter().filter(|ended| (from..to).contains(&(ended.began / SECOND))).collect();
        of_it.iter().filter(|ended| ended.replica == 2).count() as f64 * 4.0 / of_it.len() as f64
    };
    assert!(share(0, 1) < 0.2, "{}", share(0, 1));
    assert!(share(60, 120) > 0.8, "{}", share(60, 120));
}

#[test]
fn a_new_replica_starts_slowly_and_comes_to_its_share() {
    for balance in [Balance::RoundRobin, Balance::LeastLoaded, Balance::PowerOfTwo, Balance::Adaptive] {
        let replicas = vec![Replica { takes: Takes::UpTo(10 * MS), is_serial: false }; 4];
        let mut simulation = Simulation::new(balance, BalanceSettings::default(), replicas, SEED);
        // It is there from the start in the simulation, and joins the pool now.
        simulation.balancer.change(|members| {
            let last = members.pop().unwrap();
            members.push(Arc::new(Member {
                id: 9,
                weight: 1,
                load: Load::new(Some(1)),
                target: last.target,
            }));
        });
        let ended = simulation.closed_loop(64, 100_000);
        let share = |from: u64, to: u64| {
            let of_it: Vec<_> =
                ended.iter().filter(|ended| (from..to).contains(&(ended.began / SECOND))).collect();
            of_it.iter().filter(|ended| ended.replica == 3).count() as f64 * 4.0 / of_it.len() as f64
        };
        let (first, later) = (share(0, 1), share(6, 7));
        println!("{balance:?}: {first:.2} of its share in the first second, {later:.2} in the seventh");
        assert!(first < 0.5 && (0.8..1.2).contains(&later), "{balance:?}: {first} {later}");
    }
}

#[test]
fn half_of_the_replicas_stay_in_service_whatever_they_do_and_so_does_the_last() {
    for n in 1..=5 {
        let replicas = vec![Replica { takes: Takes::FailsAfter(MS), is_serial: false }; n];
        let mut simulation = Simulation::new(Balance::PowerOfTwo, BalanceSettings::default(), replicas, SEED);
        let ended = simulation.closed_loop(8, 20_000);
        assert_eq!(ended.len(), 20_000);
        let out = simulation.balancer.members().iter().filter(|m| m.load.is_out(simulation.now)).count();
        assert_eq!(out, n / 2, "of {n}");
    }
}

#[test]
fn an_ejected_replica_is_readmitted_and_each_time_in_a_row_later() {
    let mut replicas = vec![Replica { takes: Takes::Exactly(10 * MS), is_serial: false }; 3];
    replicas[0].takes = Takes::FailsAfter(MS);
    let mut simulation = Simulation::new(Balance::RoundRobin, BalanceSettings::default(), replicas, SEED);
    let mut ejected_at = Vec::new();
    for _ in 0..4 {
        simulation.begin(0);
    }
    while simulation.now < 20 * SECOND {
        simulation.step();
        simulation.begin(0);
        let ejections = simulation.balancer.members()[0].load.numbers(simulation.now).ejections;
        if ejections > ejected_at.len() as u64 {
            ejected_at.push(simulation.now);
        }
    }
    let gaps: Vec<u64> = ejected_at.windows(2).map(|pair| (pair[1] - pair[0]) / SECOND).collect();
    assert_eq!(gaps.len(), 4, "{gaps:?}");
    for (gap, out) in gaps.iter().zip([1, 2, 4, 8]) {
        assert!((out..out + 2).contains(gap), "{gaps:?}");
    }
}

#[test]
fn a_scripted_run_is_counted_exactly() {
    let replicas = vec![Replica { takes: Takes::Exactly(10 * MS), is_serial: true }; 1];
    let mut simulation = Simulation::new(Balance::RoundRobin, BalanceSettings::default(), replicas, SEED);
    for _ in 0..3 {
        simulation.begin(0);
    }
    let load = |simulation: &Simulation| simulation.balancer.members()[0].load.numbers(simulation.now);
    simulation.now = 5 * MS + 1;
    let numbers = load(&simulation);
    assert_eq!((numbers.picks, numbers.in_flight, numbers.busy, numbers.took), (3, 3, 5 * MS, 0));
    for _ in 0..3 {
        simulation.step();
    }
    let numbers = load(&simulation);
    // They took 10, 20 and 30 ms, of which 10 each at work.
    assert_eq!((numbers.answered, numbers.in_flight, numbers.busy, numbers.took), (3, 0, 30 * MS, 60 * MS));
    let call = simulation.balancer.begin(simulation.now, 0, 0, |_| 0);
    simulation.balancer.end(&call, simulation.now + MS, Outcome::Failed);
    let call = simulation.balancer.begin(simulation.now, 0, 0, |_| 0);
    simulation.balancer.end(&call, simulation.now + MS, Outcome::Left);
    let call = simulation.balancer.begin(simulation.now, 0, 0, |_| 0);
    simulation.balancer.told(&call, simulation.now);
    let numbers = load(&simulation);
    assert_eq!((numbers.picks, numbers.failed, numbers.left, numbers.told), (6, 1, 1, 1));
}
