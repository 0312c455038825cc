//! Two handlers whose messages would have one name.

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
    fn add(&mut self, by: u64) {
        self.count += by;
    }

    #[handler(message = Add)]
    fn add_twice(&mut self, by: u64) {
        self.count += 2 * by;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
