//! A view that changes the state.

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
    fn total(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.total();
}

fn main() {
    let _ = caller;
}
