//! A key that borrows from the caller.

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
    fn balance(&self, #[key] id: &String) -> u64 {
        self.count + id.len() as u64
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter;
}

fn main() {
    let _ = caller;
}
