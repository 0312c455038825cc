//! Options of `batch(..)` that say nothing, or that contradict each other.

use ostraca::prelude::*;

#[derive(Message)]
#[message(reply = Result<(), String>)]
struct Put(u64);

#[derive(Message)]
struct Add(u64);

#[derive(Message)]
struct Sub(u64);

#[derive(Message)]
struct Mul(u64);

#[derive(Message)]
#[message(reply = Result<(), String>)]
struct Div(u64);

struct Store;

#[actor]
impl Store {
    #[start]
    fn start() -> Self {
        Store
    }

    #[handler(batch(len_min = 16))]
    fn put(&mut self, batch: Batch<Put>) -> Result<(), String> {
        drop(batch);
        Ok(())
    }

    #[handler(batch(len_min = 16, len_max = 8, wait_max = "2ms"))]
    fn add(&mut self, batch: Batch<Add>) {
        drop(batch);
    }

    #[handler(batch(len_min = 16, wait_max = adaptive, on_error = bisect))]
    fn sub(&mut self, batch: Batch<Sub>) {
        drop(batch);
    }

    #[handler(batch(wait_max = 2, dedup = name))]
    fn mul(&mut self, batch: Batch<Mul>) {
        drop(batch);
    }

    #[handler(batch(on_error = retry(times = 3), wait_max = "2"))]
    fn div(&mut self, batch: Batch<Div>) -> Result<(), String> {
        drop(batch);
        Ok(())
    }
}

fn main() {}
