//! What is done with buffers.

use std::collections::VecDeque;
use std::hint::{black_box, spin_loop};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use crossbeam_queue::ArrayQueue;
use ostraca::buf::{BufferPool, ObjectPool, Reset};

use super::sources::{Buf, Source};
use crate::work::Figures;

/// Buffers in use at once.
const IN_USE: usize = 64;
/// The same where pages are touched, for each thread.
const TOUCHED: usize = 16;

/// Runs a tenth of the work before the clock starts.
fn timed(ops: u64, mut work: impl FnMut(u64)) -> Figures {
    work(ops / 10);
    let began = Instant::now();
    work(ops);
    Figures::each(began.elapsed(), ops)
}

pub(super) fn pairs<S: Source, const LEN: usize>(ops: u64) -> Figures {
    let source = S::open();
    let figures = timed(ops, |ops| {
        for _ in 0..ops {
            let mut buf = source.get::<LEN>();
            black_box(&mut buf);
        }
    });
    source.check(ops + ops / 10);
    figures
}

pub(super) fn queue<S: Source, const LEN: usize>(ops: u64) -> Figures {
    let source = S::open();
    let figures = timed(ops, |ops| in_turn::<S, LEN>(&source, ops, IN_USE, |buf| buf.write(1)));
    source.check(ops + ops / 10);
    figures
}

/// Gets `ops` buffers, of which the youngest `in_use` live.
fn in_turn<S: Source, const LEN: usize>(
    source: &S,
    ops: u64,
    in_use: usize,
    work: impl Fn(&mut S::Buf<LEN>),
) {
    let mut live = VecDeque::with_capacity(in_use);
    for _ in 0..ops {
        if live.len() == in_use {
            live.pop_front();
        }
        let mut buf = source.get::<LEN>();
        work(&mut buf);
        live.push_back(buf);
    }
}

pub(super) fn touch<S: Source, const LEN: usize>(ops: u64) -> Figures {
    let source = S::open();
    let start = Barrier::new(2);
    let run = || -> Duration {
        in_turn::<S, LEN>(&source, ops / 20, TOUCHED, Buf::touch);
        start.wait();
        let began = Instant::now();
        in_turn::<S, LEN>(&source, ops / 2, TOUCHED, Buf::touch);
        began.elapsed()
    };
    let took = thread::scope(|scope| {
        let other = scope.spawn(run);
        run().max(other.join().unwrap())
    });
    source.check(2 * (ops / 20 + ops / 2));
    Figures::each(took, ops / 2)
}

pub(super) fn handoff<S: Source, const LEN: usize>(ops: u64) -> Figures {
    let source = S::open();
    let crossing = ArrayQueue::new(IN_USE);
    let drop_all = || {
        for number in 0..ops {
            let buf = wait_for(|| crossing.pop());
            assert_eq!(Buf::read(&buf), number);
        }
    };
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(drop_all);
        for number in 0..ops {
            let mut buf = source.get::<LEN>();
            buf.write(number);
            let mut waiting = Some(buf);
            wait_for(|| match crossing.push(waiting.take()?) {
                Ok(()) => Some(()),
                Err(back) => {
                    waiting = Some(back);
                    None
                }
            });
        }
    });
    let took = began.elapsed();
    source.check(ops);
    Figures::each(took, ops)
}

/// Spins a little, then lets others run.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let mut spins = 0u32;
    loop {
        if let Some(found) = look() {
            return found;
        }
        spins += 1;
        if spins.is_multiple_of(256) { thread::yield_now() } else { spin_loop() }
    }
}

const FROZEN: [u8; 4_096] = [7; 4_096];

fn frozen(ops: u64, make: impl Fn() -> Bytes) -> Figures {
    timed(ops, |ops| {
        for _ in 0..ops {
            let bytes = make();
            let clone = black_box(&bytes).clone();
            assert_eq!((bytes.len(), clone[4_095]), (4_096, 7));
        }
    })
}

pub(super) fn freeze(ops: u64) -> Figures {
    let pool = BufferPool::default();
    frozen(ops, || pool.copied(black_box(&FROZEN)).freeze())
}

pub(super) fn freeze_vec(ops: u64) -> Figures {
    frozen(ops, || Bytes::from(black_box(&FROZEN).to_vec()))
}

pub(super) fn freeze_mut(ops: u64) -> Figures {
    frozen(ops, || BytesMut::from(&black_box(&FROZEN)[..]).freeze())
}

/// 64 strings with room for 64 bytes each.
fn strings() -> Vec<String> {
    (0..64).map(|_| String::with_capacity(64)).collect()
}

fn use_strings(strings: &mut [String]) {
    strings.iter_mut().for_each(|string| string.push_str("an ostracon is a potsherd"));
    black_box(strings);
}

pub(super) fn objects(ops: u64) -> Figures {
    let pool = ObjectPool::new(strings, |strings| {
        strings.iter_mut().for_each(String::clear);
        Reset::Keep
    });
    let figures = timed(ops, |ops| (0..ops).for_each(|_| use_strings(&mut pool.get())));
    assert_eq!(pool.stats().misses, 1);
    figures
}

pub(super) fn objects_anew(ops: u64) -> Figures {
    timed(ops, |ops| (0..ops).for_each(|_| use_strings(&mut strings())))
}
