//! Many slow clients at once, and cold files: what they cost the others. In a process of their own, one after the other:
//! the memory and the threads that are measured are the process's.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

#[path = "../files/client.rs"]
#[expect(dead_code, reason = "the tests of the lane use all of it")]
mod client;
#[path = "../files/place.rs"]
#[expect(dead_code, reason = "the tests of the lane use all of it")]
mod place;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use ostraca_tests::process::resident_bytes;
use ostraca_tests::runs::number;
use rustix::fs::{Advice, fadvise};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncReadExt as _;

use client::Client;
use place::{Place, eventually};

/// Held by the test that runs.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const CLIENTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_clients_take_little_memory_each() {
    let _alone = ALONE.lock().await;
    // Both ends of each connection are this process's.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let place = Place::new().await;
    place.put("file", vec![1; 16 << 20]);
    let mut clients = Vec::with_capacity(CLIENTS);
    // The first ones' memory is the process's own: threads, tables.
    let mut before = 0;
    for at in 0..CLIENTS + 50 {
        if at == 50 {
            before = resident_bytes().unwrap();
        }
        let mut client = Client::connect(place.address()).await;
        client.send("GET /file HTTP/1.1\r\nhost: a\r\n\r\n").await;
        // It reads a little, and no more.
        client.socket.read_exact(&mut [0; 1000]).await.unwrap();
        clients.push(client);
    }
    let each = resident_bytes().unwrap().saturating_sub(before) / CLIENTS as u64;
    assert_eq!(place.spec.numbers().connections as usize, CLIENTS + 50);
    println!("{each} bytes a slow client, the client's own end included");
    assert!(each <= 64 << 10, "{each} bytes a slow client");
    // Somebody who is not slow is served.
    // It keeps its connection: with what the slow ones hold, the kernel may be short of memory for TCP, and then resets
    // sockets that are closed and not sent to the end yet.
    let mut quick = Client::connect(place.address()).await;
    quick.send("GET /file HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(quick.answer(false).await.unwrap().body.len(), 16 << 20);
    drop((clients, quick));
    eventually(|| place.spec.numbers().connections == 0).await;
    place.close().await;
}

/// The threads of a runtime's workers, by their place in `/proc`.
async fn workers(count: usize) -> Vec<PathBuf> {
    // Each holds its worker until all have one.
    let together = Arc::new(Barrier::new(count));
    let asked: Vec<_> = (0..count)
        .map(|_| {
            let together = together.clone();
            tokio::spawn(async move {
                together.wait();
                Path::new("/proc").join(fs::read_link("/proc/thread-self").unwrap())
            })
        })
        .collect();
    let mut workers = Vec::new();
    for worker in asked {
        workers.push(worker.await.unwrap());
    }
    workers
}

/// What these threads have had read from the disk, in bytes.
fn disk_reads(threads: &[PathBuf]) -> u64 {
    let of = |thread: &PathBuf| {
        let io = fs::read_to_string(thread.join("io")).unwrap();
        io.lines().find_map(|line| line.strip_prefix("read_bytes: ")).unwrap().parse::<u64>().unwrap()
    };
    threads.iter().map(of).sum()
}

/// Makes a file on the disk of the build whose pages are not in memory.
fn cold_file(path: &Path, len: u64) -> File {
    let mut file = File::create_new(path).unwrap();
    let block: Vec<u8> = (0..1_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..len >> 20 {
        file.write_all(&block).unwrap();
    }
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cold_files_are_read_by_threads_that_may_wait() {
    const LEN: u64 = 256 << 20;
    let _alone = ALONE.lock().await;
    let place = Place::new().await;
    let file = cold_file(&place.path("file"), LEN);
    let workers = workers(2).await;
    let before = disk_reads(&workers);
    let mut client = Client::connect(place.address()).await;
    client.send("GET /file HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let body = client.answer(false).await.unwrap().body;
    let mut block = vec![0; 1 << 20];
    for (at, part) in body.chunks(1 << 20).enumerate() {
        file.read_exact_at(&mut block, (at as u64) << 20).unwrap();
        assert!(part == block, "block {at}");
    }
    let read = disk_reads(&workers) - before;
    println!("the workers had {read} of {LEN} bytes read");
    // The kernel may begin to read ahead on the way; it does not wait for it.
    assert!(read < LEN / 50, "{read} of {LEN} bytes were read by the workers");
    drop(client);
    place.close().await;
}

/// How long threads were ready to run and had no processor, up to when they last got one.
fn run_delay(threads: &[PathBuf]) -> Duration {
    let of = |thread: &PathBuf| {
        let stat = fs::read_to_string(thread.join("schedstat")).unwrap();
        Duration::from_nanos(stat.split(' ').nth(1).unwrap().parse().unwrap())
    };
    threads.iter().map(of).sum()
}

/// How late a task was: all in all, and without what the workers waited for a processor, which others had.
#[derive(Clone, Copy, Debug)]
struct Late {
    all: Duration,
    by_workers: Duration,
}

impl Late {
    fn max(self, other: Late) -> Late {
        Late { all: self.all.max(other.all), by_workers: self.by_workers.max(other.by_workers) }
    }
}

/// Sleeps a millisecond again and again, until it is told to end; the longest times that it was late.
async fn worst_delay(workers: Vec<PathBuf>, is_over: Arc<AtomicBool>) -> Late {
    let mut worst = Late { all: Duration::ZERO, by_workers: Duration::ZERO };
    while !is_over.load(Ordering::Relaxed) {
        let (before, begun) = (run_delay(&workers), Instant::now());
        tokio::time::sleep(Duration::from_millis(1)).await;
        let all = begun.elapsed().saturating_sub(Duration::from_millis(1));
        let by_workers = all.saturating_sub(run_delay(&workers) - before);
        worst = worst.max(Late { all, by_workers });
    }
    worst
}

/// Asks for a file, and reads to the end; how many bytes came.
fn read_all(address: SocketAddr, name: &str) -> u64 {
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET /{name} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    io::copy(&mut socket, &mut io::sink()).unwrap()
}

/// How late other tasks were while three cold files were read at once.
async fn delay_by_cold_files(place: &Place, workers: &[PathBuf], len: u64) -> Late {
    let names = ["a", "b", "c"];
    names.iter().for_each(|name| drop(cold_file(&place.path(name), len)));
    let is_over = Arc::new(AtomicBool::new(false));
    let others: Vec<_> =
        (0..4).map(|_| tokio::spawn(worst_delay(workers.to_vec(), is_over.clone()))).collect();
    // Clients of their own threads: what they do is not the workers'.
    let address = place.address();
    let clients = names.map(|name| std::thread::spawn(move || read_all(address, name)));
    let read = tokio::task::spawn_blocking(move || clients.map(|client| client.join().unwrap()));
    assert!(read.await.unwrap().iter().all(|&read| read > len));
    is_over.store(true, Ordering::Relaxed);
    let mut worst = Late { all: Duration::ZERO, by_workers: Duration::ZERO };
    for other in others {
        worst = worst.max(other.await.unwrap());
    }
    names.iter().for_each(|name| fs::remove_file(place.path(name)).unwrap());
    worst
}

/// In the long form three files of 1 GiB, and a bound: the best of five times, as the machine has others to run, too. In
/// the short form nothing but that they arrive. From the second time on the lane still has the files of the time before,
/// which have no name any more: the last to close one frees all of its blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_cold_files_are_served_no_task_waits_for_5_ms() {
    let _alone = ALONE.lock().await;
    let is_long = number::<u64>("OSTRACA_FILES_LONG").is_some_and(|long| long > 0);
    let (times, len): (_, u64) = if is_long { (6, 1 << 30) } else { (2, 64 << 20) };
    let place = Place::new().await;
    let workers = workers(2).await;
    let mut best = Duration::MAX;
    for time in 0..times {
        let worst = delay_by_cold_files(&place, &workers, len).await;
        println!("3 x {len} bytes: another task was late by {worst:?} at most");
        if time > 0 {
            best = best.min(worst.by_workers);
        }
    }
    assert!(!is_long || best <= Duration::from_millis(5), "{best:?}");
    place.close().await;
}
