//! From a socket to a socket.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::{read, retry_on_intr};
use rustix::net::{RecvFlags, recv};
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice as splice_once};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::super::BufferPool;
use super::patience::Patience;
use super::send::{is_refused, send_bytes, wait_writable};
use super::{TURN_BYTES_MAX, TransferError};

/// What fits into a pipe, and into the buffer that stands in for one.
const PIPE_LEN: usize = 64 << 10;

/// Moves what comes from one socket to another, up to `len_max` bytes or until the first one's peer has ended; how many
/// that were. Where the kernel has no splice for one of them, it goes through a buffer of `pool`. Nothing is shut down:
/// that is for whoever knows what the bytes mean.
///
/// It waits for the first socket without end: whoever has to stop it drops the future.
///
/// # Errors
///
/// When a socket fails, or the second one's peer is too slow for `patience`.
///
/// # Cancellation
///
/// Dropping the future loses what is between the sockets: close both.
pub async fn splice(
    from: &TcpStream,
    to: &TcpStream,
    len_max: u64,
    patience: &mut Patience,
    pool: &BufferPool,
) -> Result<u64, TransferError> {
    let pipe = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).map_err(io::Error::from)?;
    let (mut moved, mut turn) = (0, 0);
    while moved < len_max {
        let want = (len_max - moved).min(PIPE_LEN as u64) as usize;
        let len = match fill(from, &pipe.1, want).await {
            Ok(len) => len,
            // Said before the first byte: the kernel has no splice for such a socket.
            Err(error) if is_refused(&error) => {
                return Ok(moved + copy(from, to, len_max - moved, patience, pool).await?);
            }
            Err(error) => return Err(error.into()),
        };
        if len == 0 {
            break;
        }
        patience.begin();
        let left = empty(&pipe.0, to, len, patience).await?;
        moved += len as u64;
        if left > 0 {
            // Refused by the other one: what is in the pipe has come already, and goes on from there.
            let mut rest = pool.get(left);
            while rest.len() < left {
                rest.fill_with(|room| retry_on_intr(|| read(&pipe.0, &mut *room)))
                    .map_err(io::Error::from)?;
            }
            send_bytes(to, &rest, false, patience).await?;
            return Ok(moved + copy(from, to, len_max - moved, patience, pool).await?);
        }
        turn += len as u64;
        if turn >= TURN_BYTES_MAX {
            turn = 0;
            tokio::task::consume_budget().await;
        }
    }
    Ok(moved)
}

/// Takes what has come into the empty pipe. The pipe has room, so what would block is the socket.
async fn fill(from: &TcpStream, pipe: &OwnedFd, want: usize) -> io::Result<usize> {
    from.async_io(Interest::READABLE, || splice_some(from, pipe, want)).await
}

/// Sends all that is in the pipe, which is not empty: what would block is the socket. What is left there, if the kernel
/// has no such way.
async fn empty(
    pipe: &OwnedFd,
    to: &TcpStream,
    mut len: usize,
    patience: &mut Patience,
) -> Result<usize, TransferError> {
    while len > 0 {
        match to.try_io(Interest::WRITABLE, || splice_some(pipe, to, len)) {
            Ok(sent) => {
                patience.hand(sent);
                len -= sent;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_writable(to, patience).await?,
            Err(error) if is_refused(&error) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(len)
}

fn splice_some(from: impl std::os::fd::AsFd, to: impl std::os::fd::AsFd, len: usize) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(retry_on_intr(|| splice_once(&from, None, &to, None, len, flags))?)
}

/// As [`splice`], through a buffer.
async fn copy(
    from: &TcpStream,
    to: &TcpStream,
    len_max: u64,
    patience: &mut Patience,
    pool: &BufferPool,
) -> Result<u64, TransferError> {
    let mut buffer = pool.get(PIPE_LEN);
    let mut moved = 0;
    while moved < len_max {
        let want = (len_max - moved).min(PIPE_LEN as u64) as usize;
        buffer.clear();
        let receive = |room: &mut [u8]| Ok(recv(from, &mut room[..want], RecvFlags::empty())?.0);
        let len = from.async_io(Interest::READABLE, || buffer.fill_with(receive)).await?;
        if len == 0 {
            break;
        }
        patience.begin();
        send_bytes(to, &buffer, false, patience).await?;
        moved += len as u64;
        tokio::task::consume_budget().await;
    }
    Ok(moved)
}
