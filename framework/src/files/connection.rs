//! One connection: its requests, one after the other.

use std::future::poll_fn;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::answer::{Answer, Body};
use super::connections::{Connections, Seat};
use super::request::{Asked, End, check_beginning, find_end, read_head};
use super::status::Status;
use crate::buf::PooledBuf;
use crate::buf::transfer::{Patience, SMALL_LEN_MAX, Timer, TransferError, send_bytes, send_file};

/// How long a client that has acknowledged everything has to end the connection.
const LINGER: Duration = Duration::from_secs(1);
/// How much it may send meanwhile.
const LINGER_LEN_MAX: usize = 256 << 10;
/// From this length of a body on, the head goes ahead as a packet of its own.
const OVERLAP_LEN: u64 = 64 << 10;
/// Most heads are shorter; a longer one moves to a larger buffer.
const HEAD_LEN: usize = 512;

pub(super) struct Connection {
    socket: TcpStream,
    connections: Arc<Connections>,
    seat: Arc<Seat>,
    /// What was read, answered up to `start`. An idle connection has no buffer: thousands of them are nothing but their
    /// sockets.
    input: PooledBuf,
    start: usize,
    timer: Timer,
    patience: Patience,
    date: Date,
}

/// Why a connection ends.
enum Quit {
    /// The client has ended it, or it is idle and the lane is closing.
    Closed,
    /// The last answer is on its way.
    Last,
    /// The client has been idle for too long.
    Idle,
    /// The request cannot be answered, nor what follows it.
    Refused(Status),
    /// An answer could not be sent whole.
    Broken(TransferError),
}

impl From<TransferError> for Quit {
    fn from(error: TransferError) -> Self {
        Quit::Broken(error)
    }
}

impl From<io::Error> for Quit {
    fn from(error: io::Error) -> Self {
        Quit::Broken(error.into())
    }
}

impl Connection {
    pub(super) fn new(socket: TcpStream, connections: Arc<Connections>, seat: Arc<Seat>) -> Self {
        let patience = Patience::new(connections.limits.send_wait, connections.limits.send_bytes_min);
        let input = connections.folder.pool().get(0);
        let (timer, date) = Default::default();
        Connection { socket, connections, seat, input, start: 0, timer, patience, date }
    }

    pub(super) async fn run(mut self) {
        let counts = self.connections.counts.clone();
        match self.serve().await {
            Quit::Closed | Quit::Idle => {}
            Quit::Last => self.linger().await,
            Quit::Refused(status) => self.refuse(status).await,
            Quit::Broken(error) => {
                match error {
                    TransferError::Stalled { .. } => counts.stalled.add(1),
                    TransferError::Truncated { .. } => counts.truncated.add(1),
                    _ => {}
                }
                tracing::debug!(target: "ostraca::files", "an answer was broken off: {error}");
            }
        }
    }

    async fn serve(&mut self) -> Quit {
        let mut wait_max = self.connections.limits.head_wait_max;
        loop {
            match self.turn(wait_max).await {
                Ok(true) => wait_max = self.connections.limits.idle_wait_max,
                Ok(false) => return Quit::Last,
                Err(quit) => return quit,
            }
        }
    }

    /// One request. Whether another one may follow.
    async fn turn(&mut self, wait_max: Duration) -> Result<bool, Quit> {
        let len = self.next_head(wait_max).await?;
        let head = &self.input[self.start..self.start + len];
        let asked = read_head(head, &self.connections.mount).map_err(Quit::Refused)?;
        let answer = match &asked.target {
            Ok(target) => {
                Answer::of(&self.connections.folder, target, &asked.conditions, asked.is_head).await
            }
            Err(status) => Answer::refusal(*status),
        };
        let Asked { is_head, keeps_alive, is_old, .. } = asked;
        let keeps_alive = keeps_alive && !self.connections.is_closing();
        self.start += len;
        if self.start == self.input.len() {
            self.start = 0;
            self.input = self.connections.folder.pool().get(0);
        }
        let connection = match (keeps_alive, is_old) {
            (false, _) => Some("close"),
            (true, true) => Some("keep-alive"),
            (true, false) => None,
        };
        self.connections.counts.answered(answer.status);
        self.patience.begin();
        let head = self.head_of(&answer, connection);
        self.send(head, &answer, is_head).await?;
        // Answers that never wait, to requests that are all there, would keep the worker.
        tokio::task::consume_budget().await;
        Ok(keeps_alive)
    }

    /// Waits for a whole head; its length.
    async fn next_head(&mut self, wait_max: Duration) -> Result<usize, Quit> {
        if self.start == self.input.len() {
            self.input = self.first_bytes(wait_max).await?;
            self.start = 0;
        }
        let len_max = self.connections.limits.head_len_max;
        let due = Instant::now() + self.connections.limits.head_wait_max;
        let (mut seen, mut checked) = (0, 0);
        loop {
            // Empty lines before a request are let pass (RFC 9112, 2.2).
            while seen == 0 && self.input[self.start..].starts_with(b"\r\n") {
                self.start += 2;
            }
            match find_end(&self.input[self.start..], seen) {
                End::At(len) => return Ok(len),
                End::BareLineFeed => return Err(Quit::Refused(Status::BAD_REQUEST)),
                End::Unread => {}
            }
            let head = &self.input[self.start..];
            seen = head.len();
            if seen == len_max {
                let is_one_line = !head.contains(&b'\n');
                let too_long =
                    if is_one_line { Status::URI_TOO_LONG } else { Status::HEADER_FIELDS_TOO_LARGE };
                return Err(Quit::Refused(too_long));
            }
            // Each time that twice as much is there: a head that comes byte by byte is not parsed as often.
            if seen > 2 * checked {
                checked = seen;
                check_beginning(head).map_err(Quit::Refused)?;
            }
            if self.input.len() == len_max {
                self.input.copy_within(self.start.., 0);
                self.input.truncate(seen);
                self.start = 0;
            }
            if self.read(due).await? == 0 {
                // Half a request is none.
                return Err(Quit::Closed);
            }
        }
    }

    /// Waits, idle, for the first bytes of a request.
    async fn first_bytes(&mut self, wait_max: Duration) -> Result<PooledBuf, Quit> {
        let due = Instant::now() + wait_max;
        let Connection { socket, timer, seat, connections, .. } = self;
        let pool = connections.folder.pool();
        let len_max = connections.limits.head_len_max;
        let mut is_idle = false;
        let read = poll_fn(|cx| {
            // The buffer is made when there is something for it, which tokio says of a new socket before it knows.
            while let Poll::Ready(ready) = socket.poll_read_ready(cx) {
                ready?;
                let mut buffer = pool.get(len_max);
                match read_some(socket, &mut buffer, len_max, cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(Quit::Closed)),
                    Poll::Ready(read) => return Poll::Ready(read.map(|_| buffer).map_err(Quit::from)),
                    Poll::Pending => {}
                }
            }
            if !is_idle && !connections.rest(seat) {
                return Poll::Ready(Err(Quit::Closed));
            }
            is_idle = true;
            timer.poll(cx, due).map(|()| Err(Quit::Idle))
        })
        .await?;
        if is_idle && !seat.rise() {
            return Err(Quit::Closed);
        }
        Ok(read)
    }

    /// Reads what is there; 0 at the end.
    async fn read(&mut self, due: Instant) -> Result<usize, Quit> {
        let Connection { socket, timer, input, connections, .. } = self;
        let len_max = connections.limits.head_len_max;
        poll_fn(|cx| match read_some(socket, input, len_max, cx) {
            Poll::Ready(len) => Poll::Ready(len.map_err(Quit::from)),
            Poll::Pending => timer.poll(cx, due).map(|()| Err(Quit::Refused(Status::REQUEST_TIMEOUT))),
        })
        .await
    }

    fn head_of(&mut self, answer: &Answer, connection: Option<&str>) -> PooledBuf {
        let folder = &self.connections.folder;
        // A small body follows its head in one piece.
        let mut out = folder.pool().get(HEAD_LEN + answer.small_len());
        for part in ["HTTP/1.1 ", answer.status.line(), "\r\ndate: ", self.date.now(), "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        answer.fields(folder, |name, value| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        });
        // Writing to memory does not fail; likewise below.
        if let Some(len) = answer.content_len() {
            let _ = write!(out, "content-length: {len}\r\n");
        }
        if let Some(connection) = connection {
            let _ = write!(out, "connection: {connection}\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// Sends a head and its body.
    async fn send(
        &mut self,
        mut head: PooledBuf,
        answer: &Answer,
        is_head: bool,
    ) -> Result<(), TransferError> {
        let Connection { socket, patience, connections, .. } = self;
        let counts = &connections.counts;
        let (file, range) = match (&answer.body, answer.file()) {
            _ if is_head => return send_bytes(socket, &head, false, patience).await,
            (Body::Range(range), Some(file)) => (file, range.clone()),
            (Body::Parts(parts), Some(file)) => {
                for (part, range) in parts.iter() {
                    head.extend_from_slice(part);
                    send_bytes(socket, &head, true, patience).await?;
                    head.clear();
                    send_file(socket, file.source(), range.clone(), patience).await?;
                    counts.sent(range.end - range.start);
                }
                return send_bytes(socket, parts.end(), false, patience).await;
            }
            (Body::Words, _) => {
                let _ = writeln!(head, "{}", answer.words());
                return send_bytes(socket, &head, false, patience).await;
            }
            _ => return send_bytes(socket, &head, false, patience).await,
        };
        let len = range.end - range.start;
        if len <= SMALL_LEN_MAX {
            // Nothing has been promised yet: a file that has become shorter ends the connection without a word.
            let read = file.source().append_to(&mut head, range.start, len as usize).await? as u64;
            if read < len {
                return Err(TransferError::Truncated { at: range.start + read, left: len - read });
            }
            send_bytes(socket, &head, false, patience).await?;
        } else {
            // Held back, the head of a large body costs the overlap of the two ends: the client wakes up by the head and
            // reads while the body is handed over, and half again as much CPU time is ours without it (`compare files`).
            send_bytes(socket, &head, len < OVERLAP_LEN, patience).await?;
            // A slow client holds no buffer.
            drop(head);
            send_file(socket, file.source(), range, patience).await?;
        }
        counts.sent(len);
        Ok(())
    }

    /// The last answer of a connection whose requests are not understood any more.
    async fn refuse(&mut self, status: Status) {
        self.connections.counts.answered(status);
        if status == Status::REQUEST_TIMEOUT {
            self.connections.counts.late.add(1);
        }
        tracing::debug!(target: "ostraca::files", status = status.0, "a connection is refused");
        let answer = Answer::refusal(status);
        self.patience.begin();
        let head = self.head_of(&answer, Some("close"));
        if self.send(head, &answer, false).await.is_ok() {
            self.linger().await;
        }
    }

    /// After the last answer: waits until the client has all of it and ends the connection, as long as it takes what it
    /// is sent. Closed with something unread the connection would be reset, and the answer with it; closed with something
    /// unacknowledged it would be the kernel's, which resets such connections when TCP is short of memory.
    async fn linger(&mut self) {
        let Connection { socket, timer, patience, connections, .. } = self;
        if shutdown(&*socket, Shutdown::Write).is_err() {
            return;
        }
        let pool = connections.folder.pool();
        let (mut due, mut len) = (Instant::now() + LINGER, 0);
        poll_fn(|cx| {
            while len < LINGER_LEN_MAX {
                // One for each look: who lingers holds no buffer.
                let mut ignored = pool.get(HEAD_LEN);
                match read_some(socket, &mut ignored, HEAD_LEN, cx) {
                    Poll::Ready(Ok(more)) if more > 0 => len += more,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending if patience.poll(cx, socket).is_ready() => return Poll::Ready(()),
                    Poll::Pending if timer.poll(cx, due).is_pending() => return Poll::Pending,
                    Poll::Pending if patience.has_arrived(socket) => return Poll::Ready(()),
                    Poll::Pending => due += LINGER,
                }
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Unlike `try_read`, this knows that a read which did not fill the buffer emptied the socket, and saves the call that
/// would be told so.
fn read_some(
    socket: &mut TcpStream,
    into: &mut PooledBuf,
    len_max: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let room = len_max - into.len();
    into.reserve(room);
    let mut is_pending = false;
    let read = into.fill_with(|into| {
        let mut buffer = ReadBuf::new(&mut into[..room]);
        match Pin::new(socket).poll_read(cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => {
                is_pending = true;
                Ok(0)
            }
        }
    });
    if is_pending { Poll::Pending } else { Poll::Ready(read) }
}

/// The value of `Date`, made once a second.
#[derive(Default)]
struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn now(&mut self) -> &str {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        if now != self.second || self.text.is_empty() {
            self.second = now;
            self.text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
        }
        &self.text
    }
}
