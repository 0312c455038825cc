//! A batch handler that takes `&self`.

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

    #[handler(batch)]
    fn add(&self, batch: Batch<Add>) {
        let _ = batch.len();
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add).await;
}

fn main() {
    let _ = caller;
}
