//! An interval shorter than the target.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor(shed(target = "50ms", interval = "10ms"))]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[handler(priority = low)]
    fn add(&mut self, by: u64) {
        self.count += by;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
