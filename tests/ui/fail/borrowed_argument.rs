//! An argument that borrows from the caller.

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
    fn rename(&mut self, name: &str) {
        self.count += name.len() as u64;
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.rename("new").await;
}

fn main() {
    let _ = caller;
}
