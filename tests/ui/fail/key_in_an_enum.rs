//! A key in a message of several shapes.

use ostraca::prelude::*;

#[derive(Message)]
enum Change {
    Add(#[key] u64),
    Reset,
}

fn main() {
    let _ = (Change::Add(1), Change::Reset);
}
