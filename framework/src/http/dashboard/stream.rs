//! The stream of frames: server-sent events, one for each pull of the monitor.
//!
//! ```text
//!   monitor ── pull ──> Feed: one frame a pull, made by the first page that wants it ──> Events of page 1
//!                                                                                  └──> Events of page 2
//! ```
//!
//! There is no task and no timer beside the monitor's: a stream is the body of a response, which waits for the next pull
//! and ends with its connection. Without an open page there is nothing. A page that reads slowly misses frames; none is
//! queued for it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use super::frame::{Between, Wrong, frame};
use crate::monitor::{Snapshot, Watch};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::system::System;

/// Streams at once: each holds a connection open.
const STREAMS_MAX: usize = 64;

/// What all pages of a server share.
pub(in crate::http) struct Feed {
    system: System,
    last: Mutex<Option<Made>>,
    streams: AtomicUsize,
}

/// A frame, the snapshot that it was made of, and what was concluded not long before.
struct Made {
    of: Arc<Snapshot>,
    bytes: Bytes,
    wrong: Wrong,
    concluded_at: Instant,
}

/// How long a conclusion is shown: the capacity takes some milliseconds, and hardly changes.
const CONCLUDE_EVERY: Duration = Duration::from_secs(5);

impl Feed {
    pub(in crate::http) fn new(system: System) -> Self {
        Feed { system, last: Mutex::new(None), streams: AtomicUsize::new(0) }
    }

    pub(super) fn system(&self) -> &System {
        &self.system
    }

    /// The frame of a snapshot, made once for all pages.
    pub(super) fn frame(&self, now: &Arc<Snapshot>) -> Bytes {
        let mut last = self.last.lock();
        if let Some(made) = &*last
            && made.of.taken_at == now.taken_at
        {
            return made.bytes.clone();
        }
        let (before, wrong) = match last.take() {
            Some(made) => (Some(made.of), Some((made.wrong, made.concluded_at))),
            None => (None, None),
        };
        let is_young =
            |(_, at): &(Wrong, Instant)| now.taken_at.saturating_duration_since(*at) < CONCLUDE_EVERY;
        let (wrong, concluded_at) =
            wrong.filter(is_young).unwrap_or_else(|| (Wrong::of(self.system.monitor()), now.taken_at));
        let between = Between::new(before.as_deref(), now);
        let bytes = Bytes::from(frame(&self.system, &between, &wrong));
        *last = Some(Made { of: now.clone(), bytes: bytes.clone(), wrong, concluded_at });
        bytes
    }

    /// A new stream; `None` while there are too many.
    pub(super) fn events(self: &Arc<Self>) -> Option<Events> {
        // ORDERING: Relaxed, here and at the end of a stream; it is a count and says nothing about other memory.
        let is_one_too_many = self.streams.fetch_add(1, Ordering::Relaxed) >= STREAMS_MAX;
        let open = Open(self.clone());
        if is_one_too_many {
            return None;
        }
        let monitor = self.system.monitor();
        let stopping = self.system.stopping();
        Some(Events {
            now: Some(monitor.snapshot()),
            next: Box::pin(next(monitor.watch())),
            stopping: Box::pin(stopping),
            has_ended: false,
            open,
        })
    }
}

/// One of the streams that are counted.
struct Open(Arc<Feed>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(Arc<Snapshot>, Watch)>>>>;

/// The body of a response that goes on until the page or the system ends.
pub(super) struct Events {
    /// What there is already when the stream begins.
    now: Option<Arc<Snapshot>>,
    next: Next,
    stopping: Pin<Box<dyn Future<Output = ()>>>,
    has_ended: bool,
    open: Open,
}

async fn next(mut watch: Watch) -> Option<(Arc<Snapshot>, Watch)> {
    let snapshot = watch.next().await?;
    Some((snapshot, watch))
}

/// One event of <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
fn event(name: &str, data: &[u8]) -> Bytes {
    // JSON without spaces has no line ends, which would end the data.
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}

impl MessageBody for Events {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if let Some(now) = self.now.take() {
            return Poll::Ready(Some(Ok(event("frame", &self.open.0.frame(&now)))));
        }
        // A stop would wait for it.
        if self.stopping.as_mut().poll(cx).is_ready() {
            self.has_ended = true;
            return Poll::Ready(Some(Ok(event("end", b"{}"))));
        }
        match self.next.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.has_ended = true;
                Poll::Ready(Some(Ok(event("end", b"{}"))))
            }
            Poll::Ready(Some((snapshot, watch))) => {
                self.next = Box::pin(next(watch));
                Poll::Ready(Some(Ok(event("frame", &self.open.0.frame(&snapshot)))))
            }
        }
    }
}
