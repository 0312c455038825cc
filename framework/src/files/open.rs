//! An open file, and what its answers say of it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use rustix::fs::Stat;

use super::folder::Missing;
use crate::buf::BufferPool;
use crate::buf::transfer::{Readahead, Source, SourceError};

/// A file as it was at one moment. What is sent later is of the same inode, and as long as it was.
#[derive(Debug)]
pub(crate) struct Opened {
    source: Source,
    facts: Facts,
    etag: String,
    last_modified: String,
    content_type: &'static str,
    /// When its name was last looked up.
    pub(super) looked_up: Instant,
}

/// What tells one content of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    /// The inode's own change: an mtime that was set back does not hide a new content.
    changed: (i64, i64),
}

impl Facts {
    fn of(stat: &Stat) -> Self {
        Facts {
            device: stat.st_dev,
            inode: stat.st_ino,
            len: stat.st_size as u64,
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }
}

impl Opened {
    pub(super) fn new(
        file: File,
        path: &[u8],
        pool: &BufferPool,
        readahead: Readahead,
        looked_up: Instant,
    ) -> Result<Self, Missing> {
        let (source, stat) = Source::with_stat(file, pool).map_err(|error| match error {
            SourceError::NotRegular | SourceError::MadeUp(_) => Missing::Refused,
            SourceError::Io(error) => Missing::Failed(error),
        })?;
        if readahead != Readahead::Normal {
            source.set_readahead(readahead).map_err(Missing::Failed)?;
        }
        Ok(Self::with(source, Facts::of(&stat), content_type(path), looked_up))
    }

    fn with(source: Source, facts: Facts, content_type: &'static str, looked_up: Instant) -> Self {
        let Facts { inode, len, modified: (seconds, nanos), changed, .. } = facts;
        // Strong: two contents differ in one of these, unless they were written within one tick of the kernel's clock.
        let etag = format!("\"{inode:x}-{len:x}-{seconds:x}.{nanos:x}-{:x}.{:x}\"", changed.0, changed.1);
        let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let last_modified = httpdate::fmt_http_date(UNIX_EPOCH + since);
        Opened { source, facts, etag, last_modified, content_type, looked_up }
    }

    /// What has become of the file: `Ok(None)` if it is as it was, the new state if it has changed. An error, or one that
    /// has no name any more, has to be looked up anew.
    pub(super) fn refresh(&self) -> Result<Option<Self>, Missing> {
        let stat = self.source.stat().map_err(Missing::Failed)?;
        if stat.st_nlink == 0 {
            return Err(Missing::Nothing);
        }
        let facts = Facts::of(&stat);
        let changed = || Self::with(self.source.clone(), facts, self.content_type, self.looked_up);
        Ok((facts != self.facts).then(changed))
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn len(&self) -> u64 {
        self.facts.len
    }

    /// With its quotes.
    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    pub(crate) fn last_modified(&self) -> &str {
        &self.last_modified
    }

    /// Seconds since 1970.
    pub(super) fn modified_s(&self) -> i64 {
        self.facts.modified.0
    }

    pub(crate) fn content_type(&self) -> &'static str {
        self.content_type
    }
}

/// By the name's extension; text is UTF-8.
fn content_type(path: &[u8]) -> &'static str {
    let guess = mime_guess::from_path(Path::new(OsStr::from_bytes(path))).first_raw();
    match guess {
        Some("text/html") => "text/html; charset=utf-8",
        Some("text/plain") => "text/plain; charset=utf-8",
        Some("text/css") => "text/css; charset=utf-8",
        Some("text/csv") => "text/csv; charset=utf-8",
        Some("text/javascript" | "application/javascript") => "text/javascript; charset=utf-8",
        Some("text/markdown") => "text/markdown; charset=utf-8",
        Some(other) => other,
        None => "application/octet-stream",
    }
}
