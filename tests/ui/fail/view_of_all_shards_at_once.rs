//! A view without a key, read through shards.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[cached]
    fn total(&self) -> u64 {
        self.count
    }
}

fn caller(counters: Shards<Counter>) {
    let _ = counters.total();
}

fn main() {
    let _ = caller;
}
