//! Files to sockets, and sockets to sockets, without a copy in this process (feature `files`, Linux).
//!
//! ```text
//!   page cache ──sendfile──> socket               warm: no byte passes through this process
//!        ^
//!        └── read by a blocking thread            cold: the async thread never waits for the disk
//!
//!   socket ──splice──> pipe ──splice──> socket    in pages
//!
//!   file ──read──> buffer ──write──> socket       where the kernel refuses
//! ```
//!
//! **What it is.** [`send_file`] and [`splice`], for tokio's sockets. A [`Source`] is an open regular file: a pipe, a
//! device and a file of `/proc`, whose length says nothing, are refused when it is made.
//!
//! **Guarantees.** Every byte of the range arrives once and in order, or the transfer ends with an error that says how
//! many were taken by the kernel. The offset is the transfer's own: the file's position is neither used nor moved, so
//! that any number of transfers read one `Source`. A file that is truncated under a transfer ends it with
//! [`TransferError::Truncated`]; nothing is padded, and the connection is to be closed. What is appended to it is not
//! sent. What is written over meanwhile may arrive old or new: whoever replaces files renames new ones over them.
//!
//! **Fairness.** One turn moves at most [`TURN_BYTES_MAX`], then others are let run. A page that is not in memory is read
//! by a blocking thread, [`TURN_BYTES_MAX`] at a time and the next ones requested; the async thread asks first, by
//! `preadv2(RWF_NOWAIT)` of one byte in [`PROBE_STRIDE`], and not again for a tenth of a second, whichever transfer of the
//! [`Source`] it was. Who had to wait for the disk has all of the next turn read there, too, until one comes from memory:
//! what is on its way has gaps. On file systems that cannot tell, everything is first read there.
//!
//! **Slow readers.** A [`Patience`] ends a transfer whose peer acknowledges less than so much in a while. It asks the
//! kernel what was acknowledged: bytes that the kernel has taken are no progress of the peer's.
//!
//! **Cost.** A system call for each [`TURN_BYTES_MAX`] or socket buffer, and 33 questions of about 0.3 us for each 2 MiB of
//! a file every tenth of a second. Asked before each turn they cost twice the CPU time of the whole transfer (`compare
//! files`, 16 MiB): in their 10 us the peer empties the socket, and from then on it is the sender that has to carry each
//! segment over. What was cold is copied once more than necessary, on the blocking thread: only a read tells when the
//! disk has answered.
//!
//! **Bad at.** TLS: bytes that must be encrypted here pass through this process. Small bodies: below [`SMALL_LEN_MAX`]
//! one read and one write with the head are cheaper than a `sendfile` (`compare files`).
//!
//! ```no_run
//! use ostraca::buf::BufferPool;
//! use ostraca::buf::transfer::{Patience, Source, send_file};
//! # async fn serve(socket: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
//! let source = Source::new(std::fs::File::open("/srv/films/1.mp4")?, &BufferPool::default())?;
//! send_file(&socket, &source, 0..source.len()?, &mut Patience::default()).await?;
//! # Ok(())
//! # }
//! ```

mod cold;
mod copy;
mod found;
mod network;
mod outq;
mod patience;
mod send;
mod source;
mod splice;
mod timer;

use thiserror::Error;

pub(crate) use cold::blocking;
pub use network::{KeepAlive, Network};
pub use patience::Patience;
pub(crate) use send::send_bytes;
pub use send::send_file;
pub use source::{Readahead, Source, SourceError};
pub use splice::splice;
pub(crate) use timer::Timer;

/// How much one turn moves: longer ones would hold the worker, shorter ones cost more calls. nginx's
/// `sendfile_max_chunk` is the same.
pub const TURN_BYTES_MAX: u64 = 2 << 20;

/// How far apart the bytes are that are asked for before a turn. The kernel reads ahead in steps of 128 KiB and drops
/// what it read in such runs.
pub const PROBE_STRIDE: u64 = 64 << 10;

/// Bodies up to this are read and written with their head.
pub const SMALL_LEN_MAX: u64 = 16 << 10;

/// Why a transfer ended before its end. The connection has had a part of what was promised: it is to be closed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The file became shorter than the range.
    #[error("the file was truncated: it ends at byte {at}, {left} bytes were still to be sent")]
    Truncated {
        /// Where it ends now.
        at: u64,
        /// How many bytes were promised beyond that.
        left: u64,
    },
    /// The peer reads too slowly, or not at all.
    #[error("the peer acknowledged {acknowledged} bytes in {waited:?}")]
    Stalled {
        /// In that time.
        acknowledged: u64,
        /// The patience.
        waited: std::time::Duration,
    },
    /// The socket or the file failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
