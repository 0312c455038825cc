//! Each setting of the network and the storage reaches the kernel, which is asked.

use std::fs::File;
use std::io::{IoSliceMut, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use ostraca::buf::BufferPool;
use ostraca::buf::transfer::Source;
use ostraca::cache::{Body, Disk, Entry, Stamp, Store as _, Timestamp};
use ostraca::files::{KeepAlive, Network, Readahead};
use ostraca_tests::runs::{missing, not_run};
use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};
use rustix::net::sockopt;

use crate::place::eventually;

/// The server's end of a connection over a listener with these settings.
fn accepted(network: &Network) -> (TcpStream, TcpListener) {
    let listener = network.listen("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, listener)
}

#[test]
fn an_accepted_connection_has_what_its_listener_was_given() {
    let keep_alive =
        KeepAlive { idle: Duration::from_secs(123), interval: Duration::from_secs(7), probes: 3 };
    let network = Network::default()
        .nodelay(true)
        .keep_alive(keep_alive)
        .send_buffer_bytes(100_000)
        .receive_buffer_bytes(50_000)
        .user_timeout(Duration::from_millis(4_567));
    let (socket, _listener) = accepted(&network);
    assert!(sockopt::tcp_nodelay(&socket).unwrap());
    assert!(sockopt::socket_keepalive(&socket).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), keep_alive.idle);
    assert_eq!(sockopt::tcp_keepintvl(&socket).unwrap(), keep_alive.interval);
    assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), keep_alive.probes);
    // The kernel takes twice what it is asked for (socket(7)).
    assert_eq!(sockopt::socket_send_buffer_size(&socket).unwrap(), 200_000);
    assert_eq!(sockopt::socket_recv_buffer_size(&socket).unwrap(), 100_000);
    assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 4_567);
    let (socket, _listener) = accepted(&Network::default().nodelay(false).keep_alive(None));
    assert!(!sockopt::tcp_nodelay(&socket).unwrap());
    assert!(!sockopt::socket_keepalive(&socket).unwrap());
    assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 0);
}

#[test]
fn by_default_short_segments_go_at_once_and_idle_peers_are_asked_after_a_minute() {
    let (socket, _listener) = accepted(&Network::default());
    assert!(sockopt::tcp_nodelay(&socket).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), Duration::from_secs(60));
}

#[test]
fn the_backlog_is_the_listeners() {
    let listener = Network::default().backlog(321).listen("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let Ok(ss) = Command::new("ss").args(["-Hltn", &format!("sport = :{port}")]).output() else {
        return missing("the backlog as ss shows it", "iproute2");
    };
    let line = String::from_utf8(ss.stdout).unwrap();
    // State, what waits, how many may wait (ss(8)).
    assert_eq!(line.split_whitespace().nth(2), Some("321"), "{line}");
}

#[test]
fn an_ipv6_listener_is_no_ipv4_one() {
    let Ok(listener) = Network::default().listen("[::1]:0") else {
        return not_run("an IPv6 listener: needs IPv6 on the loopback");
    };
    assert!(sockopt::ipv6_v6only(&listener).unwrap());
}

/// A file that is not in memory, but for its first byte, which was read.
fn with_a_byte_read(readahead: Readahead) -> File {
    // On the disk of the build: a file system in memory has no readahead.
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&vec![1; 4 << 20]).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let source = Source::new(file.try_clone().unwrap(), &BufferPool::default()).unwrap();
    source.set_readahead(readahead).unwrap();
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut [0], 0).unwrap();
    file
}

/// How much of a file is in memory from its beginning.
fn in_memory(file: &File) -> usize {
    let mut whole = vec![0; 1 << 20];
    preadv2(file, &mut [IoSliceMut::new(&mut whole)], 0, ReadWriteFlags::NOWAIT).unwrap_or(0)
}

#[tokio::test]
async fn readahead_is_the_files() {
    // The kernel keeps a file in pieces of a few pages, and may not have let go of one.
    let little = 16 * rustix::param::page_size();
    let normal = with_a_byte_read(Readahead::Normal);
    // What was requested ahead may still be on its way.
    eventually(|| in_memory(&normal) > little).await;
    let off = with_a_byte_read(Readahead::Off);
    assert!(in_memory(&off) <= little, "{} bytes are in memory after one was read", in_memory(&off));
}

/// Pages of a file in the page cache that the disk does not have (cachestat(2), Linux 6.5). `None` where the kernel
/// does not say.
#[expect(unsafe_code, reason = "a system call that no crate has")]
fn dirty_pages(file: &File) -> Option<u64> {
    use std::os::fd::AsRawFd as _;
    const CACHESTAT: libc::c_long = 451;
    let range = [0_u64, 0];
    let mut stat = [0_u64; 5];
    // SAFETY: the kernel reads `range` (offset, length) and writes the five numbers of `stat`.
    let done = unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), range.as_ptr(), stat.as_mut_ptr(), 0) };
    // In the cache, dirty, being written, evicted, evicted lately.
    (done == 0).then(|| stat[1] + stat[2])
}

#[tokio::test]
async fn a_put_waits_for_the_disk_as_often_as_the_tier_is_told() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let open = |name: &str, every: u64| {
        let path = folder.path().join(name);
        let disk = Disk::open(&path, 1 << 20).unwrap().sync_every(Duration::from_secs(every));
        (disk.tier("space"), path)
    };
    let value = "a value that is found in the file";
    let is_written = |path: &std::path::Path| {
        std::fs::read(path).unwrap().windows(value.len()).any(|bytes| bytes == value.as_bytes())
    };
    let (each, path) = open("each", 0);
    let mut dirty = None;
    for version in 1..4 {
        each.put(b"key", &entry(version, value), NOW).await.unwrap();
        assert!(is_written(&path));
        dirty = dirty_pages(&File::open(&path).unwrap());
        assert_eq!(dirty.unwrap_or(0), 0, "what was written is on the disk");
    }
    if dirty.is_none() {
        not_run("that each put reaches the disk: needs Linux 6.5");
    }
    let (seldom, path) = open("seldom", 3600);
    seldom.put(b"key", &entry(1, value), NOW).await.unwrap();
    assert!(!is_written(&path), "it waits for its time");
    seldom.flush().await.unwrap();
    assert!(is_written(&path));
}

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn entry(version: u64, value: &str) -> Entry {
    Entry {
        stamp: Stamp::new(1, version),
        made_at: NOW,
        fresh_until: NOW.after(Duration::from_secs(60)),
        keep_until: NOW.after(Duration::from_secs(120)),
        tags: Vec::new(),
        body: Body::Value(value.as_bytes().into()),
    }
}
