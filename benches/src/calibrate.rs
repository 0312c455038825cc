//! What this machine takes for the operations that no message can do without.
//!
//! They stand beside every result: a machine whose cores hand a cache line over in 500 ns makes other ratios
//! than one that needs 50.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub struct Calibration {
    pub machine: String,
    /// A cache line to another core and back.
    pub line_round_trip_ns: f64,
    pub fetch_add_ns: f64,
    /// An operation of both threads together.
    pub fetch_add_contended_ns: f64,
    /// Lock and unlock, uncontended.
    pub mutex_ns: f64,
    pub clock_ns: f64,
}

#[repr(align(128))]
struct Line(AtomicU64);

const OPS: u64 = 2_000_000;
const ROUNDS: usize = 5;

pub fn calibrate() -> Calibration {
    Calibration {
        machine: machine(),
        line_round_trip_ns: median(line_round_trip),
        fetch_add_ns: median(fetch_add),
        fetch_add_contended_ns: median(fetch_add_contended),
        mutex_ns: median(mutex),
        clock_ns: median(clock),
    }
}

fn median(measure: fn() -> f64) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| measure()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn each(took: Duration, ops: u64) -> f64 {
    took.as_nanos() as f64 / ops as f64
}

fn line_round_trip() -> f64 {
    const TRIPS: u64 = 20_000;
    // Where the two share a core with others, each trip is a switch of threads: fewer trips say as much then.
    const TIME_MAX: Duration = Duration::from_millis(200);
    const STOP: u64 = u64::MAX;
    let line = Line(AtomicU64::new(0));
    let wait_for = |value: u64| {
        let mut spins = 0u32;
        loop {
            let now = line.0.load(Ordering::Acquire);
            if now == value || now == STOP {
                return now == value;
            }
            spins += 1;
            if spins.is_multiple_of(4096) { thread::yield_now() } else { spin_loop() }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut trip = 0;
            while wait_for(2 * trip + 1) {
                line.0.store(2 * trip + 2, Ordering::Release);
                trip += 1;
            }
        });
        let began = Instant::now();
        let mut trip = 0;
        while trip < TRIPS && began.elapsed() < TIME_MAX {
            line.0.store(2 * trip + 1, Ordering::Release);
            wait_for(2 * trip + 2);
            trip += 1;
        }
        let took = began.elapsed();
        line.0.store(STOP, Ordering::Release);
        each(took, trip)
    })
}

fn fetch_add() -> f64 {
    let line = Line(AtomicU64::new(0));
    let began = Instant::now();
    for _ in 0..OPS {
        black_box(&line).0.fetch_add(1, Ordering::AcqRel);
    }
    each(began.elapsed(), OPS)
}

fn fetch_add_contended() -> f64 {
    let line = Line(AtomicU64::new(0));
    let start = Barrier::new(2);
    let run = || {
        start.wait();
        let began = Instant::now();
        for _ in 0..OPS {
            line.0.fetch_add(1, Ordering::AcqRel);
        }
        began.elapsed()
    };
    let took = thread::scope(|scope| {
        let other = scope.spawn(run);
        run().max(other.join().unwrap())
    });
    each(took, 2 * OPS)
}

fn mutex() -> f64 {
    let count = Mutex::new(0u64);
    let began = Instant::now();
    for _ in 0..OPS {
        *black_box(&count).lock().unwrap() += 1;
    }
    each(began.elapsed(), OPS)
}

fn clock() -> f64 {
    let began = Instant::now();
    for _ in 0..OPS {
        black_box(Instant::now());
    }
    each(began.elapsed(), OPS)
}

/// The processor, its cores, the system.
fn machine() -> String {
    let field = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{processor}, {cores} cores, {memory}, {} {}", std::env::consts::OS, system.trim())
}
