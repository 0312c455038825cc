//! What was removed does not come back.

use std::sync::atomic::{AtomicBool, Ordering};

use ostraca::cache::{MapStore, TieredCache};

use crate::support::{LONG, Prices, Shaky, builder, millis, settle};

/// A cache over two tiers, and the source.
fn stack(stores: &[MapStore]) -> (Prices, TieredCache<u64, u64>) {
    let source = Prices::of([(7, 70), (8, 80), (9, 90)]);
    let over = stores.iter().fold(builder().memory(100, LONG), |builder, store| builder.tier(store, LONG));
    (source.clone(), over.build(source))
}

fn lens(cache: &TieredCache<u64, u64>) -> Vec<u64> {
    cache.stats().tiers.iter().map(|tier| tier.len.unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn clear_empties_every_tier() {
    let (source, cache) = stack(&[MapStore::new(), MapStore::new()]);
    for key in [7, 8, 9] {
        cache.get(&key).await.unwrap();
    }
    cache.drain().await;
    assert_eq!(lens(&cache), [3, 3, 3]);
    cache.clear().await;
    assert_eq!(lens(&cache), [0, 0, 0]);
    source.set(7, 71);
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
}

#[tokio::test(start_paused = true)]
async fn a_load_on_its_way_when_all_is_cleared_is_kept_nowhere() {
    let (source, cache) = stack(&[MapStore::new()]);
    source.takes(millis(10));
    let reader = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get(&7).await.unwrap() }
    });
    settle().await;
    source.set(7, 71);
    cache.clear().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71), "who asks after it does not join who asked before");
    assert_eq!(reader.await.unwrap(), Some(70), "who asked before it gets what was there");
    cache.drain().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    assert_eq!(lens(&cache), [1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_older_than_a_clear_is_read_after_it_under_concurrent_fills() {
    let (source, cache) = stack(&[MapStore::new(), MapStore::new()]);
    let is_over = std::sync::Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (cache, is_over) = (cache.clone(), is_over.clone());
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    for key in [7, 8, 9] {
                        cache.get(&key).await.unwrap();
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 1..=300 {
        for key in [7, 8, 9] {
            source.set(key, round);
        }
        if round % 3 == 0 {
            for key in [7, 8, 9] {
                cache.invalidate(&key).await;
            }
        } else if round % 3 == 1 {
            cache.clear().await;
        } else {
            cache.remove_tag("odd").await;
            cache.remove_tag("even").await;
        }
        for key in [7, 8, 9] {
            assert_eq!(cache.get(&key).await.unwrap(), Some(round));
        }
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_key_is_gone_from_every_tier_and_its_neighbour_is_not() {
    let (source, cache) = stack(&[MapStore::new(), MapStore::new()]);
    cache.get(&7).await.unwrap();
    cache.get(&8).await.unwrap();
    cache.drain().await;
    source.set(7, 71);
    source.set(8, 81);
    cache.invalidate(&7).await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    assert_eq!(cache.get(&8).await.unwrap(), Some(80));
}

#[tokio::test(start_paused = true)]
async fn a_removal_outranks_an_older_fill_of_another_process() {
    let store = MapStore::new();
    let (source, cache) = stack(std::slice::from_ref(&store));
    let other = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    source.takes(millis(10));
    let slow = tokio::spawn({
        let other = other.clone();
        async move { other.get(&7).await.unwrap() }
    });
    settle().await;
    source.set(7, 71);
    tokio::time::sleep(millis(5)).await;
    cache.invalidate(&7).await;
    assert_eq!(slow.await.unwrap(), Some(70));
    other.drain().await;
    assert_eq!(cache.get(&7).await.unwrap(), Some(71), "the older fill was refused");
    assert_eq!(other.get(&7).await.unwrap(), Some(71), "and who made it dropped it");
}

#[tokio::test(start_paused = true)]
async fn a_tag_removes_what_has_it_from_every_tier() {
    let (source, cache) = stack(&[MapStore::new(), MapStore::new()]);
    for key in [7, 8, 9] {
        cache.get(&key).await.unwrap();
        source.set(key, 0);
    }
    cache.drain().await;
    cache.remove_tag("odd").await;
    assert_eq!(lens(&cache), [1, 1, 1]);
    assert_eq!(cache.get(&8).await.unwrap(), Some(80));
    assert_eq!(cache.get(&7).await.unwrap(), Some(0));
    assert_eq!(cache.get(&9).await.unwrap(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn what_another_process_changes_is_dropped_here() {
    let (source, far) = (Prices::of([(7, 70), (8, 80)]), Shaky::new("far"));
    let near = MapStore::new();
    let cache = builder().memory(100, LONG).tier(&near, LONG).tier(&far, LONG).build(source.clone());
    let other = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.get(&8).await.unwrap();
    cache.drain().await;
    // Two clocks differ by less than that.
    tokio::time::sleep(millis(1)).await;
    // As its tier would see it: the key's bytes are those that the other process puts.
    other.put(&7, 71).await.unwrap();
    let bytes = far.last_key();
    assert_eq!(cache.get(&7).await.unwrap(), Some(70), "not told yet");
    far.tell(|watcher| watcher.changed(&bytes));
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    assert_eq!(cache.get(&8).await.unwrap(), Some(80));
    assert_eq!(source.loads(), 2, "from the tier that both have");
    source.set(7, 72);
    let stamp = other.clear().await;
    far.tell(|watcher| watcher.cleared(stamp));
    assert_eq!(cache.get(&7).await.unwrap(), Some(72));
    source.set(7, 73);
    let stamp = other.remove_tag("odd").await;
    far.tell(|watcher| watcher.tag_removed("odd", stamp));
    assert_eq!(cache.get(&7).await.unwrap(), Some(73));
}

#[tokio::test(start_paused = true)]
async fn when_changes_may_have_been_missed_no_copy_is_trusted() {
    let (source, far) = (Prices::of([(7, 70)]), Shaky::new("far"));
    let near = MapStore::new();
    let cache = builder().memory(100, LONG).tier(&near, LONG).tier(&far, LONG).build(source.clone());
    let other = builder().memory(100, LONG).tier(&far, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.drain().await;
    tokio::time::sleep(millis(1)).await;
    other.put(&7, 71).await.unwrap();
    far.tell(|watcher| watcher.lost());
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    assert_eq!(source.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_older_than_a_restart_is_served() {
    let (source, cache) = stack(&[MapStore::new()]);
    cache.get(&7).await.unwrap();
    cache.drain().await;
    source.set(7, 71);
    let epoch = cache.restart();
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    assert_eq!(cache.get(&7).versioned().await.unwrap().stamp.epoch, epoch.epoch);
}
