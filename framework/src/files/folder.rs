//! A folder whose files are served, and how they are opened.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::{Errno, retry_on_intr};

use super::open::Opened;
use crate::buf::BufferPool;
use crate::buf::transfer::{Readahead, blocking};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A folder whose files are served: by the lane, by actix-web, or by both. A clone is the same folder.
///
/// **What is served.** Regular files below it, by their path. Not: names that begin with a dot, symbolic links that lead
/// out of it, pipes, devices, sockets, and files that the kernel makes up (`/proc`). Links that stay in it are followed.
/// The kernel holds the bounds while it walks the path (`openat2(RESOLVE_BENEATH)`), so no rename in the meantime leads
/// out; a kernel that has no `openat2` (before 5.6) or may not use it gets one `openat` a segment, and then no link is
/// followed at all.
///
/// **Open files** are kept for [`look_up_every`](Self::look_up_every), 1 s by default, at most
/// [`open_len_max`](Self::open_len_max): so long may a name that was given to another file still mean the old one. What
/// is written into a file itself is seen by the next request, which asks for its length and times.
#[derive(Clone, Debug)]
pub struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Arc<OwnedFd>,
    path: PathBuf,
    settings: Settings,
    is_walked: Arc<AtomicBool>,
    /// For heads and small bodies.
    pool: BufferPool,
    open: [Mutex<Table>; SHARDS],
}

#[derive(Clone, Debug)]
struct Settings {
    index: Option<String>,
    cache_control: Option<String>,
    readahead: Readahead,
    look_up_every: Duration,
    open_len_max: usize,
}

/// Open files by their path.
type Table = HashMap<Box<[u8]>, Arc<Opened>>;

/// Parts of the table of open files, each with its lock.
const SHARDS: usize = 16;

/// Why there is no file to send.
#[derive(Debug)]
pub(crate) enum Missing {
    /// No such file.
    Nothing,
    /// A file that is not served: a device, a link out of the folder, or one that may not be read.
    Refused,
    /// A folder.
    Folder,
    /// No file descriptor is left.
    Exhausted,
    /// The disk failed.
    Failed(io::Error),
}

impl Folder {
    /// Opens the folder itself; one that is renamed later is still this one.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or is none.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, &path, flags, Mode::empty())?;
        let settings = Settings {
            index: None,
            cache_control: None,
            readahead: Readahead::Normal,
            look_up_every: Duration::from_secs(1),
            open_len_max: 1024,
        };
        Ok(Self::with(Arc::new(root), path, settings))
    }

    fn with(root: Arc<OwnedFd>, path: PathBuf, settings: Settings) -> Self {
        let open = std::array::from_fn(|_| Mutex::new(HashMap::new()));
        Folder(Arc::new(Inner {
            root,
            path,
            settings,
            is_walked: Arc::default(),
            pool: BufferPool::default(),
            open,
        }))
    }

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.0.settings.clone();
        change(&mut settings);
        Self::with(self.0.root.clone(), self.0.path.clone(), settings)
    }

    /// The file that stands for a folder, such as `index.html`. None by default: then a folder is not found.
    #[must_use]
    pub fn index(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.change(|settings| settings.index = Some(name))
    }

    /// A `Cache-Control` field for all answers with a file. None by default: clients guess by the age.
    ///
    /// # Panics
    ///
    /// When the value holds a control character: it would end the field.
    #[must_use]
    pub fn cache_control(self, value: impl Into<String>) -> Self {
        let value = value.into();
        assert!(!value.chars().any(char::is_control), "a field's value holds no control characters");
        self.change(|settings| settings.cache_control = Some(value))
    }

    /// How far the kernel reads ahead in these files.
    #[must_use]
    pub fn readahead(self, readahead: Readahead) -> Self {
        self.change(|settings| settings.readahead = readahead)
    }

    /// How long a name is taken to mean the file that it meant; zero looks each one up anew.
    #[must_use]
    pub fn look_up_every(self, every: Duration) -> Self {
        self.change(|settings| settings.look_up_every = every)
    }

    /// Files that are kept open, beyond those that are being sent; each is a file descriptor.
    #[must_use]
    pub fn open_len_max(self, len_max: usize) -> Self {
        self.change(|settings| settings.open_len_max = len_max)
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(super) fn index_name(&self) -> Option<&str> {
        self.0.settings.index.as_deref()
    }

    pub(crate) fn cache_control_value(&self) -> Option<&str> {
        self.0.settings.cache_control.as_deref()
    }

    /// The file of a path, opened or found open. Waits for the disk on a blocking thread only.
    pub(crate) async fn find(&self, path: &[u8]) -> Result<Arc<Opened>, Missing> {
        let now = Instant::now();
        if let Some(kept) = self.kept(path, now) {
            return Ok(kept);
        }
        let walker = self.walker();
        let file = match walker.open(path, ResolveFlags::CACHED) {
            // A name on the way is not in memory.
            Err(Errno::AGAIN) => {
                let path = path.to_vec();
                blocking(move || Ok(walker.open(&path, ResolveFlags::empty())))
                    .await
                    .map_err(Missing::Failed)?
            }
            opened => opened,
        };
        let opened = self.opened(file.map_err(missing)?, path, now)?;
        Ok(self.keep(path, Arc::new(opened)))
    }

    fn opened(&self, file: File, path: &[u8], now: Instant) -> Result<Opened, Missing> {
        Opened::new(file, path, &self.0.pool, self.0.settings.readahead, now)
    }

    pub(super) fn pool(&self) -> &BufferPool {
        &self.0.pool
    }

    fn walker(&self) -> Walker {
        Walker { root: self.0.root.clone(), is_walked: self.0.is_walked.clone() }
    }

    fn shard(&self, path: &[u8]) -> &Mutex<Table> {
        // FNV-1a: names are short, and a bad spread costs a longer wait for a lock, no more.
        let hash = path.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        &self.0.open[(hash >> 32) as usize % SHARDS]
    }

    fn kept(&self, path: &[u8], now: Instant) -> Option<Arc<Opened>> {
        let opened = self.shard(path).lock().get(path)?.clone();
        if now.saturating_duration_since(opened.looked_up) >= self.0.settings.look_up_every {
            return None;
        }
        match opened.refresh() {
            Ok(None) => Some(opened),
            Ok(Some(changed)) => Some(self.keep(path, Arc::new(changed))),
            Err(_) => None,
        }
    }

    fn keep(&self, path: &[u8], opened: Arc<Opened>) -> Arc<Opened> {
        let Settings { look_up_every, open_len_max, .. } = self.0.settings;
        if look_up_every.is_zero() || open_len_max == 0 {
            return opened;
        }
        let mut shard = self.shard(path).lock();
        if shard.len() >= open_len_max.div_ceil(SHARDS) && !shard.contains_key(path) {
            // What is old is closed; if all of it is in use, everything: it comes back with the next requests.
            let now = opened.looked_up;
            shard.retain(|_, kept| now.saturating_duration_since(kept.looked_up) < look_up_every);
            if shard.len() >= open_len_max.div_ceil(SHARDS) {
                shard.clear();
            }
        }
        shard.insert(path.into(), opened.clone());
        opened
    }
}

fn missing(error: Errno) -> Missing {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Missing::Nothing,
        // XDEV: out of the folder. LOOP: a link where none is followed. NXIO: a pipe that nobody reads.
        Errno::XDEV | Errno::LOOP | Errno::ACCESS | Errno::PERM | Errno::NXIO | Errno::NODEV => {
            Missing::Refused
        }
        Errno::ISDIR => Missing::Folder,
        Errno::MFILE | Errno::NFILE => Missing::Exhausted,
        other => Missing::Failed(other.into()),
    }
}

/// Opens files below a folder.
struct Walker {
    root: Arc<OwnedFd>,
    /// The kernel has no `openat2` for us.
    is_walked: Arc<AtomicBool>,
}

impl Walker {
    /// Looks first, opens then: to open a device may do something. What the name means in between may change, so the
    /// open file is looked at once more by who takes it.
    fn open(&self, path: &[u8], how: ResolveFlags) -> Result<File, Errno> {
        let path = OsStr::from_bytes(path);
        let looked = self.open_as(path, OFlags::PATH, how)?;
        match FileType::from_raw_mode(fstat(&looked)?.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Err(Errno::ISDIR),
            _ => return Err(Errno::NODEV),
        }
        self.open_as(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, how).map(File::from)
    }

    fn open_as(&self, path: &OsStr, flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        // ORDERING: Relaxed; it says nothing about other memory, and who misses it asks the kernel once more.
        if !self.is_walked.load(Ordering::Relaxed) {
            let how = how | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            let opened = retry_on_intr(|| openat2(&self.root, path, flags, Mode::empty(), how));
            // A sandbox may forbid what it does not know. A file that may not be read says ACCESS, not PERM.
            if !matches!(opened, Err(Errno::NOSYS | Errno::PERM)) {
                return opened;
            }
            // ORDERING: Relaxed; as above.
            self.is_walked.store(true, Ordering::Relaxed);
        }
        self.walk(path, flags)
    }

    /// One segment after the other, and no link.
    fn walk(&self, path: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        let segments: Vec<&[u8]> = path.as_bytes().split(|&byte| byte == b'/').collect();
        let (name, folders) = segments.split_last().expect("a split has one part at least");
        let mut at: Option<OwnedFd> = None;
        for &folder in folders {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            at = Some(self.step(at.as_ref(), folder, flags)?);
        }
        self.step(at.as_ref(), name, flags | OFlags::NOFOLLOW)
    }

    fn step(&self, at: Option<&OwnedFd>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        // The target has none of these; here it would lead out.
        if matches!(name, b"" | b"." | b"..") {
            return Err(Errno::XDEV);
        }
        let at = at.unwrap_or(&self.root);
        retry_on_intr(|| openat(at, OsStr::from_bytes(name), flags, Mode::empty()))
    }
}
