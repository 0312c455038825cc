//! A message that would be named as what the handler answers.

use ostraca::prelude::*;

#[derive(Clone)]
struct Product {
    id: u64,
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
    fn product(&mut self, id: u64) -> Option<Product> {
        (id == self.count).then_some(Product { id })
    }
}

async fn caller(counter: ActorRef<Counter>) {
    let _ = counter.product(2).await.map(|product| product.map(|product| product.id));
}

fn main() {
    let _ = caller;
}
