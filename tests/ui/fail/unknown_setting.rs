//! An option that a mailbox does not have.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor(mailbox(capacity = 64))]
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
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
