//! Pages that are not in memory: found out without waiting, read where waiting hurts nobody.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2, retry_on_intr};

use super::super::PooledBuf;
use super::source::{Cold, Source};
use super::{PROBE_STRIDE, TURN_BYTES_MAX};

/// What a blocking thread reads at a time, into a buffer that it throws away.
const SCRATCH_LEN: usize = 64 << 10;

/// A read of [`TURN_BYTES_MAX`] that takes so long was not from memory.
const WAITED: Duration = Duration::from_millis(1);

/// Whether the file's file system says when a read would wait.
pub(super) fn how_told(file: &File) -> Cold {
    match read_at_once(file, 0, &mut [0]) {
        Ok(_) | Err(Errno::AGAIN) => Cold::Told,
        Err(_) => Cold::Unknown,
    }
}

fn read_at_once(file: &File, at: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    retry_on_intr(|| preadv2(file, &mut [IoSliceMut::new(buffer)], at, ReadWriteFlags::NOWAIT))
}

impl Source {
    /// Whether `len` bytes from `at`, which lie in one block of [`TURN_BYTES_MAX`], can be sent without waiting for the
    /// disk, as far as one byte in so many tells, or told a moment ago. Behind the file's end nothing has to be waited for.
    pub(super) fn is_warm(&self, at: u64, len: u64) -> bool {
        match self.cold() {
            Cold::Never => return true,
            Cold::Unknown => return false,
            Cold::Told => {}
        }
        // Between two calls of `sendfile` questions cost more than themselves: see the module's notes on cost.
        if self.found().holds(at, len) {
            return true;
        }
        let last = at + len.saturating_sub(1);
        let mut probes = (at..at + len).step_by(PROBE_STRIDE as usize).chain([last]);
        let is_warm = probes.all(|at| read_at_once(self.file(), at, &mut [0]).is_ok());
        if is_warm {
            self.found().add(at, len);
        }
        is_warm
    }

    /// Appends `len` bytes from `at` to `buffer`, fewer where the file ends; waits for the disk on a blocking thread.
    pub(crate) async fn append_to(&self, buffer: &mut PooledBuf, at: u64, len: usize) -> io::Result<usize> {
        buffer.reserve(len);
        let read = match self.cold() {
            Cold::Never => buffer.fill_with(|room| read_full(self.file(), at, &mut room[..len])).ok(),
            Cold::Told => buffer.fill_with(|room| read_at_once(self.file(), at, &mut room[..len])).ok(),
            Cold::Unknown => None,
        };
        let read = read.unwrap_or(0);
        if read == len {
            return Ok(len);
        }
        let (source, mut cold, at) = (self.clone(), self.pool().get(len - read), at + read as u64);
        let cold = blocking(move || {
            cold.fill_with(|room| read_full(source.file(), at, &mut room[..len - read]))?;
            Ok(cold)
        })
        .await?;
        buffer.extend_from_slice(&cold);
        Ok(read + cold.len())
    }

    /// Has a blocking thread read `len` bytes from `at`, and request the next ones. Whether it had to wait for them.
    pub(super) async fn warm(&self, at: u64, len: u64) -> io::Result<bool> {
        let source = self.clone();
        let read = move || {
            let begun = Instant::now();
            source.warm_here(at, len).map(|()| begun.elapsed() >= WAITED)
        };
        blocking(read).await
    }

    fn warm_here(&self, at: u64, len: u64) -> io::Result<()> {
        // Requested at once, so that the disk has all of it to do; what follows is there when it is wanted.
        if let Some(ahead) = NonZeroU64::new(len + TURN_BYTES_MAX) {
            // Advice: a file system that does not take it is read all the same.
            let _ = fadvise(self, at, Some(ahead), Advice::WillNeed);
        }
        let mut scratch = self.pool().get(SCRATCH_LEN);
        let (mut at, end) = (at, at + len);
        while at < end {
            let want = (end - at).min(SCRATCH_LEN as u64) as usize;
            scratch.clear();
            match scratch.fill_with(|room| read_full(self.file(), at, &mut room[..want]))? {
                // The file ends here.
                0 => return Ok(()),
                len => at += len as u64,
            }
        }
        Ok(())
    }
}

fn read_full(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read_at(&mut buffer[len..], at + len as u64) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// Runs `work` where it may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(io::Error::other("the runtime is being dropped")),
    }
}
