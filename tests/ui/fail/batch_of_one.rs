//! A batch handler that takes one message.

use ostraca::prelude::*;

#[derive(Message)]
struct PlaceOrder;

struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[handler(batch)]
    async fn place_order(&mut self, order: PlaceOrder) {
        let _ = order;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter;
}

fn main() {
    let _ = caller;
}
