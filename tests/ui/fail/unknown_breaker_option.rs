//! An option that a breaker does not have.

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

    #[handler(breaker(errors = 3))]
    fn add(&mut self, by: u64) -> Result<(), u8> {
        self.count += by;
        Ok(())
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.add(2).await;
}

fn main() {
    let _ = caller;
}
