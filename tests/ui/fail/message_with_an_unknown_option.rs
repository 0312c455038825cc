//! An option that a message does not have.

use ostraca::prelude::*;

#[derive(Message)]
#[message(answer = u64)]
struct Add;

fn main() {
    let _ = Add;
}
