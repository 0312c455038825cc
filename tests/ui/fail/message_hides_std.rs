//! A message that would be named as a trait of std.

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
    fn send(&mut self, by: u64) {
        self.count += by;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.send(2).await;
}

fn main() {
    let _ = caller;
}
