//! What writes behind lose when their process ends: nothing when it is told to stop, the window when it is killed.
//!
//! The test starts itself again as the child: the test `child` does nothing unless it is told to.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::cache::{Lifetime, Loaded, Source, Stamp, TieredCache, Writes};
use ostraca_tests::process::{Signal, send};
use tokio::signal::unix::{SignalKind, signal};

/// The child's file, in the role of the database.
const FILE: &str = "FILE_OF_THE_CHILD";
/// The window: keys that may wait.
const KEYS_MAX: usize = 50;
/// Keys written to, more than wait.
const KEYS: u64 = 200;

/// Lines in a file; each takes as long as a database would.
#[derive(Clone)]
struct Journal(Arc<Mutex<File>>);

impl Source<u64, u64> for Journal {
    type Error = std::io::Error;

    async fn load(&self, _key: u64) -> Result<Loaded<u64>, std::io::Error> {
        Ok(Loaded::absent())
    }

    async fn store(&self, key: u64, value: Option<u64>) -> Result<Option<Stamp>, std::io::Error> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let line = format!("{key} {}\n", value.unwrap());
        self.0.lock().unwrap().write_all(line.as_bytes()).map(|()| None)
    }
}

/// Writes until it is told to stop, and says of each write when `put` has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let journal =
        Journal(Arc::new(Mutex::new(OpenOptions::new().append(true).create(true).open(path).unwrap())));
    let cache = TieredCache::builder("journal")
        .memory(1_000, Lifetime::fresh(Duration::from_secs(60)))
        .writes(Writes::Behind { keys_max: KEYS_MAX })
        .build(journal);
    let mut stop = signal(SignalKind::terminate()).unwrap();
    let write = async {
        for value in 1u64.. {
            let key = value.wrapping_mul(0x9e37_79b9_7f4a_7c15) % KEYS;
            cache.put(&key, value).await.unwrap();
            println!("put {key} {value}");
        }
    };
    tokio::select! {
        _ = stop.recv() => {}
        () = write => unreachable!("it goes on for ever"),
    }
    cache.drain().await;
}

/// The last value of each key in lines of a key and a value.
fn last<'a>(lines: impl Iterator<Item = &'a str>) -> HashMap<u64, u64> {
    let mut last = HashMap::new();
    for line in lines {
        let (key, value) = line.split_once(' ').unwrap();
        let (key, value) = (key.parse().unwrap(), value.parse().unwrap());
        let before = last.insert(key, value);
        assert!(before.is_none_or(|before| before < value), "{key}: {value} after {before:?}");
    }
    last
}

/// What was put when the child was sent the signal, and what its file has.
fn end_with(signal: Signal, file: &Path) -> (HashMap<u64, u64>, HashMap<u64, u64>) {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .args(["killed::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut put = Vec::new();
    while put.len() < 2_000 {
        put.extend(out.next().unwrap().unwrap().strip_prefix("put ").map(str::to_owned));
    }
    send(&child, signal);
    put.extend(out.map_while(Result::ok).filter_map(|line| line.strip_prefix("put ").map(str::to_owned)));
    child.wait().unwrap();
    // A line that a kill cut in two was not put.
    put.retain(|line| line.split_once(' ').is_some_and(|(_, value)| !value.is_empty()));
    let written = std::fs::read_to_string(file).unwrap();
    (last(put.iter().map(String::as_str)), last(written.lines()))
}

#[test]
fn a_process_that_is_told_to_stop_loses_no_write() {
    let folder = tempfile::tempdir().unwrap();
    let (put, written) = end_with(Signal::TERM, &folder.path().join("journal"));
    let lost: Vec<_> = put.iter().filter(|(key, value)| written.get(key) < Some(value)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_process_that_is_killed_loses_the_window_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (put, written) = end_with(Signal::KILL, &folder.path().join("journal"));
    let lost = put.iter().filter(|(key, value)| written.get(key) < Some(value)).count();
    println!("killed: the last values of {lost} of {KEYS} keys are lost; the window is {KEYS_MAX}");
    assert!(lost <= KEYS_MAX, "{lost} keys of at most {KEYS_MAX}");
    assert!(lost > 0, "the window was empty: nothing was shown");
}
