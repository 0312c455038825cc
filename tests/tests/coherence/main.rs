//! Three processes with caches of their own over one Redis server, which is killed, paused, flushed and restarted
//! empty at random, while they write 5,000 times a second.
//!
//! The truth is a second server, which nobody touches: a write there makes the next version of its key. Every reader
//! remembers the highest version that it has seen of each key. In the end, after five seconds in which nobody writes
//! and the server is up, every process reads every key once more. Counted are
//!
//! - **stale**: a last read that is not what the truth has,
//! - **back**: a read of an older version than this reader has seen before (or written),
//! - **errors** to callers.
//!
//! Ours must count none. The same run over the Redis client's own client-side cache is shown beside it, with the same
//! care around it: see `rival.rs`.
//!
//! `OSTRACA_COHERENCE_SECONDS` says for how long faults are made (6 by default), `OSTRACA_SEED` which.

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]

mod counts;
mod faults;
mod ours;
mod rival;
mod truth;
mod worker;

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ostraca_tests::servers::RedisServer;

use counts::Counts;
use faults::{Chance, Last};

/// What a child is: `ours` or `rival`.
const CHILD: &str = "CHILD_OF_THIS_TEST";
const PROCESSES: usize = 3;
const WRITES_A_SECOND: u32 = 5_000;
const QUIET: Duration = Duration::from_secs(5);
/// Few enough that everybody meets everybody.
const KEYS: u64 = 300;

/// A process that caches. Its orders come in by standard input, a line each; it answers with a line each.
struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(what: &str, number: usize, seed: u64, truth: &RedisServer, cache: &RedisServer) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, what)
            .env("COHERENCE_NUMBER", number.to_string())
            .env("COHERENCE_SEED", seed.to_string())
            .env("COHERENCE_TRUTH", truth.url())
            .env("COHERENCE_CACHE", cache.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Process { child, orders, answers }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the process ended too soon");
            // Beside what the test harness says.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// One run: what all processes counted, together.
fn run(what: &str, seconds: u64, seed: u64, truth: &RedisServer) -> Counts {
    truth.flush();
    let mut cache = RedisServer::start("coherence between processes").unwrap();
    let mut processes: Vec<_> =
        (0..PROCESSES).map(|number| Process::start(what, number, seed, truth, &cache)).collect();
    for process in &mut processes {
        assert_eq!(process.answer(), "ready");
    }
    processes.iter_mut().for_each(|process| process.order("go"));
    let begun = Instant::now();
    let mut chance = Chance(seed);
    let done = faults::make(&mut cache, Duration::from_secs(seconds), &mut chance);
    let last = Last::begin(&mut cache, &mut chance);
    processes.iter_mut().for_each(|process| process.order("stop"));
    for process in &mut processes {
        assert_eq!(process.answer(), "stopped");
    }
    let took = begun.elapsed();
    let last = last.end(&mut cache);
    std::thread::park_timeout(QUIET);
    processes.iter_mut().for_each(|process| process.order("count"));
    let mut counts = Counts::default();
    for process in &mut processes {
        counts += process.answer().parse().unwrap();
    }
    let rate = counts.writes as f64 / took.as_secs_f64();
    println!("{what}: {counts}; {rate:.0} writes a second; {done}, and {last} in the end");
    counts
}

#[test]
fn no_process_is_left_stale_or_goes_back_when_the_server_fails() {
    let Some(truth) = RedisServer::start("coherence between processes") else { return };
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seconds, seed) = (number("OSTRACA_COHERENCE_SECONDS", 6), number("OSTRACA_SEED", 20_261_125));
    println!("seed {seed}, {seconds} s of faults");
    // Only shown: it is not ours to fail.
    let _theirs = run("rival", seconds, seed, &truth);
    let ours = run("ours", seconds, seed, &truth);
    assert_eq!((ours.stale, ours.back, ours.errors), (0, 0, 0), "{ours}");
    assert_eq!(ours.checked, KEYS * PROCESSES as u64);
    assert!(ours.writes > 0 && ours.reads > ours.writes / 4, "{ours}");
    assert!(ours.from_memory > ours.reads / 4, "the memory is in use: {ours}");
}

/// What the processes are.
#[test]
fn child() {
    let Ok(what) = std::env::var(CHILD) else { return };
    let run = async {
        match &*what {
            "ours" => worker::run(ours::Ours::start().await).await,
            "rival" => worker::run(rival::Rival::start().await).await,
            other => panic!("no process is {other}"),
        }
    };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(run);
}
