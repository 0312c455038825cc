//! Times, against the exact ones that the messages themselves carried.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ostraca::monitor::{Quantiles, Sampler, Snapshot};
use ostraca::prelude::*;

/// Every time that there was.
#[derive(Clone, Default)]
struct Exact(Arc<Mutex<Vec<Duration>>>);

impl Exact {
    fn add(&self, time: Duration) {
        self.0.lock().unwrap().push(time);
    }

    fn quantile(&self, part: f64) -> Duration {
        let mut times = self.0.lock().unwrap().clone();
        times.sort_unstable();
        times[((part * times.len() as f64).ceil() as usize).max(1) - 1]
    }

    /// No less than the exact one, and at most one percent more.
    #[track_caller]
    fn assert_near(&self, said: &Quantiles, slack: Duration) {
        for (part, said) in
            [(0.5, said.p50), (0.9, said.p90), (0.99, said.p99), (0.999, said.p999), (1.0, said.max)]
        {
            let exact = self.quantile(part);
            assert!(said + slack >= exact, "p{part}: {said:?} of {exact:?}");
            assert!(said <= exact.mul_f64(1.01) + slack, "p{part}: {said:?} of {exact:?}");
        }
    }
}

#[derive(Clone, Default)]
struct Times {
    waited: Exact,
    took: Exact,
}

/// Works as long as it is told, by the clock that stands still or by the real one.
struct Worker {
    times: Times,
}

#[actor(mailbox(len_max = 4_000))]
impl Worker {
    #[start]
    fn start(_ctx: &mut Context<Self>, times: Times) -> Result<Self, StartError> {
        Ok(Worker { times })
    }

    #[handler]
    async fn work(&mut self, ctx: &mut Context<Self>, sent: Instant, takes: Duration) {
        let began = ctx.now();
        self.times.waited.add(began - sent);
        tokio::time::sleep(takes).await;
        self.times.took.add(ctx.now() - began);
    }

    #[handler]
    fn spin(&mut self, takes: Duration) {
        let began = Instant::now();
        while began.elapsed() < takes {
            std::hint::spin_loop();
        }
        self.times.took.add(began.elapsed());
    }
}

/// Long ones are rare.
fn some_times(len: usize) -> impl Iterator<Item = u64> {
    let mut random = 7_u64;
    (0..len).map(move |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1 + (random >> 33) % (2 << ((random >> 20) % 7))
    })
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn watched() -> (System, ActorRef<Worker>, Times) {
    let (system, times) = (System::start().unwrap(), Times::default());
    system.monitor();
    let worker = system.spawn::<Worker>(times.clone()).await.unwrap();
    (system, worker, times)
}

fn waiting(snapshot: &Snapshot, handler: &str) -> Quantiles {
    snapshot.of_handler("Worker", handler).unwrap().waiting.as_ref().unwrap().quantiles().unwrap()
}

fn handling(snapshot: &Snapshot, handler: &str) -> Quantiles {
    snapshot.of_handler("Worker", handler).unwrap().handling.as_ref().unwrap().quantiles().unwrap()
}

#[tokio::test(start_paused = true)]
async fn quantiles_are_within_one_percent_of_the_exact_ones() {
    let (system, worker, times) = watched().await;
    for takes in some_times(3_000) {
        worker.work(now(), Duration::from_millis(takes)).tell().unwrap();
        tokio::time::sleep(Duration::from_millis(takes / 2 + takes % 7)).await;
    }
    worker.work(now(), Duration::ZERO).await.unwrap();
    let snapshot = system.monitor().latest().await;
    times.waited.assert_near(&waiting(&snapshot, "work"), Duration::ZERO);
    times.took.assert_near(&handling(&snapshot, "work"), Duration::ZERO);
    assert_eq!(waiting(&snapshot, "work").count, 3_001, "the clock stood still at each: all were sampled");
    // Of the service too: nobody else had messages but the monitor.
    let all = snapshot.handling.as_ref().unwrap();
    assert!(all.all.count() >= 3_001);
}

/// On the real clock; what lies between the two looks at it is counted on both sides or is some nanoseconds.
#[tokio::test]
async fn a_plain_handlers_time_is_its_own() {
    let (system, worker, times) = watched().await;
    for takes in some_times(1_500) {
        worker.spin(Duration::from_micros(15 + 5 * takes)).send().await.unwrap();
    }
    while times.took.0.lock().unwrap().len() < 1_500 {
        tokio::task::yield_now().await;
    }
    worker.work(now(), Duration::ZERO).await.unwrap();
    let said = handling(&*system.monitor().latest().await, "spin");
    for (part, said) in [(0.5, said.p50), (0.9, said.p90)] {
        let exact = times.took.quantile(part);
        let off = said.as_secs_f64() / exact.as_secs_f64() - 1.0;
        assert!((-0.01..=0.03).contains(&off), "p{part}: {said:?} of {exact:?}");
    }
}

/// Somebody who counts only from when a message is handled would find one slow message and a hundred quick ones.
#[tokio::test(start_paused = true)]
async fn a_stall_shows_in_the_waiting_of_all_that_came_meanwhile() {
    let (system, worker, times) = watched().await;
    let start = now();
    for millis in 0..1_000 {
        tokio::time::sleep_until((start + Duration::from_millis(millis)).into()).await;
        let takes = if millis == 500 { Duration::from_millis(100) } else { Duration::ZERO };
        worker.work(now(), takes).tell().unwrap();
    }
    worker.work(now(), Duration::ZERO).await.unwrap();
    let snapshot = system.monitor().latest().await;
    let said = waiting(&snapshot, "work");
    times.waited.assert_near(&said, Duration::ZERO);
    assert!(said.max >= Duration::from_millis(99), "{said:?}");
    assert!(said.p99 >= Duration::from_millis(85), "a tenth of the messages waited: {said:?}");
    let long = snapshot.of_handler("Worker", "work").unwrap().waiting.as_ref().unwrap();
    let behind: u64 = long.all.buckets().filter(|(last, _)| *last > 1_500_000).map(|(_, count)| count).sum();
    assert!((97..=100).contains(&behind), "{behind} of the 99 behind it");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_waits_from_the_first_try_on() {
    let (system, worker, _) = watched().await;
    worker.work(now(), Duration::from_secs(1)).tell().unwrap();
    // It has begun, and the mailbox is filled behind it.
    tokio::time::sleep(Duration::from_millis(1)).await;
    while worker.spin(Duration::ZERO).tell().is_ok() {}
    let before = system.monitor().latest().await;
    assert_eq!(before.of_handler("Worker", "spin").unwrap().handled, 0);
    // One sends, one asks: both are let in after a second.
    let (other, third) = (worker.clone(), worker.clone());
    let sends = tokio::spawn(async move { other.work(now(), Duration::from_millis(5)).send().await });
    let asks = tokio::spawn(async move { third.work(now(), Duration::from_millis(5)).await });
    sends.await.unwrap().unwrap();
    asks.await.unwrap().unwrap();
    let snapshot = system.monitor().latest().await;
    let waited = snapshot.of_handler("Worker", "work").unwrap().waiting.clone().unwrap();
    let long: u64 =
        waited.all.buckets().filter(|(last, _)| *last > 990_000_000).map(|(_, count)| count).sum();
    assert_eq!((long, waited.all.count()), (2, 3), "{waited:?}");
}

/// The weights of what was sampled stand for all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_stand_for_all_messages() {
    const SENDS: u64 = 300_000;
    let (system, worker, _) = watched().await;
    let teller = worker.clone();
    tokio::spawn(async move {
        for _ in 0..SENDS {
            teller.spin(Duration::ZERO).send().await.unwrap();
        }
    })
    .await
    .unwrap();
    worker.work(now(), Duration::ZERO).await.unwrap();
    let snapshot = system.monitor().latest().await;
    let numbers = snapshot.of_handler("Worker", "spin").unwrap();
    assert_eq!(numbers.handled, SENDS);
    for times in [&numbers.waiting, &numbers.handling] {
        let stands_for = times.as_ref().unwrap().all.count();
        assert!(stands_for.abs_diff(SENDS) <= 5_000, "{stands_for}");
    }
}

#[tokio::test]
async fn an_ask_that_runs_where_its_asker_stands_has_waited_for_nothing() {
    let (system, worker, _) = watched().await;
    for _ in 0..2_000 {
        worker.spin(Duration::ZERO).await.unwrap();
    }
    let snapshot = system.monitor().latest().await;
    let waiting = snapshot.of_handler("Worker", "spin").unwrap().waiting.clone().unwrap();
    let inline = snapshot.of_type("Worker").unwrap().numbers.inline_runs;
    assert!(inline > 1_500, "{inline}");
    assert_eq!(waiting.all.quantile(0.5), Some(0));
}

#[tokio::test(start_paused = true)]
async fn busy_is_the_time_that_polls_took_and_not_the_awaits() {
    let (system, worker, times) = watched().await;
    let busy = async || system.monitor().latest().await.of_type("Worker").unwrap().numbers.busy.unwrap();
    // By the clock that stands still an await takes its time and a poll none.
    for _ in 0..50 {
        worker.work(now(), Duration::from_millis(40)).await.unwrap();
    }
    assert_eq!(times.took.quantile(1.0), Duration::from_millis(40));
    assert_eq!(busy().await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_watched_is_not_timed() {
    use ostraca::monitor::MonitorSettings;

    let off = MonitorSettings::default().sampler(Sampler::Waiting, false).sampler(Sampler::Handling, false);
    let system = System::builder().monitor(off).start().unwrap();
    system.monitor();
    let worker = system.spawn::<Worker>(Times::default()).await.unwrap();
    worker.work(now(), Duration::from_millis(1)).await.unwrap();
    let snapshot = system.monitor().latest().await;
    let numbers = snapshot.of_handler("Worker", "work").unwrap();
    assert_eq!((numbers.handled, &numbers.waiting, &numbers.handling), (1, &None, &None));
    assert_eq!(snapshot.of_type("Worker").unwrap().numbers.busy, None);
    assert_eq!((&snapshot.waiting, &snapshot.handling), (&None, &None));
}
