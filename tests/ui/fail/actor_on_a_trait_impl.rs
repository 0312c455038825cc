//! The attribute on a trait's impl.

use ostraca::prelude::*;

struct Counter;

#[actor]
impl Default for Counter {
    fn default() -> Self {
        Counter
    }
}

fn main() {
    let _ = Counter::default();
}
