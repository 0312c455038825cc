//! A file that can be sent.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::fs::{Advice, FileType, Stat, fadvise, fstat, fstatfs};
use thiserror::Error;
use tokio::runtime::Handle;

use super::super::BufferPool;
use super::found::Found;

/// An open regular file, shared by any number of transfers. A clone is the same file.
#[derive(Clone, Debug)]
pub struct Source(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` while it is dropped.
    file: Option<File>,
    cold: Cold,
    found: Found,
    pool: BufferPool,
}

/// How one learns whether a read would wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cold {
    /// It never does: the file is in memory.
    Never,
    /// The kernel says so, by `RWF_NOWAIT`.
    Told,
    /// Nobody knows: a network's or a user's file system.
    Unknown,
}

/// How far the kernel reads ahead in a file by itself (`posix_fadvise`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readahead {
    /// As the device says, mostly 128 KiB.
    #[default]
    Normal,
    /// Twice that: for files that are read from one end to the other.
    Sequential,
    /// Not at all: for ranges of large files, where what follows is not wanted.
    Off,
}

/// Why a file cannot be sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A folder, a pipe, a socket or a device.
    #[error("not a regular file")]
    NotRegular,
    /// A file that the kernel makes up as it is read, such as those of `/proc`: its length says nothing.
    #[error("a file that the kernel makes up (file system {0:#x}), whose length says nothing")]
    MadeUp(u64),
    /// The file cannot be asked.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// File systems whose files are made up as they are read: `proc`, `sysfs`, `cgroup`, `cgroup2`, `debugfs`, `tracefs`,
/// `securityfs`, `bpf`, `configfs`, `efivarfs`, `selinuxfs`, `smackfs`, `devpts`, `mqueue` (linux/magic.h).
const MADE_UP: &[u64] = &[
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x6265_6570,
    0xde5e_81e4,
    0xf97c_ff8c,
    0x4341_5d53,
    0x1cd1,
    0x1980_0202,
];

/// `tmpfs` and `ramfs`: there is no disk.
const IN_MEMORY: &[u64] = &[0x0102_1994, 0x8584_58f6];

impl Source {
    /// Takes an open file. What has to pass through this process does so in buffers of `pool`.
    ///
    /// # Errors
    ///
    /// When it is no regular file, or one that the kernel makes up.
    pub fn new(file: File, pool: &BufferPool) -> Result<Self, SourceError> {
        Self::with_stat(file, pool).map(|(source, _)| source)
    }

    /// As [`new`](Self::new), with what the file says of itself, which had to be asked.
    pub(crate) fn with_stat(file: File, pool: &BufferPool) -> Result<(Self, Stat), SourceError> {
        let stat = fstat(&file).map_err(io::Error::from)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(SourceError::NotRegular);
        }
        let file_system = fstatfs(&file).map_err(io::Error::from)?.f_type as u64 & 0xffff_ffff;
        if MADE_UP.contains(&file_system) {
            return Err(SourceError::MadeUp(file_system));
        }
        let cold = if IN_MEMORY.contains(&file_system) { Cold::Never } else { super::cold::how_told(&file) };
        let found = Found::new(stat.st_size as u64);
        Ok((Source(Arc::new(Inner { file: Some(file), cold, found, pool: pool.clone() })), stat))
    }

    /// How long it is now.
    ///
    /// # Errors
    ///
    /// When the file cannot be asked, which a network's file system may bring about.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.stat()?.st_size as u64)
    }

    /// Whether it is empty now.
    ///
    /// # Errors
    ///
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Changes how far the kernel reads ahead.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn set_readahead(&self, readahead: Readahead) -> io::Result<()> {
        let advice = match readahead {
            Readahead::Normal => Advice::Normal,
            Readahead::Sequential => Advice::Sequential,
            Readahead::Off => Advice::Random,
        };
        Ok(fadvise(self, 0, None, advice)?)
    }

    pub(crate) fn stat(&self) -> io::Result<Stat> {
        Ok(fstat(self)?)
    }

    pub(super) fn cold(&self) -> Cold {
        self.0.cold
    }

    pub(super) fn found(&self) -> &Found {
        &self.0.found
    }

    pub(crate) fn pool(&self) -> &BufferPool {
        &self.0.pool
    }

    pub(super) fn file(&self) -> &File {
        self.0.file.as_ref().expect("it is not being dropped")
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}

/// The last one to close a file without a name frees its blocks, which takes half a second for a GiB: that is not for a
/// thread that others wait for.
impl Drop for Inner {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let is_nameless = fstat(&file).is_ok_and(|stat| stat.st_nlink == 0);
        if let Some(runtime) = Handle::try_current().ok().filter(|_| is_nameless) {
            // Where the runtime is being dropped, the closure is, with the file.
            drop(runtime.spawn_blocking(move || drop(file)));
        }
    }
}
