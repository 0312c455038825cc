//! A stop that wants what nobody gives it.

use ostraca::prelude::*;

struct Counter;

#[actor]
impl Counter {
    #[start]
    fn start() -> Self {
        Counter
    }

    #[stop]
    fn stop(&mut self, force: bool) {
        let _ = force;
    }
}

fn main() {}
