//! Settings of listening sockets, which the connections that they accept inherit.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use rustix::net::sockopt::{
    set_ipv6_v6only, set_socket_keepalive, set_socket_recv_buffer_size, set_socket_reuseaddr,
    set_socket_send_buffer_size, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl, set_tcp_nodelay,
    set_tcp_user_timeout,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, listen, socket_with};

/// How a server's sockets are set up: for the file lane, and for any other server that takes a listener.
///
/// Everything is set on the listener before it listens; on Linux what it accepts inherits it, so no connection pays a
/// system call for it.
///
/// | setting | by default | what it costs, what it is for |
/// |---|---|---|
/// | [`nodelay`](Self::nodelay) | on | off (Nagle) the last, short segment of an answer waits for the acknowledgement of the one before: 40 ms with a peer that delays those; on, a program that writes in small pieces sends small packets |
/// | [`backlog`](Self::backlog) | 1,024 | connections that wait to be accepted; more are dropped by the kernel and come again after a second; each takes about 1 KiB of kernel memory; capped by `net.core.somaxconn` |
/// | [`keep_alive`](Self::keep_alive) | 60 s, 4 x 15 s | one small packet an idle minute; without it a peer that lost its power stays connected for ever |
/// | [`send_buffer_bytes`](Self::send_buffer_bytes) | the kernel's, growing | kernel memory a connection; smaller ones limit the rate to so much a round trip, and a fixed one no longer grows |
/// | [`receive_buffer_bytes`](Self::receive_buffer_bytes) | the kernel's, growing | the same for what comes in |
/// | [`user_timeout`](Self::user_timeout) | the kernel's, about 15 min | how long sent bytes may stay unacknowledged before the connection is given up |
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use ostraca::files::Network;
///
/// let listener = Network::default().backlog(4096).listen("127.0.0.1:0")?;
/// println!("{}", listener.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    nodelay: bool,
    backlog: u16,
    keep_alive: Option<KeepAlive>,
    send_buffer_bytes: Option<usize>,
    receive_buffer_bytes: Option<usize>,
    user_timeout: Option<Duration>,
}

/// When the kernel asks an idle peer whether it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// After so long without a word. Whole seconds.
    pub idle: Duration,
    /// Then each so often. Whole seconds.
    pub interval: Duration,
    /// So many questions without an answer end the connection.
    pub probes: u32,
}

impl Default for KeepAlive {
    /// After 60 s, four times, each 15 s.
    fn default() -> Self {
        KeepAlive { idle: Duration::from_secs(60), interval: Duration::from_secs(15), probes: 4 }
    }
}

impl Default for Network {
    fn default() -> Self {
        Network {
            nodelay: true,
            backlog: 1024,
            keep_alive: Some(KeepAlive::default()),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            user_timeout: None,
        }
    }
}

impl Network {
    /// Whether short segments go out at once (`TCP_NODELAY`).
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Connections that may wait to be accepted (`listen`).
    #[must_use]
    pub fn backlog(mut self, backlog: u16) -> Self {
        self.backlog = backlog;
        self
    }

    /// Whether and when idle peers are asked (`SO_KEEPALIVE`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`).
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// A fixed send buffer (`SO_SNDBUF`); the kernel takes twice this for its own books.
    #[must_use]
    pub fn send_buffer_bytes(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.send_buffer_bytes = bytes.into();
        self
    }

    /// A fixed receive buffer (`SO_RCVBUF`), likewise.
    #[must_use]
    pub fn receive_buffer_bytes(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.receive_buffer_bytes = bytes.into();
        self
    }

    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    #[must_use]
    pub fn user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.user_timeout = timeout.into();
        self
    }

    /// Listens on the first of the addresses that can be had.
    ///
    /// # Errors
    ///
    /// When none can be, or the kernel refuses a setting: with what the last one said.
    pub fn listen(&self, addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
        for address in addresses.to_socket_addrs()? {
            match self.listen_on(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn listen_on(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, Some(ipproto::TCP))?;
        set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            // As written: an IPv4 port is another listener.
            set_ipv6_v6only(&socket, true)?;
        }
        set_tcp_nodelay(&socket, self.nodelay)?;
        set_socket_keepalive(&socket, self.keep_alive.is_some())?;
        if let Some(KeepAlive { idle, interval, probes }) = self.keep_alive {
            set_tcp_keepidle(&socket, idle)?;
            set_tcp_keepintvl(&socket, interval)?;
            set_tcp_keepcnt(&socket, probes)?;
        }
        if let Some(bytes) = self.send_buffer_bytes {
            set_socket_send_buffer_size(&socket, bytes)?;
        }
        if let Some(bytes) = self.receive_buffer_bytes {
            set_socket_recv_buffer_size(&socket, bytes)?;
        }
        if let Some(timeout) = self.user_timeout {
            set_tcp_user_timeout(&socket, u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))?;
        }
        bind(&socket, &address)?;
        listen(&socket, i32::from(self.backlog))?;
        Ok(socket.into())
    }
}
