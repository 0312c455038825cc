//! The attribute on the state and not on its methods.

use ostraca::prelude::*;

#[actor]
struct Counter {
    count: u64,
}

fn main() {
    let _ = Counter { count: 0 }.count;
}
