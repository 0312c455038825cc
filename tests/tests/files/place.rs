//! A folder, and a lane that serves it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ostraca::System;
use ostraca::files::{Folder, LaneSpec, Limits, Network};
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) system: System,
    pub(crate) spec: LaneSpec,
    folder: TempDir,
}

impl Place {
    /// A lane over a new folder.
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), |folder| folder).await
    }

    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with(limits, |folder| folder).await
    }

    pub(crate) async fn with(limits: Limits, set: impl FnOnce(Folder) -> Folder) -> Self {
        // On the disk of the build: what lies in memory is never cold.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join("served")).unwrap();
        let system = System::start().unwrap();
        let served = set(Folder::open(folder.path().join("served")).unwrap());
        let spec = LaneSpec::listen("127.0.0.1:0", Network::default(), served).unwrap().limits(limits);
        system.serve_files(spec.clone()).await.unwrap();
        Place { system, spec, folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.spec.address()
    }

    /// The folder above the one that is served.
    pub(crate) fn above(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("served").join(name)
    }

    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Stops the system, and sees that nothing is left.
    pub(crate) async fn close(self) {
        let report = self.system.stop().await;
        assert!(report.is_clean(), "{report:?}");
        let numbers = self.spec.numbers();
        assert_eq!((numbers.connections, numbers.panicked), (0, 0), "{numbers:?}");
    }
}

impl Place {
    /// As [`put`](Self::put), a file of Sun, 06 Nov 1994 08:49:37 GMT.
    pub(crate) fn put_old(&self, name: &str, text: &str) {
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        File::options().write(true).open(self.put(name, text)).unwrap().set_modified(old).unwrap();
    }
}

/// Waits until something holds that needs nobody's help.
pub(crate) async fn eventually(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it never holds");
}
