//! A server that loses what it had: nothing of before comes back, and nobody wins over what was lost.

use super::*;

#[tokio::test]
async fn after_a_flush_a_late_put_leaves_a_mark_and_no_value() {
    let Some(server) = RedisServer::start("a flush of the Redis tier") else { return };
    let late = connected(builder(&server).settle(Duration::from_secs(3_600))).await.tier("s");
    put(&late, "other", &entry(1, "so that it knows the generation")).await;
    let tier = connected(builder(&server).settle(Duration::ZERO)).await.tier("s");
    // The source is at version 6, and this is told first.
    put(&tier, "k", &entry(6, "six")).await;
    server.flush();
    // Version 5 was written before it, and arrives after the flush.
    assert_eq!(put(&late, "k", &entry(5, "five")).await, Put::Stored);
    assert_eq!(get(&late, "k").await, None);
    assert_eq!(
        put(&tier, "k", &entry(4, "four")).await,
        Put::Outdated(Stamp::new(1, 5)),
        "it has left its mark"
    );
    assert_eq!(put(&tier, "k", &entry(6, "six")).await, Put::Stored);
    assert_eq!(get(&late, "k").await, Some(entry(6, "six")));
    // What the new generation knows may be replaced, by whomever.
    assert_eq!(put(&late, "k", &entry(7, "seven")).await, Put::Stored);
    assert_eq!(get(&tier, "k").await, Some(entry(7, "seven")));
}

#[tokio::test]
async fn once_it_has_settled_a_flushed_server_keeps_values_again() {
    let Some(server) = RedisServer::start("a flush of the Redis tier") else { return };
    let tier = connected(builder(&server).settle(Duration::from_millis(300))).await.tier("s");
    put(&tier, "k", &entry(1, "one")).await;
    server.flush();
    put(&tier, "k", &entry(2, "two")).await;
    assert_eq!(get(&tier, "k").await, None);
    until(async || {
        put(&tier, "k", &entry(2, "two")).await;
        get(&tier, "k").await
    })
    .await;
}

#[tokio::test]
async fn a_server_that_comes_back_from_an_old_snapshot_gives_nothing_of_it() {
    let Some(mut server) = RedisServer::start("a Redis server with an old snapshot") else { return };
    let store = connected(builder(&server).settle(Duration::ZERO)).await;
    let tier = store.tier("s");
    put(&tier, "k", &entry(1, "of the snapshot")).await;
    server.command::<()>(&["SAVE"]).unwrap();
    put(&tier, "k", &entry(2, "newer")).await;
    server.kill();
    until(async || tier.get(b"k", NOW).await.err()).await;
    server.start_again();
    assert_eq!(server.command::<u64>(&["EXISTS", "ostraca:{s/0}kk"]).unwrap(), 1, "the snapshot is there");
    let there = until(async || tier.get(b"k", NOW).await.ok()).await;
    assert_eq!(there, None);
    // Also for who has never seen the server before.
    let new = connected(builder(&server)).await.tier("s");
    assert_eq!(get(&new, "k").await, None);
    assert_eq!(put(&new, "k", &entry(1, "filled anew")).await, Put::Stored);
    assert_eq!(get(&tier, "k").await, Some(entry(1, "filled anew")));
}
