//! What one process is told of the others.

use ostraca::cache::Watcher;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;

#[derive(Debug, PartialEq)]
enum Told {
    Changed(String),
    TagRemoved(String, Stamp),
    Cleared(Stamp),
    Lost,
}

struct Listener(UnboundedSender<Told>);

impl Listener {
    fn hear(&self, told: Told) {
        self.0.send(told).unwrap();
    }
}

impl Watcher for Listener {
    fn changed(&self, key: &[u8]) {
        self.hear(Told::Changed(String::from_utf8(key.to_vec()).unwrap()));
    }

    fn tag_removed(&self, tag: &str, stamp: Stamp) {
        self.hear(Told::TagRemoved(tag.to_owned(), stamp));
    }

    fn cleared(&self, stamp: Stamp) {
        self.hear(Told::Cleared(stamp));
    }

    fn lost(&self) {
        self.hear(Told::Lost);
    }
}

/// The watcher of a tier, and what it hears.
fn listen(tier: &Arc<dyn Tier>) -> (Arc<dyn Watcher>, UnboundedReceiver<Told>) {
    let (tx, rx) = unbounded_channel();
    let watcher: Arc<dyn Watcher> = Arc::new(Listener(tx));
    tier.watch(Arc::downgrade(&watcher));
    (watcher, rx)
}

async fn next(told: &mut UnboundedReceiver<Told>) -> Told {
    within(told.recv()).await.unwrap()
}

async fn writes_are_told(mine: &RedisStore, other: &RedisStore) {
    let (tier, theirs) = (mine.tier("s"), other.tier("s"));
    let (_watcher, mut told) = listen(&tier);
    put(&tier, "my own", &entry(5, "value")).await;
    tier.clear(Stamp::new(1, 1), NOW).await.unwrap();
    put(&other.tier("another space"), "k", &entry(5, "value")).await;
    put(&theirs, "k", &entry(5, "value")).await;
    assert_eq!(next(&mut told).await, Told::Changed("k".to_owned()), "and nothing of one's own");
    put(&theirs, "k", &entry(4, "outdated")).await;
    assert_eq!(theirs.fill(b"filled", &entry(5, "value"), NOW).await, Ok(Put::Stored));
    assert_eq!(get(&tier, "filled").await, Some(entry(5, "value")));
    put(&theirs, "}k\n", &Entry { body: Body::Removed, ..entry(5, "") }).await;
    assert_eq!(next(&mut told).await, Told::Changed("}k\n".to_owned()));
    theirs.remove_tag("red", Stamp::new(1, 2), NOW).await.unwrap();
    assert_eq!(next(&mut told).await, Told::TagRemoved("red".to_owned(), Stamp::new(1, 2)));
    // In a cluster a removal is told once for each partition; once is enough, more does no harm.
    theirs.clear(Stamp::new(1, 3), NOW).await.unwrap();
    loop {
        match next(&mut told).await {
            Told::TagRemoved(..) => {}
            other => break assert_eq!(other, Told::Cleared(Stamp::new(1, 3))),
        }
    }
}

#[tokio::test]
async fn others_are_told_of_writes_and_nobody_of_their_own() {
    let Some(server) = RedisServer::start("what the Redis tier tells") else { return };
    writes_are_told(&connected(builder(&server)).await, &connected(builder(&server)).await).await;
}

#[tokio::test]
async fn others_are_told_of_writes_by_every_node_of_a_cluster() {
    let Some(cluster) = RedisCluster::start("what the Redis Cluster tier tells") else { return };
    let store = || RedisStore::builder(cluster.urls()).unwrap().cluster();
    let (mine, other) = (connected(store()).await, connected(store()).await);
    let (tier, theirs) = (mine.tier("many"), other.tier("many"));
    let (_watcher, mut told) = listen(&tier);
    for n in 0..100 {
        put(&theirs, &n.to_string(), &entry(1, "value")).await;
    }
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 100 {
        match next(&mut told).await {
            Told::Changed(key) => heard.insert(key),
            other => panic!("{other:?}"),
        };
    }
    writes_are_told(&mine, &other).await;
}

#[tokio::test]
async fn a_flush_and_a_new_connection_are_a_loss() {
    let Some(mut server) = RedisServer::start("what the Redis tier tells of a loss") else { return };
    let tier = connected(builder(&server)).await.tier("s");
    let (_watcher, mut told) = listen(&tier);
    server.flush();
    assert_eq!(next(&mut told).await, Told::Lost);
    server.start_again();
    assert_eq!(next(&mut told).await, Told::Lost);
    // Killed by whoever administers the server, and only the connection that tracks.
    let clients: String = server.command(&["CLIENT", "LIST"]).unwrap();
    let tracking =
        clients.lines().find(|line| line.contains("flags=tB") || line.contains("flags=Bt")).unwrap();
    let id = tracking.split([' ', '=']).nth(1).unwrap();
    server.command::<u64>(&["CLIENT", "KILL", "ID", id]).unwrap();
    assert_eq!(next(&mut told).await, Told::Lost);
}

#[tokio::test]
async fn a_watcher_that_is_gone_is_told_nothing() {
    let Some(server) = RedisServer::start("who is told by the Redis tier") else { return };
    let tier = connected(builder(&server)).await.tier("s");
    let (watcher, mut told) = listen(&tier);
    drop(watcher);
    server.flush();
    assert_eq!(within(told.recv()).await, None);
}
