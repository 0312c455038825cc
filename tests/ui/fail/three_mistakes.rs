//! Each mistake is told, and nothing else.

use ostraca::prelude::*;

struct Counter {
    count: u64,
}

#[actor(mailbox(len_max = 0))]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter { count: 0 }
    }

    #[handler]
    fn rename(&mut self, name: &str) {
        self.count += name.len() as u64;
    }

    #[cached]
    fn total(&mut self) -> u64 {
        self.count
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.rename("new").await;
    let _ = counter.total();
}

fn main() {
    let _ = caller;
}
