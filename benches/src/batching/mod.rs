//! An adaptive wait against every fixed pair of a length and a wait, in virtual time.
//!
//! A call with n messages takes 20 ms + 0.5 ms n, at most 64 at a time: the peak is 64 messages in 52 ms. Five loads from
//! a tenth to 0.95 of it, each in two forms: *open*, where messages come as a Poisson stream and the figure is the mean
//! time from the message to its answer; *closed*, where 64 callers wait for their answer and think for a time, and the
//! figure is the time a message of all of them together. The seeds are the same for all. The fixed pairs are all
//! of the lengths 8, 16, 32, 64 and the waits 0, 5, 10, 20, 40 ms. Virtual time makes a figure the same on
//! every machine: one round is enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use ostraca::prelude::*;
use tokio::time::{Instant, sleep, sleep_until};

use crate::work::{Bar, Figures, Group, Work};

const FIXED_MS: f64 = 20.0;
const EACH_MS: f64 = 0.5;
const LEN_MAX: usize = 64;
const CALLERS: u64 = 64;
const LOADS: [f64; 5] = [0.1, 0.3, 0.5, 0.75, 0.95];

/// Messages a millisecond.
const PEAK: f64 = LEN_MAX as f64 / (FIXED_MS + EACH_MS * LEN_MAX as f64);

pub fn group() -> Group {
    let bars = [Bar::AtLeast { times: 0.9, of: &["fixed"] }];
    let mut work = Work::new("batching/open-0.10", &bars);
    for row in ["batching/open-0.30", "batching/open-0.50", "batching/open-0.75", "batching/open-0.95"] {
        work = work.and_row(row, &bars);
    }
    for row in [
        "batching/closed-0.10",
        "batching/closed-0.30",
        "batching/closed-0.50",
        "batching/closed-0.75",
        "batching/closed-0.95",
    ] {
        work = work.and_row(row, &bars);
    }
    work = work.by("ostraca", "adaptive", OPS, adaptive::run);
    Group { name: "batching", works: vec![fixed(work).rounds_max(1)] }
}

/// Messages a load and form.
const OPS: u64 = 8_000;

/// What takes messages in batches.
trait Batching: Clone + Send + 'static {
    async fn start(system: &System) -> Self;
    fn take(&self) -> impl Future<Output = ()> + Send;
}

async fn work(len: usize) {
    sleep(Duration::from_secs_f64((FIXED_MS + EACH_MS * len as f64) / 1e3)).await;
}

fn run<B: Batching>(ops: u64) -> Figures {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let open = LOADS.map(|load| runtime().block_on(open::<B>(load, ops)));
    let closed = LOADS.map(|load| runtime().block_on(closed::<B>(load, ops)));
    Figures(open.into_iter().chain(closed).collect())
}

/// The mean time to the answer.
async fn open<B: Batching>(load: f64, ops: u64) -> f64 {
    let system = System::start().unwrap();
    let batching = B::start(&system).await;
    let mut random = Rng::with_seed(5);
    let total = Arc::new(AtomicU64::new(0));
    let (mut at, mut tasks) = (Instant::now(), Vec::new());
    for _ in 0..ops {
        at += exponential(&mut random, 1.0 / (load * PEAK));
        sleep_until(at).await;
        let (batching, total) = (batching.clone(), total.clone());
        tasks.push(tokio::spawn(async move {
            let begun = Instant::now();
            batching.take().await;
            total.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    system.stop().await;
    total.load(Ordering::Relaxed) as f64 / ops as f64
}

/// The time a message.
async fn closed<B: Batching>(load: f64, ops: u64) -> f64 {
    let system = System::start().unwrap();
    let batching = B::start(&system).await;
    // So that 64 callers would ask for so much if answers took no time but what a full batch takes.
    let think = (CALLERS as f64 / (load * PEAK) - LEN_MAX as f64 / PEAK).max(0.0);
    let begun = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let batching = batching.clone();
            tokio::spawn(async move {
                let mut random = Rng::with_seed(caller);
                for _ in 0..ops / CALLERS {
                    sleep(exponential(&mut random, think)).await;
                    batching.take().await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let took = begun.elapsed();
    system.stop().await;
    took.as_nanos() as f64 / ops as f64
}

/// A time of this mean, in milliseconds.
fn exponential(random: &mut Rng, mean_ms: f64) -> Duration {
    Duration::from_secs_f64(-mean_ms * (1.0 - random.f64()).ln() / 1e3)
}

macro_rules! batching {
    ($module:ident, $($option:tt)*) => {
        mod $module {
            use super::*;

            #[derive(Message)]
            struct Take;

            struct Taker;

            #[actor(mailbox(unbounded))]
            impl Taker {
                #[start]
                fn start() -> Self {
                    Taker
                }

                #[handler(batch($($option)*))]
                async fn take(&mut self, batch: Batch<Take>) {
                    work(batch.len()).await;
                    batch.into_iter().for_each(|item| item.reply(()));
                }
            }

            impl Batching for ActorRef<Taker> {
                async fn start(system: &System) -> Self {
                    system.spawn::<Taker>(()).await.unwrap()
                }

                async fn take(&self) {
                    ActorRef::request(self, Take).await.unwrap();
                }
            }

            pub(super) fn run(ops: u64) -> Figures {
                super::run::<ActorRef<Taker>>(ops)
            }
        }
    };
}

batching!(adaptive, len_max = 64, wait_max = adaptive);

macro_rules! fixed {
    ($($module:ident $name:literal ($($option:tt)*);)*) => {
        $(batching!($module, $($option)*);)*

        fn fixed(work: Work) -> Work {
            work$(.by("fixed", $name, OPS, $module::run))*
        }
    };
}

fixed! {
    fixed_8_0 "8, 0 ms" (len_max = 8);
    fixed_8_5 "8, 5 ms" (len_max = 8, wait_max = "5ms");
    fixed_8_10 "8, 10 ms" (len_max = 8, wait_max = "10ms");
    fixed_8_20 "8, 20 ms" (len_max = 8, wait_max = "20ms");
    fixed_8_40 "8, 40 ms" (len_max = 8, wait_max = "40ms");
    fixed_16_0 "16, 0 ms" (len_max = 16);
    fixed_16_5 "16, 5 ms" (len_max = 16, wait_max = "5ms");
    fixed_16_10 "16, 10 ms" (len_max = 16, wait_max = "10ms");
    fixed_16_20 "16, 20 ms" (len_max = 16, wait_max = "20ms");
    fixed_16_40 "16, 40 ms" (len_max = 16, wait_max = "40ms");
    fixed_32_0 "32, 0 ms" (len_max = 32);
    fixed_32_5 "32, 5 ms" (len_max = 32, wait_max = "5ms");
    fixed_32_10 "32, 10 ms" (len_max = 32, wait_max = "10ms");
    fixed_32_20 "32, 20 ms" (len_max = 32, wait_max = "20ms");
    fixed_32_40 "32, 40 ms" (len_max = 32, wait_max = "40ms");
    fixed_64_0 "64, 0 ms" (len_max = 64);
    fixed_64_5 "64, 5 ms" (len_max = 64, wait_max = "5ms");
    fixed_64_10 "64, 10 ms" (len_max = 64, wait_max = "10ms");
    fixed_64_20 "64, 20 ms" (len_max = 64, wait_max = "20ms");
    fixed_64_40 "64, 40 ms" (len_max = 64, wait_max = "40ms");
}
