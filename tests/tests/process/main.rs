//! A process of its own that is told to stop: whether it ends in time, and what it says on its way out.
//!
//! The test starts itself again as the child: the test `child` does nothing unless it is told what to be.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ostraca::prelude::*;
use ostraca_tests::process::{Signal, send};
use tokio::runtime::Builder;

/// What the child is.
const CHILD: &str = "CHILD_OF_THIS_TEST";
const DEADLINE: Duration = Duration::from_secs(1);

struct Hangs;

#[actor]
impl Hangs {
    #[start]
    fn start() -> Self {
        Hangs
    }

    #[handler]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }
}

struct Blocks;

#[actor]
impl Blocks {
    #[start]
    fn start() -> Self {
        Blocks
    }

    #[handler]
    fn block(&mut self) {
        println!("blocked");
        loop {
            std::thread::park();
        }
    }
}

struct Innocent;

#[actor]
impl Innocent {
    #[start]
    fn start() -> Self {
        Innocent
    }

    #[handler]
    fn ping(&mut self) {}
}

/// The process that is to be stopped. It has nothing to end it but its system.
#[test]
fn child() {
    let Ok(workers) = std::env::var(CHILD) else { return };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let mut builder = match workers.parse::<usize>().unwrap() {
        0 => Builder::new_current_thread(),
        workers => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    let tokio = builder.enable_all().build().unwrap();
    tokio.block_on(async {
        let system = System::builder().stop_deadline(DEADLINE).start().unwrap();
        let innocent = system.spawn::<Innocent>(()).await.unwrap();
        innocent.ping().await.unwrap();
        let hangs = system.spawn::<Hangs>(()).await.unwrap();
        hangs.hang().tell().unwrap();
        let blocks = system.spawn::<Blocks>(()).await.unwrap();
        let stopped = system.run_until_signal();
        // Once the signals are listened for.
        let block = async { blocks.block().tell().unwrap() };
        tokio::join!(stopped, block).0.unwrap();
    });
    // Waits for the blocked thread, as every `#[tokio::main]` does.
    drop(tokio);
    println!("main returned");
}

struct Ended {
    status: ExitStatus,
    took: Duration,
    log: String,
    said: String,
}

/// Starts the child, waits until it is stuck, and tells it to stop.
fn stop_child(workers: usize) -> Ended {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, workers.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("blocked\n") {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended too soon: {said}");
    }
    let began = Instant::now();
    send(&child, Signal::TERM);
    let status = wait(&mut child);
    let took = began.elapsed();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    lines.read_to_string(&mut said).unwrap();
    println!("{workers} workers: {status} after {took:?}\n{log}");
    Ended { status, took, log, said }
}

/// Its end, but not for ever. That is counted in looks: where the machine stops both processes for a while, the child
/// has its time all the same.
fn wait(child: &mut Child) -> ExitStatus {
    const PAUSE: Duration = Duration::from_millis(5);
    let looks = (10 * DEADLINE).as_millis() / PAUSE.as_millis();
    for _ in 0..looks {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::park_timeout(PAUSE);
    }
    child.kill().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    panic!("it goes on after {looks} looks at it, {PAUSE:?} apart\n{log}");
}

fn assert_named(ended: &Ended) {
    assert!(ended.took < DEADLINE + Duration::from_secs(1), "{:?}", ended.took);
    for actor in ["Hangs#2", "Blocks#3"] {
        let line = format!("not stopped by the deadline: killed actor={actor}");
        assert!(ended.log.contains(&line), "{}", ended.log);
    }
    assert_eq!(ended.status.code(), Some(1));
    assert!(!ended.said.contains("main returned"));
    let has = |level, what: &str, actor| {
        ended.log.lines().any(|line| line.contains(level) && line.contains(what) && line.contains(actor))
    };
    assert!(has("ERROR", "blocks its thread", "Blocks#3"), "{}", ended.log);
    assert!(!has("ERROR", "blocks its thread", "Hangs#2"), "{}", ended.log);
    assert!(!has("ERROR", "", "Innocent#1"), "{}", ended.log);
}

#[test]
fn a_process_ends_in_time_though_handlers_hang_and_block() {
    let ended = stop_child(2);
    assert_named(&ended);
    assert!(!ended.log.contains("killed actor=Innocent"), "{}", ended.log);
}

#[test]
fn a_process_ends_in_time_though_its_only_worker_is_blocked() {
    assert_named(&stop_child(1));
}

#[test]
fn a_process_ends_in_time_though_its_only_thread_is_blocked() {
    assert_named(&stop_child(0));
}
