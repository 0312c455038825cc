//! The statistics of a scripted run are exact.

use ostraca::cache::Lifetime;

use crate::support::{Mode, Prices, Shaky, after, builder, millis, seconds, settle};

#[tokio::test(start_paused = true)]
async fn every_number_of_a_scripted_run_is_exact() {
    let source = Prices::of([(1, 10), (2, 20), (3, 30)]);
    let far = Shaky::new("far");
    let lifetime = Lifetime::fresh(seconds(5)).stale(seconds(5));
    let cache = builder().memory(100, lifetime).tier(&far, lifetime).build(source.clone());

    source.takes(millis(250));
    let readers: Vec<_> = (0..10)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get(&1).await.unwrap() })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap();
    }
    source.takes(millis(0));
    for _ in 0..20 {
        cache.get(&1).await.unwrap();
    }
    cache.get(&2).await.unwrap();
    cache.get(&3).latest().await.unwrap();
    cache.drain().await;
    after(seconds(6)).await;
    cache.get(&2).await.unwrap();
    settle().await;
    source.fails(true);
    assert!(cache.get(&4).await.is_err());
    source.fails(false);
    cache.drain().await;
    far.is(Mode::Down);
    after(seconds(10)).await;
    cache.get(&3).await.unwrap();
    cache.drain().await;
    far.is(Mode::Corrupt);
    after(seconds(10)).await;
    assert_eq!(cache.get(&3).await.unwrap(), Some(30));
    cache.drain().await;
    far.is(Mode::Up);

    let stats = cache.stats();
    // Ten at once, then one each: 2, 4 (failed), 3, 3.
    assert_eq!((stats.hits, stats.stale, stats.misses, stats.coalesced), (20, 1, 14, 9));
    // 1, 2, 3 (latest), the refresh of 2, 4, 3, 3.
    assert_eq!((stats.loads, stats.load_errors, stats.refreshes), (7, 1, 1));
    assert_eq!(stats.load_time, millis(250));
    assert_eq!(stats.hit_ratio(), Some(21.0 / 35.0));
    let memory = stats.tier("memory").unwrap();
    assert_eq!((memory.hits, memory.misses, memory.len), (20, 15, Some(3)));
    assert_eq!(memory.evictions, Some(0));
    let far = stats.tier("far").unwrap();
    // Looked into by each search and by the refresh: 1, 2, 2 (stale there too), 4, 3, 3.
    assert_eq!((far.hits, far.misses), (0, 6));
    // 1, 2, 3, the refresh of 2; the fill of 3 that failed is no put, the corrupt answer to the next neither.
    assert_eq!((far.puts, far.corrupt), (4, 2));
    assert_eq!((far.errors, far.timeouts, far.refused, far.is_up), (2, 0, 0, true));
    assert_eq!((far.len, far.waiting, far.overflows, far.left_out), (Some(3), 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn evictions_are_counted() {
    let source = Prices::default();
    (0..1_000).for_each(|key| source.set(key, key));
    let cache = builder().memory(100, Lifetime::fresh(seconds(60))).build(source);
    for key in 0..1_000 {
        cache.get(&key).await.unwrap();
    }
    let stats = cache.stats();
    let memory = stats.tier("memory").unwrap();
    assert_eq!(memory.evictions, Some(1_000 - memory.len.unwrap()));
    assert!(memory.len.unwrap() <= 128);
}
