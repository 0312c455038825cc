//! A duration in words.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor(restart(max = 5, within = "10 seconds"))]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[handler]
    fn add(&mut self, by: u64) {
        self.count += by;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter;
}

fn main() {
    let _ = caller;
}
