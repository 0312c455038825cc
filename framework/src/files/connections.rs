//! The connections of a lane: admitted, found idle, closed in order.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::connection::Connection;
use super::folder::Folder;
use super::limits::Limits;
use super::numbers::Counts;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What the connections of one incarnation of a lane share, and who ends them.
pub(super) struct Connections {
    pub(super) folder: Folder,
    pub(super) mount: Arc<str>,
    pub(super) limits: Limits,
    pub(super) counts: Arc<Counts>,
    is_closing: AtomicBool,
    open: Mutex<Open>,
    /// Told when the last one has ended.
    emptied: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// A connection whose task is not spawned yet has no handle.
    all: HashMap<u64, (Arc<Seat>, Option<AbortHandle>)>,
}

/// Whether a connection is between two requests. Who closes it asks, and takes the word from it.
///
/// ```text
///   BUSY ── rest ──> IDLE ── close ──> CLOSED
///     <──── rise ────┘
/// ```
#[derive(Default)]
pub(super) struct Seat(AtomicU8);

const BUSY: u8 = 0;
const IDLE: u8 = 1;
const CLOSED: u8 = 2;

impl Seat {
    /// A request has come. `false` if the connection was closed meanwhile.
    pub(super) fn rise(&self) -> bool {
        // ORDERING: Relaxed; the word says who goes on and publishes nothing.
        self.0.compare_exchange(IDLE, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn is_closed(&self) -> bool {
        // ORDERING: Relaxed; as above.
        self.0.load(Ordering::Relaxed) == CLOSED
    }

    /// Closes the connection if it is idle.
    fn close(&self) -> bool {
        // ORDERING: SeqCst, as the store in `rest`.
        self.0.compare_exchange(IDLE, CLOSED, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }
}

impl Connections {
    pub(super) fn new(folder: Folder, mount: Arc<str>, limits: Limits, counts: Arc<Counts>) -> Self {
        let (is_closing, open, emptied) = Default::default();
        Connections { folder, mount, limits, counts, is_closing, open, emptied }
    }

    /// Whether each answer is the last of its connection.
    pub(super) fn is_closing(&self) -> bool {
        // ORDERING: Relaxed; who misses it is told by `rest`.
        self.is_closing.load(Ordering::Relaxed)
    }

    /// The connection is between two requests. `false` if it is to end.
    pub(super) fn rest(&self, seat: &Seat) -> bool {
        // ORDERING: SeqCst with `close`: this stores the seat and loads the flag, that stores the flag and loads the
        // seat, and one of them sees the other.
        seat.0.store(IDLE, Ordering::SeqCst);
        !self.is_closing.load(Ordering::SeqCst)
    }

    /// Serves a connection in a task of its own, or turns it away.
    pub(super) fn admit(self: &Arc<Self>, socket: TcpStream) {
        self.counts.accepted.add(1);
        let mut open = self.open.lock();
        if open.all.len() >= self.limits.connections_len_max && !self.evict(&open) {
            drop(open);
            self.counts.turned_away.add(1);
            self.counts.ended.add(1);
            return turn_away(&socket);
        }
        let id = open.next;
        open.next += 1;
        let seat = Arc::new(Seat::default());
        open.all.insert(id, (seat.clone(), None));
        // A runtime that is being dropped drops the task here, and that takes the lock.
        drop(open);
        let leaving = Leaving { connections: self.clone(), id };
        let connection = Connection::new(socket, self.clone(), seat);
        let task = tokio::spawn(async move {
            let _leaving = leaving;
            connection.run().await;
        });
        if let Some((seat, handle)) = self.open.lock().all.get_mut(&id) {
            if seat.is_closed() {
                // Meanwhile, by who had no handle to end the task.
                task.abort();
            }
            *handle = Some(task.abort_handle());
        }
    }

    /// Closes one idle connection; which, is for chance to say. It leaves the table when its task is dropped.
    fn evict(&self, open: &Open) -> bool {
        let is_evicted = open.all.values().any(|(seat, task)| {
            let is_closed = seat.close();
            if is_closed {
                abort(task);
            }
            is_closed
        });
        self.counts.evicted.add(u64::from(is_evicted));
        is_evicted
    }

    /// Ends idle connections now, and the others with the answer that is under way.
    pub(super) fn close(&self) {
        // ORDERING: SeqCst; see `rest`.
        self.is_closing.store(true, Ordering::SeqCst);
        let open = self.open.lock();
        open.all.values().filter(|(seat, _)| seat.close()).for_each(|(_, task)| abort(task));
    }

    /// Ready when no connection is open.
    pub(super) async fn wait_empty(&self) {
        loop {
            // Made before the look, so that an end in between is not missed.
            let emptied = self.emptied.notified();
            if self.open.lock().all.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Ends all connections, whatever they do.
    pub(super) fn abort(&self) {
        self.open.lock().all.values().for_each(|(_, task)| abort(task));
    }
}

fn abort(task: &Option<AbortHandle>) {
    if let Some(task) = task {
        task.abort();
    }
}

/// Takes a connection out of the table, however it ends.
struct Leaving {
    connections: Arc<Connections>,
    id: u64,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let Connections { counts, open, emptied, .. } = &*self.connections;
        counts.ended.add(1);
        if std::thread::panicking() {
            counts.panicked.add(1);
            tracing::error!(target: "ostraca::files", "a connection ended by a panic");
        }
        let mut open = open.lock();
        open.all.remove(&self.id);
        if open.all.is_empty() {
            emptied.notify_waiters();
        }
    }
}

/// What a connection hears that is one too many.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    connection: close\r\nretry-after: 1\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 24\r\n\r\n\
    503 Service Unavailable\n";

fn turn_away(socket: &TcpStream) {
    let told = rustix::net::send(socket, TOO_MANY, rustix::net::SendFlags::NOSIGNAL);
    let ended = rustix::net::shutdown(socket, rustix::net::Shutdown::Write);
    // A client that is gone is not told.
    let _: Result<(), io::Error> = told.and(ended).map_err(io::Error::from);
}
