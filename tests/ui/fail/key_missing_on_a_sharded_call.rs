//! A message without a key, sent to shards.

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

    #[handler]
    fn add(&mut self, by: u64) -> u64 {
        self.count += by;
        self.count
    }
}

async fn caller(counters: Shards<Counter>) {
    let _ = counters.add(2).await;
}

fn main() {
    let _ = caller;
}
