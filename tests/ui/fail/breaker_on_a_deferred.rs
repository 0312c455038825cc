//! A breaker on a handler that answers later.

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

    #[handler(breaker(failures = 3))]
    fn add(&mut self, by: u64, reply: ReplyTo<u64>) {
        self.count += by;
        reply.reply(self.count);
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
