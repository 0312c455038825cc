//! A server under measurement, and the folder that it serves.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder on the disk of the build, with one `file`.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn with_file_of(len: usize) -> Self {
        let program = std::env::current_exe().expect("a running program has a path");
        let beside = program.parent().expect("in a folder");
        let folder = tempfile::Builder::new().prefix("files-").tempdir_in(beside).expect("a folder");
        let content: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        std::fs::write(folder.path().join("file"), content).expect("a file");
        Folder(folder)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A running server: in this process, or one of its own with its workers.
pub(super) struct Server {
    port: u16,
    child: Option<Child>,
    /// Ends with it.
    _runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    pub(super) fn here(port: u16, runtime: Option<tokio::runtime::Runtime>) -> Self {
        wait_for(port);
        Server { port, child: None, _runtime: runtime }
    }

    pub(super) fn of(port: u16, child: Child) -> Self {
        let server = Server { port, child: Some(child), _runtime: None };
        wait_for(port);
        server
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The CPU time of the server so far, its kernel's part included.
    pub(super) fn cpu(&self) -> Duration {
        let Some(child) = &self.child else { return cpu_of("self") };
        let id = child.id();
        let workers =
            std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("a running server");
        workers.split_whitespace().map(cpu_of).sum::<Duration>() + cpu_of(&id.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // nginx's master ends its workers at SIGTERM; `kill` would leave them.
            let id = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            let _ = child.wait();
        }
    }
}

/// Of all threads, those that have ended too; not of its children. In ticks of 10 ms.
fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a running process");
    // Behind the name, which may hold anything, come the state and 10 more, then user and system time (proc(5)).
    let (_, rest) = stat.rsplit_once(") ").expect("a name");
    let ticks: u64 =
        rest.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(10 * ticks)
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("a bound port").port()
}

fn wait_for(port: u16) {
    let begun = Instant::now();
    while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the server does not listen");
        thread::sleep(Duration::from_millis(10));
    }
}
