//! A view that waits.

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

    #[cached]
    async fn total(&self) -> u64 {
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.total();
}

fn main() {
    let _ = caller;
}
