//! What a node can do, told from less, in paused time: the peak is then measured.

use std::time::Duration;

use ostraca::monitor::{Bottleneck, Capacity, Estimate};
use ostraca::prelude::*;
use ostraca_tests::random::Random;
use tokio::time::{Instant, sleep, sleep_until};

/// A row of a store that takes 4 ms, and as much of a lock's time as the others leave.
struct Row {
    random: Random,
}

#[actor]
impl Row {
    #[start]
    fn start() -> Self {
        Row { random: Random(77) }
    }

    #[handler]
    async fn write(&mut self, #[key] _key: u64) {
        // Whole milliseconds, which timers have.
        sleep(Duration::from_millis(2 + self.random.draw() % 5)).await;
    }
}

/// Sends at random, so many a second.
async fn offer(rows: &Shards<Row>, per_second: f64, random: &mut Random, key: impl Fn(u64) -> u64) {
    let mut next = Instant::now();
    let end = next + Duration::from_secs(10);
    while next < end {
        next += random.gap(per_second);
        sleep_until(next).await;
        let _full = rows.write(key(random.draw())).tell();
    }
}

async fn peak(system: &System, rows: &Shards<Row>) -> f64 {
    for caller in 0..256 {
        let (rows, mut random) = (rows.clone(), Random(caller + 1));
        tokio::spawn(async move { while rows.write(random.draw()).await.is_ok() {} });
    }
    let handled = async || system.monitor().latest().await.of_type("Row").unwrap().numbers.handled;
    sleep(Duration::from_secs(3)).await;
    let before = handled().await;
    sleep(Duration::from_secs(10)).await;
    (handled().await - before) as f64 / 10.0
}

fn within(estimate: &Estimate, peak: f64) {
    println!("{estimate:?} messages/s foretold, {peak:.0} measured");
    assert!((estimate.value / peak - 1.0).abs() <= 0.10, "{estimate:?} foretold, {peak} measured");
    assert!((estimate.low..=estimate.high).contains(&peak), "{estimate:?} foretold, {peak} measured");
}

fn of_rows(capacity: &Capacity) -> Estimate {
    let of = capacity.types.iter().find(|of| of.type_name == "Row").unwrap();
    of.saturates_at.expect("there was load enough")
}

#[tokio::test(start_paused = true)]
async fn what_shards_can_do_is_told_from_60_percent_of_it() {
    let system = System::start().unwrap();
    let rows = system.shards::<Row>(4, ()).await.unwrap();
    assert!(system.monitor().capacity().is_none(), "there was one reading");
    // 4 shards of 250 a second each. Keys enough that the shards are alike.
    let mut random = Random(5);
    for part in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] {
        offer(&rows, 1_000.0 * part, &mut random, |key| key).await;
    }
    let capacity = system.monitor().capacity().unwrap();
    println!("{capacity}");
    let foretold = of_rows(&capacity);
    let of = &capacity.types.iter().find(|of| of.type_name == "Row").unwrap();
    assert!((of.work.part() - 0.6).abs() < 0.08, "{:?}", of.work);
    assert!((of.work.headroom() - 0.67).abs() < 0.2, "{:?}", of.work);
    // Each does 250 a second: 2,000 at 70 % are 11.4, uneven as they are.
    let needed = of.running_for(2_000.0, 0.7).unwrap();
    assert!((11..=15).contains(&needed), "{needed}, {of:?}");
    within(&foretold, peak(&system, &rows).await);
}

#[tokio::test(start_paused = true)]
async fn the_shard_that_ends_first_is_named() {
    let system = System::start().unwrap();
    let rows = system.shards::<Row>(8, ()).await.unwrap();
    let hot = ActorRef::id(&Shards::owner(&rows, &3_u64));
    // It learns from its start on.
    system.monitor();
    let mut random = Random(9);
    // Half of all messages are of one key.
    for per_second in [50.0, 100.0, 150.0, 200.0, 250.0] {
        let key = |key: u64| if key.is_multiple_of(2) { 3 } else { key };
        offer(&rows, per_second, &mut random, key).await;
    }
    let capacity = system.monitor().capacity().unwrap();
    println!("{capacity}");
    assert!(matches!(&capacity.first, Some(Bottleneck::Shard(label)) if label.id() == hot), "{capacity:#?}");
    // It does 250 a second, and has 9 of 16 messages.
    let at = of_rows(&capacity);
    assert!((at.low..=at.high).contains(&444.0), "{at:?}");
    assert!(capacity.to_string().contains("first"), "{capacity}");
}
