//! A keyed cache that would keep its values for ever.

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
    fn balance(&self, #[key] id: u64) -> u64 {
        self.count + id
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.balance(1).await;
}

fn main() {
    let _ = caller;
}
