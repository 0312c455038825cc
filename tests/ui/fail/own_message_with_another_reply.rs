//! A handler that answers another type than its message says.

use ostraca::prelude::*;

#[derive(Message)]
#[message(reply = u64)]
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
    fn add(&mut self, #[message] add: Add) -> String {
        self.count += add.by;
        self.count.to_string()
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(Add { by: 2 }).await;
}

fn main() {
    let _ = caller;
}
