//! A cached read by more than its key.

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
    fn balance(&self, #[key] id: u64, currency: u8) -> u64 {
        self.count + id + u64::from(currency)
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.balance(1, 2).await;
}

fn main() {
    let _ = caller;
}
