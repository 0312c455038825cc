//! An update of no key.

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

    #[handler(updates(balance))]
    fn add(&mut self, by: u64) {
        self.count += by;
    }

    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: u64) -> u64 {
        self.count + id
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {}
