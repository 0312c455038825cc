//! Whether the monitor foretells a peak: it sees loads up to 60 % of it, and then the peak is measured.
//!
//! ```text
//!   a system:      peak, roughly ──> what 60 % are
//!   a second one:  10 % .. 20 % .. 60 %, messages at random ──> Monitor::capacity ──> peak, measured
//! ```
//!
//! The first figure is how far the estimate is from the measured peak, in percent; the second how far the peak is beyond
//! the estimate's interval, 0 if it is within. Messages come at random (each millisecond as many as fall into it), from
//! one task; at the peak there are always more than can be handled. The peak is of one type of actor, on the two
//! processors that its handlers share with the load.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ostraca::monitor::MonitorSettings;
use ostraca::pool::Pool;
use ostraca::prelude::*;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::actors::peers::two_workers;
use crate::pools::random;
use crate::work::{Bar, Figures, Group, Work};

/// Parts of the peak that are offered, for so long each.
const PARTS: [f64; 9] = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.55, 0.6];
const STEP: Duration = Duration::from_millis(2_500);
const PULLS: Duration = Duration::from_millis(250);
const PEAK: Duration = Duration::from_secs(4);
/// Senders that keep everything busy.
const SENDERS: u64 = 64;

pub fn group() -> Group {
    let foretells = |name, beyond, run| {
        Work::new(name, &[Bar::AtMost(10.0)])
            .and_row(beyond, &[Bar::AtMost(0.0)])
            .in_percent()
            .by("ostraca", "from 60 %", 1, run)
            .rounds_max(3)
    };
    let works = vec![
        foretells("capacity/cpu-sharded", "capacity/cpu-sharded-beyond", |_| foretold::<Sharded>()),
        foretells("capacity/contended", "capacity/contended-beyond", |_| foretold::<Contended>()),
        foretells("capacity/pool-store", "capacity/pool-store-beyond", |_| foretold::<Stored>()),
    ];
    Group { name: "capacity", works }
}

/// A system with one kind of work.
trait Kind: Clone + Send + Sync + 'static {
    const TYPE: &'static str;
    fn start(system: &System) -> impl Future<Output = Self> + Send;
    fn tell(&self, key: u64);
    /// Waits for an answer.
    fn ask(&self, key: u64) -> impl Future<Output = bool> + Send;
}

/// Work for a processor: it takes the same time whoever does it.
fn work(rounds: u64, seed: u64) -> u64 {
    (0..rounds).fold(seed, |hash, round| black_box(hash.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ round))
}

struct Hasher;

#[actor(mailbox(len_max = 4096))]
impl Hasher {
    #[start]
    fn start() -> Self {
        Hasher
    }

    #[handler]
    fn mix(&mut self, #[key] key: u64) -> u64 {
        work(100_000, key)
    }
}

/// Shards that share nothing but the processors.
#[derive(Clone)]
struct Sharded(Shards<Hasher>);

impl Kind for Sharded {
    const TYPE: &'static str = "Hasher";

    async fn start(system: &System) -> Self {
        Sharded(system.shards(16, ()).await.expect("shards start"))
    }

    fn tell(&self, key: u64) {
        // One that is not taken is not done.
        let _full = self.0.mix(key).tell();
    }

    async fn ask(&self, key: u64) -> bool {
        self.0.mix(key).await.is_ok()
    }
}

struct Locker {
    lock: Arc<Mutex<u64>>,
}

#[actor(mailbox(len_max = 4096))]
impl Locker {
    #[start]
    fn start(lock: Arc<Mutex<u64>>) -> Self {
        Locker { lock }
    }

    /// A quarter of its work is under a lock that all share.
    #[handler]
    fn tally(&mut self, #[key] key: u64) -> u64 {
        let hash = work(75_000, key);
        let mut sum = self.lock.lock().expect("nobody panics");
        *sum = work(25_000, *sum ^ hash);
        *sum
    }
}

#[derive(Clone)]
struct Contended(Shards<Locker>);

impl Kind for Contended {
    const TYPE: &'static str = "Locker";

    async fn start(system: &System) -> Self {
        Contended(system.shards(16, Arc::default()).await.expect("shards start"))
    }

    fn tell(&self, key: u64) {
        let _full = self.0.tally(key).tell();
    }

    async fn ask(&self, key: u64) -> bool {
        self.0.tally(key).await.is_ok()
    }
}

struct Writer {
    commit: Arc<Mutex<()>>,
    state: u64,
}

#[actor(mailbox(len_max = 4096))]
impl Writer {
    #[start]
    fn start(commit: Arc<Mutex<()>>) -> Self {
        Writer { commit, state: 7 }
    }

    /// A store that answers in 2 to 4 ms, and commits one after the other.
    #[handler]
    async fn write(&mut self, _key: u64) {
        let commit = self.commit.clone();
        let micros = 2_000 + random(&mut self.state) % 2_000;
        let store = move || {
            std::thread::sleep(Duration::from_micros(micros));
            let _alone = commit.lock().expect("nobody panics");
            std::thread::sleep(Duration::from_micros(100));
        };
        tokio::task::spawn_blocking(store).await.expect("the store does not panic");
    }
}

#[derive(Clone)]
struct Stored(Pool<Writer>);

impl Kind for Stored {
    const TYPE: &'static str = "Writer";

    async fn start(system: &System) -> Self {
        Stored(system.pool(Arc::default()).concurrency(8).start().await.expect("a pool starts"))
    }

    fn tell(&self, key: u64) {
        let _full = self.0.write(key).tell();
    }

    async fn ask(&self, key: u64) -> bool {
        self.0.write(key).await.is_ok()
    }
}

fn foretold<K: Kind>() -> Figures {
    two_workers().block_on(async {
        let system = System::start().expect("a system");
        let kind = K::start(&system).await;
        let roughly = peak(&system, &kind, PEAK / 2).await;
        system.stop().await;

        let settings = MonitorSettings::default().interval(PULLS);
        let system = System::builder().monitor(settings).start().expect("a system");
        let kind = K::start(&system).await;
        system.monitor();
        let mut state = 0x9e37_79b9_7f4a_7c15;
        for part in PARTS {
            offer(&kind, roughly * part, &mut state).await;
        }
        let capacity = system.monitor().capacity().expect("there were pulls");
        let of = capacity.types.iter().find(|of| of.type_name == K::TYPE).expect("it had messages");
        let estimate = of.saturates_at.expect("there was load enough");
        let measured = peak(&system, &kind, PEAK).await;
        system.stop().await;
        eprintln!(
            "{}: {:.0} to {:.0}, most likely {:.0} messages/s foretold, {measured:.0} measured; {capacity}; {:?}",
            K::TYPE, estimate.low, estimate.high, estimate.value, of.law
        );
        let percent = |value: f64| 100.0 * (value / measured - 1.0);
        let beyond = percent(estimate.low).max(-percent(estimate.high)).max(0.0);
        Figures(vec![percent(estimate.value).abs(), beyond])
    })
}

/// Messages at random, so many a second, for a step.
async fn offer<K: Kind>(kind: &K, per_second: f64, state: &mut u64) {
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut next = 0.0;
    while began.elapsed() < STEP {
        tick.tick().await;
        let now = began.elapsed().as_secs_f64();
        while next <= now {
            kind.tell(random(state));
            let part = ((random(state) >> 11) + 1) as f64 / (1u64 << 53) as f64;
            next += -part.ln() / per_second;
        }
    }
}

/// Messages handled a second when there are always more.
async fn peak<K: Kind>(system: &System, kind: &K, time: Duration) -> f64 {
    let senders: Vec<_> = (1..=SENDERS)
        .map(|sender| {
            let (kind, mut state) = (kind.clone(), sender.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            tokio::spawn(async move { while kind.ask(random(&mut state)).await {} })
        })
        .collect();
    let handled =
        async || system.monitor().latest().await.of_type(K::TYPE).map_or(0, |of| of.numbers.handled);
    sleep(Duration::from_millis(500)).await;
    let (began, before) = (Instant::now(), handled().await);
    sleep(time).await;
    let (took, after) = (began.elapsed(), handled().await);
    senders.iter().for_each(tokio::task::JoinHandle::abort);
    (after - before) as f64 / took.as_secs_f64()
}
