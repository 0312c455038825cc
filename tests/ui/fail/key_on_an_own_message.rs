//! A key on a message and not in it.

use ostraca::prelude::*;

#[derive(Message)]
struct Add {
    by: u64,
}

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
    fn add(&mut self, #[key] #[message] add: Add) {
        self.count += add.by;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add { by: 2 }).await;
}

fn main() {
    let _ = caller;
}
