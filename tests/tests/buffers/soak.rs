//! Buffers that always go from one thread to another: the memory stays flat.
//!
//! Seconds by `OSTRACA_SOAK_SECONDS`; `tests/long.sh buffers` runs it for ten minutes.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ostraca::buf::{BufferPool, PooledBuf};
use ostraca_tests::process::resident_bytes;
use ostraca_tests::random::Random;
use ostraca_tests::runs::number;

/// Sizes from 1 byte to 64 KiB, each octave as often as the others.
fn size(random: &mut Random) -> usize {
    let random = random.draw();
    let octave = random % 17;
    (1 << octave) + (random >> 32) as usize % (1 << octave).min(65_537 - (1 << octave))
}

#[test]
fn memory_stays_flat_while_one_thread_gets_and_another_drops() {
    let seconds: f64 = number("OSTRACA_SOAK_SECONDS").unwrap_or(6.0);
    let mut random = Random(number("OSTRACA_SEED").unwrap_or(1) | 1);
    let pool = BufferPool::default();
    let (tx, rx) = mpsc::sync_channel::<PooledBuf>(256);
    let consumer = thread::spawn(move || {
        let check = |buf: PooledBuf| {
            let (first, last) = (buf[0], buf[buf.len() - 1]);
            assert_eq!((first, last), (buf.len() as u8, buf.len() as u8));
            1
        };
        rx.into_iter().map(check).sum::<u64>()
    });
    let began = Instant::now();
    // The magazines find their lengths in the first seconds.
    let (warm, end) = ((seconds / 3.0).max(3.0), Duration::from_secs_f64(seconds));
    let warm = Duration::from_secs_f64(warm);
    let (mut sent, mut readings) = (0u64, Vec::new());
    while began.elapsed() < end {
        for _ in 0..20_000 {
            let len = size(&mut random);
            let mut buf = pool.get(len);
            buf.resize(len, len as u8);
            tx.send(buf).unwrap();
            sent += 1;
        }
        if began.elapsed() > warm {
            readings.push((resident_bytes(), pool.stats().held_bytes));
        }
    }
    drop(tx);
    assert_eq!(consumer.join().unwrap(), sent);
    let stats = pool.stats();
    let gets: u64 = stats.classes.iter().map(|class| class.hits + class.misses).sum();
    assert_eq!((gets, stats.live_bytes(), stats.unpooled), (sent, 0, 0), "the books");
    let held: Vec<u64> = readings.iter().map(|reading| reading.1 as u64).collect();
    let resident: Option<Vec<u64>> = readings.iter().map(|reading| reading.0).collect();
    let hit_ratio = stats.hit_ratio().unwrap();
    println!("{sent} buffers in {seconds} s, {:.4} % from the pool", 100.0 * hit_ratio);
    assert_flat("held by the pool", &held);
    // AddressSanitizer holds back what is freed.
    if let Some(resident) = resident.filter(|_| !cfg!(ostraca_asan)) {
        assert_flat("resident", &resident);
    }
}

/// The second half of the readings lies within 5 % of the first half's greatest.
fn assert_flat(what: &str, readings: &[u64]) {
    let (first, second) = readings.split_at(readings.len() / 2);
    let (before, after) = (first.iter().max().unwrap(), second.iter().max().unwrap());
    println!("{what}: at most {before} bytes, then at most {after}, {} readings", readings.len());
    assert!(*after as f64 <= *before as f64 * 1.05, "{what}: {before} bytes became {after}");
}
