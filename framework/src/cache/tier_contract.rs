//! What is asked of every tier, as a list that runs on each store's own tests.
//!
//! Its functions panic where a store does not keep its promise.

use std::sync::Arc;

use super::entry::{Body, Entry, Stamp, Timestamp};
use super::tier::{Put, Store, Tier};

const NOW: Timestamp = Timestamp(1_000_000);

fn at(millis: u64) -> Timestamp {
    Timestamp(NOW.0 + millis)
}

fn stamp(version: u64) -> Stamp {
    Stamp::new(1, version)
}

fn entry(version: u64, value: &str) -> Entry {
    Entry {
        stamp: stamp(version),
        made_at: NOW,
        fresh_until: at(60_000),
        keep_until: at(120_000),
        tags: Vec::new(),
        body: Body::Value(value.as_bytes().into()),
    }
}

fn tagged(version: u64, value: &str, tags: &[&str]) -> Entry {
    Entry { tags: tags.iter().map(|tag| Arc::from(*tag)).collect(), ..entry(version, value) }
}

fn removed(version: u64) -> Entry {
    Entry { body: Body::Removed, ..entry(version, "") }
}

async fn put(tier: &dyn Tier, key: &str, entry: &Entry) -> Put {
    tier.put(key.as_bytes(), entry, NOW).await.expect("the store is up")
}

async fn get(tier: &dyn Tier, key: &str) -> Option<Entry> {
    tier.get(key.as_bytes(), NOW).await.expect("the store is up")
}

/// Every promise that one process can check without failing the store. The store is empty before.
pub async fn holds(store: &dyn Store) {
    gives_back_what_was_put(&*store.tier("given")).await;
    only_newer_wins(&*store.tier("newer")).await;
    lifetimes(&*store.tier("lifetimes")).await;
    tags(&*store.tier("tags")).await;
    clear(&*store.tier("clear")).await;
    spaces_are_apart(store).await;
}

async fn gives_back_what_was_put(tier: &dyn Tier) {
    assert_eq!(get(tier, "a").await, None);
    let whole = Entry { tags: vec!["t".into(), "ü".into()], ..entry(u64::MAX, "value") };
    for (key, given) in [
        ("a", whole),
        ("", entry(1, "of the empty key")),
        ("empty", entry(1, "")),
        ("long", entry(1, &"x".repeat(100_000))),
        ("absent", Entry { body: Body::Absent, ..entry(3, "") }),
        ("removed", removed(3)),
        ("k\0e\u{ff}y\r\n", entry(1, "of a key that is no word")),
    ] {
        assert_eq!(put(tier, key, &given).await, Put::Stored, "{key:?}");
        assert_eq!(get(tier, key).await, Some(given), "{key:?}");
    }
}

async fn only_newer_wins(tier: &dyn Tier) {
    assert_eq!(put(tier, "k", &entry(5, "five")).await, Put::Stored);
    assert_eq!(put(tier, "k", &entry(4, "four")).await, Put::Outdated(stamp(5)));
    assert_eq!(get(tier, "k").await, Some(entry(5, "five")));
    assert_eq!(put(tier, "k", &entry(5, "again")).await, Put::Stored, "of equal ones the later");
    assert_eq!(get(tier, "k").await, Some(entry(5, "again")));
    let next_epoch = Entry { stamp: Stamp::new(2, 1), ..entry(1, "of the next epoch") };
    assert_eq!(put(tier, "k", &next_epoch).await, Put::Stored);
    assert_eq!(put(tier, "k", &entry(6, "six")).await, Put::Outdated(Stamp::new(2, 1)));
    assert_eq!(put(tier, "r", &removed(7)).await, Put::Stored);
    assert_eq!(put(tier, "r", &entry(6, "on its way")).await, Put::Outdated(stamp(7)));
    assert_eq!(put(tier, "r", &entry(7, "its own")).await, Put::Outdated(stamp(7)));
    assert_eq!(get(tier, "r").await, Some(removed(7)));
    assert_eq!(put(tier, "r", &entry(8, "new")).await, Put::Stored);
    // Versions of which a float would keep too few digits.
    let (low, high) = (entry(u64::MAX - 1, "low"), entry(u64::MAX, "high"));
    assert_eq!(put(tier, "big", &high).await, Put::Stored);
    assert_eq!(put(tier, "big", &low).await, Put::Outdated(stamp(u64::MAX)));
}

async fn lifetimes(tier: &dyn Tier) {
    let short = Entry { keep_until: at(60_000), ..entry(5, "five") };
    put(tier, "k", &short).await;
    assert_eq!(tier.get(b"k", at(59_999)).await, Ok(Some(short)));
    assert_eq!(tier.get(b"k", at(60_000)).await, Ok(None));
    let late = tier.put(b"k", &entry(4, "older, but nothing is kept any more"), at(60_000)).await;
    assert_eq!(late, Ok(Put::Stored));
}

async fn tags(tier: &dyn Tier) {
    put(tier, "a", &tagged(5, "a", &["red"])).await;
    put(tier, "b", &tagged(5, "b", &["red", "blue"])).await;
    put(tier, "c", &tagged(5, "c", &["blue"])).await;
    put(tier, "d", &entry(5, "d")).await;
    put(tier, "e", &tagged(9, "newer", &["red"])).await;
    tier.remove_tag("red", stamp(8), NOW).await.expect("the store is up");
    assert_eq!((get(tier, "a").await, get(tier, "b").await), (None, None));
    for key in ["c", "d", "e"] {
        assert!(get(tier, key).await.is_some(), "{key}");
    }
    assert_eq!(put(tier, "a", &tagged(7, "on its way", &["red"])).await, Put::Outdated(stamp(8)));
    assert_eq!(put(tier, "a", &tagged(8, "read after it", &["red"])).await, Put::Stored);
    assert_eq!(put(tier, "f", &tagged(7, "of another tag", &["green"])).await, Put::Stored);
    tier.remove_tag("red", stamp(2), NOW).await.expect("the store is up");
    assert_eq!(put(tier, "b", &tagged(7, "still", &["red"])).await, Put::Outdated(stamp(8)));
}

async fn clear(tier: &dyn Tier) {
    put(tier, "a", &entry(5, "a")).await;
    put(tier, "b", &entry(9, "newer")).await;
    tier.clear(stamp(8), NOW).await.expect("the store is up");
    assert_eq!(get(tier, "a").await, None);
    assert_eq!(get(tier, "b").await, Some(entry(9, "newer")));
    assert_eq!(put(tier, "a", &entry(7, "on its way")).await, Put::Outdated(stamp(8)));
    assert_eq!(put(tier, "a", &entry(8, "read after it")).await, Put::Stored);
    tier.clear(stamp(2), NOW).await.expect("the store is up");
    assert_eq!(put(tier, "c", &entry(7, "still")).await, Put::Outdated(stamp(8)));
}

async fn spaces_are_apart(store: &dyn Store) {
    let (one, other) = (store.tier("one"), store.tier("one:more"));
    put(&*one, "k", &entry(5, "one")).await;
    put(&*other, "k", &entry(3, "other")).await;
    one.clear(stamp(8), NOW).await.expect("the store is up");
    assert_eq!(get(&*other, "k").await, Some(entry(3, "other")));
    put(&*store.tier("one:more"), "k", &entry(4, "the same part")).await;
    assert_eq!(get(&*other, "k").await, Some(entry(4, "the same part")));
}

#[cfg(test)]
#[tokio::test]
async fn a_map_keeps_the_contract() {
    holds(&super::map_store::MapStore::new()).await;
}
