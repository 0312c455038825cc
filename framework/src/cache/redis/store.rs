//! The place: its servers, its spaces, and what it is told.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, Value};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::super::tier::{Store, Tier, TierError, Watcher};
use super::layout::{self, Names, Origin, RunId, Signal};
use super::link::{Events, Live, random};
use super::node::{Dial, Node};
use super::report::report;
use super::routes::{Routes, SlotMap};
use super::script::Scripts;
use super::tier::{RedisTier, Space};
use crate::sync::Mutex;

/// In how many parts a space lies in a cluster.
const PARTITIONS: usize = 256;
/// How often a cluster is asked for its slots when nothing says that they have changed.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// A Redis or Valkey server, or a cluster of them, that several processes share. See the module's doc.
///
/// Its connections are closed when it and all tiers that it gave are dropped.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

/// What a store is to be like. See [`RedisStore::builder`].
#[derive(Clone, Debug)]
pub struct RedisBuilder {
    seeds: Vec<Seed>,
    is_cluster: bool,
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    prefix: String,
    connections: usize,
    timeout: Duration,
    settle: Duration,
    len_max: usize,
}

#[derive(Clone, Debug)]
struct Seed {
    client: Client,
    host: String,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisUrlError {
    /// It is none.
    #[error("not an address of a server, as redis://user:password@host:6379/0: {url}: {why}")]
    Invalid {
        /// What was given, without its password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is none.
    #[error("no address was given: name at least one server, as redis://host:6379")]
    None,
}

impl RedisStore {
    /// A store at these addresses, `redis://[user:password@]host[:port][/database]`: one, or some of a
    /// [cluster](RedisBuilder::cluster).
    ///
    /// # Errors
    ///
    /// A [`RedisUrlError`] that names the address. Nothing is connected yet.
    pub fn builder<U: AsRef<str>>(urls: impl IntoIterator<Item = U>) -> Result<RedisBuilder, RedisUrlError> {
        let seeds: Vec<Seed> =
            urls.into_iter().map(|url| Seed::new(url.as_ref())).collect::<Result<_, _>>()?;
        if seeds.is_empty() {
            return Err(RedisUrlError::None);
        }
        let settings = Settings {
            prefix: "ostraca".to_owned(),
            connections: 2,
            timeout: Duration::from_secs(1),
            settle: Duration::from_secs(5),
            len_max: 17 << 20,
        };
        Ok(RedisBuilder { seeds, is_cluster: false, settings })
    }

    /// Whether all servers are connected. If not, [`outage`](Store::outage) says why.
    pub fn is_connected(&self) -> bool {
        self.shared.outage().is_none()
    }

    /// Waits until all servers are connected.
    pub async fn connected(&self) {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            if self.is_connected() {
                return;
            }
            changed.await;
        }
    }
}

impl RedisBuilder {
    /// The addresses are those of a cluster's nodes, as many as one likes: the others are asked for.
    #[must_use]
    pub fn cluster(mut self) -> Self {
        self.is_cluster = true;
        self
    }

    /// What all keys begin with (`ostraca`): two stores with different ones share a server and nothing else.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// How many connections the calls share, to each server (2). Each is pipelined: more are for more bytes, and for
    /// servers with more threads.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.settings.connections = connections.max(1);
        self
    }

    /// After how long without an answer a connection counts as broken (a second). How long one call may take is the
    /// cache's to say.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// For how long after a server lost its content nothing new is kept (five seconds): no less than a write may take
    /// from the source to here.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settings.settle = settle;
        self
    }

    /// The longest entry in bytes that is written or read (17 MiB: a value of 16 and what goes with it).
    #[must_use]
    pub fn len_max(mut self, len_max: usize) -> Self {
        self.settings.len_max = len_max;
        self
    }

    /// Starts to connect, in the background, and does not wait for it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: that is where its connections live.
    pub fn start(self) -> RedisStore {
        let RedisBuilder { seeds, is_cluster, settings } = self;
        let on = Handle::current();
        let shared = Arc::new_cyclic(|me: &Weak<Shared>| {
            let routes = match seeds.first() {
                Some(seed) if !is_cluster => {
                    Routes::one(seed.address(), settings.node(&seed.client, me, &on))
                }
                _ => Routes::nowhere(),
            };
            Shared {
                origin: format!("{:016x}", random()).into_bytes().try_into().expect("16 digits"),
                partitions: if is_cluster { PARTITIONS } else { 1 },
                name: if is_cluster { "redis-cluster" } else { "redis" },
                settings,
                scripts: Scripts::new(),
                routes: ArcSwap::from_pointee(routes),
                spaces: Mutex::new(HashMap::new()),
                unsettled_until: Mutex::new(None),
                run_ids: Mutex::new(HashMap::new()),
                changed: Notify::new(),
                ask: Arc::default(),
                background: Mutex::new(Vec::new()),
                on,
            }
        });
        shared.background(report(Arc::downgrade(&shared)));
        if is_cluster {
            shared.background(ask_for_routes(Arc::downgrade(&shared), seeds));
        }
        RedisStore { shared }
    }
}

impl Seed {
    fn new(url: &str) -> Result<Self, RedisUrlError> {
        let shown = match (url.find("://"), url.rfind('@')) {
            (Some(scheme), Some(at)) => format!("{}..{}", &url[..scheme + 3], &url[at..]),
            _ => url.to_owned(),
        };
        let invalid =
            |why: &dyn fmt::Display| RedisUrlError::Invalid { url: shown.clone(), why: why.to_string() };
        let info = url.into_connection_info().map_err(|error| invalid(&error))?;
        let host = match info.addr() {
            ConnectionAddr::Tcp(host, _) => host.clone(),
            // A Unix socket: of one server only.
            other => other.to_string(),
        };
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings)).map_err(|error| invalid(&error))?;
        Ok(Seed { client, host })
    }

    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// The same user and password at another server of the cluster.
    fn at(&self, address: &str) -> Option<Client> {
        let (host, port) = address.rsplit_once(':')?;
        let info = self.client.get_connection_info().clone();
        Client::open(info.set_addr(ConnectionAddr::Tcp(host.to_owned(), port.parse().ok()?))).ok()
    }
}

impl Settings {
    fn node(&self, client: &Client, shared: &Weak<Shared>, on: &Handle) -> Node {
        let dial = Dial {
            client: client.clone(),
            connections: self.connections,
            timeout: self.timeout,
            signals: layout::signals_of(&self.prefix),
        };
        let address = client.get_connection_info().addr().to_string();
        let events: Arc<dyn Events> = Arc::new(Calls { shared: shared.clone(), address });
        let tracked: Arc<dyn Events> = Arc::new(Told { shared: shared.clone() });
        Node::start(&dial, &events, &tracked, on)
    }
}

/// What the store and its tiers have in common.
pub(super) struct Shared {
    name: &'static str,
    settings: Settings,
    /// Under which name this store signals.
    pub(super) origin: Origin,
    pub(super) partitions: usize,
    pub(super) scripts: Scripts,
    routes: ArcSwap<Routes>,
    /// By escaped name.
    spaces: Mutex<HashMap<String, Arc<Space>>>,
    unsettled_until: Mutex<Option<Instant>>,
    /// By address: whom one talked with last.
    run_ids: Mutex<HashMap<String, RunId>>,
    changed: Notify,
    ask: Arc<Notify>,
    background: Mutex<Vec<AbortHandle>>,
    on: Handle,
}

impl Shared {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Why not every server is connected.
    pub(super) fn outage(&self) -> Option<TierError> {
        self.routes.load().outage()
    }

    pub(super) fn len_max(&self) -> usize {
        self.settings.len_max
    }

    /// A live connection to the server that has the slot.
    pub(super) fn live(&self, slot: u16, key: u64) -> Result<Arc<Live>, TierError> {
        self.routes.load().node(slot)?.live(key)
    }

    /// A live connection to the server at this address, if it is known.
    pub(super) fn at(&self, address: &str, key: u64) -> Option<Arc<Live>> {
        self.routes.load().by_address(address)?.live(key).ok()
    }

    /// The cluster is not as it was.
    pub(super) fn ask_again(&self) {
        self.ask.notify_one();
    }

    /// From now on, for a while, nothing new is kept.
    pub(super) fn begin_settling(&self) {
        *self.unsettled_until.lock() = Some(Instant::now() + self.settings.settle);
    }

    pub(super) fn is_settling(&self) -> bool {
        let mut until = self.unsettled_until.lock();
        *until = until.filter(|until| Instant::now() < *until);
        until.is_some()
    }

    /// Runs it until it is done or the store is dropped.
    pub(super) fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut background = self.background.lock();
        background.retain(|task| !task.is_finished());
        background.push(self.on.spawn(task).abort_handle());
    }

    /// A connection to each server.
    pub(super) fn each_live(&self) -> Vec<Arc<Live>> {
        self.routes.load().nodes().filter_map(|node| node.live(0).ok()).collect()
    }

    fn watchers(&self) -> Vec<Arc<dyn Watcher>> {
        let spaces: Vec<_> = self.spaces.lock().values().cloned().collect();
        spaces.iter().flat_map(|space| space.watchers()).collect()
    }

    /// Copies of what is in the store may be out of date.
    fn lost(&self) {
        self.watchers().iter().for_each(|watcher| watcher.lost());
    }

    fn told(&self, name: &[u8]) {
        let Some((space, origin, signal)) = layout::read_signal(&self.settings.prefix, name) else { return };
        if origin == self.origin {
            return;
        }
        let Some(space) = self.spaces.lock().get(space).cloned() else { return };
        for watcher in space.watchers() {
            match signal {
                Signal::Written(key) => watcher.changed(key),
                Signal::TagRemoved(stamp, tag) => watcher.tag_removed(tag, stamp),
                Signal::Cleared(stamp) => watcher.cleared(stamp),
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.background.lock().iter().for_each(AbortHandle::abort);
    }
}

impl Store for RedisStore {
    fn name(&self) -> &str {
        self.shared.name
    }

    fn outage(&self) -> Option<TierError> {
        self.shared.outage()
    }

    fn tier(&self, space: &str) -> Arc<dyn Tier> {
        let shared = &self.shared;
        let names = |at| Names::new(&shared.settings.prefix, space, at);
        let make = || Arc::new(Space::new((0..shared.partitions).map(names)));
        let space = shared.spaces.lock().entry(layout::escape(space)).or_insert_with(make).clone();
        Arc::new(RedisTier::new(shared.clone(), space))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, settings, .. } = &*self.shared;
        let is_connected = self.is_connected();
        f.debug_struct("RedisStore")
            .field("name", name)
            .field("settings", settings)
            .field("is_connected", &is_connected)
            .finish_non_exhaustive()
    }
}

/// What the connections for calls tell.
struct Calls {
    shared: Weak<Shared>,
    address: String,
}

impl Events for Calls {
    fn up(&self, run_id: RunId) {
        let Some(shared) = self.shared.upgrade() else { return };
        let before = shared.run_ids.lock().insert(self.address.clone(), run_id);
        if before.is_some_and(|before| before != run_id) {
            shared.begin_settling();
        }
        shared.changed.notify_waiters();
    }

    fn down(&self) {
        // In a cluster, another may have taken its place.
        if let Some(shared) = self.shared.upgrade() {
            shared.ask_again();
            shared.changed.notify_waiters();
        }
    }

    fn invalidated(&self, _names: Option<&[Value]>) {}
}

/// What the connections that track tell.
struct Told {
    shared: Weak<Shared>,
}

impl Events for Told {
    fn up(&self, _run_id: RunId) {
        let Some(shared) = self.shared.upgrade() else { return };
        // What was written before this was told to nobody here.
        shared.lost();
        shared.changed.notify_waiters();
    }

    fn down(&self) {}

    fn invalidated(&self, names: Option<&[Value]>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let Some(names) = names else {
            // FLUSHALL, FLUSHDB: the content is lost, and with it what it was worth.
            shared.begin_settling();
            return shared.lost();
        };
        for name in names {
            if let Value::BulkString(name) = name {
                shared.told(name);
            }
        }
    }
}

/// Keeps a cluster's routes true.
async fn ask_for_routes(shared: Weak<Shared>, seeds: Vec<Seed>) {
    loop {
        let Some(now) = shared.upgrade() else { return };
        if let Some(map) = ask_anybody(&now, &seeds).await
            && !now.routes.load().is_of(&map)
        {
            let start = |address: &str| {
                let client = seeds.first()?.at(address)?;
                Some(now.settings.node(&client, &shared, &now.on))
            };
            let routes = now.routes.load().changed(&map, start);
            now.routes.store(Arc::new(routes));
            now.changed.notify_waiters();
        }
        let is_known = now.routes.load().nodes().next().is_some();
        let wait = if is_known { ASK_EVERY } else { now.settings.timeout / 4 };
        let ask = now.ask.clone();
        drop(now);
        let again = async {
            ask.notified().await;
            // Not again and again for each of a thousand calls that a server sends elsewhere.
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let _timed_out = tokio::time::timeout(wait, again).await;
    }
}

/// The slots, from whoever answers first of the servers that are known and the addresses that were given.
async fn ask_anybody(shared: &Arc<Shared>, seeds: &[Seed]) -> Option<SlotMap> {
    let mut asked = JoinSet::new();
    for live in shared.each_live() {
        let (mut connection, host) = (live.connection.clone(), seeds.first()?.host.clone());
        asked.spawn(async move { SlotMap::ask(&mut connection, &host).await.ok() });
    }
    if asked.is_empty() {
        for seed in seeds.iter().cloned() {
            let limit = shared.settings.timeout;
            asked.spawn(async move {
                let config = redis::AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(limit))
                    .set_response_timeout(Some(limit));
                let connection = seed.client.get_multiplexed_async_connection_with_config(&config);
                let mut connection = tokio::time::timeout(2 * limit, connection).await.ok()?.ok()?;
                SlotMap::ask(&mut connection, &seed.host).await.ok()
            });
        }
    }
    while let Some(answer) = asked.join_next().await {
        if let Ok(Some(map)) = answer {
            return Some(map);
        }
    }
    None
}
