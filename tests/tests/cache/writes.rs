//! Through, behind, around.

use std::collections::HashMap;

use ostraca::cache::{MapStore, WriteError, Writes};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{LONG, Prices, builder, millis, seconds, settle};

#[tokio::test(start_paused = true)]
async fn through_the_source_has_it_and_every_tier() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let cache = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.put(&7, 71).await.unwrap();
    assert_eq!(source.price(7), Some(71));
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    let other = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    assert_eq!(other.get(&7).await.unwrap(), Some(71));
    assert_eq!(source.loads(), 1);
    cache.delete(&7).await.unwrap();
    assert_eq!((source.price(7), cache.get(&7).await.unwrap()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_source_refuses_leaves_nothing_in_the_tiers() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let cache = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.drain().await;
    source.fails_next(1);
    let WriteError::Source(error) = cache.put(&7, 71).await.unwrap_err() else { unreachable!("one kind") };
    assert_eq!(error.to_string(), "the database is down");
    assert_eq!(cache.get(&7).await.unwrap(), Some(70));
    assert_eq!(source.loads(), 2, "whether it was written was not known");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_is_gone_reaches_the_tiers_too() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let cache = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    source.takes(millis(10));
    assert!(tokio::time::timeout(millis(5), cache.put(&7, 71)).await.is_err());
    tokio::time::sleep(millis(20)).await;
    assert_eq!((source.price(7), cache.get(&7).await.unwrap()), (Some(71), Some(71)));
}

#[tokio::test(start_paused = true)]
async fn around_the_source_has_it_and_no_tier() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let build =
        || builder().memory(100, LONG).tier(&store, LONG).writes(Writes::Around).build(source.clone());
    let cache = build();
    cache.get(&7).await.unwrap();
    cache.drain().await;
    cache.put(&7, 71).await.unwrap();
    assert_eq!((source.price(7), source.loads()), (Some(71), 1));
    assert_eq!(cache.get(&7).await.unwrap(), Some(71));
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn behind_a_write_is_read_at_once_and_reaches_the_source_later() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let behind = Writes::Behind { keys_max: 100 };
    let cache = builder().memory(100, LONG).tier(&store, LONG).writes(behind).build(source.clone());
    source.takes(millis(10));
    let began = Instant::now();
    for price in 71..=90 {
        cache.put(&7, price).await.unwrap();
        assert_eq!(cache.get(&7).await.unwrap(), Some(price));
    }
    assert_eq!((began.elapsed(), cache.stats().behind), (millis(0), 1));
    cache.drain().await;
    assert_eq!((source.price(7), source.loads()), (Some(90), 0));
    assert!(source.stored().len() <= 3, "those that waited gave way: {:?}", source.stored());
    let other = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    assert_eq!((other.get(&7).await.unwrap(), source.loads()), (Some(90), 0));
}

#[tokio::test(start_paused = true)]
async fn behind_a_write_that_the_memory_has_forgotten_is_read_all_the_same() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let behind = Writes::Behind { keys_max: 1_000 };
    let cache = builder().memory(10, LONG).tier(&store, LONG).writes(behind).build(source.clone());
    cache.get(&7).await.unwrap();
    cache.drain().await;
    source.fails(true);
    cache.put(&7, 71).await.unwrap();
    for key in 100..400 {
        cache.put(&key, key).await.unwrap();
    }
    assert_eq!(cache.get(&7).await.unwrap(), Some(71), "not the tier's, nor the source's");
}

#[tokio::test(start_paused = true)]
async fn behind_a_source_that_fails_is_tried_until_it_works() {
    let source = Prices::default();
    let cache = builder().memory(100, LONG).writes(Writes::Behind { keys_max: 100 }).build(source.clone());
    source.fails_next(5);
    cache.put(&7, 71).await.unwrap();
    cache.put(&8, 81).await.unwrap();
    cache.drain().await;
    assert_eq!((source.price(7), source.price(8)), (Some(71), Some(81)));
}

#[tokio::test(start_paused = true)]
async fn behind_a_full_queue_lets_writers_wait() {
    let source = Prices::default();
    let cache = builder().memory(100, LONG).writes(Writes::Behind { keys_max: 10 }).build(source.clone());
    source.fails(true);
    for key in 0..10 {
        cache.put(&key, key).await.unwrap();
    }
    assert!(tokio::time::timeout(seconds(60), cache.put(&10, 10)).await.is_err());
    cache.put(&3, 33).await.unwrap();
    source.fails(false);
    cache.put(&10, 10).await.unwrap();
    cache.drain().await;
    assert_eq!((source.price(3), source.price(10)), (Some(33), Some(10)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_order_of_a_key_is_kept_under_64_writers() {
    let source = Prices::default();
    let cache = builder().memory(1_000, LONG).writes(Writes::Behind { keys_max: 50 }).build(source.clone());
    // One writer a key has an order that can be told: 64 of them share 16 keys through a lock each.
    let turns: std::sync::Arc<Vec<tokio::sync::Mutex<u64>>> =
        std::sync::Arc::new((0..16).map(|_| tokio::sync::Mutex::new(0)).collect());
    let mut writers = JoinSet::new();
    for writer in 0..64u64 {
        let (cache, turns, source) = (cache.clone(), turns.clone(), source.clone());
        writers.spawn(async move {
            for round in 0..200 {
                let key = (writer + round) % 16;
                let mut turn = turns[key as usize].lock().await;
                *turn += 1;
                cache.put(&key, *turn).await.unwrap();
                drop(turn);
                if round % 50 == 0 {
                    source.fails_next(2);
                }
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    cache.drain().await;
    let mut last = HashMap::new();
    for (key, price) in source.stored() {
        let before = last.insert(key, price);
        assert!(before.is_none_or(|before| before < price), "{key}: {price:?} after {before:?}");
    }
    for (key, turn) in turns.iter().enumerate() {
        assert_eq!(source.price(key as u64), Some(*turn.lock().await), "the last of key {key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_written_elsewhere_is_taken_in() {
    let (source, store) = (Prices::of([(7, 70)]), MapStore::new());
    let cache = builder().memory(100, LONG).tier(&store, LONG).build(source.clone());
    cache.get(&7).await.unwrap();
    source.set(7, 71);
    let stamp = cache.update(&7, 71).await;
    settle().await;
    assert_eq!(cache.get(&7).after(stamp).await.unwrap(), Some(71));
    assert_eq!(source.loads(), 1);
}
