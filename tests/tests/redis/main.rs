//! The Redis tiers against real servers.

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]

mod hostile;
mod loss;
mod told;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::__internals::tier_contract;
use ostraca::cache::{Body, Entry, Put, RedisBuilder, RedisStore, Stamp, Store, Tier, TierError, Timestamp};
use ostraca_tests::servers::{RedisCluster, RedisServer};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

pub(crate) fn entry(version: u64, value: &str) -> Entry {
    Entry {
        stamp: Stamp::new(1, version),
        made_at: NOW,
        fresh_until: NOW.after(Duration::from_secs(60)),
        keep_until: NOW.after(Duration::from_secs(120)),
        tags: Vec::new(),
        body: Body::Value(value.as_bytes().into()),
    }
}

pub(crate) fn builder(server: &RedisServer) -> RedisBuilder {
    RedisStore::builder([server.url()]).unwrap().timeout(Duration::from_secs(10))
}

/// A connected store.
pub(crate) async fn connected(builder: RedisBuilder) -> RedisStore {
    let store = builder.start();
    within(store.connected()).await;
    store
}

/// What must happen soon.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it happens within 20 s")
}

/// Asks again until it is so.
pub(crate) async fn until<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    within(async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

pub(crate) async fn put(tier: &Arc<dyn Tier>, key: &str, entry: &Entry) -> Put {
    tier.put(key.as_bytes(), entry, NOW).await.unwrap()
}

pub(crate) async fn get(tier: &Arc<dyn Tier>, key: &str) -> Option<Entry> {
    tier.get(key.as_bytes(), NOW).await.unwrap()
}

#[tokio::test]
async fn a_server_keeps_the_contract_of_a_tier() {
    let Some(server) = RedisServer::start("the contract of a tier on Redis") else { return };
    tier_contract::holds(&connected(builder(&server)).await).await;
}

#[tokio::test]
async fn a_cluster_keeps_the_contract_of_a_tier() {
    let Some(cluster) = RedisCluster::start("the contract of a tier on Redis Cluster") else { return };
    // One of them is enough to find the others.
    let store = RedisStore::builder([&cluster.urls()[1]]).unwrap().cluster();
    tier_contract::holds(&connected(store).await).await;
    let keys = |node: &RedisServer| node.command::<u64>(&["DBSIZE"]).unwrap();
    let keys = cluster.nodes.each_ref().map(keys);
    assert!(keys.iter().all(|keys| *keys > 50), "each of the three has its part: {keys:?}");
}

#[tokio::test]
async fn two_prefixes_on_one_server_know_nothing_of_each_other() {
    let Some(server) = RedisServer::start("prefixes of the Redis tier") else { return };
    let one = connected(builder(&server).prefix("one")).await.tier("s");
    let other = connected(builder(&server).prefix("other")).await.tier("s");
    put(&one, "k", &entry(5, "one")).await;
    assert_eq!(get(&other, "k").await, None);
    other.clear(Stamp::new(9, 9), NOW).await.unwrap();
    assert_eq!(get(&one, "k").await, Some(entry(5, "one")));
}

#[tokio::test]
async fn entries_go_with_their_lifetime_and_with_a_clear() {
    let Some(server) = RedisServer::start("lifetimes on the Redis tier") else { return };
    let tier = connected(builder(&server)).await.tier("s*");
    for n in 0..2_000 {
        put(&tier, &n.to_string(), &entry(5, "value")).await;
    }
    let left = server.command::<u64>(&["PTTL", "ostraca:{s*/0}k7"]).unwrap();
    assert!((60_000..=120_000).contains(&left), "{left} ms");
    tier.clear(Stamp::new(1, 6), NOW).await.unwrap();
    until(async || (server.command::<u64>(&["DBSIZE"]).unwrap() == 1).then_some(())).await;
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_at_once_and_is_found_again() {
    let Some(mut server) = RedisServer::start("a Redis server that is down") else { return };
    server.kill();
    let store = builder(&server).start();
    let tier = store.tier("s");
    assert!(matches!(tier.get(b"k", NOW).await, Err(TierError::Unavailable(_))));
    assert!(!store.is_connected());
    server.start_again();
    within(store.connected()).await;
    assert_eq!(put(&tier, "k", &entry(1, "value")).await, Put::Stored);
    server.kill();
    let error = until(async || tier.get(b"k", NOW).await.err()).await;
    assert!(error.is_outage(), "{error}");
    server.start_again();
    until(async || tier.get(b"k", NOW).await.ok()).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error_and_is_found_again() {
    let Some(server) = RedisServer::start("a Redis server that hangs") else { return };
    let store = connected(builder(&server).timeout(Duration::from_millis(200))).await;
    let tier = store.tier("s");
    put(&tier, "k", &entry(1, "value")).await;
    server.pause();
    let error = within(tier.get(b"k", NOW)).await.unwrap_err();
    assert!(error.is_outage(), "{error}");
    until(async || (!store.is_connected()).then_some(())).await;
    server.resume();
    within(store.connected()).await;
    let there = until(async || tier.get(b"k", NOW).await.ok()).await;
    assert_eq!(there, Some(entry(1, "value")), "nothing was lost");
}

#[tokio::test]
async fn a_cluster_without_one_of_its_nodes_has_the_rest_and_finds_it_again() {
    let Some(mut cluster) = RedisCluster::start("a Redis Cluster without one of its nodes") else { return };
    let store = RedisStore::builder(cluster.urls()).unwrap().cluster().timeout(Duration::from_millis(200));
    let store = connected(store.settle(Duration::ZERO)).await;
    let tier = store.tier("s");
    let keys: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    for key in &keys {
        put(&tier, key, &entry(1, "value")).await;
    }
    cluster.nodes[0].kill();
    until(async || (!store.is_connected()).then_some(())).await;
    let mut found = 0;
    for key in &keys {
        match tier.get(key.as_bytes(), NOW).await {
            Ok(there) => found += usize::from(there.is_some()),
            Err(error) => assert!(error.is_outage(), "{error}"),
        }
    }
    assert!((150..250).contains(&found), "{found} of 300 on the other two");
    cluster.nodes[0].start_again();
    within(store.connected()).await;
    for key in &keys {
        // The first of a partition learns that the content is lost, and leaves a mark only.
        until(async || {
            tier.put(key.as_bytes(), &entry(2, "again"), NOW).await.ok()?;
            tier.get(key.as_bytes(), NOW).await.ok()?.filter(|there| *there == entry(2, "again"))
        })
        .await;
    }
}

#[test]
fn an_address_that_is_none_is_named_without_its_password() {
    for url in ["http://me:secret@there", "redis://:secret@there:port", "there"] {
        let error = RedisStore::builder([url]).unwrap_err().to_string();
        assert!(error.contains("there") && !error.contains("secret"), "{error}");
    }
    let none: [&str; 0] = [];
    assert_eq!(
        RedisStore::builder(none).unwrap_err().to_string(),
        "no address was given: name at least one server, as redis://host:6379"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_one_line_a_minute() {
    let (log, _guard) = logged();
    // Nobody listens there.
    let store = RedisStore::builder(["redis://127.0.0.1:1"]).unwrap().start();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let lines = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = lines.lines().filter(|line| line.contains("caches go on without it")).collect();
    assert!((9..=10).contains(&lines.len()), "{} in ten minutes: {lines:#?}", lines.len());
    assert!(lines[0].contains("WARN") && lines[0].contains("127.0.0.1:1"), "{}", lines[0]);
    assert!(store.outage().is_some_and(|why| why.to_string().contains("127.0.0.1:1")));
}

/// What this thread logs, until the guard is dropped.
fn logged() -> (Arc<Mutex<Vec<u8>>>, impl Drop) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = tracing_subscriber::fmt().with_ansi(false).with_writer(Log(log.clone()));
    (log, tracing::subscriber::set_default(writer.finish()))
}

#[derive(Clone)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
