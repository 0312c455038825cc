//! What the peer has not acknowledged.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `SIOCOUTQ`, the same number as `TIOCOUTQ` (tcp(7)).
const SIOCOUTQ: Opcode = 0x5411;

/// Bytes in a TCP socket's send queue: handed to the kernel and not acknowledged by the peer.
pub(super) fn unacknowledged(socket: impl AsFd) -> io::Result<u64> {
    // SAFETY: the operation writes one `int` where the argument points (tcp(7)), which is what this getter holds.
    let query = unsafe { Getter::<SIOCOUTQ, c_int>::new() };
    // SAFETY: the descriptor is borrowed, hence open; on one that is no TCP socket the call fails or writes the same
    // `int` of a terminal.
    let queued = unsafe { ioctl(socket, query) }?;
    Ok(u64::try_from(queued).unwrap_or(0))
}
