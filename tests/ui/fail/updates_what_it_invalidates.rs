//! An update of what is removed.

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

    #[handler(invalidates(balance), updates(balance))]
    fn add(&mut self, #[key] _id: u64, by: u64) {
        self.count += by;
    }

    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: u64) -> u64 {
        self.count + id
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(7, 2).await;
}

fn main() {}
