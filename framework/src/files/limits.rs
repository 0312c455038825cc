//! What clients may take.

use std::time::Duration;

/// Limits of a lane against clients that are slow, many or hostile. Each has a default that a public server can have.
#[derive(Clone, Debug)]
pub struct Limits {
    pub(super) connections_len_max: usize,
    pub(super) head_len_max: usize,
    pub(super) head_wait_max: Duration,
    pub(super) idle_wait_max: Duration,
    pub(super) send_wait: Duration,
    pub(super) send_bytes_min: u64,
    pub(super) drain_wait_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_len_max: 10_000,
            head_len_max: 8 << 10,
            head_wait_max: Duration::from_secs(10),
            idle_wait_max: Duration::from_secs(60),
            send_wait: Duration::from_secs(30),
            send_bytes_min: 1 << 10,
            drain_wait_max: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// Connections at once; 10,000 by default, each a file descriptor. One more closes one that is idle; if none is, it is
    /// told 503 and closed.
    #[must_use]
    pub fn connections_len_max(mut self, len_max: usize) -> Self {
        self.connections_len_max = len_max.max(1);
        self
    }

    /// Bytes of a request's head, 8 KiB by default; a longer one is told 431, or 414 if it is one line. It is the
    /// buffer of a connection, too; at least 256.
    #[must_use]
    pub fn head_len_max(mut self, len_max: usize) -> Self {
        self.head_len_max = len_max.max(256);
        self
    }

    /// How long a head may take from its first byte, and a new connection to its first head; 10 s by default. Then 408.
    #[must_use]
    pub fn head_wait_max(mut self, wait_max: Duration) -> Self {
        self.head_wait_max = wait_max;
        self
    }

    /// How long a connection may be idle between two requests; 60 s by default.
    #[must_use]
    pub fn idle_wait_max(mut self, wait_max: Duration) -> Self {
        self.idle_wait_max = wait_max;
        self
    }

    /// How much of an answer a client has to acknowledge in which time; 1 KiB in 30 s by default. Who takes less is
    /// disconnected.
    #[must_use]
    pub fn send_at_least(mut self, bytes_min: u64, wait: Duration) -> Self {
        self.send_bytes_min = bytes_min;
        self.send_wait = wait;
        self
    }

    /// How long a stop waits for answers under way; 5 s by default.
    #[must_use]
    pub fn drain_wait_max(mut self, wait_max: Duration) -> Self {
        self.drain_wait_max = wait_max;
        self
    }
}
