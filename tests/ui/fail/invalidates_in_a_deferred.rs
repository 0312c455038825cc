//! An invalidation that could come after the answer.

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

    #[handler(invalidates(balance))]
    fn add(&mut self, #[key] id: u64, reply: ReplyTo<u64>) {
        reply.reply(id);
    }

    #[cached(ttl = "5s")]
    fn balance(&self, #[key] id: u64) -> u64 {
        self.count + id
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
