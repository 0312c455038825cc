//! A batch handler that returns one answer for all.

use ostraca::prelude::*;

#[derive(Message)]
#[message(reply = u64)]
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
    fn add(&mut self, batch: Batch<Add>) -> u64 {
        self.count += batch.len() as u64;
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add).await;
}

fn main() {
    let _ = caller;
}
