//! A lifetime on a view, which is always current.

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

    #[cached(ttl = "5s")]
    fn total(&self) -> u64 {
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.total();
}

fn main() {
    let _ = caller;
}
