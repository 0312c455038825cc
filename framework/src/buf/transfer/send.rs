//! From a file to a socket.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::task::Poll;

use rustix::fs::sendfile;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendFlags, send};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::patience::Patience;
use super::source::Source;
use super::{TURN_BYTES_MAX, TransferError, copy};

/// After a turn of this length others are let run; shorter ones take from tokio's budget of 128, which are 5 ms then.
const LONG_LEN: u64 = 512 << 10;

/// Sends a range of a file, by `sendfile`, or through a buffer where the kernel has no `sendfile` for the file.
///
/// # Errors
///
/// When the file is truncated, the peer is too slow for `patience`, or one of them fails. A part was sent then: close the
/// connection.
///
/// # Cancellation
///
/// Dropping the future leaves a part sent, and nobody knows which: close the connection.
pub async fn send_file(
    socket: &TcpStream,
    source: &Source,
    range: Range<u64>,
    patience: &mut Patience,
) -> Result<(), TransferError> {
    // Ours alone: the kernel reads it and writes it, and the file's own position is left where it is.
    let (mut at, mut is_cold) = (range.start, false);
    while at < range.end {
        // Whole blocks, so that transfers of one file ask about the same ones.
        let end = range.end.min((at / TURN_BYTES_MAX + 1) * TURN_BYTES_MAX);
        // Pages that were requested come one after the other: behind one that is there the next may be on its way. So
        // who had to wait is not content with some of them.
        if is_cold || !source.is_warm(at, end - at) {
            is_cold = source.warm(at, end - at).await?;
        }
        let (begin, mut has_waited) = (at, false);
        while at < end {
            let sent = socket.try_io(Interest::WRITABLE, || send_some(socket, source, &mut at, end));
            match sent {
                Ok(0) => return Err(TransferError::Truncated { at, left: range.end - at }),
                Ok(sent) => patience.hand(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_writable(socket, patience).await?;
                    has_waited = true;
                }
                Err(error) if is_refused(&error) => {
                    return copy::send_file(socket, source, at..range.end, patience).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        // A socket that always has room would never let go of the worker.
        if end - begin >= LONG_LEN && !has_waited {
            tokio::task::yield_now().await;
        } else {
            tokio::task::consume_budget().await;
        }
    }
    Ok(())
}

fn send_some(socket: &TcpStream, source: &Source, at: &mut u64, end: u64) -> io::Result<usize> {
    // At most 2 MiB, so it fits.
    let len = (end - *at) as usize;
    Ok(retry_on_intr(|| sendfile(socket, source, Some(at), len))?)
}

/// The kernel has no such way between the two: it says it before the first byte.
pub(super) fn is_refused(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP))
}

/// Sends all of `bytes`; `more` holds a segment back that is not full, because more follows at once.
pub(crate) async fn send_bytes(
    socket: &TcpStream,
    mut bytes: &[u8],
    more: bool,
    patience: &mut Patience,
) -> Result<(), TransferError> {
    // No SIGPIPE for a peer that is gone: an error tells it.
    let flags = if more { SendFlags::MORE | SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL };
    while !bytes.is_empty() {
        match socket.try_io(Interest::WRITABLE, || Ok(retry_on_intr(|| send(socket, bytes, flags))?)) {
            Ok(sent) => {
                patience.hand(sent);
                bytes = &bytes[sent..];
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait_writable(socket, patience).await?
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until the socket has room.
pub(super) async fn wait_writable(socket: &TcpStream, patience: &mut Patience) -> Result<(), TransferError> {
    poll_fn(|cx| match socket.poll_write_ready(cx) {
        Poll::Ready(ready) => Poll::Ready(ready.map_err(TransferError::Io)),
        Poll::Pending => patience.poll(cx, socket).map(Err),
    })
    .await
}
