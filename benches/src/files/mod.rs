//! Files over HTTP/1.1: the file lane, nginx and actix-files under the same `wrk`.
//!
//! A measurement starts one server over a new folder, warms it up, and lets wrk ask for one file over kept connections for
//! some seconds. Figures are the time of an answer (the machine's, not a client's) and the server's CPU time for a MiB,
//! from `/proc`. wrk has the same two cores: a server that needs less leaves it more, as in any measurement on one machine.
//!
//! nginx is Debian's, with two workers, `sendfile on`, its cache of open files, no log and no end of kept connections; with
//! and without `tcp_nopush`, and with a port for each worker (`reuseport`): the best counts.

mod ours;
mod rivals;
mod server;
mod wrk;

use crate::work::{Bar, Figures, Group, Work};
use server::{Folder, Server};

/// At least nine tenths of nginx's requests a second.
const REQUESTS: Bar = Bar::AtLeast { times: 0.9, of: &["nginx"] };
/// At most 1.15 times nginx's CPU time for a byte.
const CPU: Bar = Bar::AtLeast { times: 1.0 / 1.15, of: &["nginx"] };
/// At most as much as actix-files by this.
const COPIED: Bar = Bar::AtLeast { times: 2.5, of: &["actix-files"] };

/// Milliseconds of a measurement.
const TIME_MS: u64 = 3_000;

pub fn group() -> Group {
    let small = Work::new("files/4KiB", &[REQUESTS]).and_row("files/4KiB-cpu-a-MiB", &[CPU]);
    let middle = Work::new("files/128KiB", &[REQUESTS]).and_row("files/128KiB-cpu-a-MiB", &[CPU]);
    let large = Work::new("files/16MiB", &[REQUESTS]).and_row("files/16MiB-cpu-a-MiB", &[CPU, COPIED]);
    let works =
        vec![by_all::<{ 4 << 10 }>(small), by_all::<{ 128 << 10 }>(middle), by_all::<{ 16 << 20 }>(large)];
    Group { name: "files", works }
}

fn by_all<const LEN: usize>(work: Work) -> Work {
    work.by("ostraca", "lane", TIME_MS, |ms| measure(LEN, ms, ours::lane))
        .by("nginx", "tcp_nopush", TIME_MS, |ms| measure(LEN, ms, rivals::nginx_nopush))
        .by("nginx", "", TIME_MS, |ms| measure(LEN, ms, rivals::nginx_plain))
        .by("nginx", "reuseport", TIME_MS, |ms| measure(LEN, ms, rivals::nginx_reuseport))
        .by("actix-files", "", TIME_MS, |ms| measure(LEN, ms, rivals::actix_files))
}

fn measure(len: usize, ms: u64, start: fn(&Folder) -> Server) -> Figures {
    let folder = Folder::with_file_of(len);
    let server = start(&folder);
    // Connections, open files, the kernel's buffers.
    wrk::run(server.port(), ms / 3);
    let before = server.cpu();
    let load = wrk::run(server.port(), ms);
    let cpu = server.cpu() - before;
    assert!(load.bytes > load.requests * len as u64, "{load:?}: answers without their file");
    let mib = load.bytes as f64 / f64::from(1 << 20);
    Figures(vec![load.took.as_nanos() as f64 / load.requests as f64, cpu.as_nanos() as f64 / mib])
}
