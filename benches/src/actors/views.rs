//! Reads that ask nobody, and what a mutex takes for the same.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ostraca::prelude::*;
use tokio::runtime::Builder;

use super::peers::ostraca::system;
use super::peers::tokio::on_two_workers;
use super::works::on_thread;
use crate::work::Figures;

/// How often the writer of the rows with one writes.
const WRITE_EVERY: Duration = Duration::from_micros(10);

/// What does not fit in a word.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Sums {
    pub orders: u64,
    pub cents: u64,
    pub customers: u64,
}

pub struct Till {
    sums: Sums,
}

#[actor]
impl Till {
    #[start]
    fn start() -> Self {
        Till { sums: Sums::default() }
    }

    #[handler]
    fn sell(&mut self, cents: u64) {
        self.sums.orders += 1;
        self.sums.cents += cents;
    }

    #[cached]
    fn cents(&self) -> u64 {
        self.sums.cents
    }

    #[cached]
    fn sums(&self) -> Sums {
        self.sums
    }
}

/// Reads a `#[cached]` word.
pub fn word(ops: u64, with_writer: bool) -> Figures {
    view(ops, with_writer, |till| till.cents().unwrap())
}

/// Reads a `#[cached]` structure of three words.
pub fn structure(ops: u64, with_writer: bool) -> Figures {
    view(ops, with_writer, |till| till.sums().unwrap().cents)
}

fn view(ops: u64, with_writer: bool, read: fn(&ActorRef<Till>) -> u64) -> Figures {
    let took = on_two_workers(move || async move {
        let system = system();
        let till = system.spawn::<Till>(()).await.unwrap();
        till.sell(1).await.unwrap();
        let written = till.clone();
        let write = move |runtime: &tokio::runtime::Runtime| {
            runtime.block_on(async { written.sell(1).await.unwrap() });
        };
        reads(ops, with_writer, move || read(&till), write).await
    });
    Figures::each(took, ops)
}

/// Reads a word behind a mutex.
pub fn mutex_word(ops: u64, with_writer: bool) -> Figures {
    mutex(ops, with_writer, |sums| sums.cents)
}

/// Copies a structure of three words from behind a mutex.
pub fn mutex_structure(ops: u64, with_writer: bool) -> Figures {
    mutex(ops, with_writer, |sums| black_box(*sums).cents)
}

fn mutex(ops: u64, with_writer: bool, read: fn(&Sums) -> u64) -> Figures {
    let took = on_two_workers(move || async move {
        let sums = Arc::new(Mutex::new(Sums { orders: 1, cents: 1, customers: 0 }));
        let written = sums.clone();
        let write = move |_: &tokio::runtime::Runtime| {
            let mut sums = written.lock().unwrap();
            sums.orders += 1;
            sums.cents += 1;
        };
        reads(ops, with_writer, move || read(&sums.lock().unwrap()), write).await
    });
    Figures::each(took, ops)
}

/// The time of `ops` reads on a plain thread, while another writes or does not.
async fn reads(
    ops: u64,
    with_writer: bool,
    read: impl Fn() -> u64 + Send + 'static,
    write: impl Fn(&tokio::runtime::Runtime) + Send + 'static,
) -> Duration {
    let is_over = Arc::new(AtomicBool::new(false));
    let has_ended = is_over.clone();
    let writer = thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        while with_writer && !has_ended.load(Ordering::Relaxed) {
            let began = Instant::now();
            write(&runtime);
            while began.elapsed() < WRITE_EVERY {
                spin_loop();
            }
        }
    });
    let took = on_thread(move || {
        (0..ops / 10).for_each(|_| {
            black_box(read());
        });
        let mut least = u64::MAX;
        let began = Instant::now();
        for _ in 0..ops {
            least = least.min(black_box(read()));
        }
        let took = began.elapsed();
        assert!(least >= 1, "an unpublished value was read");
        took
    })
    .await;
    is_over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    took
}

/// `threads` plain threads add to one word behind a mutex.
pub fn mutex_counter(ops: u64, threads: u64) -> Figures {
    let each = ops / threads;
    let took = on_two_workers(move || async move {
        let count = Arc::new(Mutex::new(0u64));
        let began = Instant::now();
        let threads = (0..threads).map(|_| {
            let count = count.clone();
            on_thread(move || {
                for _ in 0..each {
                    *black_box(&count).lock().unwrap() += 1;
                }
            })
        });
        join_all(threads).await;
        began.elapsed()
    });
    Figures::each(took, each * threads)
}
