//! The same shards pinned to cores, and on workers that steal from each other.
//!
//! 16 shards, each with a table of its own; a message changes some places of it, which its key names. The peer `ostraca`
//! has them on the system's two workers, where an ask of an idle shard runs on its asker's thread; the peer `pinned` on a
//! pinned thread for each of two cores. Producers are tasks on the two workers in both, as the handlers of a server are;
//! in `relay` there are none: 64 tokens go from shard to shard.
//!
//! With `4K` a shard's table is 4 KiB and four places change, so that all shards fit in a core's first cache; with `64K` it is
//! 64 KiB and 64 places change: half of them fit in a second cache of 1 MiB, and all of them do not fit beside much else.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ostraca::prelude::*;
use tokio::sync::Notify;

use crate::actors::host::WORKERS;
use crate::actors::peers::tokio::on_two_workers;
use crate::work::{Figures, Group, Work};

const SHARDS: usize = 16;
const ASKERS: u64 = 8;
const TELLERS: u64 = 4;
const TOKENS: u64 = 64;

pub fn group() -> Group {
    const SMALL: Table = Table { bytes: 4 << 10, places: 4 };
    const LARGE: Table = Table { bytes: 64 << 10, places: 64 };
    const N: u64 = 1_000_000;
    let works = vec![
        Work::new("shards/ask-4K", &[])
            .by("ostraca", "stealing", N, |ops| ask(ops, Home::Workers, SMALL))
            .by("pinned", "", N / 4, |ops| ask(ops, Home::Pinned, SMALL)),
        Work::new("shards/ask-64K", &[])
            .by("ostraca", "stealing", N, |ops| ask(ops, Home::Workers, LARGE))
            .by("pinned", "", N / 4, |ops| ask(ops, Home::Pinned, LARGE)),
        Work::new("shards/tell-4K", &[])
            .by("ostraca", "stealing", N, |ops| tell(ops, Home::Workers, SMALL))
            .by("pinned", "", N, |ops| tell(ops, Home::Pinned, SMALL)),
        Work::new("shards/tell-64K", &[])
            .by("ostraca", "stealing", N, |ops| tell(ops, Home::Workers, LARGE))
            .by("pinned", "", N, |ops| tell(ops, Home::Pinned, LARGE)),
        Work::new("shards/relay-4K", &[])
            .by("ostraca", "stealing", N, |ops| relay(ops, Home::Workers, SMALL))
            .by("pinned", "", N, |ops| relay(ops, Home::Pinned, SMALL)),
        Work::new("shards/relay-64K", &[])
            .by("ostraca", "stealing", N, |ops| relay(ops, Home::Workers, LARGE))
            .by("pinned", "", N, |ops| relay(ops, Home::Pinned, LARGE)),
    ];
    Group { name: "shards", works }
}

#[derive(Clone, Copy)]
enum Home {
    Workers,
    Pinned,
}

#[derive(Clone, Copy)]
struct Table {
    bytes: usize,
    places: u64,
}

/// What shards share: themselves, and the end of a relay.
#[derive(Default)]
struct Common {
    all: OnceLock<Shards<Shard>>,
    tokens: AtomicU64,
    arrived: Notify,
}

struct Shard {
    table: Vec<u64>,
    places: u64,
    handled: u64,
    common: Arc<Common>,
}

#[actor]
impl Shard {
    #[start]
    fn start(table: Table, common: Arc<Common>) -> Self {
        Shard { table: vec![1; table.bytes / 8], places: table.places, handled: 0, common }
    }

    #[handler]
    fn change(&mut self, #[key] key: u64, by: u64) -> u64 {
        self.apply(key, by)
    }

    /// Goes on to the shard of another key, as long as there are hops left.
    #[handler]
    fn pass(&mut self, #[key] key: u64, left: u64) {
        self.apply(key, left);
        if left > 0 {
            // No mailbox holds more than the tokens there are.
            self.common.all.get().unwrap().pass(mix(key), left - 1).tell().unwrap();
        } else if self.common.tokens.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.common.arrived.notify_one();
        }
    }

    #[handler]
    fn handled(&mut self) -> u64 {
        self.handled
    }
}

impl Shard {
    fn apply(&mut self, key: u64, by: u64) -> u64 {
        self.handled += 1;
        let mut place = key;
        let mut sum = 0u64;
        for _ in 0..self.places {
            place = mix(place);
            let at = place as usize & (self.table.len() - 1);
            let entry = &mut self.table[at];
            *entry = entry.wrapping_add(by);
            sum = sum.wrapping_add(*entry);
        }
        sum
    }
}

/// SplitMix64's step.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

async fn shards(home: Home, table: Table) -> (System, Shards<Shard>, Arc<Common>) {
    let common = Arc::new(Common::default());
    let args = (table, common.clone());
    let (system, shards) = match home {
        Home::Workers => {
            let system = System::start().unwrap();
            let shards = system.shards::<Shard>(SHARDS, args).await.unwrap();
            (system, shards)
        }
        Home::Pinned => {
            let system = System::builder().pinned_cores_auto(WORKERS).start().unwrap();
            assert!(system.cores().threads.iter().all(|thread| thread.is_pinned()), "{}", system.cores());
            let shards = system.shards_pinned::<Shard>(SHARDS, args).await.unwrap();
            (system, shards)
        }
    };
    system.monitor();
    assert!(common.all.set(shards.clone()).is_ok());
    (system, shards, common)
}

/// Every message was handled, by every shard its share.
async fn check(system: System, shards: Shards<Shard>, ops: u64) {
    let handled: Vec<u64> = shards.all().handled().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(handled.iter().sum::<u64>(), ops);
    assert!(handled.iter().all(|&handled| handled > ops / SHARDS as u64 / 2), "{handled:?}");
    system.stop().await;
}

fn ask(ops: u64, home: Home, table: Table) -> Figures {
    on_two_workers(move || async move {
        let (system, shards, _) = shards(home, table).await;
        let began = Instant::now();
        let askers: Vec<_> = (0..ASKERS)
            .map(|asker| {
                let shards = shards.clone();
                tokio::spawn(async move {
                    let mut key = asker;
                    for _ in 0..ops / ASKERS {
                        key = mix(key);
                        shards.change(key, 1).await.unwrap();
                    }
                })
            })
            .collect();
        for asker in askers {
            asker.await.unwrap();
        }
        let took = began.elapsed();
        let ops = ops / ASKERS * ASKERS;
        check(system, shards, ops).await;
        Figures::each(took, ops)
    })
}

fn tell(ops: u64, home: Home, table: Table) -> Figures {
    on_two_workers(move || async move {
        let (system, shards, _) = shards(home, table).await;
        let began = Instant::now();
        let tellers: Vec<_> = (0..TELLERS)
            .map(|teller| {
                let shards = shards.clone();
                tokio::spawn(async move {
                    let mut key = teller;
                    for _ in 0..ops / TELLERS {
                        key = mix(key);
                        shards.change(key, 1).send().await.unwrap();
                    }
                })
            })
            .collect();
        for teller in tellers {
            teller.await.unwrap();
        }
        // Behind all that was sent.
        let all = shards.all().handled().await;
        let took = began.elapsed();
        assert!(all.iter().all(Result::is_ok));
        let ops = ops / TELLERS * TELLERS;
        check(system, shards, ops).await;
        Figures::each(took, ops)
    })
}

fn relay(ops: u64, home: Home, table: Table) -> Figures {
    on_two_workers(move || async move {
        let (system, shards, common) = shards(home, table).await;
        common.tokens.store(TOKENS, Ordering::Release);
        let hops = ops / TOKENS;
        let began = Instant::now();
        for token in 0..TOKENS {
            shards.pass(mix(token), hops - 1).send().await.unwrap();
        }
        common.arrived.notified().await;
        let took = began.elapsed();
        check(system, shards, hops * TOKENS).await;
        Figures::each(took, hops * TOKENS)
    })
}
