use ostraca::prelude::*;

struct Total(u64);

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
    fn total(&self) -> Total {
        Total(self.count)
    }
}

fn main() {}
