//! A breaker on a handler of batches.

use ostraca::prelude::*;

#[derive(Message)]
struct Add;

struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[handler(batch, breaker)]
    fn add(&mut self, batch: Batch<Add>) {
        self.count += batch.len() as u64;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add).await;
}

fn main() {
    let _ = caller;
}
