//! How long copies are served, in virtual time.

use ostraca::cache::{Lifetime, MapStore, TieredCache};

use crate::support::{LONG, Prices, Shaky, after, builder, millis, seconds, settle};

#[tokio::test(start_paused = true)]
async fn each_tier_expires_by_its_own_lifetime() {
    let source = Prices::of([(7, 70)]);
    let (near, far) = (Shaky::new("near"), Shaky::new("far"));
    let cache = builder()
        .memory(100, Lifetime::fresh(seconds(5)))
        .tier(&near, Lifetime::fresh(seconds(20)))
        .tier(&far, Lifetime::fresh(seconds(60)))
        .build(source.clone());
    let hits = || {
        let stats = cache.stats();
        ["memory", "near", "far"].map(|name| stats.tier(name).unwrap().hits)
    };
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    settle().await;
    after(millis(4_999)).await;
    cache.get(&7).await.unwrap();
    assert_eq!(hits(), [1, 0, 0]);
    after(millis(1)).await;
    cache.get(&7).await.unwrap();
    assert_eq!(hits(), [1, 1, 0], "the memory's is over at 5 s");
    after(seconds(15)).await;
    cache.get(&7).await.unwrap();
    assert_eq!(hits(), [1, 1, 1], "that of the near tier at 20 s");
    settle().await;
    after(seconds(6)).await;
    cache.get(&7).await.unwrap();
    assert_eq!(hits(), [1, 2, 1], "which has a copy again");
    assert_eq!(source.loads(), 1);
    after(seconds(34)).await;
    source.set(7, 71);
    assert_eq!(cache.get(&7).await.unwrap(), Some(71), "no copy outlives what it was made from: 60 s");
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_served_while_one_refresh_is_on_its_way() {
    let source = Prices::of([(7, 70)]);
    let cache = builder().memory(100, Lifetime::fresh(seconds(5)).stale(seconds(10))).build(source.clone());
    cache.get(&7).await.unwrap();
    source.set(7, 71);
    source.takes(seconds(1));
    after(seconds(5)).await;
    for _ in 0..100 {
        assert_eq!(cache.get(&7).await.unwrap(), Some(70), "at once");
    }
    settle().await;
    assert_eq!(source.loads(), 2);
    after(seconds(1)).await;
    settle().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    let stats = cache.stats();
    assert_eq!((stats.stale, stats.refreshes, stats.hits), (100, 1, 1));
    source.set(7, 72);
    source.takes(millis(0));
    after(seconds(16)).await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(72), "past that it waits");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_takes_what_a_tier_has_that_is_fresher() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let cache = builder()
        .memory(100, Lifetime::fresh(seconds(5)).stale(seconds(10)))
        .tier(&store, Lifetime::fresh(seconds(60)))
        .build(source.clone());
    cache.get(&7).await.unwrap();
    settle().await;
    after(seconds(6)).await;
    cache.get(&7).await.unwrap();
    settle().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    assert_eq!((source.loads(), cache.stats().refreshes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_past_its_lifetime_is_served_if_the_source_fails() {
    let source = Prices::of([(7, 70)]);
    let cache =
        builder().memory(100, Lifetime::fresh(seconds(5)).on_error(seconds(60))).build(source.clone());
    cache.get(&7).await.unwrap();
    source.fails(true);
    after(seconds(6)).await;
    for _ in 0..10 {
        assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    }
    assert_eq!((source.loads(), cache.stats().stale), (2, 10), "the source is left alone for a second");
    after(seconds(1)).await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    assert_eq!(source.loads(), 3);
    after(seconds(1)).await;
    source.fails(false);
    source.set(7, 71);
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    source.fails(true);
    after(seconds(65)).await;
    let error = cache.get(&7).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is down", "and not for ever");
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_is_made_up_for_by_a_tier() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let build = || {
        let lifetime = Lifetime::fresh(seconds(5)).on_error(seconds(60));
        builder().memory(100, Lifetime::fresh(seconds(1))).tier(&store, lifetime).build(source.clone())
    };
    let cache = build();
    cache.get(&7).await.unwrap();
    cache.drain().await;
    after(seconds(10)).await;
    source.fails(true);
    assert_eq!(build().get(&7).await.unwrap(), Some(70), "also that of another process");
    assert!(build().get(&8).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn that_there_is_none_is_remembered_for_as_long_as_told() {
    let (source, store) = (Prices::default(), MapStore::new());
    let cache = builder().memory(100, LONG).tier(&store, LONG).negative(seconds(3)).build(source.clone());
    assert_eq!((cache.get(&7).await.unwrap(), cache.get(&7).await.unwrap()), (None, None));
    assert_eq!(source.loads(), 1);
    cache.drain().await;
    let other = builder().memory(100, LONG).tier(&store, LONG).negative(seconds(3)).build(source.clone());
    assert_eq!(other.get(&7).await.unwrap(), None);
    assert_eq!(source.loads(), 1, "the tier knows it too");
    after(seconds(3)).await;
    source.set(7, 70);
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
}

#[tokio::test(start_paused = true)]
async fn without_negative_entries_a_missing_key_is_asked_for_each_time() {
    let source = Prices::default();
    let cache = builder().memory(100, LONG).build(source.clone());
    assert_eq!((cache.get(&7).await.unwrap(), cache.get(&7).await.unwrap()), (None, None));
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_what_came_together_and_shortens_only() {
    let source = Prices::default();
    (0..1_000).for_each(|key| source.set(key, key));
    let cache: TieredCache<u64, u64> =
        builder().memory(10_000, Lifetime::fresh(seconds(100))).jitter(0.2).build(source.clone());
    for key in 0..1_000 {
        cache.get(&key).await.unwrap();
    }
    let expired = async |at: u64| {
        after(seconds(at)).await;
        let before = source.loads();
        // Not kept longer by being looked at.
        for key in 0..1_000 {
            cache.get(&key).await.unwrap();
        }
        source.loads() - before
    };
    assert_eq!(expired(79).await, 0);
    let half_way = expired(11).await;
    assert!((350..650).contains(&half_way), "{half_way} of 1,000");
}
