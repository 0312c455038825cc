//! Writes on their way to a slower place: in order for each key, the newest in the place of those before it.
//!
//! ```text
//!   push k=1, k=2, k=3 ──> [ current: k=1, being delivered | next: k=3 ]      k=2 gave way to k=3
//!                              │ delivered              └──> becomes current
//!                              │ failed: waits, then the newest is tried
//! ```
//!
//! **Guarantees.** For each key what is delivered is in the order pushed, each at most one at a time, and the last
//! pushed is delivered last. Bounded: at most `len_max` keys wait. **Loss window**: what is here when the process is
//! killed is lost. [`drain`](Outbox::drain) empties it at a stop.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::panics::catch_panic;
use crate::stats::SharedCounter;
use crate::sync::Mutex;

/// Delivers one: `false` if it is to be tried again.
type Deliver<K, T> = Box<dyn Fn(K, T) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// How many and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Keys that wait.
    pub(super) len_max: usize,
    /// Deliveries at a time.
    pub(super) workers_max: usize,
    /// Before the first repetition; doubles up to `backoff_max`.
    pub(super) backoff_min: Duration,
    pub(super) backoff_max: Duration,
}

pub(super) struct Outbox<K, T> {
    shared: Arc<Shared<K, T>>,
    /// Aborted with the outbox.
    workers: Mutex<JoinSet<()>>,
    handle: Handle,
}

struct Shared<K, T> {
    state: Mutex<State<K, T>>,
    /// Something was delivered or dropped.
    progress: Notify,
    deliver: Deliver<K, T>,
    limits: Limits,
    retries: SharedCounter,
}

struct State<K, T> {
    slots: HashMap<K, Slot<T>>,
    /// Keys with a `next` that nobody delivers.
    ready: VecDeque<K>,
    pushed: u64,
    workers: usize,
}

struct Slot<T> {
    current: Option<Ticketed<T>>,
    next: Option<Ticketed<T>>,
    delivered: u64,
}

#[derive(Clone)]
struct Ticketed<T> {
    ticket: Ticket,
    item: T,
}

/// Which push it was.
pub(super) type Ticket = u64;

/// The outbox is full.
#[derive(Debug)]
pub(super) struct Full;

impl<K, T> Outbox<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + 'static,
{
    pub(super) fn new(handle: Handle, limits: Limits, deliver: Deliver<K, T>) -> Self {
        let state = State { slots: HashMap::new(), ready: VecDeque::new(), pushed: 0, workers: 0 };
        let shared = Shared {
            state: Mutex::new(state),
            progress: Notify::new(),
            deliver,
            limits,
            retries: SharedCounter::default(),
        };
        Outbox { shared: Arc::new(shared), workers: Mutex::new(JoinSet::new()), handle }
    }

    /// Puts it behind what is being delivered of its key, in the place of what waits there.
    ///
    /// # Errors
    ///
    /// When too many other keys wait.
    pub(super) fn push(&self, key: K, item: T) -> Result<Ticket, Full> {
        let mut state = self.shared.state.lock();
        if !state.slots.contains_key(&key) && state.slots.len() >= self.shared.limits.len_max {
            return Err(Full);
        }
        state.pushed += 1;
        let ticket = state.pushed;
        let empty = Slot { current: None, next: None, delivered: 0 };
        let slot = state.slots.entry(key.clone()).or_insert(empty);
        let is_new = slot.next.replace(Ticketed { ticket, item }).is_none() && slot.current.is_none();
        if is_new {
            state.ready.push_back(key);
        }
        let needs_worker = is_new && state.workers < self.shared.limits.workers_max;
        state.workers += usize::from(needs_worker);
        drop(state);
        if needs_worker {
            let mut workers = self.workers.lock();
            while workers.try_join_next().is_some() {}
            workers.spawn_on(Worker(self.shared.clone()).run(), &self.handle);
        }
        Ok(ticket)
    }

    /// Waits until there is room for `key`: another one, or one that waits already.
    pub(super) async fn room(&self, key: &K) {
        let len_max = self.shared.limits.len_max;
        self.shared.until(|state| state.slots.len() < len_max || state.slots.contains_key(key)).await;
    }

    /// The newest of `key` that is on its way.
    pub(super) fn peek(&self, key: &K) -> Option<T> {
        let state = self.shared.state.lock();
        let slot = state.slots.get(key)?;
        slot.next.as_ref().or(slot.current.as_ref()).map(|newest| newest.item.clone())
    }

    /// Waits until this push, or a later one of the same key, was delivered.
    pub(super) async fn delivered(&self, key: &K, ticket: Ticket) {
        self.shared.until(|state| state.slots.get(key).is_none_or(|slot| slot.delivered >= ticket)).await;
    }

    /// Waits until everything was delivered.
    pub(super) async fn drain(&self) {
        self.shared.until(|state| state.slots.is_empty()).await;
    }

    /// Drops everything that waits, but not what is being delivered.
    pub(super) fn discard_waiting(&self) {
        let mut state = self.shared.state.lock();
        let keys = std::mem::take(&mut state.ready);
        let mut dropped: Vec<_> = keys.iter().filter_map(|key| state.slots.remove(key)).collect();
        for slot in state.slots.values_mut() {
            let next = slot.next.take();
            dropped.push(Slot { current: None, next, delivered: 0 });
        }
        drop(state);
        drop(dropped);
        self.shared.progress.notify_waiters();
    }

    pub(super) fn len(&self) -> usize {
        self.shared.state.lock().slots.len()
    }

    pub(super) fn retries(&self) -> u64 {
        self.shared.retries.value()
    }
}

impl<K: Hash + Eq + Clone, T: Clone> Shared<K, T> {
    async fn until(&self, is_so: impl Fn(&State<K, T>) -> bool) {
        loop {
            let mut progress = std::pin::pin!(self.progress.notified());
            // Before the look: what is delivered in between must wake us.
            progress.as_mut().enable();
            if is_so(&self.state.lock()) {
                return;
            }
            progress.await;
        }
    }

    /// The next key to deliver; nothing if the worker is to end.
    fn take(&self) -> Option<(K, T)> {
        let mut state = self.state.lock();
        let Some(key) = state.ready.pop_front() else {
            state.workers -= 1;
            return None;
        };
        let slot = state.slots.get_mut(&key).expect("a ready key has a slot");
        slot.current = slot.next.take();
        let item = slot.current.as_ref().expect("a ready slot has a next").item.clone();
        Some((key, item))
    }

    /// After a failure: the newest of the key takes the place of what failed.
    fn newest(&self, key: &K) -> T {
        let mut state = self.state.lock();
        let slot = state.slots.get_mut(key).expect("a slot stays while it is delivered");
        if let Some(next) = slot.next.take() {
            slot.current = Some(next);
        }
        slot.current.as_ref().expect("it is being delivered").item.clone()
    }

    fn done(&self, key: &K) {
        let mut state = self.state.lock();
        let slot = state.slots.get_mut(key).expect("a slot stays while it is delivered");
        let delivered = slot.current.take();
        slot.delivered = delivered.as_ref().map_or(0, |delivered| delivered.ticket);
        if slot.next.is_some() {
            state.ready.push_back(key.clone());
        } else {
            state.slots.remove(key);
        }
        drop(state);
        drop(delivered);
        self.progress.notify_waiters();
    }
}

struct Worker<K, T>(Arc<Shared<K, T>>);

impl<K: Hash + Eq + Clone, T: Clone> Worker<K, T> {
    async fn run(self) {
        while let Some((key, mut item)) = self.0.take() {
            let mut backoff = self.0.limits.backoff_min;
            loop {
                let delivery = (self.0.deliver)(key.clone(), item);
                // A delivery that panics is one that failed.
                if catch_panic(delivery).await.unwrap_or(false) {
                    break;
                }
                self.0.retries.add(1);
                tokio::time::sleep(backoff).await;
                backoff = (2 * backoff).min(self.0.limits.backoff_max);
                item = self.0.newest(&key);
            }
            self.0.done(&key);
        }
    }
}
