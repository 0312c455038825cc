//! The tuner on real actors, in paused time: from bad settings to good ones, and from good ones nowhere.
//!
//! The best is what a grid over both settings finds, each point in a system of its own. `OSTRACA_SEED` says where the
//! tuner begins.

use std::sync::OnceLock;
use std::time::Duration;

use ostraca::monitor::{Decision, KnobName, Tuning, Verdict};
use ostraca::overload::{Limit, LimitSettings, Priority};
use ostraca::pool::Pool;
use ostraca::prelude::*;
use ostraca_tests::random::Random;
use ostraca_tests::runs::number;
use tokio::time::sleep;

/// Callers that come back as soon as they are answered, after a pause.
const CALLERS: usize = 24;

/// Writes orders: a call costs 12 ms, and each order of it 0.2 ms, more where there are many.
struct Orders {
    random: Random,
}

#[derive(Message)]
struct Order;

#[actor]
impl Orders {
    #[start]
    fn start(seed: u64) -> Self {
        Orders { random: Random(seed) }
    }

    #[handler(batch(len_max = 1024, wait_max = "1ms"))]
    async fn place(&mut self, batch: Batch<Order>) {
        let len = batch.len() as f64;
        let millis = 12.0 + 0.2 * len + 0.016 * len * len;
        // No store takes the same time twice.
        let noise = 0.9 + 0.2 * self.random.part();
        sleep(Duration::from_secs_f64(millis * noise / 1e3)).await;
        batch.into_iter().for_each(|order| order.reply(()));
    }
}

/// Begins there, and is tuned or not. Orders handled after each of so many seconds, and what was decided.
async fn run(len: f64, wait: f64, is_tuned: bool, seconds: &[u64], seed: u64) -> (Vec<u64>, Vec<Decision>) {
    let system = System::start().unwrap();
    let orders = system.spawn::<Orders>(seed).await.unwrap();
    let mut random = Random(seed);
    for _ in 0..CALLERS {
        let (orders, mut random) = (orders.clone(), Random(random.draw() | 1));
        tokio::spawn(async move {
            while orders.place(Order).await.is_ok() {
                sleep(random.gap(100.0)).await;
            }
        });
    }
    let (lens, waits) = match is_tuned {
        true => (1..=256, Duration::ZERO..=Duration::from_millis(64)),
        false => (len as usize..=len as usize, micros(wait)..=micros(wait)),
    };
    let tuning = Tuning::new().batch_len::<Orders>("place", lens).begin_at(len);
    system.monitor().tune(tuning.batch_wait::<Orders>("place", waits).begin_at(wait));
    let (mut all, mut at) = (Vec::new(), 0);
    for second in seconds {
        sleep(Duration::from_secs(second - at)).await;
        at = *second;
        all.push(system.monitor().latest().await.of_type("Orders").unwrap().numbers.handled);
    }
    let decisions = system.monitor().decisions();
    system.stop().await;
    (all, decisions)
}

/// Orders a second with these settings, once they have settled.
fn rate_at(len: f64, wait: f64) -> f64 {
    let (all, _) = paused().block_on(run(len, wait, false, &[2, 17], 7));
    (all[1] - all[0]) as f64 / 15.0
}

fn micros(micros: f64) -> Duration {
    Duration::from_secs_f64(micros / 1e6)
}

const LENS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 32.0, 256.0];
const WAITS: [f64; 6] = [0.0, 1e3, 2e3, 4e3, 16e3, 64e3];

/// The best of the grid, with its length and wait.
fn best_of_grid() -> (f64, f64, f64) {
    static BEST: OnceLock<(f64, f64, f64)> = OnceLock::new();
    *BEST.get_or_init(|| {
        let grid = LENS.into_iter().flat_map(|len| WAITS.map(|wait| (rate_at(len, wait), len, wait)));
        let best = grid.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        println!("the grid's best: {:.0} orders/s at {} and {} us", best.0, best.1, best.2);
        best
    })
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn from_bad_settings_it_reaches_95_percent_of_the_best_within_five_minutes() {
    let seed = number("OSTRACA_SEED").unwrap_or(1);
    println!("OSTRACA_SEED={seed}");
    let (best, ..) = best_of_grid();
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seed);
    let mut bad = Vec::new();
    while bad.len() < number("OSTRACA_TUNING_STARTS").unwrap_or(3) {
        let mut one_of = |values: &[f64]| values[random.draw() as usize % values.len()];
        let (len, wait) = (one_of(&LENS), one_of(&WAITS));
        let rate = rate_at(len, wait);
        if rate < 0.8 * best {
            bad.push((len, wait, rate));
        }
    }
    for (len, wait, rate) in bad {
        let minutes: Vec<u64> = (0..=10).map(|half| 30 * half).collect();
        let (all, decisions) = paused().block_on(run(len, wait, true, &minutes, random.draw() | 1));
        // Trials that go on are in it.
        let parts: Vec<f64> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 30.0 / best).collect();
        println!(
            "from {len} and {wait} us, {:.0} % of the best; each half minute: {parts:.3?}",
            100.0 * rate / best
        );
        let kept = decisions.iter().filter(|decision| decision.verdict == Verdict::Kept);
        kept.for_each(|decision| println!("    {decision}"));
        assert!(f64::midpoint(parts[8], parts[9]) >= 0.95, "{decisions:#?}");
    }
}

#[test]
fn from_a_good_setting_it_is_never_more_than_1_percent_worse() {
    let (_, len, wait) = best_of_grid();
    for seed in [3, 5, 9].into_iter().take(number("OSTRACA_TUNING_STARTS").unwrap_or(1)) {
        let (untouched, _) = paused().block_on(run(len, wait, false, &[300], seed));
        let (tuned, decisions) = paused().block_on(run(len, wait, true, &[300], seed));
        let part = tuned[0] as f64 / untouched[0] as f64;
        println!("{:.2} % of what it does untouched, with {} trials", 100.0 * part, decisions.len() / 2);
        assert!(part >= 0.99, "{decisions:#?}");
    }
}

/// A pool whose store likes six callers at once.
struct Resizer {
    store: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

#[actor]
impl Resizer {
    #[start]
    fn start(store: std::sync::Arc<std::sync::atomic::AtomicUsize>) -> Self {
        Resizer { store }
    }

    #[handler]
    async fn half(&mut self) {
        use std::sync::atomic::Ordering::Relaxed;
        let others = self.store.fetch_add(1, Relaxed) as f64;
        sleep(Duration::from_secs_f64((4.0 + 0.08 * others * others) / 1e3)).await;
        self.store.fetch_sub(1, Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_tuned_to_what_its_store_can_take() {
    for begins_at in [1.0, 24.0] {
        let system = System::start().unwrap();
        let pool = system.pool::<Resizer>(std::sync::Arc::default()).concurrency(3).start().await.unwrap();
        for _ in 0..32 {
            let pool = pool.clone();
            tokio::spawn(async move { while pool.half().await.is_ok() {} });
        }
        system.monitor().tune(Tuning::new().pool_size(&pool, 1..=32).begin_at(begins_at));
        sleep(Duration::from_secs(120)).await;
        let decisions = system.monitor().decisions();
        let kept = decisions.iter().rev().find(|decision| decision.verdict == Verdict::Kept).unwrap();
        // X(n) = n / (4 + 0.08 (n - 1)^2) is greatest at 7, and within 10 % of that from 5 to 11.
        println!("from {begins_at} to {kept}");
        assert!((5.0..=11.0).contains(&kept.to), "{decisions:#?}");
        // One more or less while another is tried.
        assert!((3..=16).contains(&Pool::len(&pool)), "{}", Pool::len(&pool));
        system.stop().await;
    }
}

/// A backend whose throughput by time is greatest where four calls at once use it: n / (16 + 0.32 n^2)^2 is.
#[tokio::test(start_paused = true)]
async fn a_limit_is_tuned_to_where_throughput_by_time_is_greatest() {
    for begins_at in [1, 32] {
        let system = System::start().unwrap();
        // It would let in as many as come, and calls may take as long as they like: what it learns by itself is no bound.
        let limit = Limit::new(LimitSettings::default().bounds(1, 32).tolerance(1e3));
        let store = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
        for caller in 1..=40 {
            let (limit, store, mut random) = (limit.clone(), store.clone(), Random(caller));
            tokio::spawn(async move {
                use std::sync::atomic::Ordering::Relaxed;
                loop {
                    let Some(permit) = limit.try_acquire(Priority::High) else {
                        sleep(Duration::from_millis(50)).await;
                        continue;
                    };
                    let now = (store.fetch_add(1, Relaxed) + 1) as f64;
                    let noise = 0.9 + 0.2 * random.part();
                    sleep(Duration::from_secs_f64((16.0 + 0.32 * now * now) * noise / 1e3)).await;
                    store.fetch_sub(1, Relaxed);
                    permit.answered();
                }
            });
        }
        system.monitor().tune(Tuning::new().limit("backend", &limit, 1..=32).begin_at(f64::from(begins_at)));
        sleep(Duration::from_secs(120)).await;
        let decisions = system.monitor().decisions();
        let kept = decisions.iter().rev().find(|decision| decision.verdict == Verdict::Kept).unwrap();
        println!("from {begins_at} to {kept}");
        // From three to six it is within an eighth of that.
        assert!((3.0..=6.0).contains(&kept.to), "{decisions:#?}");
        assert_eq!(kept.knob, KnobName::Limit { name: "backend".to_owned() });
        // An empty tuning ends the trial that may go on, and leaves what was kept.
        system.monitor().tune(Tuning::new());
        sleep(Duration::from_secs(1)).await;
        assert_eq!((f64::from(limit.max()), limit.numbers().limit), (kept.to, limit.max()));
        system.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_it_would_try_and_changes_nothing() {
    let system = System::start().unwrap();
    let pool = system.pool::<Resizer>(std::sync::Arc::default()).concurrency(3).start().await.unwrap();
    system.monitor().tune(Tuning::new().pool_size(&pool, 1..=32).dry_run());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(Pool::len(&pool), 3);
    let decisions = system.monitor().decisions();
    let tried: Vec<_> = decisions.iter().map(|decision| (decision.from, decision.to)).collect();
    assert_eq!(tried, [(3.0, 6.0), (3.0, 1.0), (3.0, 4.0), (3.0, 2.0)]);
    assert!(decisions.iter().all(|decision| decision.is_dry_run && decision.verdict == Verdict::Tried));
    let says = decisions[0].to_string();
    assert!(says.starts_with("pool of Resizer replicas: 3 to 6 replicas, tried (dry run)"), "{says}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tuned_unless_it_is_asked_for_and_an_empty_tuning_ends_it() {
    let system = System::start().unwrap();
    let pool = system.pool::<Resizer>(std::sync::Arc::default()).concurrency(3).start().await.unwrap();
    sleep(Duration::from_secs(10)).await;
    assert!(system.monitor().decisions().is_empty());
    system.monitor().tune(Tuning::new().pool_size(&pool, 1..=32).dry_run());
    sleep(Duration::from_secs(1)).await;
    system.monitor().tune(Tuning::new());
    sleep(Duration::from_secs(1)).await;
    let decided = system.monitor().decisions().len();
    assert!(decided > 0);
    sleep(Duration::from_secs(300)).await;
    assert_eq!(system.monitor().decisions().len(), decided);
}
