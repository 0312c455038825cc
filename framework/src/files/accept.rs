//! Takes connections from the port.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpListener;

use super::connections::Connections;

/// How long nothing is accepted when the process has no file descriptor left, say.
const PAUSE: Duration = Duration::from_millis(100);

/// Admits connections until it is dropped.
pub(super) async fn accept(listener: TcpListener, connections: Arc<Connections>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => connections.admit(socket),
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                tracing::warn!(target: "ostraca::files", "cannot accept, trying again in {PAUSE:?}: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The client was gone before it was accepted, or its network was (accept(2)).
fn is_of_one_client(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        code,
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
                | Errno::INTR
        )
    )
}
