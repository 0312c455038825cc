//! A method that is two things.

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
    #[cached]
    fn total(&self) -> u64 {
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.total().await;
}

fn main() {
    let _ = caller;
}
