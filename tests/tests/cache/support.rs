//! Sources and stores that do as the test says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use ostraca::cache::{
    Entry, Lifetime, Loaded, MapStore, Put, Source, Stamp, Store, Tier, TierError, TierFuture, TieredBuilder,
    TieredCache, Timestamp, Usage, Watcher,
};

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) async fn after(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A shop's price list, in the role of the database.
#[derive(Clone, Default)]
pub(crate) struct Prices(Arc<State>);

#[derive(Default)]
struct State {
    prices: Mutex<HashMap<u64, u64>>,
    stored: Mutex<Vec<(u64, Option<u64>)>>,
    loads: AtomicU64,
    /// Milliseconds that a load takes.
    takes: AtomicU64,
    fails: AtomicU32,
    versions: Mutex<HashMap<u64, u64>>,
}

impl Prices {
    pub(crate) fn of<const N: usize>(prices: [(u64, u64); N]) -> Self {
        let source = Prices::default();
        prices.into_iter().for_each(|(key, price)| source.set(key, price));
        source
    }

    pub(crate) fn set(&self, key: u64, price: u64) {
        self.0.prices.lock().unwrap().insert(key, price);
    }

    pub(crate) fn price(&self, key: u64) -> Option<u64> {
        self.0.prices.lock().unwrap().get(&key).copied()
    }

    /// From now on loads give this version.
    pub(crate) fn version(&self, key: u64, version: u64) {
        self.0.versions.lock().unwrap().insert(key, version);
    }

    pub(crate) fn loads(&self) -> u64 {
        self.0.loads.load(Ordering::Relaxed)
    }

    pub(crate) fn takes(&self, time: Duration) {
        self.0.takes.store(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// From now on every call fails, or none.
    pub(crate) fn fails(&self, does: bool) {
        self.0.fails.store(if does { u32::MAX } else { 0 }, Ordering::Relaxed);
    }

    /// The next calls fail.
    pub(crate) fn fails_next(&self, calls: u32) {
        self.0.fails.store(calls, Ordering::Relaxed);
    }

    /// What was written, in order.
    pub(crate) fn stored(&self) -> Vec<(u64, Option<u64>)> {
        self.0.stored.lock().unwrap().clone()
    }

    fn strike(&self) -> Result<(), std::io::Error> {
        let fails = &self.0.fails;
        let left = fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
            u32::MAX => Some(u32::MAX),
            left => left.checked_sub(1),
        });
        if left.is_ok() { Err(std::io::Error::other("the database is down")) } else { Ok(()) }
    }

    async fn takes_its_time(&self) {
        let takes = self.0.takes.load(Ordering::Relaxed);
        if takes > 0 {
            after(millis(takes)).await;
        }
    }
}

impl Source<u64, u64> for Prices {
    type Error = std::io::Error;

    async fn load(&self, key: u64) -> Result<Loaded<u64>, std::io::Error> {
        self.0.loads.fetch_add(1, Ordering::Relaxed);
        // Read first, and given after: what is written meanwhile is newer.
        let (price, failed) = (self.price(key), self.strike());
        let version = self.0.versions.lock().unwrap().get(&key).copied();
        self.takes_its_time().await;
        failed?;
        let loaded = Loaded::from(price).tag(if key.is_multiple_of(2) { "even" } else { "odd" });
        Ok(match version {
            Some(version) => loaded.version(version),
            None => loaded,
        })
    }

    async fn store(&self, key: u64, price: Option<u64>) -> Result<Option<Stamp>, std::io::Error> {
        self.takes_its_time().await;
        self.strike()?;
        self.0.stored.lock().unwrap().push((key, price));
        let mut prices = self.0.prices.lock().unwrap();
        match price {
            Some(price) => drop(prices.insert(key, price)),
            None => drop(prices.remove(&key)),
        }
        let version = self.0.versions.lock().unwrap().get_mut(&key).map(|version| {
            *version += 1;
            Stamp::new(0, *version)
        });
        Ok(version)
    }
}

/// A store that is out of reach, or hangs, when it is told to. Its entries stay.
#[derive(Clone)]
pub(crate) struct Shaky(Arc<Inner>);

struct Inner {
    name: &'static str,
    store: MapStore,
    mode: Mutex<Mode>,
    last_key: Mutex<Vec<u8>>,
    watchers: Mutex<Vec<Weak<dyn Watcher>>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Up,
    Down,
    Hangs,
    /// What it gives cannot be read back.
    Corrupt,
}

impl Shaky {
    pub(crate) fn new(name: &'static str) -> Self {
        Shaky(Arc::new(Inner {
            name,
            store: MapStore::new(),
            mode: Mutex::new(Mode::Up),
            last_key: Mutex::default(),
            watchers: Mutex::new(Vec::new()),
        }))
    }

    pub(crate) fn is(&self, mode: Mode) {
        *self.0.mode.lock().unwrap() = mode;
    }

    /// The key that was put last, as a tier sees it.
    pub(crate) fn last_key(&self) -> Vec<u8> {
        self.0.last_key.lock().unwrap().clone()
    }

    /// Says to everybody who watches what another process did.
    pub(crate) fn tell(&self, tell: impl Fn(&dyn Watcher)) {
        let watchers = self.0.watchers.lock().unwrap();
        watchers.iter().filter_map(Weak::upgrade).for_each(|watcher| tell(&*watcher));
    }
}

impl Store for Shaky {
    fn name(&self) -> &str {
        self.0.name
    }

    fn tier(&self, space: &str) -> Arc<dyn Tier> {
        Arc::new(ShakyTier { of: self.clone(), tier: self.0.store.tier(space) })
    }
}

struct ShakyTier {
    of: Shaky,
    tier: Arc<dyn Tier>,
}

impl ShakyTier {
    fn call<'a, T: Send + 'a>(&self, call: TierFuture<'a, T>) -> TierFuture<'a, T> {
        match *self.of.0.mode.lock().unwrap() {
            Mode::Up => call,
            Mode::Down => Box::pin(async { Err(TierError::unavailable("switched off")) }),
            Mode::Hangs => Box::pin(std::future::pending()),
            Mode::Corrupt => Box::pin(async { Err(TierError::corrupt("as told")) }),
        }
    }
}

impl Tier for ShakyTier {
    fn get<'a>(&'a self, key: &'a [u8], now: Timestamp) -> TierFuture<'a, Option<Entry>> {
        self.call(self.tier.get(key, now))
    }

    fn put<'a>(&'a self, key: &'a [u8], entry: &'a Entry, now: Timestamp) -> TierFuture<'a, Put> {
        *self.of.0.last_key.lock().unwrap() = key.to_vec();
        // The map behind it is changed when the call is made: not if it fails.
        if *self.of.0.mode.lock().unwrap() != Mode::Up {
            return self.call(Box::pin(std::future::pending()));
        }
        self.call(self.tier.put(key, entry, now))
    }

    fn remove_tag<'a>(&'a self, tag: &'a str, stamp: Stamp, now: Timestamp) -> TierFuture<'a, ()> {
        if *self.of.0.mode.lock().unwrap() != Mode::Up {
            return self.call(Box::pin(std::future::pending()));
        }
        self.call(self.tier.remove_tag(tag, stamp, now))
    }

    fn clear(&self, stamp: Stamp, now: Timestamp) -> TierFuture<'_, ()> {
        if *self.of.0.mode.lock().unwrap() != Mode::Up {
            return self.call(Box::pin(std::future::pending()));
        }
        self.call(self.tier.clear(stamp, now))
    }

    fn watch(&self, watcher: Weak<dyn Watcher>) {
        self.of.0.watchers.lock().unwrap().push(watcher);
    }

    fn usage(&self) -> Usage {
        self.tier.usage()
    }
}

pub(crate) fn builder() -> TieredBuilder<u64, u64> {
    TieredCache::builder("prices")
}

/// As long as a test: nothing expires in it.
pub(crate) const LONG: Lifetime = Lifetime::fresh(Duration::from_secs(1_000_000));

/// What waits or runs in the background comes to its end, or to a timer.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
