//! A handler that takes no `self`.

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

    #[handler]
    fn add(by: u64) -> u64 {
        by
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
