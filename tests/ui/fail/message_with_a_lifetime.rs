//! A message that borrows.

use ostraca::prelude::*;

#[derive(Message)]
struct Rename<'a> {
    name: &'a str,
}

fn main() {
    let _ = Rename { name: "one" }.name;
}
