//! A handler that may not be there.

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

    #[cfg(debug_assertions)]
    #[handler]
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
