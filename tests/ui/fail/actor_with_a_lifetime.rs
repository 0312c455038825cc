//! An actor that borrows.

use ostraca::prelude::*;

struct Counter<'a> {
    name: &'a str,
}

#[actor]
impl<'a> Counter<'a> {
    #[start]
    fn start(name: &'static str) -> Self {
        Counter { name }
    }
}

fn main() {
    let _ = Counter::start("one").name;
}
