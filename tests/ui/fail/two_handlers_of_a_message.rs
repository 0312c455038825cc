//! Two handlers of one message.

use ostraca::prelude::*;

#[derive(Message)]
struct Add {
    by: u64,
}

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
    fn add(&mut self, #[message] add: Add) {
        self.count += add.by;
    }

    #[handler(batch)]
    fn add_all(&mut self, batch: Batch<Add>) {
        self.count += batch.iter().map(|add| add.by).sum::<u64>();
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add { by: 2 }).await;
}

fn main() {
    let _ = caller;
}
