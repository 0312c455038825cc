//! Which state a reader gets.

use ostraca::cache::{Lifetime, LoadError, MapStore, Stamp};

use crate::support::{LONG, Mode, Prices, Shaky, after, builder, millis, seconds, settle};

#[tokio::test(start_paused = true)]
async fn a_reader_says_how_fresh() {
    let source = Prices::of([(7, 70)]);
    let cache = builder().memory(100, Lifetime::fresh(seconds(10))).build(source.clone());
    cache.get(&7).await.unwrap();
    after(seconds(5)).await;
    source.set(7, 71);
    assert_eq!(cache.get(&7).max_stale(seconds(5)).await.unwrap(), Some(70));
    assert_eq!(cache.get(&7).max_stale(seconds(4)).await.unwrap(), Some(71));
    source.set(7, 72);
    assert_eq!(cache.get(&7).latest().await.unwrap(), Some(72));
    assert_eq!(cache.get(&7).await.unwrap(), Some(72), "which all see");
    after(seconds(20)).await;
    source.set(7, 73);
    assert_eq!(cache.get(&7).max_stale(seconds(60)).await.unwrap(), Some(72), "older was allowed");
}

#[tokio::test(start_paused = true)]
async fn who_has_a_writes_stamp_reads_that_write_elsewhere() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let build = || builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    let (cache, other) = (build(), build());
    other.get(&7).await.unwrap();
    after(millis(1)).await;
    let stamp = cache.put(&7, 71).await.unwrap();
    assert_eq!(other.get(&7).await.unwrap(), Some(70), "within its lifetime");
    assert_eq!(other.get(&7).after(stamp).await.unwrap(), Some(71));
    assert_eq!(source.loads(), 1, "from the tier");
    assert_eq!(other.get(&7).versioned().await.unwrap().stamp, stamp);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_behind_is_said_to_be() {
    let source = Prices::of([(7, 70)]);
    source.version(7, 3);
    let cache = builder().memory(100, LONG).build(source.clone());
    assert_eq!(cache.get(&7).after(Stamp::new(0, 3)).await.unwrap(), Some(70));
    let error = cache.get(&7).after(Stamp::new(0, 4)).await.unwrap_err();
    assert!(matches!(error, LoadError::Behind), "{error}");
    source.version(7, 4);
    assert_eq!(cache.get(&7).after(Stamp::new(0, 4)).await.unwrap(), Some(70));
}

#[tokio::test(start_paused = true)]
async fn a_write_during_a_load_is_not_overwritten_by_it() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let cache = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    source.takes(millis(10));
    let slow = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get(&7).await.unwrap() }
    });
    settle().await;
    source.takes(millis(0));
    cache.put(&7, 71).await.unwrap();
    assert_eq!(slow.await.unwrap(), Some(70));
    cache.drain().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    let other = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    assert_eq!(other.get(&7).await.unwrap(), Some(71));
}

#[tokio::test(start_paused = true)]
async fn a_reader_does_not_go_back_when_the_memory_has_forgotten_and_a_tier_is_behind() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    source.version(7, 1);
    let other = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    other.get(&7).await.unwrap();
    other.drain().await;
    let cache = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    far.is(Mode::Down);
    source.set(7, 71);
    source.version(7, 2);
    assert_eq!(cache.get(&7).latest().await.unwrap(), Some(71));
    // Its fill is lost, as with a process that ends; the memory loses it too.
    far.tell(|watcher| watcher.lost());
    settle().await;
    far.is(Mode::Up);
    after(seconds(2)).await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71), "the tier has 70 and is passed over");
    let stats = cache.stats();
    assert_eq!(stats.tier("far").unwrap().outdated, 1);
}

#[tokio::test(start_paused = true)]
async fn the_sources_versions_decide_whatever_the_order_of_arrival() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    source.version(7, 5);
    let build = || builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    let (cache, other) = (build(), build());
    cache.update_at(&7, 75, Stamp::new(0, 7)).await;
    other.update_at(&7, 74, Stamp::new(0, 6)).await;
    assert_eq!(other.get(&7).await.unwrap(), Some(75), "the older write was refused, and not kept here");
    cache.update_at(&7, 74, Stamp::new(0, 6)).await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(75));
}

#[tokio::test(start_paused = true)]
async fn where_clocks_differ_the_write_that_comes_second_makes_readers_ask_the_source() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    // The other's machine is a minute ahead.
    let ahead = ostraca::cache::Clock::new();
    ahead.observe(Stamp::new(0, ahead.stamp().version + (60_000_000 << 12)));
    let other = builder().memory(100, LONG).tier(&store, LONG).clock(ahead).build(source.clone());
    let cache = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    other.put(&7, 71).await.unwrap();
    cache.put(&7, 72).await.unwrap();
    cache.drain().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(72));
    let third = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    assert_eq!(third.get(&7).await.unwrap(), Some(72));
}
