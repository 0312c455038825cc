//! An invalidation of a cache that there is not.

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

    #[handler(invalidates(balances))]
    fn add(&mut self, #[key] id: u64, by: u64) {
        self.count += id + by;
    }

    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: u64) -> u64 {
        self.count + id
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2, 3).await;
}

fn main() {
    let _ = caller;
}
