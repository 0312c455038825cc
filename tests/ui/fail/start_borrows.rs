//! A start that borrows what it must have again at a restart.

use ostraca::prelude::*;

struct Counter {
    name: String,
}

#[actor]
impl Counter {
    #[start]
    fn start(name: &str) -> Self {
        Counter { name: name.to_owned() }
    }
}

async fn caller(system: System) {
    let _ = system.spawn::<Counter>("one").await;
}

fn main() {
    let _ = (caller, |counter: Counter| counter.name);
}
