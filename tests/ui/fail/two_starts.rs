//! An actor that would start in two ways.

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

    #[start]
    fn resume(count: u64) -> Self {
        Counter { count }
    }
}

fn main() {
    let _ = Counter::resume(2).count;
}
