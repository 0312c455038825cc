//! A policy that there is not.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor(mailbox(len_max = 64, overflow = block))]
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
