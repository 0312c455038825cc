//! Callers and replicas in virtual time, around the real strategies.
//!
//! A heap of ends of calls is all there is: each is taken out at its moment, and its caller begins the next call.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ostraca::pool::{Balance, BalanceSettings, Balancer, Call, Load, Member, Outcome};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;

/// How long a replica takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// Anything from nothing to this, evenly.
    UpTo(u64),
    Exactly(u64),
    /// Fails after this.
    FailsAfter(u64),
    /// As the first before the moment, as the second from then on.
    Turns(u64, u64, u64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Replica {
    pub(crate) takes: Takes,
    /// One call at a time, as an actor whose handler waits.
    pub(crate) is_serial: bool,
}

pub(crate) struct Simulation {
    pub(crate) balancer: Balancer<usize>,
    replicas: Vec<Replica>,
    /// Until when a serial replica has work.
    busy_until: Vec<u64>,
    ends: BinaryHeap<Reverse<(u64, u64)>>,
    under_way: std::collections::HashMap<u64, Flight>,
    next_id: u64,
    pub(crate) now: u64,
    random: u64,
}

struct Flight {
    call: Call<usize>,
    began: u64,
    is_failure: bool,
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) replica: usize,
    pub(crate) began: u64,
    pub(crate) took: u64,
}

impl Simulation {
    pub(crate) fn new(
        balance: Balance,
        settings: BalanceSettings,
        replicas: Vec<Replica>,
        seed: u64,
    ) -> Self {
        let member = |target| Member { id: target as u64, weight: 1, load: Load::new(None), target };
        let balancer = Balancer::new(balance, settings, (0..replicas.len()).map(member).collect());
        let busy_until = vec![0; replicas.len()];
        let ends = BinaryHeap::new();
        let under_way = std::collections::HashMap::new();
        Simulation { balancer, replicas, busy_until, ends, under_way, next_id: 0, now: 1, random: seed }
    }

    /// SplitMix64.
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn begin(&mut self, key: u64) -> usize {
        let random = self.random();
        let call = self.balancer.begin(self.now, key, random, |_| 0);
        let replica = *call.target();
        let chance = self.random();
        let Replica { takes, is_serial } = self.replicas[replica];
        let takes = match takes {
            Takes::Turns(at, before, after) => Takes::Exactly(if self.now < at { before } else { after }),
            takes => takes,
        };
        let (takes, is_failure) = match takes {
            Takes::UpTo(most) => (((chance >> 32) * most) >> 32, false),
            Takes::Exactly(takes) | Takes::Turns(_, takes, _) => (takes, false),
            Takes::FailsAfter(takes) => (takes, true),
        };
        let from = if is_serial { self.busy_until[replica].max(self.now) } else { self.now };
        self.busy_until[replica] = from + takes;
        self.next_id += 1;
        self.ends.push(Reverse((from + takes, self.next_id)));
        self.under_way.insert(self.next_id, Flight { call, began: self.now, is_failure });
        replica
    }

    /// Goes on to the next end of a call.
    pub(crate) fn step(&mut self) -> Ended {
        let Reverse((at, id)) = self.ends.pop().expect("a call is under way");
        self.now = at;
        let Flight { call, began, is_failure } = self.under_way.remove(&id).expect("it is under way");
        let outcome = if is_failure { Outcome::Failed } else { Outcome::Answered };
        self.balancer.end(&call, at, outcome);
        Ended { replica: *call.target(), began, took: at - began }
    }

    /// `requests` calls by `callers` who each begin the next when the last has ended.
    pub(crate) fn closed_loop(&mut self, callers: usize, requests: usize) -> Vec<Ended> {
        for _ in 0..callers {
            self.begin(0);
        }
        let mut ended = Vec::with_capacity(requests);
        while ended.len() < requests {
            ended.push(self.step());
            if ended.len() + self.ends.len() < requests {
                self.begin(0);
            }
        }
        ended
    }
}

/// The value below which this part of them lies, by the nearest rank.
pub(crate) fn quantile(values: impl IntoIterator<Item = u64>, part: f64) -> u64 {
    let mut values: Vec<u64> = values.into_iter().collect();
    values.sort_unstable();
    values[((values.len() as f64 * part).ceil() as usize).clamp(1, values.len()) - 1]
}
