//! A way to handle a failed batch that there is not.

use ostraca::prelude::*;

#[derive(Message)]
#[message(reply = Result<(), String>)]
struct Put(u64);

struct Store;

#[actor]
impl Store {
    #[start]
    fn start() -> Self {
        Store
    }

    #[handler(batch(on_error = isolate))]
    fn put(&mut self, batch: Batch<Put>) -> Result<(), String> {
        drop(batch);
        Ok(())
    }
}

fn main() {}
