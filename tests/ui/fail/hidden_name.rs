//! A handler that a method of the reference itself would hide.

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
    fn clone(&mut self) -> u64 {
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter;
}

fn main() {
    let _ = caller;
}
