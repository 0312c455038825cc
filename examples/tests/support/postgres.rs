//! A PostgreSQL server of its own: Debian's, on a free port, in a temporary folder, as a user that is not root.

use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(50);

/// A running server. It stops, and its folder goes, when this is dropped.
pub(crate) struct Postgres {
    child: Child,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Starts one in a folder below `place`. `None` if PostgreSQL is not installed.
    pub(crate) fn start(place: &Path) -> Option<Self> {
        let programs = programs()?;
        let user = not_root()?;
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir_in(place).unwrap();
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = folder.path().join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.arg("-D").arg(&data).args([
            "-A",
            "trust",
            "-U",
            "shop",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let made = as_user(initdb, user).stdout(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // It ends with this thread, however that ends.
        let mut server = Command::new("setpriv");
        server.args(["--pdeathsig", "QUIT"]).arg(programs.join("postgres")).arg("-D").arg(&data);
        server.args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "max_connections=64",
        ]);
        server.arg("-k").arg(folder.path());
        let log = File::create(folder.path().join("log")).unwrap();
        let child = as_user(server, user).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut this = Postgres { child, programs, user, folder, port };
        this.wait();
        Some(this)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("postgres://shop@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        loop {
            let mut ready = Command::new(self.programs.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && ready.status().unwrap().success() {
                return;
            }
            let is_late = begun.elapsed() > PATIENCE || self.child.try_wait().unwrap().is_some();
            let log = self.folder.path().join("log");
            assert!(
                !is_late,
                "postgres does not start: {}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = Command::new(self.programs.join("pg_ctl"));
        stop.args(["stop", "-w", "-m", "immediate", "-D"]).arg(self.folder.path().join("data"));
        let stopped = as_user(stop, self.user).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            // Its parts notice that it is gone.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Where its programs are: newest version first.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debians: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    debians.sort();
    let all = debians.into_iter().rev().chain(std::env::split_paths(&path));
    all.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

/// For root, Debian's user for it: PostgreSQL refuses root. `None` if there is no such user.
fn not_root() -> Option<Option<(u32, u32)>> {
    let id = |args: &[&str]| -> Option<u32> {
        let said = Command::new("id").args(args).output().ok()?;
        String::from_utf8(said.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"])? != 0 {
        return Some(None);
    }
    Some(Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?)))
}

fn as_user(mut command: Command, user: Option<(u32, u32)>) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    // A folder that another user may be in.
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// Notes that a test was not run for want of it, as tests/all.sh wants it.
#[allow(dead_code, reason = "benches say so in their own way")]
pub(crate) fn note_missing(test: &str) {
    let line = format!("{test}: needs postgresql");
    eprintln!("not run: {line}");
    if let Some(file) = std::env::var_os("OSTRACA_NOT_RUN") {
        let mut file = File::options().append(true).create(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}
