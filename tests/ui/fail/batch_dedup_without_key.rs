//! Messages are told apart by a key that they do not have.

use ostraca::prelude::*;

#[derive(Message)]
struct Put(u64);

struct Store;

#[actor]
impl Store {
    #[start]
    fn start() -> Self {
        Store
    }

    #[handler(batch(dedup = key))]
    fn put(&mut self, batch: Batch<Put>) {
        drop(batch);
    }
}

fn main() {}
