//! A handler with a hidden type parameter.

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
    fn rename(&mut self, name: impl Into<String>) {
        self.count += name.into().len() as u64;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter;
}

fn main() {
    let _ = caller;
}
