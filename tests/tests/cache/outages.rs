//! A tier that is out of reach is a miss: never an error, never a stall.

use ostraca::cache::Lifetime;
use tokio::time::Instant;

use crate::support::{LONG, Mode, Prices, Shaky, after, builder, millis, seconds};

#[tokio::test(start_paused = true)]
async fn a_tier_that_is_down_is_a_miss() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    far.is(Mode::Down);
    let cache = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    assert_eq!(source.loads(), 1, "the memory works");
    assert_eq!(cache.stats().tier("far").unwrap().errors, 1);
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_hangs_costs_a_reader_its_time_limit_and_soon_nothing() {
    let source = Prices::default();
    (0..1_000).for_each(|key| source.set(key, key));
    let far = Shaky::new("far");
    far.is(Mode::Hangs);
    let cache = builder().memory(100, LONG).tier_within(millis(50), &far, LONG).build(source.clone());
    let began = Instant::now();
    assert_eq!(cache.get(&0).await.unwrap(), Some(0));
    assert_eq!(began.elapsed(), millis(50));
    let mut slow = 0;
    for key in 1..1_000 {
        let began = Instant::now();
        assert_eq!(cache.get(&key).await.unwrap(), Some(key));
        slow += u32::from(began.elapsed() > millis(0));
    }
    assert!(slow <= 3, "{slow} reads waited for it");
    let stats = cache.stats();
    let far = stats.tier("far").unwrap();
    assert!(!far.is_up && far.refused > 900, "{far:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_comes_back_is_used_again_and_gets_what_was_written_meanwhile() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    let cache = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    let other = builder().memory(100, Lifetime::fresh(millis(1))).tier(&far, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.drain().await;
    far.is(Mode::Down);
    let began = Instant::now();
    for price in 71..=90 {
        cache.put(&7, price).await.unwrap();
    }
    assert!(began.elapsed() < seconds(1), "a write does not wait for a tier that is down");
    assert_eq!(cache.stats().tier("far").unwrap().waiting, 1, "the newest of a key is on its way");
    far.is(Mode::Up);
    cache.drain().await;
    assert!(cache.stats().tier("far").unwrap().is_up);
    assert_eq!(other.get(&7).await.unwrap(), Some(90));
    assert_eq!(source.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_sees_what_is_on_its_way_to_a_tier() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    let cache = builder().memory(100, Lifetime::fresh(seconds(1))).tier(&far, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.drain().await;
    far.is(Mode::Down);
    cache.put(&7, 71).await.unwrap();
    after(seconds(2)).await;
    far.is(Mode::Up);
    // The tier still has 70.
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
}

#[tokio::test(start_paused = true)]
async fn a_clear_that_a_tier_has_not_heard_of_holds_here_at_once() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    let cache = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.drain().await;
    source.set(7, 71);
    far.is(Mode::Down);
    cache.clear().await;
    cache.remove_tag("even").await;
    far.is(Mode::Up);
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    cache.drain().await;
    assert_eq!(cache.stats().tier("far").unwrap().len, Some(1), "what was read after it");
}

#[tokio::test(start_paused = true)]
async fn when_too_much_is_on_its_way_the_tier_is_cleared_and_not_left_stale() {
    let source = Prices::default();
    let far = Shaky::new("far");
    let cache = builder().memory(30_000, LONG).tier(&far, LONG).build(source.clone());
    let other = builder().memory(1, Lifetime::fresh(millis(1))).tier(&far, LONG).build(source.clone());
    cache.put(&7, 70).await.unwrap();
    cache.drain().await;
    far.is(Mode::Down);
    for key in 0..12_000 {
        cache.put(&key, key + 1).await.unwrap();
    }
    let stats = cache.stats();
    let tier = stats.tier("far").unwrap();
    assert!(tier.waiting <= 10_000 && tier.overflows == 1, "{tier:?}");
    far.is(Mode::Up);
    cache.drain().await;
    after(seconds(1)).await;
    assert_eq!(other.get(&7).await.unwrap(), Some(8));
    assert_eq!(other.get(&11_999).await.unwrap(), Some(12_000));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_back_is_a_miss_and_counted() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    let build = || builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    build().get(&7).await.unwrap();
    far.is(Mode::Corrupt);
    let cache = build();
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    let stats = cache.stats();
    let tier = stats.tier("far").unwrap();
    assert_eq!((tier.corrupt, tier.is_up, tier.hits), (1, true, 0));
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_type_is_a_miss_and_counted() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    let texts = ostraca::cache::TieredCache::<u64, String>::builder("prices")
        .tier(&far, LONG)
        .build(ostraca::cache::from_fn(|_| async { Ok::<_, std::io::Error>("seventy".to_owned()) }));
    texts.get(&7).await.unwrap();
    texts.drain().await;
    let cache = builder().tier(&far, LONG).build(source.clone());
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    assert_eq!(cache.stats().tier("far").unwrap().corrupt, 1);
}
