use super::*;

fn balancer(balance: Balance, weights: &[u32]) -> Balancer<usize> {
    let member = |(target, weight): (usize, &u32)| Member {
        id: target as u64,
        weight: *weight,
        load: Load::new(None),
        target,
    };
    Balancer::new(balance, Settings::default(), weights.iter().enumerate().map(member).collect())
}

fn picks(balancer: &Balancer<usize>, count: u64) -> Vec<usize> {
    (1..=count).map(|at| *balancer.begin(at, 0, roster::mix(at), |_| 0).target()).collect()
}

#[test]
fn weights_are_heeded_by_every_strategy_but_round_robin() {
    for balance in [Balance::Weighted, Balance::LeastLoaded, Balance::PowerOfTwo, Balance::Adaptive] {
        let balancer = balancer(balance, &[1, 2, 4]);
        let picks = picks(&balancer, 7_000);
        let count = |member| picks.iter().filter(|pick| **pick == member).count();
        for (member, share) in [(0, 1_000), (1, 2_000), (2, 4_000)] {
            // Nobody has ended: the calls under way are what is balanced.
            assert!(
                count(member).abs_diff(share) <= share / 20,
                "{balance:?}: {member} has {}",
                count(member)
            );
        }
    }
    let picks = picks(&balancer(Balance::RoundRobin, &[1, 2, 4]), 6);
    assert_eq!(picks, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn what_waits_in_a_mailbox_counts_where_it_is_more_than_the_calls() {
    for balance in [Balance::LeastLoaded, Balance::Adaptive] {
        let balancer = balancer(balance, &[1; 4]);
        for at in 1..100 {
            let call = balancer.begin(at, 0, roster::mix(at), |&target| if target == 2 { 0 } else { 5 });
            assert_eq!(*call.target(), 2);
            balancer.told(&call, at);
        }
    }
}

#[test]
fn a_member_that_leaves_is_not_begun_with() {
    let balancer = balancer(Balance::RoundRobin, &[1, 1]);
    let gone = balancer.members()[0].clone();
    balancer.change(|members| drop(members.remove(0)));
    gone.load.leave();
    assert!(balancer.begin_at(&gone, 1).is_none());
    assert!(gone.load.is_idle());
    assert_eq!(gone.load.numbers(1), LoadNumbers::default());
    assert_eq!(picks(&balancer, 3), [1, 1, 1]);
}

#[test]
fn a_call_that_is_taken_back_leaves_no_trace() {
    let balancer = balancer(Balance::ByKey { bound: 1.1 }, &[1, 1]);
    let call = balancer.begin(5, 0, 0, |_| 0);
    balancer.take_back(&call, 9);
    assert!(call.member().load.is_idle());
    let numbers = call.member().load.numbers(9);
    assert_eq!((numbers.picks, numbers.took), (0, 0));
    assert_eq!(call.member().load.cost(9, &Settings::default()), None);
}

#[test]
fn who_is_not_known_yet_gets_calls_without_a_flood() {
    let balancer = balancer(Balance::Adaptive, &[1; 4]);
    // Three are known to take a millisecond.
    for member in &balancer.members()[..3] {
        let call = balancer.begin_at(member, 1).expect("it is there");
        balancer.end(&call, 1_000_001, Outcome::Answered);
    }
    let calls: Vec<_> = (0..40).map(|at| balancer.begin(1_000_002, 0, roster::mix(at), |_| 0)).collect();
    let new = calls.iter().filter(|call| *call.target() == 3).count();
    assert!((9..=11).contains(&new), "{new} of 40 went to the new one of four");
}

#[test]
fn pools_that_change_while_calls_begin_and_end_lose_no_count() {
    let balancer = balancer(Balance::PowerOfTwo, &[1; 4]);
    let is_over = crate::sync::atomic::AtomicBool::new(false);
    let gone = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|caller| {
                let balancer = &balancer;
                scope.spawn(move || {
                    for at in 1..20_000 {
                        let call = balancer.begin(at, 0, roster::mix(at ^ caller << 40), |_| 0);
                        balancer.end(&call, at + 7, Outcome::Answered);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut id = 100;
            while !is_over.load(Ordering::Relaxed) {
                id += 1;
                let load = Load::new(None);
                balancer.change(|members| members.push(Arc::new(Member { id, weight: 1, load, target: 0 })));
                let mut oldest = None;
                balancer.change(|members| oldest = Some(members.remove(0)));
                let oldest = oldest.expect("there are four");
                oldest.load.leave();
                gone.lock().push(oldest);
            }
        });
        callers.into_iter().for_each(|caller| caller.join().expect("a caller does not panic"));
        is_over.store(true, Ordering::Relaxed);
    });
    let (mut answered, mut took, mut picks) = (0, 0, 0);
    for member in balancer.members().iter().chain(gone.lock().iter()) {
        let numbers = member.load.numbers(1);
        assert_eq!(numbers.in_flight, 0);
        answered += numbers.answered;
        took += numbers.took;
        picks += numbers.picks;
    }
    assert_eq!((answered, picks, took), (3 * 19_999, 3 * 19_999, 3 * 19_999 * 7));
}
