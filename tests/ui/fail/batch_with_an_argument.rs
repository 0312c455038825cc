//! A batch handler with more than the batch.

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

    #[handler(batch(len_max = 64))]
    fn add(&mut self, batch: Batch<Add>, by: u64) {
        self.count += by * batch.len() as u64;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add).await;
}

fn main() {
    let _ = caller;
}
