//! The lane's actor, written by hand: the framework does not expand its own macros.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use rustix::net::{Shutdown, shutdown};

use super::accept::accept;
use super::connections::Connections;
use super::folder::Folder;
use super::limits::Limits;
use super::numbers::Counts;
use crate::actor::{
    Actor, Context, Envelope, Handled, HandlerInfo, Message, NoMethods, Route, StartError, StopReason, Turn,
    takes_only,
};
use crate::buf::transfer::Network;
use crate::stats::{LaneNumbers, LaneSource};
use crate::sync::Mutex;

/// What a lane is made of: its port, its folder, its limits. A clone is of the same port.
#[derive(Clone, Debug)]
pub struct LaneSpec {
    /// `None` while the port is closed: between a stop and the start after it.
    listener: Arc<Mutex<Option<TcpListener>>>,
    address: SocketAddr,
    network: Network,
    folder: Folder,
    mount: Arc<str>,
    limits: Limits,
    counts: Arc<Counts>,
}

impl LaneSpec {
    /// Listens, so that clients can connect from now on, and serves a folder when it is started.
    ///
    /// # Errors
    ///
    /// When the address cannot be had, or a setting is refused.
    pub fn listen(address: impl ToSocketAddrs, network: Network, folder: Folder) -> io::Result<Self> {
        let listener = network.listen(address)?;
        let address = listener.local_addr()?;
        let listener = Arc::new(Mutex::new(Some(listener)));
        let (mount, limits) = Default::default();
        let counts = Arc::new(Counts::new(address));
        Ok(LaneSpec { listener, address, network, folder, mount, limits, counts })
    }

    /// Below which path the folder is found: `/downloads`. The root by default.
    #[must_use]
    pub fn mount(mut self, path: &str) -> Self {
        self.mount = path.trim_matches('/').into();
        self
    }

    /// What clients may take.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle of the port for one incarnation. A stop closed it, if a supervisor has started the lane again.
    fn open(&self) -> io::Result<TcpListener> {
        let mut listener = self.listener.lock();
        let open = match listener.take() {
            Some(open) => open,
            None => self.network.listen(self.address)?,
        };
        listener.insert(open).try_clone()
    }

    /// What its lane has done, read without asking it.
    pub fn numbers(&self) -> LaneNumbers {
        self.counts.numbers()
    }
}

/// The actor of a lane. It owns the port and the connections: an end of the actor is theirs.
pub struct FileLane {
    spec: LaneSpec,
    connections: Arc<Connections>,
}

/// Asks a [`FileLane`] for its numbers.
#[derive(Clone, Copy, Debug)]
pub struct ReadNumbers;

impl Message for ReadNumbers {
    type Reply = LaneNumbers;
    type Refusal = Infallible;
}

takes_only!(ReadNumbers, FileLane);

impl Actor for FileLane {
    type Args = LaneSpec;
    type Message = Envelope<ReadNumbers>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("read_numbers")];

    fn handler_of(_message: &Envelope<ReadNumbers>) -> usize {
        0
    }

    async fn start(ctx: &mut Context<Self>, spec: LaneSpec) -> Result<Self, StartError> {
        // A socket of tokio's own, for the same port: this incarnation's ends with it.
        let listener = spec.open()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let LaneSpec { folder, mount, limits, counts, .. } = spec.clone();
        let source: Arc<dyn LaneSource> = counts.clone();
        ctx.commons().enter_lane(&source);
        let connections = Arc::new(Connections::new(folder, mount, limits, counts));
        ctx.spawn(accept(listener, connections.clone()));
        let (address, folder) = (spec.address, spec.folder.path().display());
        tracing::info!(target: "ostraca::files", %address, %folder, mount = &*spec.mount, "serving files");
        Ok(FileLane { spec, connections })
    }

    async fn stop(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        self.close_port();
        self.connections.close();
        let drain = tokio::time::timeout(self.spec.limits.drain_wait_max, self.connections.wait_empty());
        if drain.await.is_err() {
            let open = self.spec.numbers().connections;
            tracing::warn!(target: "ostraca::files", open, "answers under way at the stop are broken off");
            // At their next wait; nothing of them is left when the stop is over.
            self.connections.abort();
            self.connections.wait_empty().await;
        }
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<ReadNumbers>,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (ReadNumbers, reply) = message.open();
        reply.reply(self.spec.numbers());
        turn.done()
    }
}

impl FileLane {
    /// Refuses all further connections. Who has connected and was not accepted yet is admitted first: closing the port
    /// would reset them.
    fn close_port(&self) {
        let Some(listener) = self.spec.listener.lock().take() else { return };
        while let Ok((socket, _)) = listener.accept() {
            let socket = socket.set_nonblocking(true).and_then(|()| tokio::net::TcpStream::from_std(socket));
            match socket {
                Ok(socket) => self.connections.admit(socket),
                Err(error) => {
                    tracing::debug!(target: "ostraca::files", "a late connection is dropped: {error}")
                }
            }
        }
        // The accepting task may hold the socket a moment longer: to drop this handle would not close it.
        if let Err(error) = shutdown(&listener, Shutdown::Read) {
            tracing::debug!(target: "ostraca::files", "the port stays open until the lane's end: {error}");
        }
    }
}

impl Drop for FileLane {
    fn drop(&mut self) {
        self.connections.abort();
    }
}
