//! An answer that borrows from the actor.

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
    fn count(&mut self) -> Option<&u64> {
        Some(&self.count)
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.count().await;
}

fn main() {
    let _ = caller;
}
