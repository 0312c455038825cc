//! Single flight: of those who miss a key at once, one looks for it and the others wait for what it finds.
//!
//! ```text
//!   join ──> the permit is free ──> lead ──> finish ──> outcome set, permits closed: all waiters wake at once
//!        \                           │ dropped: the caller was cancelled, or it panicked
//!         \> wait for the permit <───┘ the permit goes to who has waited longest, who leads
//!         \> or for the end ──> the outcome
//! ```
//!
//! An invalidation takes the key's flight out and marks it: those who wait for it began before, and get what it finds;
//! nothing of it is kept, and who comes later begins a new flight.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};

/// Keys spread over this many locks.
const PARTS: usize = 16;

/// The flights of a cache; `T` is what one finds.
pub(super) struct Flights<K, T> {
    parts: [Mutex<HashMap<K, Waiting<T>>>; PARTS],
    hasher: RandomState,
}

struct Waiting<T> {
    flight: Arc<Flight<T>>,
    /// How many are in it.
    len: usize,
}

impl<T> Waiting<T> {
    fn new() -> Self {
        let (outcome, panics) = (OnceLock::new(), AtomicU32::new(0));
        Waiting { flight: Arc::new(Flight { lead: Semaphore::new(1), outcome, panics }), len: 0 }
    }
}

struct Flight<T> {
    /// One: who leads.
    lead: Semaphore,
    outcome: OnceLock<T>,
    /// Leaders that panicked.
    panics: AtomicU32,
}

/// A seat that somebody will take. If nobody does, those who join the flight lead it.
pub(super) struct Reserved<T>(Arc<Flight<T>>);

/// A place in a flight.
pub(super) struct Seat<'a, K: Hash + Eq, T> {
    flights: &'a Flights<K, T>,
    flight: Arc<Flight<T>>,
    key: K,
    /// It was not the first.
    pub(super) has_joined: bool,
}

/// What a seat comes to.
pub(super) enum Turn<'s, T> {
    /// Look for it, and [`finish`](Seat::finish).
    Lead(SemaphorePermit<'s>),
    /// What the leader found.
    Found(T),
}

impl<K: Hash + Eq + Clone, T: Clone> Flights<K, T> {
    pub(super) fn new() -> Self {
        Flights { parts: std::array::from_fn(|_| Mutex::new(HashMap::new())), hasher: RandomState::new() }
    }

    /// Takes a seat in the key's flight, or in a new one.
    pub(super) fn join(&self, key: &K) -> Seat<'_, K, T> {
        let mut part = self.part(key).lock();
        let waiting = part.entry(key.clone()).or_insert_with(Waiting::new);
        waiting.len += 1;
        let (flight, has_joined) = (waiting.flight.clone(), waiting.len > 1);
        drop(part);
        Seat { flights: self, flight, key: key.clone(), has_joined }
    }

    /// Takes the first seat in a new flight, and outdates the one there is.
    pub(super) fn join_anew(&self, key: &K) -> Seat<'_, K, T> {
        let waiting = Waiting { len: 1, ..Waiting::new() };
        let flight = waiting.flight.clone();
        let outdated = self.part(key).lock().insert(key.clone(), waiting);
        drop(outdated);
        Seat { flights: self, flight, key: key.clone(), has_joined: false }
    }

    /// Reserves the first seat of a new flight, for a task that will [take](Self::take) it; nothing if somebody looks
    /// for the key already.
    pub(super) fn reserve(&self, key: &K) -> Option<Reserved<T>> {
        let mut part = self.part(key).lock();
        if part.contains_key(key) {
            return None;
        }
        let waiting = Waiting { len: 1, ..Waiting::new() };
        let flight = waiting.flight.clone();
        part.insert(key.clone(), waiting);
        Some(Reserved(flight))
    }

    /// Takes the seat that was reserved.
    pub(super) fn take(&self, key: &K, reserved: Reserved<T>) -> Seat<'_, K, T> {
        Seat { flights: self, flight: reserved.0, key: key.clone(), has_joined: false }
    }

    /// Outdates the key's flight, and runs `change`, with nobody inserting the key meanwhile.
    pub(super) fn outdate<R>(&self, key: &K, change: impl FnOnce() -> R) -> R {
        let mut part = self.part(key).lock();
        let flight = part.remove(key);
        let changed = change();
        drop(part);
        drop(flight);
        changed
    }

    /// Outdates all flights.
    pub(super) fn outdate_all(&self) {
        for part in &self.parts {
            let flights = std::mem::take(&mut *part.lock());
            drop(flights);
        }
    }
}

impl<K: Hash + Eq, T: Clone> Seat<'_, K, T> {
    /// Waits until there is an outcome, or it is this seat's turn to lead.
    pub(super) async fn turn(&self) -> Turn<'_, T> {
        let permit = self.flight.lead.acquire().await;
        match (permit, self.flight.outcome.get()) {
            (_, Some(outcome)) => Turn::Found(outcome.clone()),
            (Ok(permit), None) => Turn::Lead(permit),
            (Err(_), None) => unreachable!("the outcome is set before the permits are closed"),
        }
    }

    /// Counts a leader that panicked: how many there were before.
    pub(super) fn panicked(&self) -> u32 {
        // ORDERING: Relaxed; leaders follow each other through the permit.
        self.flight.panics.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends the flight. Runs `keep`, or `given` if it was outdated, with nobody inserting or removing the key meanwhile.
    pub(super) fn finish<R, G>(&self, outcome: T, keep: impl FnOnce() -> R, given: impl FnOnce() -> G) {
        let mut part = self.flights.part(&self.key).lock();
        let is_current =
            part.get(&self.key).is_some_and(|waiting| Arc::ptr_eq(&waiting.flight, &self.flight));
        let ended = if is_current { Ok((keep(), part.remove(&self.key))) } else { Err(given()) };
        drop(part);
        drop(ended);
        // Only one leads at a time, and the outcome ends that: it was not set.
        let _first = self.flight.outcome.set(outcome);
        self.flight.lead.close();
    }
}

impl<K: Hash + Eq, T> Flights<K, T> {
    fn part(&self, key: &K) -> &Mutex<HashMap<K, Waiting<T>>> {
        &self.parts[self.hasher.hash_one(key) as usize % PARTS]
    }
}

/// The last to leave takes the flight with it.
impl<K: Hash + Eq, T> Drop for Seat<'_, K, T> {
    fn drop(&mut self) {
        let mut part = self.flights.part(&self.key).lock();
        let Some(waiting) = part.get_mut(&self.key) else { return };
        if !Arc::ptr_eq(&waiting.flight, &self.flight) {
            return;
        }
        waiting.len -= 1;
        let left = if waiting.len == 0 { part.remove(&self.key) } else { None };
        drop(part);
        drop(left);
    }
}
