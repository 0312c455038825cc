//! Through a buffer of this process: where the kernel has no shorter way.

use std::ops::Range;

use tokio::net::TcpStream;

use super::TransferError;
use super::patience::Patience;
use super::send::send_bytes;
use super::source::Source;

/// How much is read at a time.
const CHUNK_LEN: u64 = 64 << 10;

/// As [`send_file`](super::send_file), with a read and a write for each chunk.
pub(super) async fn send_file(
    socket: &TcpStream,
    source: &Source,
    range: Range<u64>,
    patience: &mut Patience,
) -> Result<(), TransferError> {
    let mut at = range.start;
    let mut chunk = source.pool().get(CHUNK_LEN as usize);
    while at < range.end {
        let len = CHUNK_LEN.min(range.end - at);
        chunk.clear();
        if source.append_to(&mut chunk, at, len as usize).await? == 0 {
            return Err(TransferError::Truncated { at, left: range.end - at });
        }
        send_bytes(socket, &chunk, false, patience).await?;
        at += chunk.len() as u64;
        tokio::task::consume_budget().await;
    }
    Ok(())
}
