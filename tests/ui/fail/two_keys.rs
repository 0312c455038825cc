//! A handler with two keys.

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
    fn add(&mut self, #[key] region: u32, #[key] name: String) -> u64 {
        self.count + u64::from(region) + name.len() as u64
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2, String::new()).await;
}

fn main() {
    let _ = caller;
}
