//! A mailbox with a bound and without.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor(mailbox(unbounded, len_max = 64))]
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
