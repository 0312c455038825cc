//! How long a slow peer is waited for.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::TransferError;
use super::outq::unacknowledged;
use super::timer::Timer;

/// Ends transfers to a peer that acknowledges less than `bytes_min` in each `wait`; 1 KiB in 30 s by default, and so
/// serves whoever reads 4 KiB a second. One for each connection; it keeps a timer.
///
/// Between two waits of the same length the peer may be idle for nearly both: it is ended within twice the wait.
pub struct Patience {
    wait: Duration,
    bytes_min: u64,
    timer: Timer,
    /// Handed to the kernel since the connection began.
    handed: u64,
    /// The wait that is under way: when it ends, and what was acknowledged when it began.
    now: Option<(Instant, u64)>,
}

impl Default for Patience {
    fn default() -> Self {
        Patience::new(Duration::from_secs(30), 1 << 10)
    }
}

impl Patience {
    /// At least `bytes_min` in each `wait`.
    pub fn new(wait: Duration, bytes_min: u64) -> Self {
        Patience { wait, bytes_min, timer: Timer::default(), handed: 0, now: None }
    }

    /// The kernel took so many.
    pub(super) fn hand(&mut self, bytes: usize) {
        self.handed += bytes as u64;
    }

    /// A new response: the peer has its whole wait again.
    pub(crate) fn begin(&mut self) {
        self.now = None;
    }

    /// Pending while the peer is waited for.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, socket: &TcpStream) -> Poll<TransferError> {
        loop {
            let Some((due, before)) = self.now else {
                // What is queued is asked for when a peer has to be waited for, never on the fast path.
                match self.acknowledged(socket) {
                    Ok(acknowledged) => self.now = Some((Instant::now() + self.wait, acknowledged)),
                    Err(error) => return Poll::Ready(error.into()),
                }
                continue;
            };
            if self.timer.poll(cx, due).is_pending() {
                return Poll::Pending;
            }
            let acknowledged = match self.acknowledged(socket) {
                Ok(acknowledged) => acknowledged.saturating_sub(before),
                Err(error) => return Poll::Ready(error.into()),
            };
            if acknowledged < self.bytes_min {
                return Poll::Ready(TransferError::Stalled { acknowledged, waited: self.wait });
            }
            self.now = None;
        }
    }

    /// Whether the peer has acknowledged all that the kernel took; of a socket that cannot be asked, nothing comes any
    /// more.
    pub(crate) fn has_arrived(&self, socket: &TcpStream) -> bool {
        unacknowledged(socket).unwrap_or(0) == 0
    }

    fn acknowledged(&self, socket: &TcpStream) -> std::io::Result<u64> {
        Ok(self.handed.saturating_sub(unacknowledged(socket)?))
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").field("wait", &self.wait).field("bytes_min", &self.bytes_min).finish()
    }
}
